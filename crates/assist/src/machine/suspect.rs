//! A peer that is gone or says nothing: when its work is taken over, and by what (protocol.md 4, interface of the ledger).
//!
//! Safety never depends on a clock: the take-over is a fence in the ledger, and what the old process wrote is discarded
//! before anybody does it again. Clocks decide only when to try.

use super::{Core, prospects::Other};
use crate::{Effect, FenceWhy, FencedFigures, Message, OpId, Policy, Refusal, Report, SUSPECT_BEATS};
use std::time::Duration;
use twinhaul_units::{Incarnation, Moment};

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
    /// This peer was taken over: it starts nothing any more.
    pub(super) taken: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Fencing {
    op: OpId,
    incarnation: Incarnation,
    why: FenceWhy,
    confirm_at: Moment,
    delay: Duration,
}

impl Core {
    /// A sign of life.
    pub(super) fn alive(&mut self, now: Moment) {
        self.watch.heard = now;
        self.watch.suspected = false;
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
    }

    /// Takes the other peer over, if there is reason to and nothing else to do.
    pub(super) fn maybe_fence(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let Some(incarnation) = self.link.peer.filter(|_| self.may_fence()) else { return };
        let silent = now.since(self.watch.heard);
        if self.suspect_after().is_some_and(|after| silent >= after)
            && !std::mem::replace(&mut self.watch.suspected, true)
        {
            out.push(Effect::Report(Report::Suspected { silent }));
        }
        if self.watch.fencing.is_some() || self.watch.not_before.is_some_and(|at| at > now) {
            return;
        }
        let Some(why) = self.reason(silent) else { return };
        let op = self.next_op();
        let delay = self.tuning.timing.assign_confirm_floor;
        self.watch.fencing = Some(Fencing { op, incarnation, why, confirm_at: now + delay, delay });
        out.push(Effect::Fence { op, incarnation });
    }

    fn may_fence(&self) -> bool {
        self.tuning.policy == Policy::Balanced
            && self.active()
            && !self.asking.expecting
            && self.work.loading.is_none()
    }

    fn reason(&self, silent: Duration) -> Option<FenceWhy> {
        let idle = self.is_dry() && self.slots_used() < self.tuning.slots;
        let lease = self.tuning.timing.lease;
        let lease_over = lease.is_some_and(|lease| silent >= lease);
        if self.watch.dead && (idle || lease_over) {
            Some(FenceWhy::Dead)
        } else if lease_over {
            Some(FenceWhy::LeaseOver)
        } else {
            (idle && self.suspect_after().is_some_and(|after| silent >= after)).then_some(FenceWhy::Silent)
        }
    }

    /// Three heartbeats and a round trip; `None`: time alone says nothing.
    fn suspect_after(&self) -> Option<Duration> {
        let beat = self.tuning.timing.heartbeat_every?;
        self.tuning.timing.lease?;
        Some(beat * SUSPECT_BEATS + self.asking.srtt.unwrap_or_default())
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
                self.link.peer = Some(new.max(old));
                self.link.up = false;
                self.forget_peer(now);
                self.drop_ranges_of_other();
                self.asking.expecting = true;
                self.request_load(now, out);
            }
            Err(why) => {
                self.watch.taken |= why == Refusal::OwnerNotCurrent;
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
        let taken = self.watch.taken;
        self.watch = Watch { heard: now, taken, ..Watch::default() };
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
        let steps = [self.suspect_after(), self.tuning.timing.lease];
        let next = steps.into_iter().flatten().map(|after| self.watch.heard + after).filter(|at| *at > now);
        next.chain(self.watch.not_before.filter(|at| *at > now)).min().filter(|_| may)
    }

    /// This peer was taken over: what it does counts nothing any more.
    pub(super) fn on_taken(&mut self, old: Incarnation) {
        self.watch.taken |= old == self.incarnation;
    }
}
