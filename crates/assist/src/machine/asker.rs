//! The peer that has completed (claims 1.3, 1.4): it asks, waits, and asks again while anything is undone (1.5).
//!
//! At most one question is open at a time; resending it keeps its number. What its answer says is about the method's
//! memory only: whose work it is, the ledger says.

use super::Core;
use crate::flaw::Flaw;
use crate::{AnswerFigures, Answered, AskId, Effect, Episode, Last, Message, OpId, Policy, RTT_MAX, Report};
use std::time::Duration;
use twinhaul_units::{Bytes, Incarnation, Moment};

/// The asker's side of one peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asking {
    /// The number of the latest episode, and whether it lasts.
    pub(super) episode: Episode,
    pub(super) open: bool,
    /// The first Ask of this episode has been sent: no rule fires again (protocol.md 2).
    begun: bool,
    latest: AskId,
    pub(super) question: Option<Question>,
    /// After "no assistance needed": when to ask again, and the wait that led there.
    pub(super) poll_at: Option<Moment>,
    poll_delay: Duration,
    pub(super) srtt: Option<Duration>,
    /// `balanced`: the question that was answered "no" and that the owner may still answer otherwise.
    pub(super) parked: Option<AskId>,
    /// `balanced`: since when asking was thought to be of no use.
    pub(super) declined: Option<Moment>,
    /// `balanced`: large transfers were asked for, in exchange for small ones.
    exchanged: bool,
    /// Work may be in the ledger (until the first load, after Needed or Given): ask nothing before it is loaded.
    pub(super) expecting: bool,
}

/// An Ask without an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    ask_id: AskId,
    pub(super) first_sent: Moment,
    pub(super) resend_at: Moment,
    delay: Duration,
    /// Work arrived before the answer: never sent again; a late answer still counts.
    pub(super) moot: bool,
}

impl Asking {
    pub(super) fn new(incarnation: Incarnation) -> Self {
        Self {
            episode: Episode(0),
            open: false,
            begun: false,
            latest: AskId::new(incarnation, 0),
            question: None,
            poll_at: None,
            poll_delay: Duration::ZERO,
            srtt: None,
            parked: None,
            declined: None,
            exchanged: false,
            expecting: true,
        }
    }

    /// The other peer is another process now: what the old one was asked will not be answered.
    pub(super) fn forget_peer(&mut self) {
        self.question = None;
        self.poll_at = None;
        self.parked = None;
        self.declined = None;
    }

    /// Stops waiting for an answer; whether one was awaited.
    pub(super) fn give_up_waiting(&mut self) -> bool {
        self.question.as_mut().is_some_and(|q| !std::mem::replace(&mut q.moot, true))
    }

    /// Its questions, wherever they are kept (see [`super::numbers`]).
    pub(super) fn asked(&mut self) -> impl Iterator<Item = &mut AskId> {
        self.question.iter_mut().map(|question| &mut question.ask_id).chain(&mut self.parked)
    }

    /// The next question is the one behind this (see [`super::numbers`]).
    pub(super) const fn count_from(&mut self, latest: AskId) {
        self.latest = latest;
    }

    fn is_waiting(&self) -> bool {
        self.poll_at.is_some() || self.question.as_ref().is_some_and(|q| !q.moot)
    }

    pub(super) fn measure(&mut self, rtt: Duration) {
        let rtt = rtt.min(RTT_MAX);
        self.srtt = Some(self.srtt.map_or(rtt, |srtt| (srtt * 7 + rtt) / 8));
    }
}

