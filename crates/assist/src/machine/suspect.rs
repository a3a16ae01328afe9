//! A peer that is gone or says nothing: when its work is taken over, and by what (protocol.md 4, interface of the ledger).
//!
//! Safety never depends on a clock: the take-over is a fence in the ledger, and what the old process wrote is discarded
//! before anybody does it again. Clocks decide only when to try.

use super::{Core, prospects::Other};
use crate::flaw::Flaw;
use crate::{Effect, FenceWhy, FencedFigures, Message, OpId, Refusal, Report, SUSPECT_BEATS};
use std::time::Duration;
use twinhaul_units::{Incarnation, Moment};

/// Heartbeats' time of silence before a peer that does not answer a question either is suspected. The next one is half
/// its time late then; on the way they are all delayed alike, so a round trip has no part in it.
const ASKED_BEATS: f64 = 1.5;
/// Round trips after which a question should have been answered: it is no matter of a transaction to say "no".
const ANSWER_ROUND_TRIPS: f64 = 1.5;
/// After so many heartbeats' time two of them are missing; a question need not be late then, only without its answer.
const MISSED_BEATS: f64 = 2.25;
/// A heartbeat is overdue after so many times its interval: asking says sooner than waiting whether the peer lives.
const OVERDUE_BEATS: f64 = 1.25;

/// A host that comes so many heartbeats late stood still; what is less is the grain of its clock.
const STOOD_STILL_BEATS: f64 = 0.25;

/// What a living peer loses when it is taken over: it starts again, and does again what it had in flight.
const TAKEN_COSTS: Duration = Duration::from_secs(1);
/// Most of that to wait for; the lease ends the wait in any case.
const PATIENCE_MAX: f64 = 15.0;

/// Incarnations of both peers together up to which silence means what it says: both first ones, and one restart.
const LIVES_TRUSTED: u64 = 3;
/// How often the silence that is waited for doubles.
const DOUBLINGS_MAX: u64 = 6;

/// What is thought of the other peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Watch {
    /// When anything was heard of it last.
    pub(super) heard: Moment,
    /// Its process is gone for certain.
    pub(super) dead: bool,
    /// It is suspected, and that has been told.
    suspected: bool,
    /// A take-over under way.
    fencing: Option<Fencing>,
    /// After a refusal: not before.
    not_before: Option<Moment>,
    /// Since when this peer has had nothing to do.
    idle_since: Option<Moment>,
    /// It was taken over, here or elsewhere, and no process is known to have come since: there is nothing to take.
    pub(super) empty: bool,
    /// This peer was taken over: it starts nothing any more.
    pub(super) taken: bool,
    /// This peer has taken over: what was in flight at the other may go on here.
    pub(super) took: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Fencing {
    op: OpId,
    incarnation: Incarnation,
    why: FenceWhy,
    confirm_at: Moment,
    delay: Duration,
}

impl Watch {
    pub(super) const fn is_suspected(&self) -> bool {
        self.suspected
    }

    /// The number of the take-over under way (see [`super::numbers`]).
    pub(super) fn fencing_op(&mut self) -> Option<&mut OpId> {
        self.fencing.as_mut().map(|fencing| &mut fencing.op)
    }

    pub(super) fn awaits(&self, op: OpId) -> bool {
        self.fencing.as_ref().is_some_and(|fencing| fencing.op == op)
    }

    /// Without heartbeats silence alone is no reason, so that it does not matter since when this peer has been idle
    /// (see [`super::canonical`]).
    pub(super) fn forget_moments(&mut self, now: Moment) {
        self.idle_since = None;
        self.not_before = self.not_before.filter(|at| *at > now);
        for fencing in self.fencing.iter_mut().filter(|fencing| fencing.confirm_at <= now) {
            fencing.confirm_at = Moment::ZERO;
        }
    }
}

impl Core {
    /// A sign of life.
    pub(super) fn alive(&mut self, now: Moment) {
        self.watch.heard = now;
        self.watch.suspected = false;
    }

    /// Who lives is not taken over because the link is cut (faults.md 25). Of another incarnation it says nothing about this one.
    pub(super) fn on_seen(&mut self, now: Moment, incarnation: Incarnation) {
        let believes = self.tuning.has(Flaw::AnySignOfLife);
        self.watch.dead &= !believes;
        if believes || (self.link.peer == Some(incarnation) && !self.watch.dead) {
            self.alive(now);
        }
    }

    /// While this peer stood still it could not hear: that time is no silence of the other one. A machine under load makes
    /// both late, and the first to wake would take a living peer over.
    pub(super) fn forgive_silence(&mut self, stood_still: Duration) {
        if self.beats(STOOD_STILL_BEATS).is_some_and(|least| stood_still >= least) {
            self.watch.heard = self.watch.heard + stood_still;
        }
    }

