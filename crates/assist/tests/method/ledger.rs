//! A ledger in memory: lots with one owner each, assignments in one step, every number of an assignment used once.

use std::collections::{BTreeMap, BTreeSet};
use twinhaul_assist::{Interval, OpId, Refusal};
use twinhaul_units::{Epoch, Incarnation, LotId, PeerId, TransferId};

#[derive(Clone, Debug)]
struct Lot {
    at: Interval,
    owner: PeerId,
    /// Whether a load has named it to its owner.
    seen: bool,
}

/// What an assignment came to; asking again gives the same.
pub(crate) type Outcome = Result<Vec<Interval>, Refusal>;

#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    lots: BTreeMap<u64, Lot>,
    next_lot: u64,
    pub(crate) current: [Incarnation; 2],
    ops: BTreeMap<OpId, Outcome>,
    /// Transfers that were started, by whom.
    pub(crate) started: BTreeMap<TransferId, PeerId>,
    pub(crate) assignments: u64,
}

impl Ledger {
    /// `first` transfers for the first peer, `second` for the second, ids from 0.
    pub(crate) fn new(first: u64, second: u64) -> Self {
        let mut ledger = Self {
            lots: BTreeMap::new(),
            next_lot: 1,
            current: [Incarnation(1); 2],
            ops: BTreeMap::new(),
            started: BTreeMap::new(),
            assignments: 0,
        };
        ledger.add(PeerId::First, 0, first);
        ledger.add(PeerId::Second, first, second);
        ledger
    }

    fn add(&mut self, owner: PeerId, from: u64, count: u64) {
        if count > 0 {
            let at = Interval {
                lot: LotId(self.next_lot),
                epoch: Epoch(1),
                first: TransferId(from),
                last: TransferId(from + count - 1),
            };
            self.lots.insert(from, Lot { at, owner, seen: false });
            self.next_lot += 1;
        }
    }

    /// What `peer` owns and has not started in lots that no load has named.
    pub(crate) fn load(&mut self, peer: PeerId, limit: usize) -> Vec<Interval> {
        let mut found = Vec::new();
        for lot in self.lots.values_mut().filter(|lot| lot.owner == peer && !lot.seen) {
            if found.len() >= limit {
                break;
            }
            lot.seen = true;
            found.extend(unstarted_parts(&lot.at, &self.started));
        }
        found
    }

    /// A new process takes the peer's place: it has seen nothing yet.
    pub(crate) fn rejoin(&mut self, peer: PeerId) -> Incarnation {
        self.lots.values_mut().filter(|lot| lot.owner == peer).for_each(|lot| lot.seen = false);
        self.current[peer.index()].0 += 1;
        self.current[peer.index()]
    }

    pub(crate) fn start(&mut self, peer: PeerId, id: TransferId) {
        assert_eq!(self.owner(id), Some(peer), "{id} is started by its owner");
        assert_eq!(self.started.insert(id, peer), None, "{id} is started once");
    }

    pub(crate) fn owner(&self, id: TransferId) -> Option<PeerId> {
        Some(self.lot_of(id)?.owner)
    }

    pub(crate) fn epoch(&self, id: TransferId) -> Option<Epoch> {
        Some(self.lot_of(id)?.at.epoch)
    }

    fn lot_of(&self, id: TransferId) -> Option<&Lot> {
        let (_, lot) = self.lots.range(..=id.0).next_back()?;
        (lot.at.last >= id).then_some(lot)
    }

    pub(crate) fn assign(
        &mut self,
        op: OpId,
        from: PeerId,
        to: Incarnation,
        intervals: &[Interval],
    ) -> Outcome {
        if let Some(outcome) = self.ops.get(&op) {
            return outcome.clone();
        }
        let outcome = if self.current[from.other().index()] == to {
            Ok(intervals.iter().map(|part| self.cut(from, part)).collect())
        } else {
            Err(Refusal::ReceiverNotCurrent)
        };
        self.assignments += u64::from(outcome.is_ok());
        self.ops.insert(op, outcome.clone());
        outcome
    }

    pub(crate) fn refuse(&mut self, op: OpId, why: Refusal) -> Outcome {
        self.ops.entry(op).or_insert(Err(why)).clone()
    }

    fn cut(&mut self, from: PeerId, part: &Interval) -> Interval {
        let (&key, lot) = self.lots.range(..=part.first.0).next_back().expect("a lot");
        let lot = lot.clone();
        assert!(lot.owner == from && lot.at.last >= part.last, "{from:?} owns {part:?}, not {lot:?}");
        assert_eq!((lot.at.lot, lot.at.epoch), (part.lot, part.epoch), "the owner knows lot and epoch");
        let unstarted = self.started.range(part.first..=part.last).next().is_none();
        assert!(unstarted, "only what is not started moves by assignment (S6)");
        self.lots.remove(&key);
        for (first, last) in [(lot.at.first.0, part.first.0), (part.last.0 + 1, lot.at.last.0 + 1)] {
            if first < last {
                let at = Interval { first: TransferId(first), last: TransferId(last - 1), ..lot.at };
                self.lots.insert(first, Lot { at, ..lot.clone() });
            }
        }
        let moved = Interval { lot: LotId(self.next_lot), epoch: Epoch(part.epoch.0 + 1), ..*part };
        self.next_lot += 1;
        self.lots.insert(part.first.0, Lot { at: moved, owner: from.other(), seen: false });
        moved
    }

    /// Ids that `peer` owns and has not started, in lots that a load has named (`true`) or none yet (`false`).
    pub(crate) fn unstarted(&self, peer: PeerId, seen: bool) -> BTreeSet<u64> {
        let lots = self.lots.values().filter(|lot| lot.owner == peer && lot.seen == seen);
        let parts = lots.flat_map(|lot| unstarted_parts(&lot.at, &self.started));
        parts.flat_map(|part| part.first.0..=part.last.0).collect()
    }
}

fn unstarted_parts(at: &Interval, started: &BTreeMap<TransferId, PeerId>) -> Vec<Interval> {
    let ids = (at.first.0..=at.last.0).filter(|id| !started.contains_key(&TransferId(*id)));
    let mut parts: Vec<Interval> = Vec::new();
    for id in ids {
        match parts.last_mut() {
            Some(part) if part.last.0 + 1 == id => part.last.0 = id,
            _ => parts.push(Interval { first: TransferId(id), last: TransferId(id), ..*at }),
        }
    }
    parts
}
