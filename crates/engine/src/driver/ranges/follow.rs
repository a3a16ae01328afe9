//! What the ledger says of ranges: what was lent and is done or back, what is held here and still wanted.

use super::Guest;
use super::Stage;
use crate::copy::Failure;
use crate::driver::Driver;
use crate::error::Result;
use crate::ledger_thread::{Job, RangesSeen};
use crate::progress::SlotProgress;
use crate::whole::{Home, Span, Whole};
use std::sync::Arc;
use twinhaul_assist::{ByteRange, PartProgress};
use twinhaul_ledger::{HeldRange, RangeRow};
use twinhaul_units::TransferId;

impl Driver {
    /// Transfers here of which something is lent: what the ledger is asked about.
    pub(in crate::driver) fn lending(&self) -> Vec<TransferId> {
        self.shared.wholes.all().iter().filter(|w| !w.lent().is_empty()).map(|w| w.id()).collect()
    }

    /// What the ledger says of ranges lent by this peer, and to it.
    pub(in crate::driver) fn on_ranges_seen(&mut self, seen: RangesSeen) -> Result<()> {
        let mut back = Vec::new();
        for (id, rows) in &seen.lent {
            if let Some(whole) = self.shared.wholes.get(*id) {
                back.extend(self.reconcile(&whole, rows)?);
            }
        }
        if let Some(holdings) = seen.held {
            let is_held = |guest: &Guest| {
                let held = guest.held();
                holdings
                    .iter()
                    .find(|h| (h.held.id, h.held.from, h.held.hedge) == (held.id, held.from, held.hedge))
            };
            let mut gone = Vec::new();
            for (key, guest) in &self.ranges.guests {
                match is_held(guest) {
                    Some(holding) if !holding.unwanted => {}
                    _ if guest.stage == Stage::Told => {}
                    _ if guest.stage == Stage::InSlot => guest.part.stop(),
                    holding => gone.push((*key, holding.map(|h| h.held.clone()))),
                }
            }
            for (key, held) in gone {
                self.ranges.guests.remove(&key);
                if let Some(held) = held {
                    self.ledger(Job::ReturnRanges(vec![held]))?;
                }
            }
        }
        self.take_in(back)
    }

    /// The other peer was fenced, and what it left is dealt with: its ranges have come home in the ledger, ours of its
    /// transfers are moot. If its process could not be ended it may still write into our objects: then they are begun
    /// anew, and it writes into nothing (protocol.md 4).
    pub(in crate::driver) fn other_was_fenced(&mut self, may_still_write: bool) -> Result<()> {
        self.ranges.let_go();
        if may_still_write {
            for whole in self.shared.wholes.all().into_iter().filter(|w| !w.lent().is_empty()) {
                let home = whole.fail(Failure::fenced(self.options.other_name()));
                self.close_if(home, &whole);
            }
        }
        // What came back is found at once.
        self.ledger(Job::Load { limit: 0 })
    }

    /// Brings home what is done, and takes what came back; returns that, for the core.
    fn reconcile(&mut self, whole: &Arc<Whole>, rows: &[RangeRow]) -> Result<Vec<ByteRange>> {
        let rows: Vec<&RangeRow> = rows.iter().filter(|r| r.attempt == whole.object.attempt).collect();
        let me = self.options.me;
        let mut back = Vec::new();
        // Of one that was divided the next part follows, which may be done as well.
        let mut waiting = whole.lent();
        while let Some((span, hedge)) = waiting.pop() {
            // While the other is being taken over its process may still write: what it held waits until that is done.
            let may = !hedge && !self.other.is_being_taken();
            for row in rows.iter().filter(|row| may && row.is_back(me, span.from, span.to)) {
                let span = Span { from: row.from, to: row.to };
                back.extend(whole.came_back(span).then(|| self.own_range(whole, span)));
            }
            let row = rows.iter().find(|r| r.from == span.from && r.hedge == hedge);
            let home = match row {
                Some(row) if row.holder != me && row.done => {
                    let done = Span { from: row.from, to: row.to };
                    waiting.extend(
                        (row.to < span.to && !hedge).then_some((Span { from: row.to, ..span }, false)),
                    );
                    whole.lent_done(done, hedge, &row.chains)
                }
                // Given back: a hedge vanishes.
                None if hedge => whole.lent_gone(span.from, true),
                _ => Home::NotYet,
            };
            self.close_if(home, whole);
        }
        let unneeded: Vec<HeldRange> = whole
            .unneeded()
            .into_iter()
            .map(|(span, hedge)| HeldRange {
                id: whole.id(),
                epoch: whole.job.unit.epoch,
                from: span.from,
                to: rows.iter().find(|r| r.from == span.from && r.hedge == hedge).map_or(span.to, |r| r.to),
                hedge,
                attempt: whole.object.attempt.clone(),
            })
            .collect();
        if !unneeded.is_empty() {
            self.ledger(Job::DeclineRanges(unneeded))?;
        }
        Ok(back)
    }

    fn close_if(&self, home: Home, whole: &Arc<Whole>) {
        if home == Home::All {
            // Room for all there can be; a closer that is gone means that the peer is ending.
            let _ = self.out.closer.try_send(Arc::clone(whole));
        }
    }

    /// Every part in flight here, as the core wants to know it.
    pub(in crate::driver) fn part_progress(&self) -> Vec<PartProgress> {
        let mut parts: Vec<PartProgress> = self.shared.slots.iter().filter_map(SlotProgress::part).collect();
        for whole in self.shared.wholes.all() {
            let id = whole.id();
            parts.extend(whole.shares().own.iter().map(|(span, _, reached)| PartProgress {
                id,
                from: span.from,
                reached: *reached,
                to: span.to,
            }));
        }
        let in_slots = self.ranges.guests.values().filter(|g| g.stage == Stage::InSlot);
        parts.extend(in_slots.map(|g| PartProgress {
            id: g.range.id,
            from: g.range.from,
            reached: g.part.reached(),
            to: g.part.end(),
        }));
        parts
    }
}