impl Core {
    /// In response to completing: assist the other peer (claims 1.3, 1.4).
    pub(super) fn maybe_ask(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let may = self.tuning.policy != Policy::None && self.active() && !self.asking.expecting;
        if !may || !(self.has_completed() || self.runs_dry_soon(now) || self.begins_exchange()) {
            self.asking.declined = None;
            return;
        }
        if !self.asking.open {
            self.asking.open = true;
            self.asking.begun = false;
            self.asking.poll_at = None;
            self.asking.poll_delay = Duration::ZERO;
            self.asking.episode.0 += 1;
            out.push(Effect::Report(Report::EpisodeBegan { episode: self.asking.episode }));
        }
        if self.linked_peer().is_none() || self.asking.is_waiting() || self.declines(now) {
            return;
        }
        if !std::mem::replace(&mut self.asking.begun, true) {
            self.ran_dry_first(out);
        }
        self.asking.latest = self.asking.latest.next();
        self.asking.parked = None;
        self.asking.declined = None;
        self.asking.exchanged |= self.begins_exchange();
        let delay = self.first_resend_delay();
        self.asking.question = Some(Question {
            ask_id: self.asking.latest,
            first_sent: now,
            resend_at: now + delay,
            delay,
            moot: false,
        });
        self.send_question(now, false, out);
    }

    /// `balanced` asks before it is idle, so that the answer comes in time.
    fn runs_dry_soon(&self, now: Moment) -> bool {
        self.tuning.policy == Policy::Balanced
            && self.slots_used() > 0
            && self.time_left(now).is_some_and(|left| left <= self.lead())
    }

    /// Once in a life the peer with the fast link asks for large transfers before it is idle.
    fn begins_exchange(&self) -> bool {
        self.tuning.policy == Policy::Balanced
            && !self.asking.exchanged
            && self.linked_peer().is_some()
            && !self.asking.is_waiting()
            && self.wants_large()
    }

    /// `balanced`: nothing worth moving is left at the other peer, as far as is known. Not for ever (L2).
    fn declines(&mut self, now: Moment) -> bool {
        if self.tuning.policy != Policy::Balanced || self.begins_exchange() || self.expects_work(now) {
            return false;
        }
        let since = *self.asking.declined.get_or_insert(now);
        now.since(since) < self.tuning.timing.poll_cap
    }

    /// When to look whether to ask: before running dry, or when it was declined for long enough.
    pub(super) fn wakes_to_ask(&self, now: Moment) -> Option<Moment> {
        if self.tuning.policy != Policy::Balanced || !self.active() || self.linked_peer().is_none() {
            return None;
        }
        match self.asking.declined {
            Some(since) => {
                let polled = since + self.tuning.timing.poll_cap;
                Some(self.overdue_at().map_or(polled, |at| at.min(polled)))
                    .filter(|_| !self.asking.is_waiting())
            }
            None => self.ask_at(now).filter(|_| !self.asking.open),
        }
    }

    /// max(4 srtt, 50 ms), as far as the cap allows (protocol.md 4).
    fn first_resend_delay(&self) -> Duration {
        let timing = &self.tuning.timing;
        let unknown = if self.tuning.policy == Policy::Balanced { timing.poll_floor } else { Duration::ZERO };
        let wished = self.asking.srtt.map_or(unknown, |srtt| srtt * 4);
        wished.max(timing.ask_resend_floor).min(timing.ask_resend_cap)
    }

    fn send_question(&self, now: Moment, resent: bool, out: &mut Vec<Effect>) {
        let Some(question) = &self.asking.question else { return };
        let (ask_id, episode) = (question.ask_id, self.asking.episode);
        let idle_slots = self.tuning.slots.saturating_sub(self.slots_used()) as u32;
        let (rate, queued, left, pace) = (self.rate(), self.queued(), self.left_at(now), self.pace());
        out.push(Effect::Send(Message::Ask { ask_id, episode, rate, queued, idle_slots, left, pace }));
        out.push(Effect::Report(Report::AskSent { ask_id, episode, resent }));
    }

    /// When the open question is to be sent again, if it is.
    pub(super) fn resend_at(&self) -> Option<Moment> {
        let question = self.asking.question.as_ref().filter(|q| !q.moot)?;
        (self.link.up && self.active()).then_some(question.resend_at)
    }

