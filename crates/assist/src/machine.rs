//! The core of one peer: its state, the one way in, and what can be read off it.
//!
//! After every event the same things are done in the same order (`settle`): fill the slots, hand over what a drain
//! owes, ask if idle, set the timer. What waits for time happens at `Tick` only. Never a clock, never I/O.
//! The steps themselves are in `work` (1.1, 1.2, 2.2.3), `asker` (1.3, 1.4, 1.5), `owner` (2.1 to 5.4), `learn` (6, 7)
//! and `timing`.

mod asker;
mod control;
mod learn;
mod owner;
mod speed;
mod timing;
mod work;

use crate::{
    AnswerFigures, Effect, Episode, Event, Interval, Last, Memory, Message, Millionths, Pace, Settings, Unit,
    settings::Tuning,
};
use asker::Asking;
use learn::Learned;
use owner::Owning;
use speed::Speed;
use std::time::Duration;
use timing::Clockwork;
use twinhaul_units::{Bytes, Incarnation, Moment, PeerId, Rate, Ratio};
use work::Work;

/// One peer's side of the method. Small enough to clone and hash in a model checker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Core {
    me: PeerId,
    incarnation: Incarnation,
    tuning: Tuning,
    learned: Learned,
    work: Work,
    owning: Owning,
    asking: Asking,
    link: Link,
    clockwork: Clockwork,
    paused: bool,
    draining: bool,
    speed: Speed,
}

/// The other peer as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Link {
    /// Its current incarnation; stays known while the link is down.
    peer: Option<Incarnation>,
    up: bool,
}

/// What an answer would be now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    pub figures: AnswerFigures,
    /// Transfers that would be handed over; 0: "no assistance needed".
    pub count: u64,
}

impl Core {
    /// The core of peer `me` in the life `incarnation`. It does nothing before [`Event::Started`].
    pub fn new(me: PeerId, incarnation: Incarnation, settings: Settings, memory: Memory) -> Self {
        Self {
            me,
            incarnation,
            tuning: settings.into(),
            learned: Learned::new(memory),
            work: Work::default(),
            owning: Owning::default(),
            asking: Asking::new(incarnation),
            link: Link::default(),
            clockwork: Clockwork::default(),
            paused: false,
            draining: false,
            speed: Speed::default(),
        }
    }