    pub(super) fn on_dead(&mut self, now: Moment, incarnation: Incarnation) {
        if self.link.peer.is_some_and(|known| known > incarnation) {
            return;
        }
        if self.link.peer != Some(incarnation) {
            self.watch.heard = now;
        }
        self.link.peer = Some(incarnation);
        self.link.up = false;
        self.watch.dead = true;
        // The host says so only when that place owes something: the planner may have given it more since it was taken.
        self.watch.empty = false;
    }

    /// Takes the other peer over, if there is reason to and nothing else to do.
    pub(super) fn maybe_fence(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let Some(incarnation) = self.link.peer.filter(|_| self.may_fence()) else { return };
        let silent = now.since(self.watch.heard);
        let idle = self.is_dry() && self.slots_used() < self.tuning.slots;
        self.watch.idle_since = idle.then(|| self.watch.idle_since.unwrap_or(now));
        if self.is_suspect(now, silent) && !std::mem::replace(&mut self.watch.suspected, true) {
            out.push(Effect::Report(Report::Suspected { silent }));
        }
        if self.watch.fencing.is_some() || self.watch.not_before.is_some_and(|at| at > now) {
            return;
        }
        let Some(why) = self.reason(now, silent) else { return };
        let op = self.next_op();
        let delay = self.tuning.timing.assign_confirm_floor;
        self.watch.fencing = Some(Fencing { op, incarnation, why, confirm_at: now + delay, delay });
        out.push(Effect::Fence { op, incarnation });
    }

    fn may_fence(&self) -> bool {
        self.tuning.take_over
            && self.active()
            && !self.watch.empty
            && !self.asking.expecting
            && self.work.loading.is_none()
    }

    fn reason(&self, now: Moment, silent: Duration) -> Option<FenceWhy> {
        let lease_over = self.lease().is_some_and(|lease| silent >= lease);
        let idle = self.watch.idle_since.map(|since| now.since(since));
        // What is certain needs no longer silence, however many lives this pair has lost (L3).
        let dead_for_a_lease = self.tuning.timing.lease.is_some_and(|lease| silent >= lease);
        if self.watch.dead && (idle.is_some() || dead_for_a_lease) {
            Some(FenceWhy::Dead)
        } else if lease_over {
            Some(FenceWhy::LeaseOver)
        } else {
            let waited = idle.is_some_and(|idle| idle >= self.patience());
            (waited && self.is_suspect(now, silent)).then_some(FenceWhy::Silent)
        }
    }

    /// Silent for three heartbeats and a round trip; for half of that, if a question should have been answered too.
    fn is_suspect(&self, now: Moment, silent: Duration) -> bool {
        let waits = |trips: f64| {
            self.asking.question.as_ref().is_some_and(|q| now >= self.answer_due(q.first_sent, trips))
        };
        let after = if waits(ANSWER_ROUND_TRIPS) {
            self.suspect_asked(ASKED_BEATS)
        } else if waits(1.0) {
            self.suspect_asked(MISSED_BEATS)
        } else {
            self.suspect_silent()
        };
        after.is_some_and(|after| silent >= after)
    }

    /// The next heartbeat should have come: whatever was said of the other peer's work, it is worth asking.
    pub(super) fn is_overdue(&self, now: Moment) -> bool {
        self.overdue_at().is_some_and(|at| now >= at)
    }

    /// When the next heartbeat is overdue.
    pub(super) fn overdue_at(&self) -> Option<Moment> {
        Some(self.watch.heard + self.beats(OVERDUE_BEATS)?)
    }

    /// How long to be idle before a silent peer is taken over: not at all, unless it is the faster one. What a fast
    /// peer would lose by that, a slow one does not make good in the time that it saves.
    fn patience(&self) -> Duration {
        let (mine, its) = (self.pace().per_byte_ps, self.other.pace.per_byte_ps);
        let share = if its == 0 { 0.0 } else { mine as f64 / its as f64 };
        TAKEN_COSTS.mul_f64((share - 1.0).clamp(0.0, PATIENCE_MAX))
    }

    fn answer_due(&self, asked: Moment, trips: f64) -> Moment {
        let trips = self.asking.srtt.unwrap_or_default().mul_f64(trips);
        asked + trips + self.tuning.timing.ask_resend_floor
    }

    /// After so much silence of a peer that owes an answer; `None`: time alone says nothing.
    fn suspect_asked(&self, beats: f64) -> Option<Duration> {
        Some(self.beats(beats)? * self.doubt())
    }

    /// After so much silence of one that owes none.
    fn suspect_silent(&self) -> Option<Duration> {
        Some(self.beats(SUSPECT_BEATS.into())? * self.doubt() + self.asking.srtt.unwrap_or_default())
    }

