//! Everything that waits for time, at one place: one timer, and what is due when it fires.
//!
//! What is due and when the timer fires come from the same functions, so that a timer never fires for nothing.

use super::Core;
use crate::{Effect, Message, Pace, Policy};
use std::time::Duration;
use twinhaul_units::Moment;

/// A pace that differs by more than one part of so many is told to the other peer …
const TELL_SHARE: u64 = 4;
/// … but not more often than this.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// When things are due.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Clockwork {
    pub(super) next_beat: Moment,
    pub(super) next_load: Moment,
    /// When the other peer was told the pace, and which.
    pub(super) told: (Moment, Pace),
    /// The moment of the latest event.
    pub(super) latest: Moment,
    /// The timer that is set.
    pub(super) armed: Option<Moment>,
}

impl Core {
    /// For how long the host did not come although its timer had gone off: the machine had other things to do.
    pub(super) fn stood_still(&self, now: Moment) -> Duration {
        self.clockwork.armed.map_or(Duration::ZERO, |at| now.since(at))
    }

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
        self.confirm_fence(now, out);
        self.beat_if_due(now, out);
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
            self.watch_at(now),
            self.wakes_to_ask(now),
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
        let away = !w.awaiting.is_empty() || !w.lent.is_empty();
        let wanted = w.queue.is_empty() || away || !self.link.up || !w.all_planned || w.load_more;
        wanted.then_some(self.clockwork.next_load)
    }

    fn beat_at(&self) -> Option<Moment> {
        (self.link.up && self.tuning.timing.heartbeat_every.is_some()).then_some(self.clockwork.next_beat)
    }

    /// A heartbeat at once: the other peer has not heard an answer to its own yet, or the pace is another one.
    pub(super) fn beat_early(&mut self, now: Moment) {
        if self.tuning.timing.heartbeat_every.is_some() {
            self.clockwork.next_beat = now;
        }
    }

    fn beat_if_due(&mut self, now: Moment, out: &mut Vec<Effect>) {
        if let Some(every) = self.tuning.timing.heartbeat_every
            && self.beat_at().is_some_and(|at| at <= now)
        {
            self.clockwork.next_beat = now + every;
            let beat = self.heartbeat(now);
            out.push(Effect::Send(beat));
        }
    }

    fn heartbeat(&mut self, now: Moment) -> Message {
        let pace = self.pace();
        self.clockwork.told = (now, pace);
        let held = |(sent, at): (Moment, Moment)| sent + now.since(at);
        Message::Heartbeat {
            queued: self.queued() + self.pinned(),
            queued_bytes: self.queued_bytes(),
            in_flight: self.slots_used() as u64,
            rate: self.rate(),
            ratio: self.learned.ratio,
            paused: !self.active(),
            left: self.left_at(now),
            pace,
            sent: now,
            echo: self.link.heard_beat.map(held),
        }
    }

    /// A heartbeat of the other peer: how it is, and how long the way there and back takes.
    pub(super) fn on_heartbeat(&mut self, now: Moment, sent: Moment, echo: Option<Moment>) {
        if self.tuning.policy != Policy::Balanced {
            return;
        }
        self.link.heard_beat = Some((sent, now));
        match echo {
            Some(echo) if echo <= now => self.asking.measure(now.since(echo)),
            Some(_) => {}
            None => self.beat_early(now),
        }
    }

    /// The pace is so much another one than the other peer was told that it should know.
    pub(super) fn tell_new_pace(&mut self, now: Moment) {
        let (at, told) = self.clockwork.told;
        let (was, is) = (told.per_byte_ps, self.pace().per_byte_ps);
        let far = was.abs_diff(is) > was.min(is) / TELL_SHARE;
        if self.tuning.policy == Policy::Balanced && far && now.since(at) >= TELL_EVERY {
            self.beat_early(now);
        }
    }
}
