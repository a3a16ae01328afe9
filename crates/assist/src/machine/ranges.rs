//! Ranges: what the other peer lent, what a second slot works on, what comes back. Their homes seal and publish them;
//! here they are work in a slot like any other.

use super::Core;
use crate::{ByteRange, Cut, Effect, Message, Policy, RANGES_MAX, RangeOutcome};
use twinhaul_units::{Moment, TransferId};

impl Core {
    /// Ranges that the ledger says are to be done here; one that is known already is not taken twice. A copy of some of
    /// its last bytes that was made here is not the range itself: whoever had it is gone, and nobody else does the rest.
    pub(super) fn take_ranges(&mut self, ranges: &[ByteRange]) -> u64 {
        let mut added = 0;
        for new in ranges.iter().filter(|r| !r.is_empty()) {
            let held = self.work.ranges.iter().chain(&self.work.range_slots);
            let is_it = |r: &ByteRange| r.overlaps(new) && r.epoch >= new.epoch && (new.hedge || !r.hedge);
            let known = held.into_iter().any(is_it);
            if known || self.work.ranges.len() >= RANGES_MAX {
                continue;
            }
            self.work.lent.retain(|lent| !lent.overlaps(new));
            self.work.ranges.push_back(*new);
            self.work.ranges_loaded += 1;
            added += 1;
        }
        added
    }

    /// A slot for the next range.
    pub(super) fn start_range(&mut self, now: Moment, range: ByteRange, out: &mut Vec<Effect>) {
        self.work.range_slots.push(range);
        self.part_begins(now, range.id, range.from, Some(range.to), range.hedge);
        out.push(Effect::StartRange(range));
    }

    pub(super) fn on_range_done(&mut self, range: &ByteRange, outcome: RangeOutcome, out: &mut Vec<Effect>) {
        let Some(at) =
            self.work.range_slots.iter().position(|held| held.id == range.id && held.from == range.from)
        else {
            return;
        };
        self.part_ends(range.id, range.from, outcome == RangeOutcome::Done);
        self.work.range_slots.remove(at);
        self.work.ranges_ended += 1;
        if outcome == RangeOutcome::Done && range.home != self.me {
            out.push(Effect::Send(Message::RangeDone { id: range.id, from: range.from, to: range.to }));
        }
    }

    /// Somebody has done this range: a copy of it that is under way here is of no use any more.
    pub(super) fn on_range_elsewhere(&mut self, id: TransferId, from: u64, to: u64, out: &mut Vec<Effect>) {
        let is_it = |r: &ByteRange| r.id == id && r.from >= from && r.to <= to;
        if let Some(at) = self.work.range_slots.iter().position(|r| r.hedge && is_it(r)) {
            let range = self.work.range_slots.remove(at);
            self.work.parts.retain(|p| p.id != id || p.from != range.from);
            self.work.ranges_ended += 1;
            out.push(Effect::Abandon { range });
        }
        let waiting = self.work.ranges.len();
        self.work.ranges.retain(|r| !(r.hedge && is_it(r)));
        self.work.ranges_ended += (waiting - self.work.ranges.len()) as u64;
        if let Some(at) = self.work.lent.iter().position(is_it) {
            let range = self.work.lent.remove(at);
            if range.hedge && self.work.parts.iter().any(|p| p.holds(&range)) {
                out.push(Effect::Abandon { range });
            }
        }
    }

    /// The other peer was taken over: its transfers are planned again, here. What waits of their ranges is of no use;
    /// what is in a slot the host ends as moot, and nothing is cut off it before.
    pub(super) fn drop_ranges_of_other(&mut self) {
        let other = self.me.other();
        let before = self.work.ranges.len();
        self.work.ranges.retain(|r| r.home != other);
        self.work.ranges_ended += (before - self.work.ranges.len()) as u64;
        let w = &mut self.work;
        for held in w.range_slots.iter().filter(|r| r.home == other) {
            for part in w.parts.iter_mut().filter(|p| p.id == held.id && p.from == held.from) {
                part.shared = false;
            }
        }
    }

    /// A transfer is complete here: copies of its parts elsewhere are of no use any more.
    pub(super) fn transfer_is_whole(&mut self, id: TransferId, out: &mut Vec<Effect>) {
        for range in self.work.lent.iter().filter(|r| r.id == id && r.hedge) {
            out.push(Effect::Send(Message::RangeDone { id, from: range.from, to: range.to }));
        }
        self.work.lent.retain(|r| r.id != id);
    }

    pub(super) fn on_split(&mut self, cut: &Cut, range: Option<ByteRange>) {
        self.work.splitting = self.work.splitting.saturating_sub(1);
        match range {
            Some(range) if !range.is_empty() => {
                self.was_cut(&range);
                self.work.ranges.push_back(range);
                self.work.ranges_loaded += 1;
            }
            _ => {
                let same = |p: &&mut super::parts::Part| p.id == cut.id && p.from == cut.from;
                if let Some(part) = self.work.parts.iter_mut().find(same) {
                    part.uncut = true;
                }
            }
        }
    }

    /// Idle slots and an empty queue: first the own transfers in flight are done by more slots.
    pub(super) fn split_own(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let w = &self.work;
        let idle = self.tuning.slots.saturating_sub(self.slots_used() + w.splitting);
        let may = self.tuning.policy == Policy::Balanced && self.active() && self.is_dry();
        if !may || idle == 0 || w.parts.is_empty() {
            return;
        }
        // What a slot takes at a time is worth a slot of its own: where each has its own limit, a transfer that is not
        // divided any more keeps all the others waiting.
        let least = self.claim();
        let rests: Vec<_> =
            self.rests(now).into_iter().filter(|r| r.shared && !r.hedge && r.free > least).collect();
        let mut slots = vec![1u64; rests.len()];
        for _ in 0..idle {
            let share = |at: &usize| rests[*at].left / (slots[*at] + 1);
            let Some(longest) = (0..rests.len()).max_by_key(share).filter(|at| share(at) >= least) else {
                break;
            };
            slots[longest] += 1;
        }
        for (rest, slots) in rests.iter().zip(slots) {
            for _ in 1..slots {
                self.work.splitting += 1;
                let bytes = rest.left / slots;
                out.push(Effect::Split(Cut { id: rest.id, from: rest.from, bytes, hedge: false }));
            }
        }
    }

    /// Nothing waits for a slot.
    pub(super) fn is_dry(&self) -> bool {
        let w = &self.work;
        w.queue.is_empty() && w.pinned.is_empty() && w.retries.is_empty() && w.ranges.is_empty()
    }
}
