//! Which transfers a moment of the assistance moved. The owner told it with the assignment, by ids; its first lots, and its
//! first ranges. What an old recording does not tell is not known.

use crate::ui::{Layer, Panel, Subject};
use crate::{Board, Model};
use twinhaul_wire::{Event, EventKind, LotIds, RangeName};

/// What changed hands at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handed {
    /// Whole transfers, and ranges of transfers in flight.
    pub transfers: u64,
    pub ranges: u64,
    /// Those that are known, in the order of the ids.
    pub lots: Vec<LotIds>,
    pub cuts: Vec<RangeName>,
}

impl Handed {
    /// Whether this transfer, or a part of it, changed hands.
    pub fn holds(&self, id: u64) -> bool {
        self.lots.iter().any(|lot| lot.holds(id)) || self.cuts.iter().any(|cut| cut.id == id)
    }

    /// Whole transfers that are not known.
    pub fn unnamed(&self) -> u64 {
        let named: u64 =
            self.lots.iter().map(|lot| lot.last.saturating_sub(lot.first).saturating_add(1)).sum();
        self.transfers.saturating_sub(named)
    }
}

impl Board {
    /// What changed hands at a moment of the timeline; an ask leads to its answer. `None`: nothing did.
    pub fn handed(&self, event: &Event) -> Option<Handed> {
        match &event.kind {
            EventKind::Assigned { count, lots, op, .. } => Some(self.with_cuts(
                *op,
                event,
                Handed { transfers: *count, lots: lots.clone(), ..Handed::default() },
            )),
            EventKind::Needed { op, count, .. } => {
                let from_asker = |e: &&Event| match &e.kind {
                    EventKind::Assigned { op: o, to, .. } | EventKind::RangesLent { op: o, to, .. } => {
                        o == op && Some(to) == event.peer.as_ref()
                    }
                    _ => false,
                };
                let told = self.events.iter().filter(|_| *op > 0).filter(from_asker);
                // A later incarnation of the owner counts anew.
                match told.min_by_key(|e| e.at_ms.abs_diff(event.at_ms)) {
                    Some(told) if matches!(told.kind, EventKind::Assigned { .. }) => self.handed(told),
                    Some(told) => {
                        Some(self.with_cuts(*op, told, Handed { transfers: *count, ..Handed::default() }))
                    }
                    None => Some(Handed { transfers: *count, ..Handed::default() }),
                }
            }
            EventKind::Ask { ask_id, .. } => {
                let answer = |e: &&Event| {
                    let same = (&e.peer, e.incarnation) == (&event.peer, event.incarnation);
                    same && matches!(&e.kind, EventKind::Needed { ask_id: a, .. } if a == ask_id)
                };
                self.timeline.iter().rev().find(answer).and_then(|answer| self.handed(answer))
            }
            _ => None,
        }
    }

    /// The ranges that were lent by the same assignment.
    fn with_cuts(&self, op: u64, assigned: &Event, mut handed: Handed) -> Handed {
        let by = (&assigned.peer, assigned.incarnation);
        let lent = self.events.iter().rev().find_map(|e| match &e.kind {
            EventKind::RangesLent { op: o, count, ranges, .. }
                if *o == op && (&e.peer, e.incarnation) == by =>
            {
                Some((*count, ranges.clone()))
            }
            _ => None,
        });
        (handed.ranges, handed.cuts) = lent.unwrap_or_default();
        handed
    }
}

impl Model {
    /// The moment of the assistance that the operator chose: its window is open, its row is selected, or panel 4 has the keys
    /// and follows its end. An end that is followed while the keys are elsewhere is nobody's choice.
    pub fn chosen_moment(&self) -> Option<&Event> {
        let open = self.ui.layers.iter().rev().find_map(|layer| match layer {
            Layer::Detail { subject: Subject::Beat(id), .. } => Some(*id),
            _ => None,
        });
        let ring = &self.board().timeline;
        let last = || {
            let shown = |at: &usize| ring.get(*at).is_some_and(|event| self.in_timeline(event));
            let last = (0..ring.len()).rev().find(shown).map(|at| ring.id(at));
            last.filter(|_| self.ui.focus == Panel::Assist)
        };
        ring.by_id(open.or(self.ui.assist.id).or_else(last)?)
    }

    /// What changed hands at that moment.
    pub fn chosen_handed(&self) -> Option<Handed> {
        self.board().handed(self.chosen_moment()?)
    }
}
