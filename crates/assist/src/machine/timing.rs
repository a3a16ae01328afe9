//! Everything that waits for time, at one place: one timer, and what is due when it fires.
//!
//! What is due and when the timer fires come from the same functions, so that a timer never fires for nothing.

use super::Core;
use crate::{Effect, Message};
use twinhaul_units::Moment;

/// When things are due.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Clockwork {
    pub(super) next_beat: Moment,
    pub(super) next_load: Moment,
    /// The timer that is set.
    armed: Option<Moment>,
}

impl Core {
    pub(super) fn on_tick(&mut self, now: Moment, out: &mut Vec<Effect>) {
        self.clockwork.armed = None;
        let due = |at: Option<Moment>| at.is_some_and(|at| at <= now);
        if due(self.load_at()) {
            self.clockwork.next_load = now + self.tuning.timing.load_every;
            self.work.loading = None;
            self.request_load(now, out);
        }
        if due(self.asking.poll_at) {
            self.asking.poll_at = None;
        }
        if due(self.resend_at()) {
            self.resend(now, out);
        }
        if due(self.owning.drain_at) {
            self.owning.drain_at = None;
        }
        self.confirm_assignments(now, out);
        if let Some(every) = self.tuning.timing.heartbeat_every
            && due(self.beat_at())
        {
            self.clockwork.next_beat = now + every;
            out.push(Effect::Send(self.heartbeat(now)));
        }
    }

    /// Sets the one timer to whatever is due first, unless it is set to that already.
    pub(super) fn set_timer(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let confirm_at = self.owning.pending.iter().map(|p| p.confirm_at).min();
        let waits = [
            self.load_at(),
            self.asking.poll_at,
            self.resend_at(),
            self.owning.drain_at,
            confirm_at,
            self.beat_at(),
        ];
        let Some(at) = waits.into_iter().flatten().min() else { return };
        let at = at.max(now);
        if self.clockwork.armed != Some(at) {
            self.clockwork.armed = Some(at);
            out.push(Effect::Timer { at });
        }
    }

    /// The poll that makes lost messages harmless: without work, without a link, while the plan grows, or while
    /// the ledger holds more lots than the queue had room for; otherwise nothing can have come that must be seen now. A load without an answer is given up later than that.
    fn load_at(&self) -> Option<Moment> {
        if let Some((since, _)) = self.work.loading {
            return Some(since + self.tuning.timing.load_timeout);
        }
        let w = &self.work;
        let wanted = w.queue.is_empty() || !self.link.up || !w.all_planned || w.load_more;
        wanted.then_some(self.clockwork.next_load)
    }

    fn beat_at(&self) -> Option<Moment> {
        (self.link.up && self.tuning.timing.heartbeat_every.is_some()).then_some(self.clockwork.next_beat)
    }

    fn heartbeat(&self, now: Moment) -> Message {
        Message::Heartbeat {
            queued: self.queued() + self.pinned(),
            queued_bytes: self.queued_bytes(),
            in_flight: self.work.in_flight.len() as u64,
            rate: self.rate(),
            ratio: self.learned.ratio,
            paused: !self.active(),
            left: self.left(),
            pace: self.pace(),
            sent: now,
            echo: None,
        }
    }
}