    /// Takes one event and appends what is to be done, in order. `now` must not go back.
    pub fn handle(&mut self, now: Moment, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Started => self.request_load(now, out),
            Event::LotsLoaded { lots, pinned, ranges: _, all_planned } => {
                self.on_loaded(now, &lots, &pinned, all_planned, out);
            }
            Event::Assigned { op, lots, ranges: _, bytes } => self.on_assigned(op, &lots, bytes, out),
            Event::Refused { op, why } => self.on_refused(now, op, why, out),
            Event::SlotDone { id, outcome: _ } => self.on_slot_done(id),
            Event::RetryDue(unit) => self.on_retry_due(unit, out),
            Event::Message { from_incarnation, msg } => self.on_message(now, from_incarnation, &msg, out),
            Event::PeerJoined { incarnation } => self.on_joined(now, incarnation),
            Event::PeerLost => self.link.up = false,
            Event::Measured { moved, parts: _ } => self.speed.measure(now, moved),
            // Nothing was asked of the host yet that these could answer.
            Event::Began { .. }
            | Event::Split { .. }
            | Event::RangeDone { .. }
            | Event::RangesHome { .. }
            | Event::PeerDead { .. }
            | Event::Fenced { .. } => {}
            Event::Control(control) => self.on_control(now, control, out),
            Event::Tick => self.on_tick(now, out),
        }
        self.settle(now, out);
        self.assert_invariants();
    }

    fn settle(&mut self, now: Moment, out: &mut Vec<Effect>) {
        self.fill(out);
        self.drain_on(now, out);
        self.maybe_ask(now, out);
        self.set_timer(now, out);
    }

    /// What comes from another incarnation than the ledger's current one is ignored (S7).
    fn on_message(&mut self, now: Moment, from: Incarnation, msg: &Message, out: &mut Vec<Effect>) {
        if self.link.peer != Some(from) {
            return;
        }
        match *msg {
            Message::Ask { ask_id, episode, .. } => {
                if ask_id.incarnation() == from {
                    self.on_ask(now, ask_id, episode, out);
                }
            }
            Message::Needed {
                ask_id,
                op,
                count,
                bytes,
                ratio,
                portion,
                minimum,
                queued,
                portion_bytes,
                remaining_bytes,
                ranges,
                ..
            } => {
                let figures =
                    AnswerFigures { ratio, portion, minimum, queued, portion_bytes, remaining_bytes, ranges };
                self.on_needed(now, ask_id, figures, crate::Answered::Needed { op, count, bytes }, out);
            }
            Message::NotNeeded {
                ask_id,
                ratio,
                portion,
                minimum,
                queued,
                portion_bytes,
                remaining_bytes,
                ..
            } => {
                let figures = AnswerFigures {
                    ratio,
                    portion,
                    minimum,
                    queued,
                    portion_bytes,
                    remaining_bytes,
                    ranges: 0,
                };
                self.on_not_needed(now, ask_id, figures, out);
            }
            Message::Given { op, count, bytes, .. } => self.on_given(now, op, count, bytes, out),
            Message::Heartbeat { .. } | Message::RangeDone { .. } | Message::Taken { .. } => {}
        }
    }

    fn on_joined(&mut self, now: Moment, incarnation: Incarnation) {
        if self.link.peer.is_some_and(|known| known > incarnation) {
            return;
        }
        if self.link.peer != Some(incarnation) {
            self.asking.forget_peer();
            self.owning.drain_at = None;
        }
        self.link = Link { peer: Some(incarnation), up: true };
        self.clockwork.next_beat = now;
    }

    /// The receiver of a hand-over, if there is one now.
    fn linked_peer(&self) -> Option<Incarnation> {
        self.link.peer.filter(|_| self.link.up)
    }

    fn active(&self) -> bool {
        !self.paused && !self.draining
    }

    /// Every transfer that was loaded is in exactly one place (S4, as far as one peer can see it).
    fn assert_invariants(&self) {
        let w = &self.work;
        let placed = w.started + w.queue.count() + w.pinned.count() + self.owning.reserved() + w.given;
        debug_assert_eq!(w.loaded, placed, "loaded = started + queued + pinned + reserved + given");
        debug_assert!(w.queue.is_sound() && w.pinned.is_sound(), "queues are in order and disjoint");
        debug_assert!(
            self.owning.pending.len() <= crate::ASSIGNS_PENDING_MAX,
            "pending assignments are bounded"
        );
        debug_assert!(w.retries.len() <= crate::RETRIES_MAX, "retries are bounded");
        debug_assert!(
            self.learned.ratio == self.learned.ratio.raised(Millionths::ZERO),
            "ratio is in its clamp"
        );
        debug_assert!(self.portion() <= Millionths::from_f64(1.0).times(self.queued()), "portion <= queued");
    }
}

/// Read-only views.
impl Core {
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

    /// The live ratio.
    pub fn ratio(&self) -> Ratio {
        self.learned.ratio.ratio()
    }

    /// Ratio x queued, now (claims 4.2, 5.2).
    pub const fn portion(&self) -> Millionths {
        self.learned.ratio.times(self.work.queue.count())
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

    /// Nothing queued, pinned, reserved, due again or in flight.
    pub fn is_idle(&self) -> bool {
        let w = &self.work;
        w.queue.is_empty()
            && w.pinned.is_empty()
            && w.retries.is_empty()
            && w.in_flight.is_empty()
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
        let ratio = ratio.map_or(self.learned.ratio, Millionths::from);
        let figures = self.figures(ratio);
        Preview { figures, count: owner::to_hand_over(&figures) }
    }

    /// What a rebalance of `count` would hand over now.
    pub fn would_give(&self, count: u64) -> Vec<Interval> {
        self.work.queue.tail(count)
    }

    /// Bytes of the queue, as planned.
    pub fn queued_bytes(&self) -> Bytes {
        self.work.queue.intervals().map(|part| self.work.book.bytes(part)).sum()
    }

    /// Bytes a second that this peer moves, smoothed.
    pub const fn rate(&self) -> Rate {
        self.speed.rate()
    }

    /// What work costs this peer.
    pub fn pace(&self) -> Pace {
        Pace::from_rate(self.speed.rate().0)
    }
}
