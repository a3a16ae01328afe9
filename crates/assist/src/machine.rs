//! The core of one peer: its state, the one way in, and what can be read off it.
//!
//! After every event the same things are done in the same order (`settle`): fill the slots, divide what is in them, hand
//! over what a drain owes, take over who is gone, ask if idle, set the timer. Never a clock, never I/O.
//! The steps of the claims are in `work` (1.1, 1.2, 2.2.3), `asker` (1.3, 1.4, 1.5), `owner` (2.1 to 5.4) and `learn` (6, 7);
//! `balanced` adds `speed`, `fit` and `prospects` (what work costs), `balance` (the portion), `push`, `parts` and `ranges` (bytes of
//! transfers in flight) and `suspect` (take-over); `timing` is the one timer.

mod asker;
mod balance;
mod canonical;
mod control;
mod fit;
mod learn;
mod numbers;
mod owner;
mod parts;
mod prospects;
mod push;
mod ranges;
mod speed;
mod suspect;
mod timing;
mod view;
mod work;

use crate::{
    AnswerFigures, Effect, Event, Memory, Message, Millionths, PartProgress, Settings, settings::Tuning,
};
use asker::Asking;
use learn::Learned;
pub use numbers::Number;
use owner::Owning;
use prospects::Other;
use speed::Speed;
use suspect::Watch;
use timing::Clockwork;
use twinhaul_units::{Bytes, Incarnation, Moment, PeerId};
pub use view::Awaits;
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

    /// The same with a deliberate bug in it, for the proof (see the module).
    #[doc(hidden)]
    #[must_use]
    pub fn with_flaw(mut self, flaw: Option<crate::flaw::Flaw>) -> Self {
        self.tuning.flaw = flaw;
        self
    }

    /// Takes one event and appends what is to be done, in order. `now` must not go back.
    pub fn handle(&mut self, now: Moment, event: Event, out: &mut Vec<Effect>) {
        let stood_still = self.stood_still(now);
        self.forgive_silence(stood_still);
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
            Event::PeerJoined { incarnation } => {
                self.on_joined(now, incarnation);
                self.push(now, out);
            }
            Event::PeerLost => self.link.up = false,
            Event::PeerSeen { incarnation } => self.on_seen(now, incarnation),
            Event::PeerDead { incarnation } => self.on_dead(now, incarnation),
            Event::Fenced { op, outcome } => self.on_fenced(now, op, outcome, out),
            Event::Measured { moved, parts } => self.on_measured(now, moved, &parts, out),
            Event::Control(control) => self.on_control(now, control, out),
            Event::HandOver { ids } => self.on_hand_over(now, &ids, out),
            Event::Tick => self.on_tick(now, out),
        }
    }

    fn on_measured(&mut self, now: Moment, moved: Bytes, parts: &[PartProgress], out: &mut Vec<Effect>) {
        let round_trip = self.round_trip_s();
        self.speed.measure(now, moved, self.slots_used(), self.tuning.slots, round_trip);
        self.on_progress(now, moved.0, parts);
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
        let was_taken = self.watch.empty;
        if self.link.peer != Some(incarnation) || self.watch.dead {
            self.forget_peer(now);
        }
        if was_taken {
            self.greet(now, incarnation);
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
        debug_assert!(
            self.slots_used() <= (crate::SLOTS_MAX + crate::STANDBY_MAX) as usize,
            "slots are bounded"
        );
        let moves = self.queued() + crate::CUTS_MAX as u64;
        debug_assert!(self.portion() <= Millionths::from_f64(1.0).times(moves), "portion <= remaining");
    }
}