    fn beats(&self, beats: f64) -> Option<Duration> {
        self.tuning.timing.lease?;
        Some(self.tuning.timing.heartbeat_every?.mul_f64(beats))
    }

    fn lease(&self) -> Option<Duration> {
        self.tuning.timing.lease.map(|lease| lease * self.doubt())
    }

    /// How many times as long silence must last: twice for each life that this pair has lost beyond the first. Two that
    /// live but do not hear each other would take one another over for ever, and no large transfer would be finished.
    fn doubt(&self) -> u32 {
        let other = self.link.peer.map_or(0, |peer| peer.0);
        let lost = (self.incarnation.0 + other).saturating_sub(LIVES_TRUSTED);
        1 << lost.min(DOUBLINGS_MAX)
    }

    pub(super) fn on_fenced(
        &mut self,
        now: Moment,
        op: OpId,
        outcome: Result<FencedFigures, Refusal>,
        out: &mut Vec<Effect>,
    ) {
        let Some(fencing) = self.watch.fencing.take_if(|f| f.op == op) else { return };
        match outcome {
            Ok(figures) => {
                let FencedFigures { incarnation: new, count, bytes } = figures;
                let old = fencing.incarnation;
                out.push(Effect::Send(Message::Taken { old, new, count, bytes }));
                out.push(Effect::Report(Report::TookOver { from: old, figures, why: fencing.why }));
                // A take-over lasts: who has come meanwhile, and died, is another one, of whom the host says so only once.
                let is_latest = self.link.peer.is_none_or(|known| known <= new.max(old));
                if is_latest {
                    self.link.peer = Some(new.max(old));
                    self.link.up = false;
                    self.forget_peer(now);
                    self.watch.empty = true;
                }
                self.watch.took = true;
                self.drop_ranges_of_other();
                self.asking.expecting = true;
                self.request_load(now, out);
            }
            Err(why) => {
                self.watch.taken |= why == Refusal::OwnerNotCurrent;
                // Under this number there is nothing to take, however often it is tried: the host will name another.
                let named = self.link.peer == Some(fencing.incarnation);
                self.watch.empty |= why == Refusal::ReceiverNotCurrent && named;
                self.watch.not_before = Some(now + self.tuning.timing.load_every);
                out.push(Effect::Report(Report::FenceRefused { why }));
            }
        }
    }

    /// The other peer is another process now, or none: what was known of the old one is over.
    pub(super) fn forget_peer(&mut self, now: Moment) {
        self.asking.forget_peer();
        self.owning.drain_at = None;
        self.owning.parked = None;
        self.work.lent.clear();
        let Watch { taken, took, .. } = self.watch;
        self.watch = Watch { heard: now, taken, took, ..Watch::default() };
        self.other = Other { pace: self.other.pace, ..Other::default() };
    }

    /// A take-over without an outcome is asked for again under the same number.
    pub(super) fn confirm_fence(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let cap = self.tuning.timing.assign_confirm_cap;
        if let Some(fencing) = self.watch.fencing.as_mut().filter(|f| f.confirm_at <= now) {
            fencing.delay = (fencing.delay * 2).min(cap);
            fencing.confirm_at = now + fencing.delay;
            out.push(Effect::Fence { op: fencing.op, incarnation: fencing.incarnation });
        }
    }

    /// When the silence of the other peer must be looked at again.
    pub(super) fn watch_at(&self, now: Moment) -> Option<Moment> {
        if let Some(fencing) = &self.watch.fencing {
            return Some(fencing.confirm_at);
        }
        let may = self.link.peer.is_some() && self.may_fence();
        // What is certain needs no waiting; the rest comes in two steps.
        let dead = self.tuning.timing.lease.filter(|_| self.watch.dead);
        let question = self.asking.question.as_ref();
        let asked = [ASKED_BEATS, MISSED_BEATS].map(|beats| question.and_then(|_| self.suspect_asked(beats)));
        let next = asked.into_iter().chain([self.suspect_silent(), self.lease(), dead]).flatten();
        let next = next.map(|after| self.watch.heard + after);
        let due = question
            .into_iter()
            .flat_map(|q| [1.0, ANSWER_ROUND_TRIPS].map(|trips| self.answer_due(q.first_sent, trips)));
        let waited = self.watch.idle_since.map(|since| since + self.patience());
        next.chain(self.watch.not_before)
            .chain(due)
            .chain(waited)
            .filter(|at| *at > now)
            .min()
            .filter(|_| may)
    }

    /// This peer was taken over: what it does counts nothing any more.
    pub(super) fn on_taken(&mut self, old: Incarnation) {
        self.watch.taken |= old == self.incarnation;
    }
}
