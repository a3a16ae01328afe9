//! The core of one peer: its state, the one way in, and what can be read off it.
//!
//! After every event the same things are done in the same order (`settle`): fill the slots, hand over what a drain
//! owes, ask if idle, set the timer. What waits for time happens at `Tick` only. Never a clock, never I/O.
//! The steps themselves are in `work` (1.1, 1.2, 2.2.3), `asker` (1.3, 1.4, 1.5), `owner` (2.1 to 5.4), `learn` (6, 7)
//! and `timing`.

mod asker;
mod balance;
mod control;
mod learn;
mod owner;
mod parts;
mod prospects;
mod ranges;
mod speed;
mod suspect;
mod timing;
mod work;

use crate::{
    AnswerFigures, ByteRange, Effect, Episode, Event, Interval, Last, Memory, Message, Millionths, Pace,
    PartProgress, Policy, Settings, Unit, settings::Tuning,
};
use asker::Asking;
use learn::Learned;
use owner::Owning;
use prospects::Other;
use speed::Speed;
use std::time::Duration;
use suspect::Watch;
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
    /// What the other peer said of itself.
    other: Other,
    watch: Watch,
    /// When this core was started.
    born: Option<Moment>,
}

/// The other peer as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Link {
    /// Its current incarnation; stays known while the link is down.
    peer: Option<Incarnation>,
    up: bool,
    /// When its latest heartbeat was sent, by its clock, and when it came.
    heard_beat: Option<(Moment, Moment)>,
}

/// What an answer would be now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    pub figures: AnswerFigures,
    /// Transfers that would be handed over; with no ranges either (`figures.ranges`): "no assistance needed".
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
            other: Other::default(),
            watch: Watch::default(),
            born: None,
        }
    }

    /// Takes one event and appends what is to be done, in order. `now` must not go back.
    pub fn handle(&mut self, now: Moment, event: Event, out: &mut Vec<Effect>) {
        self.clockwork.latest = now;
        self.speed.pass(now, self.slots_used());
        self.take(now, event, out);
        self.settle(now, out);
        self.assert_invariants();
    }

    fn take(&mut self, now: Moment, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Started => {
                self.born = Some(now);
                self.request_load(now, out);
            }
            Event::LotsLoaded { lots, pinned, ranges, all_planned } => {
                self.on_loaded(now, &lots, &pinned, &ranges, all_planned, out);
            }
            Event::Assigned { op, lots, ranges, bytes } => self.on_assigned(op, &lots, &ranges, bytes, out),
            Event::Refused { op, why } => self.on_refused(now, op, why, out),
            Event::Began { id, bytes } => self.on_began(id, bytes.0),
            Event::Split { cut, range } => self.on_split(&cut, range),
            Event::SlotDone { id, outcome } => self.on_slot_done(id, outcome, out),
            Event::RangeDone { range, outcome } => self.on_range_done(&range, outcome, out),
            Event::RangesHome { id } => self.on_ranges_home(id, out),
            Event::RetryDue(unit) => self.on_retry_due(unit, out),
            Event::Message { from_incarnation, msg } => self.on_message(now, from_incarnation, &msg, out),
            Event::PeerJoined { incarnation } => self.on_joined(now, incarnation),
            Event::PeerLost => self.link.up = false,
            Event::PeerDead { incarnation } => self.on_dead(now, incarnation),
            Event::Fenced { op, outcome } => self.on_fenced(now, op, outcome, out),
            Event::Measured { moved, parts } => self.on_measured(now, moved, &parts, out),
            Event::Control(control) => self.on_control(now, control, out),
            Event::Tick => self.on_tick(now, out),
        }
    }

    fn on_measured(&mut self, now: Moment, moved: Bytes, parts: &[PartProgress], out: &mut Vec<Effect>) {
        self.speed.measure(now, moved, self.slots_used(), self.tuning.slots);
        self.on_progress(now, parts);
        self.tell_new_pace(now);
        self.push(now, out);
    }

    fn settle(&mut self, now: Moment, out: &mut Vec<Effect>) {
        self.fill(now, out);
        self.split_own(now, out);
        self.drain_on(now, out);
        self.maybe_fence(now, out);
        self.maybe_ask(now, out);
        self.set_timer(now, out);
    }

    /// What comes from another incarnation than the ledger's current one is ignored (S7).
    fn on_message(&mut self, now: Moment, from: Incarnation, msg: &Message, out: &mut Vec<Effect>) {
        if self.link.peer != Some(from) {
            return;
        }
        self.alive(now);
        match *msg {
            Message::Ask { ask_id, episode, queued, left, pace, .. } => {
                if ask_id.incarnation() == from {
                    self.on_ask(now, (ask_id, episode), (queued, left, pace), out);
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
                pace,
                ..
            } => {
                let left = remaining_bytes - portion_bytes;
                self.heard_of(now, queued.saturating_sub(count), left, pace, false);
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
                pace,
            } => {
                self.heard_of(now, queued, remaining_bytes, pace, false);
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
            Message::RangeDone { id, from, to } => self.on_range_elsewhere(id, from, to, out),
            Message::Taken { old, .. } => self.on_taken(old),
            Message::Heartbeat { queued, left, pace, paused, sent, echo, .. } => {
                self.on_heartbeat(now, sent, echo);
                self.heard_of(now, queued, left, pace, paused);
            }
        }
    }

    fn on_joined(&mut self, now: Moment, incarnation: Incarnation) {
        if self.link.peer.is_some_and(|known| known > incarnation) {
            return;
        }
        if self.link.peer != Some(incarnation) || self.watch.dead {
            self.forget_peer(now);
        }
        self.alive(now);
        self.link = Link { peer: Some(incarnation), up: true, heard_beat: None };
        self.clockwork.next_beat = now;
    }

    /// The receiver of a hand-over, if there is one now.
    fn linked_peer(&self) -> Option<Incarnation> {
        self.link.peer.filter(|_| self.link.up)
    }

    fn active(&self) -> bool {
        !self.paused && !self.draining && !self.watch.taken
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
        let (added, held) = (w.ranges_loaded, (w.ranges.len() + w.range_slots.len()) as u64);
        debug_assert_eq!(added, w.ranges_ended + held, "ranges taken in = waiting + in slots + ended");
        debug_assert_eq!(w.parts.len(), self.slots_used(), "every slot has its part");
        debug_assert!(self.slots_used() <= crate::SLOTS_MAX as usize, "slots are bounded");
        let moves = self.queued() + crate::CUTS_MAX as u64;
        debug_assert!(self.portion() <= Millionths::from_f64(1.0).times(moves), "portion <= remaining");
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
        match self.tuning.policy {
            Policy::Balanced => self.would_answer(None).figures.portion,
            _ => self.learned.ratio.times(self.work.queue.count()),
        }
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