    /// The same question again; the wait doubles up to its cap.
    pub(super) fn resend(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let cap = self.tuning.timing.ask_resend_cap;
        if let Some(question) = &mut self.asking.question {
            question.delay = (question.delay * 2).min(cap);
            question.resend_at = now + question.delay;
        }
        self.send_question(now, true, out);
    }

    /// "Assistance needed": the portion is this peer's now, and the ledger has it (claims 2.2.3, 3.2.3).
    pub(super) fn on_needed(
        &mut self,
        now: Moment,
        ask_id: AskId,
        figures: AnswerFigures,
        answered: Answered,
        out: &mut Vec<Effect>,
    ) {
        let late = self.asking.parked.take_if(|parked| *parked == ask_id).is_some();
        if late {
            let rtt = Duration::ZERO; // nobody waited for it
            out.push(Effect::Report(Report::AnswerReceived { ask_id, figures, answered, rtt }));
        }
        if late || self.take_answer(now, ask_id, figures, answered, out) {
            self.learned.last = Last::IHelpedIt;
            self.asking.expecting = true;
        }
        // A doubled or late one still points at work; looking costs little.
        self.request_load(now, out);
    }

    /// "No assistance needed": not all is complete, so ask again later (claim 1.5).
    pub(super) fn on_not_needed(
        &mut self,
        now: Moment,
        ask_id: AskId,
        figures: AnswerFigures,
        out: &mut Vec<Effect>,
    ) {
        if self.take_answer(now, ask_id, figures, Answered::NotNeeded, out) {
            self.learned.last = Last::None;
            self.wait(now);
            if self.tuning.policy == Policy::Balanced {
                // The owner keeps the question and comes back to it; asking again is for lost messages only.
                self.asking.parked = Some(ask_id);
                if !self.tuning.has(Flaw::NeverAsksAgain) {
                    self.asking.poll_at = Some(now + self.tuning.timing.poll_cap);
                }
            }
        }
    }

    /// Whether this answers the open question; then it is closed.
    fn take_answer(
        &mut self,
        now: Moment,
        ask_id: AskId,
        figures: AnswerFigures,
        answered: Answered,
        out: &mut Vec<Effect>,
    ) -> bool {
        let Some(question) = self.asking.question.take_if(|q| q.ask_id == ask_id) else { return false };
        let rtt = now.since(question.first_sent);
        self.asking.measure(rtt);
        self.prove_decrease(figures.queued);
        out.push(Effect::Report(Report::AnswerReceived { ask_id, figures, answered, rtt }));
        true
    }

    /// max(rtt, 250 ms), growing to 5 s (protocol.md 4).
    fn wait(&mut self, now: Moment) {
        let timing = &self.tuning.timing;
        let asking = &mut self.asking;
        let first = asking.srtt.unwrap_or_default().max(timing.poll_floor);
        asking.poll_delay = (asking.poll_delay * 2).max(first).min(timing.poll_cap);
        let never = self.tuning.has(Flaw::NeverAsksAgain);
        asking.poll_at = Some(now + if never { Duration::from_hours(24) } else { asking.poll_delay });
    }

    /// The load after Needed brought nothing: a lagging replica perhaps. Asking at once would take a portion each time.
    pub(super) fn found_nothing(&mut self, now: Moment) {
        if self.asking.open {
            self.wait(now);
        }
    }

    /// An operator's gift: no part of the method, so the memory of who assisted whom stays as it is.
    pub(super) fn on_given(
        &mut self,
        now: Moment,
        op: OpId,
        count: u64,
        bytes: Bytes,
        out: &mut Vec<Effect>,
    ) {
        self.asking.give_up_waiting();
        self.asking.expecting = true;
        self.request_load(now, out);
        out.push(Effect::Report(Report::WasGiven { op, count, bytes }));
    }
}
