//! Each peer transfers its own number of data transfers (claims 1.1, 1.2), and what it was assigned (2.2.3, 3.2.3):
//! queue, slots, retries, and the loads that bring new lots.

use super::{
    Core,
    parts::{Part, prices},
};
use crate::{
    ByteRange, Effect, INTERVALS_MAX, Interval, Last, LoadedLot, Policy, RETRIES_MAX, Report, SlotOutcome,
    Unit, book::Book, interval, queue::Queue,
};
use std::collections::VecDeque;
use twinhaul_units::{Moment, TransferId};

/// Small transfers done first, to learn their price, where there are so many that it does not matter.
const PROBES: u64 = 3;
const PROBES_OF: u64 = 30;
/// Seconds of this peer's work that may be started beyond its slots.
const STANDBY_TIME: f64 = 0.02;

/// What this peer owns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Work {
    pub(super) queue: Queue,
    /// What the other peer cannot reach: done first, never handed over.
    pub(super) pinned: Queue,
    /// What the loads said of what is here.
    pub(super) book: Book,
    pub(super) in_flight: Vec<Unit>,
    /// Due again, waiting for a slot.
    pub(super) retries: VecDeque<Unit>,
    /// Own transfers whose own part is complete, with ranges outstanding; in no slot.
    pub(super) awaiting: Vec<Unit>,
    /// Ranges to be done here, waiting for a slot; and those in slots.
    pub(super) ranges: VecDeque<ByteRange>,
    pub(super) range_slots: Vec<ByteRange>,
    /// Everything in a slot, byte by byte.
    pub(super) parts: Vec<Part>,
    /// Ranges that the other peer works on, as far as is known.
    pub(super) lent: Vec<ByteRange>,
    /// Splits under way, each for a slot.
    pub(super) splitting: usize,
    /// Ranges ever taken in, and ended.
    pub(super) ranges_loaded: u64,
    pub(super) ranges_ended: u64,
    pub(super) all_planned: bool,
    /// A load under way: since when, and how many intervals it may bring.
    pub(super) loading: Option<(Moment, usize)>,
    /// Something happened since that load began: look again when it ends.
    pub(super) load_again: bool,
    /// The latest load brought all it might: there may be more in the ledger.
    pub(super) load_more: bool,
    /// Transfers ever loaded, started, handed over.
    pub(super) loaded: u64,
    pub(super) started: u64,
    pub(super) given: u64,
}

impl Core {
    /// Starts work while a slot is free: due retries, ranges, what only this peer can do, then the queue's head (or its
    /// tail, where this peer is the better one at small transfers). Then what may wait for a slot to be free.
    pub(super) fn fill(&mut self, now: Moment, out: &mut Vec<Effect>) {
        while self.active() && self.slots_used() < self.tuning.slots {
            if let Some(retry) = self.work.retries.pop_front() {
                self.start(now, retry, out);
            } else if let Some(range) = self.work.ranges.pop_front() {
                self.start_range(now, range, out);
            } else if let Some(next) = self.next_new() {
                self.start_new(now, next, out);
            } else {
                break;
            }
        }
        if self.slots_used() < self.tuning.slots {
            self.speed.idles();
        }
        self.fill_standby(now, out);
    }

    /// A slot that ends a small transfer goes on with the next one at once, and does not wait for this core to hear of it:
    /// so many stand by that the slots have work for [`STANDBY_TIME`]. They count as started and are not handed over any more,
    /// hence so little.
    fn fill_standby(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let (per_byte, per_transfer) = prices(self.pace());
        let mut standing_by = self.slots_used().saturating_sub(self.tuning.slots);
        while self.active() && self.slots_used() >= self.tuning.slots && standing_by < self.tuning.standby {
            let Some(next) = self.next_new() else { break };
            let price = per_transfer + per_byte * self.work.book.transfer(next.id).bytes as f64;
            // Those that stand by already are taken to cost the same. No price: nothing is measured yet.
            if price <= 0.0 || price * (standing_by + 1) as f64 > STANDBY_TIME {
                break;
            }
            self.start_new(now, next, out);
            standing_by += 1;
        }
    }

    fn start(&mut self, now: Moment, unit: Unit, out: &mut Vec<Effect>) {
        self.work.in_flight.push(unit);
        self.part_begins(now, unit.id, 0, None, false);
        out.push(Effect::Start(unit));
    }

    /// What [`Self::next_new`] named leaves its queue.
    fn start_new(&mut self, now: Moment, unit: Unit, out: &mut Vec<Effect>) {
        let whole = Interval::from(unit);
        self.work.pinned.take(&whole);
        self.work.queue.take(&whole);
        self.work.started += 1;
        self.start(now, unit, out);
    }

    /// What was never started and comes next; it stays where it is.
    fn next_new(&self) -> Option<Unit> {
        let w = &self.work;
        match w.pinned.head() {
            None if self.tuning.policy == Policy::Balanced => {
                let small = self.is_probing() || self.starts_small();
                w.queue.best(small, |part| w.book.end_rank(part, small))
            }
            None => w.queue.head(),
            pinned => pinned,
        }
    }

    /// The first few are small ones: what a transfer costs besides its bytes is known at once, and little is lost.
    fn is_probing(&self) -> bool {
        self.work.started <= PROBES && self.work.queue.count() > PROBES_OF
    }

