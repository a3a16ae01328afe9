//! What can be read off a core: for the console, the history, and the checks of tests. Changes nothing.

use super::{Core, Preview, learn::Learned, owner::to_hand_over};
use crate::{ByteRange, Episode, Interval, Last, Memory, Millionths, Pace, Policy, Unit};
use std::time::Duration;
use twinhaul_units::{Bytes, Incarnation, Moment, PeerId, Rate, Ratio, TransferId};

/// What a peer that has nothing queued waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// There may be work in the ledger that is not loaded yet.
    Ledger,
    /// It asked, and is not answered.
    Answer,
    /// It was answered "no", and the owner may still answer otherwise (protocol.md 4, parked asks).
    Parked,
    /// It was answered "no", and asks again after a while.
    NextAsk,
    /// Nothing: it has work, or knows that asking is of no use.
    Nothing,
}

impl Core {
    /// Of the method, now: for a peer that has work, what it would wait for without it.
    pub fn waits_for(&self) -> Awaits {
        let asking = &self.asking;
        if asking.expecting {
            Awaits::Ledger
        } else if asking.question.as_ref().is_some_and(|question| !question.moot) {
            Awaits::Answer
        } else if asking.parked.is_some() {
            Awaits::Parked
        } else if asking.poll_at.is_some() {
            Awaits::NextAsk
        } else {
            Awaits::Nothing
        }
    }

    pub const fn me(&self) -> PeerId {
        self.me
    }

    pub const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Claim 4.2's "remaining number of transfers": owned, not started, not reserved by a pending assignment.
    pub const fn queued(&self) -> u64 {
        self.work.queue.count()
    }

    /// Owned and not started, but only this peer can do them.
    pub const fn pinned(&self) -> u64 {
        self.work.pinned.count()
    }

    /// In an assignment whose outcome is not known.
    pub fn reserved(&self) -> u64 {
        self.owning.reserved()
    }

    /// The queue, lowest ids first.
    pub fn queue(&self) -> impl DoubleEndedIterator<Item = &Interval> + '_ {
        self.work.queue.intervals()
    }

    /// What is in the slots.
    pub fn in_flight(&self) -> &[Unit] {
        &self.work.in_flight
    }

    pub const fn slots(&self) -> usize {
        self.tuning.slots
    }

    /// Ranges in slots.
    pub fn ranges_in_flight(&self) -> &[ByteRange] {
        &self.work.range_slots
    }

    /// Ranges to be done here that wait for a slot.
    pub fn ranges_queued(&self) -> impl Iterator<Item = &ByteRange> + '_ {
        self.work.ranges.iter()
    }

    /// Own transfers whose own part is complete while ranges of them are outstanding.
    pub fn awaiting(&self) -> &[Unit] {
        &self.work.awaiting
    }

    /// The live ratio; with `balanced` the one that was determined last.
    pub fn ratio(&self) -> Ratio {
        match self.tuning.policy {
            Policy::Balanced => self.learned.determined.unwrap_or(self.learned.ratio).ratio(),
            _ => self.learned.ratio.ratio(),
        }
    }

    /// Ratio x queued, now (claims 4.2, 5.2); with `balanced` what would move if the other peer asked now.
    pub fn portion(&self) -> Millionths {
        self.gives().1
    }

    /// What it would hand over if the other peer asked now, as a share of its queue and as a number: portion = ratio x queued
    /// (claims 4.2, 5.2). With `balanced` the number is determined, and the ratio follows from it.
    pub fn gives(&self) -> (Millionths, Millionths) {
        if self.tuning.policy == Policy::Balanced {
            let figures = self.would_answer(None).figures;
            // Of an empty queue nothing is a share: the latest one that was determined stays.
            let none = figures.queued == 0 && figures.portion == Millionths::ZERO;
            let last = self.learned.determined.unwrap_or(self.learned.ratio);
            return (if none { last } else { figures.ratio }, figures.portion);
        }
        (self.learned.ratio, self.learned.ratio.times(self.work.queue.count()))
    }

    pub const fn minimum(&self) -> u64 {
        self.tuning.minimum
    }

    pub const fn last(&self) -> Last {
        self.learned.last
    }

    /// What is to be kept for the next incarnation and the next run.
    pub fn memory(&self) -> Memory {
        let Learned { ratio, remembered, last, .. } = &self.learned;
        Memory { ratio: remembered.ratio(), live: ratio.ratio(), last: *last }
    }

    /// The episode under way.
    pub fn episode(&self) -> Option<Episode> {
        self.asking.open.then_some(self.asking.episode)
    }

    /// Work may be in the ledger: nothing is asked for before it is loaded.
    pub const fn awaits_load(&self) -> bool {
        self.asking.expecting
    }

    /// Nothing queued, pinned, reserved, due again or in flight.
    pub fn is_idle(&self) -> bool {
        let w = &self.work;
        w.queue.is_empty()
            && w.pinned.is_empty()
            && w.retries.is_empty()
            && w.ranges.is_empty()
            && w.awaiting.is_empty()
            && self.slots_used() == 0
            && self.owning.pending.is_empty()
    }

    /// The walk is over, as far as the last load said.
    pub const fn all_planned(&self) -> bool {
        self.work.all_planned
    }

    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    pub const fn is_draining(&self) -> bool {
        self.draining
    }

    /// The other peer's incarnation, if one is known, and whether the link is up.
    pub const fn peer(&self) -> (Option<Incarnation>, bool) {
        (self.link.peer, self.link.up)
    }

    /// From Ask to answer, smoothed.
    pub const fn round_trip(&self) -> Option<Duration> {
        self.asking.srtt
    }

    /// What the answer to an Ask would be now, with this ratio instead of the own one if given; no rule is applied.
    pub fn would_answer(&self, ratio: Option<Ratio>) -> Preview {
        let share = self.share_by(self.clockwork.latest, ratio.map(Millionths::from));
        Preview { figures: share.figures, count: share.count }
    }

    /// What a rebalance of `count` would hand over now.
    pub fn would_give(&self, count: u64) -> Vec<Interval> {
        self.work.queue.tail(count)
    }

    /// How many transfers it would hand over if it were asked now and its ratio were this (claims 4, 5).
    pub fn would_give_at(&self, ratio: Ratio) -> u64 {
        to_hand_over(&self.figures(Moment::ZERO, Millionths::from_f64(ratio.get())))
    }

    /// Of these transfers those that a hand-over would take now.
    pub fn would_hand_over(&self, ids: &[TransferId]) -> Vec<Interval> {
        self.work.queue.those(ids)
    }

    /// Whether it is this peer's, not started, and nothing that the other one could do.
    pub fn is_pinned(&self, id: TransferId) -> bool {
        !self.work.pinned.those(&[id]).is_empty()
    }

    /// Bytes of the queue, as planned.
    pub fn queued_bytes(&self) -> Bytes {
        self.work.queue.intervals().map(|part| self.work.book.bytes(part)).sum()
    }

    /// Bytes a second that this peer moves, smoothed.
    pub fn rate(&self) -> Rate {
        self.speed.rate()
    }

    /// What work costs this peer.
    pub fn pace(&self) -> Pace {
        self.speed.pace()
    }
}
