//! One state of a core for all that go on alike, for the model check alone.
//!
//! A core keeps more than decides what it does next: counts for its own assertions, a pace that nobody measures, when
//! something happened of which only matters that it did. A search would visit a state once for each of their values.

use super::{Core, prospects::Other, speed::Speed};
use crate::{INTERVALS_MAX, Message, Millionths, OpId, Policy};
use twinhaul_units::{Bytes, Moment};

#[doc(hidden)]
impl Core {
    /// Forgets what decides nothing any more, where no measurement is ever told, there are no heartbeats, and nothing but a
    /// lease takes time ([`crate::Timing::untimed`]); otherwise hardly anything may be forgotten, and nothing is. What is
    /// asserted is asserted in [`Core::handle`], before anything of it is forgotten.
    ///
    /// Each part says why no event can bring out what it forgets.
    pub fn forget_what_decides_nothing(&mut self, now: Moment) {
        let timing = &self.tuning.timing;
        let unhurried = timing.heartbeat_every.is_none() && timing.ask_resend_cap.is_zero();
        if !unhurried || self.speed.is_measured() {
            return;
        }
        self.forget_paces();
        self.forget_counts();
        self.forget_moments(now);
        // A question of a former process: its messages are ignored (S7), and its number is below all that can come.
        let former =
            |h: &super::owner::Heard| self.link.peer.is_some_and(|peer| h.ask_id().incarnation() < peer);
        if self.owning.heard.as_ref().is_some_and(former) {
            self.owning.heard = None;
        }
        self.tidy_book();
    }

    /// Forgets questions and answers, where everything is settled: there is no work about which a question could be, and the
    /// ratio that an answer would move is the next run's.
    pub fn forget_questions(&mut self) {
        let expecting = self.asking.expecting;
        self.asking = super::asker::Asking::new(self.incarnation);
        self.asking.expecting = expecting;
        (self.owning.heard, self.owning.parked, self.owning.greeted) = (None, None, None);
        (self.learned.last, self.learned.unproven) = (crate::Last::None, false);
    }

    /// Whether the other peer was heard of at this very moment: a further sign of life says nothing new.
    pub fn has_just_heard(&self, now: Moment) -> bool {
        self.watch.heard == now && !self.watch.is_suspected()
    }

    /// Rate and price of work come from measurements alone: without one they are unknown, whatever was counted. What the
    /// other peer said of itself is used to compare its pace with this one's, and both are unknown.
    fn forget_paces(&mut self) {
        self.speed = Speed::default();
        let mark = self.speed.mark();
        self.work.parts.iter_mut().for_each(|part| part.forget(&mark));
        self.other = Other::default();
        // What the next run begins with, and how the ratio of `balanced` is shown.
        (self.learned.remembered, self.learned.unproven) = (self.learned.ratio, false);
        self.learned.determined = None;
        let answer = self.owning.heard.as_mut().and_then(super::owner::Heard::answer_mut);
        answer.into_iter().for_each(Message::forget_figures);
    }

    /// Only the sums are asserted: what is here was taken in.
    fn forget_counts(&mut self) {
        let w = &mut self.work;
        (w.started, w.given) = (0, 0);
        w.loaded = w.queue.count() + w.pinned.count() + self.owning.reserved();
        w.ranges_ended = 0;
        w.ranges_loaded = (w.ranges.len() + w.range_slots.len()) as u64;
    }

    /// Of a moment that was waited for and has come, it matters only that it has.
    fn forget_moments(&mut self, now: Moment) {
        let come = |at: &mut Moment| {
            if *at <= now {
                *at = Moment::ZERO;
            }
        };
        let clock = &mut self.clockwork;
        (clock.latest, clock.next_beat, clock.told.0) = (Moment::ZERO, Moment::ZERO, Moment::ZERO);
        come(&mut clock.next_load);
        clock.armed.iter_mut().for_each(come);
        if let Some((since, limit)) = &mut self.work.loading {
            come(since);
            // There is room for far more intervals than there ever are here.
            *limit = INTERVALS_MAX;
        }
        self.asking.poll_at.iter_mut().for_each(come);
        self.owning.drain_at.iter_mut().for_each(come);
        self.owning.pending.iter_mut().for_each(|pending| come(&mut pending.confirm_at));
        self.watch.forget_moments(now);
        self.asking.question.iter_mut().for_each(|question| come(&mut question.resend_at));
        if self.tuning.policy != Policy::Balanced {
            // A round trip is compared with waits, all of which take no time; and with what moving bytes takes, by `balanced`.
            self.asking.srtt = None;
            self.asking.question.iter_mut().for_each(|question| question.first_sent = Moment::ZERO);
            self.born = None;
        }
    }
}

#[doc(hidden)]
impl Message {
    /// Forgets what is told of the sender's queue and pace, where no pace is known: people read it, and the receiver compares
    /// it with paces. What an answer says of a queue decides about the ratio of the next run.
    pub fn forget_figures(&mut self) {
        match self {
            Self::Ask { queued, idle_slots, left, .. } => {
                (*queued, *idle_slots, *left) = (0, 0, Bytes::ZERO);
            }
            Self::Needed {
                ratio, portion, queued, portion_bytes, remaining_bytes, op, count, bytes, ..
            } => {
                (*ratio, *portion, *queued) = (Millionths::ZERO, Millionths::ZERO, 0);
                (*portion_bytes, *remaining_bytes) = (Bytes::ZERO, Bytes::ZERO);
                (*op, *count, *bytes) = (OpId(0), 0, Bytes::ZERO);
            }
            Self::NotNeeded { ratio, portion, queued, portion_bytes, remaining_bytes, .. } => {
                (*ratio, *portion, *queued) = (Millionths::ZERO, Millionths::ZERO, 0);
                (*portion_bytes, *remaining_bytes) = (Bytes::ZERO, Bytes::ZERO);
            }
            Self::Given { .. } | Self::RangeDone { .. } | Self::Taken { .. } | Self::Heartbeat { .. } => {}
        }
    }
}