    /// "Completing" is read as: queue empty and one slot idle (protocol.md 2).
    pub(super) fn has_completed(&self) -> bool {
        self.is_dry() && self.slots_used() + self.work.splitting < self.tuning.slots
    }

    pub(super) fn on_slot_done(&mut self, id: TransferId, outcome: SlotOutcome, out: &mut Vec<Effect>) {
        let Some(at) = self.work.in_flight.iter().position(|unit| unit.id == id) else { return };
        let complete = matches!(outcome, SlotOutcome::Settling | SlotOutcome::AwaitingRanges);
        self.part_ends(id, 0, complete);
        let unit = self.work.in_flight.remove(at);
        if outcome == SlotOutcome::AwaitingRanges {
            self.work.awaiting.push(unit);
        } else {
            self.transfer_is_whole(id, out);
        }
    }

    /// All ranges of a transfer are done.
    pub(super) fn on_ranges_home(&mut self, id: TransferId, out: &mut Vec<Effect>) {
        self.work.awaiting.retain(|unit| unit.id != id);
        self.transfer_is_whole(id, out);
    }

    pub(super) fn on_retry_due(&mut self, unit: Unit, out: &mut Vec<Effect>) {
        let w = &self.work;
        let known = w.in_flight.iter().chain(&w.retries).chain(&w.awaiting).any(|held| held.id == unit.id);
        if known {
            return;
        }
        if self.work.retries.len() >= RETRIES_MAX {
            out.push(Effect::Report(Report::RetryDeferred { id: unit.id }));
        } else {
            self.work.retries.push_back(unit);
        }
    }

    /// Looks into the ledger, now or as soon as the look under way has ended.
    pub(super) fn request_load(&mut self, now: Moment, out: &mut Vec<Effect>) {
        if self.work.loading.is_some() {
            self.work.load_again = true;
        } else {
            // At least one, so that a full queue can never keep work from being seen.
            let parts = self.work.queue.parts() + self.work.pinned.parts();
            let limit = INTERVALS_MAX.saturating_sub(parts).max(1);
            self.work.loading = Some((now, limit));
            out.push(Effect::LoadLots { limit });
        }
    }

    pub(super) fn on_loaded(
        &mut self,
        now: Moment,
        lots: &[LoadedLot],
        pinned: &[LoadedLot],
        ranges: &[ByteRange],
        all_planned: bool,
        out: &mut Vec<Effect>,
    ) {
        let expected = self.asking.expecting;
        let shared = self.take_in(lots, false) + self.take_ranges(ranges);
        let arrived = shared + self.take_in(pinned, true);
        self.work.all_planned = all_planned;
        let limit = self.work.loading.take().map_or(usize::MAX, |(_, limit)| limit);
        self.work.load_more = lots.len() + pinned.len() >= limit;
        self.clockwork.next_load = now + self.tuning.timing.load_every;
        if std::mem::take(&mut self.work.load_again) {
            self.request_load(now, out);
        } else {
            self.asking.expecting = false;
        }
        if arrived > 0 {
            self.end_episode(shared > 0, out);
        } else if expected && !self.asking.expecting {
            self.found_nothing(now);
        }
    }

    /// Adds what is not known already, so that a lot loaded twice is still owned once.
    fn take_in(&mut self, lots: &[LoadedLot], pinned: bool) -> u64 {
        let mut added = 0;
        for new in lots {
            self.work.book.note(new);
            let mut fresh = vec![new.interval];
            let w = &self.work;
            for unit in w.in_flight.iter().chain(&w.retries).chain(&w.awaiting) {
                fresh = interval::without(&fresh, &Interval::from(*unit));
            }
            for reserved in self.owning.pending.iter().flat_map(|p| &p.intervals) {
                fresh = interval::without(&fresh, reserved);
            }
            let queue = if pinned { &mut self.work.pinned } else { &mut self.work.queue };
            added += fresh.into_iter().map(|part| queue.insert(part)).sum::<u64>();
        }
        self.work.loaded += added;
        if self.work.book.len() > INTERVALS_MAX {
            self.tidy_book();
        }
        added
    }

    /// Forgets what is said of lots that are not here any more.
    pub(super) fn tidy_book(&mut self) {
        let w = &self.work;
        let pending = self.owning.pending.iter().flat_map(|p| &p.intervals).copied();
        let units = w.in_flight.iter().chain(&w.retries).chain(&w.awaiting).map(|unit| Interval::from(*unit));
        let here: Vec<Interval> =
            w.queue.intervals().chain(w.pinned.intervals()).copied().chain(pending).chain(units).collect();
        let is_here = |first: u64, last: u64| here.iter().any(|h| h.first.0 <= last && h.last.0 >= first);
        self.work.book.keep(is_here);
    }

    /// Work has arrived: the execution of step 1.3 or 1.4 is over.
    fn end_episode(&mut self, from_peer: bool, out: &mut Vec<Effect>) {
        if !std::mem::take(&mut self.asking.open) {
            return;
        }
        // The ledger's poll was faster than the answer, or the answer is lost: what was asked for is here, so this
        // peer assists the other now. Without this a decrease (6.2, 7.2) could be made twice for one assistance.
        if from_peer && self.asking.give_up_waiting() {
            self.learned.last = Last::IHelpedIt;
        }
        self.learned.unproven = false;
        self.asking.poll_at = None;
        let queued = self.queued() + self.pinned();
        out.push(Effect::Report(Report::EpisodeEnded { episode: self.asking.episode, queued }));
    }
}
