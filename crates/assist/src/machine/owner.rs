//! The peer that is asked (claims 2 to 5): it decides from its own queue and its own ratio, hands the portion over in
//! the ledger, and only then answers "assistance needed".
//!
//! Transfers of an assignment under way are reserved: neither started nor counted, until its outcome is known.

use super::Core;
use crate::{
    ASSIGNS_PENDING_MAX, AnswerFigures, Answered, AskId, AssignWhy, Effect, Episode, Interval,
    LOTS_NAMED_MAX, Last, Message, Millionths, OpId, Policy, Refusal, Report, interval,
};
use std::time::Duration;
use twinhaul_units::{Bytes, Incarnation, LotId, Moment};

/// The owner's side of one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Owning {
    pub(super) pending: Vec<Pending>,
    /// Number of the latest assignment of this incarnation.
    ops: u64,
    /// The latest Ask, and its answer as soon as there is one.
    heard: Option<Heard>,
    /// After a refusal: when the drain goes on.
    pub(super) drain_at: Option<Moment>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Heard {
    ask_id: AskId,
    episode: Episode,
    answer: Option<Message>,
}

/// An assignment whose outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pending {
    op: OpId,
    ask_id: Option<AskId>,
    to: Incarnation,
    pub(super) intervals: Vec<Interval>,
    why: AssignWhy,
    figures: AnswerFigures,
    pub(super) confirm_at: Moment,
    delay: Duration,
}

impl Pending {
    fn count(&self) -> u64 {
        interval::count(&self.intervals)
    }

    fn effect(&self) -> Effect {
        Effect::Assign {
            op: self.op,
            ask_id: self.ask_id,
            asker_incarnation: self.to,
            intervals: self.intervals.clone(),
            cuts: Vec::new(),
            why: self.why,
        }
    }
}

impl Owning {
    pub(super) fn reserved(&self) -> u64 {
        self.pending.iter().map(Pending::count).sum()
    }

    pub(super) fn is_full(&self) -> bool {
        self.pending.len() >= ASSIGNS_PENDING_MAX
    }

    fn is_assigning_for(&self, ask_id: AskId) -> bool {
        self.pending.iter().any(|p| p.ask_id == Some(ask_id))
    }
}

/// How many transfers the figures hand over: portion > minimum (claims 4.3, 5.3) gives its whole part, at least one;
/// portion <= minimum (claims 4.4, 5.4) gives none.
pub(super) fn to_hand_over(figures: &AnswerFigures) -> u64 {
    if figures.portion.exceeds(figures.minimum) {
        figures.portion.floor().max(1).min(figures.queued)
    } else {
        0
    }
}

impl Core {
    /// Claims 4.2, 5.2: portion = ratio x the remaining (queued) number of transfers.
    pub(super) fn figures(&self, ratio: Millionths) -> AnswerFigures {
        // A static split hands nothing over: its ratio is nothing. Stealing takes half, whatever was learned.
        let ratio = match self.tuning.policy {
            Policy::None => Millionths::ZERO,
            Policy::StealHalf => Millionths::HALF,
            Policy::Learning | Policy::Balanced => ratio,
        };
        let queued = self.queued();
        AnswerFigures {
            ratio,
            portion: ratio.times(queued),
            minimum: self.tuning.minimum,
            queued,
            portion_bytes: Bytes(ratio.share_of(self.queued_bytes().0)),
            remaining_bytes: self.left(),
            ranges: 0,
        }
    }

    /// "Do you need assistance?" (claims 2.1, 3.1). The asker's incarnation has been checked.
    pub(super) fn on_ask(&mut self, now: Moment, ask_id: AskId, episode: Episode, out: &mut Vec<Effect>) {
        if let Some(heard) = self.owning.heard.as_ref().filter(|heard| heard.ask_id >= ask_id) {
            if heard.ask_id > ask_id || self.owning.is_assigning_for(ask_id) {
                return;
            }
            if let Some(answer) = &heard.answer {
                out.push(Effect::Send(answer.clone()));
                return;
            }
        }
        let before = self.owning.heard.replace(Heard { ask_id, episode, answer: None });
        let known = |h: Heard| h.ask_id.incarnation() == ask_id.incarnation() && h.episode >= episode;
        if self.tuning.policy != Policy::None && !before.is_some_and(known) {
            self.asker_is_back(out); // before the portion, once an episode (4.1, 5.1 = 2.2.2, 3.2.1)
        }
        let to = ask_id.incarnation();
        let figures = self.figures(self.learned.ratio);
        if self.draining && !self.work.queue.is_empty() {
            self.assign(now, u64::MAX, AssignWhy::Drain, to, Some(ask_id), figures, out);
            return;
        }
        match to_hand_over(&figures) {
            0 => self.answer_not_needed(ask_id, figures, out),
            count => self.assign(now, count, AssignWhy::Assistance, to, Some(ask_id), figures, out),
        }
    }

    /// Claims 4.4, 5.4.
    fn answer_not_needed(&mut self, ask_id: AskId, figures: AnswerFigures, out: &mut Vec<Effect>) {
        self.learned.last = Last::None;
        let AnswerFigures { ratio, portion, minimum, queued, portion_bytes, remaining_bytes, .. } = figures;
        let pace = self.pace();
        let not_needed = Message::NotNeeded {
            ask_id,
            ratio,
            portion,
            minimum,
            queued,
            portion_bytes,
            remaining_bytes,
            pace,
        };
        self.answer(ask_id, not_needed, out);
        out.push(Effect::Report(Report::AnswerGiven { ask_id, figures, answered: Answered::NotNeeded }));
    }

    /// Sends the answer and keeps it for the same question sent again.
    fn answer(&mut self, ask_id: AskId, answer: Message, out: &mut Vec<Effect>) {
        if let Some(heard) = self.owning.heard.as_mut().filter(|heard| heard.ask_id == ask_id) {
            heard.answer = Some(answer.clone());
        }
        out.push(Effect::Send(answer));
    }

    /// Claims 2.2.1, 3.2.2: reserves the tail of the queue and asks the ledger to change its owner. Without room for
    /// one more assignment nothing happens; the question will be sent again.
    #[allow(clippy::too_many_arguments, reason = "each is a field of one assignment, made in three places")]
    pub(super) fn assign(
        &mut self,
        now: Moment,
        count: u64,
        why: AssignWhy,
        to: Incarnation,
        ask_id: Option<AskId>,
        figures: AnswerFigures,
        out: &mut Vec<Effect>,
    ) {
        if self.owning.is_full() {
            return;
        }
        self.owning.ops += 1;
        let op = OpId::new(self.me, self.incarnation, self.owning.ops);
        let intervals = self.work.queue.cut_tail(count);
        let delay = self.tuning.timing.assign_confirm_floor;
        let pending = Pending { op, ask_id, to, intervals, why, figures, confirm_at: now + delay, delay };
        out.push(pending.effect());
        self.owning.pending.push(pending);
    }

    /// Assignments without an outcome are asked for again under the same number.
    pub(super) fn confirm_assignments(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let cap = self.tuning.timing.assign_confirm_cap;
        for pending in self.owning.pending.iter_mut().filter(|p| p.confirm_at <= now) {
            pending.delay = (pending.delay * 2).min(cap);
            pending.confirm_at = now + pending.delay;
            out.push(pending.effect());
        }
    }

    /// The assignment is durable: only now the other peer hears "assistance needed" (claims 4.3, 5.3).
    pub(super) fn on_assigned(&mut self, op: OpId, lots: &[Interval], bytes: Bytes, out: &mut Vec<Effect>) {
        let Some(at) = self.owning.pending.iter().position(|p| p.op == op) else {
            // Not awaited (any more): the ledger is the truth, so what it gave away is not ours to start.
            for lot in lots {
                self.work.given += self.work.queue.remove(lot);
            }
            return;
        };
        let pending = self.owning.pending.remove(at);
        let count = pending.count();
        debug_assert_eq!(count, interval::count(lots), "the ledger gave away what was reserved");
        self.work.given += count;
        let lots: Vec<LotId> = lots.iter().map(|lot| lot.lot).take(LOTS_NAMED_MAX).collect();
        match (pending.why, pending.ask_id) {
            (AssignWhy::Assistance, Some(ask_id)) => {
                self.learned.last = Last::ItHelpedMe;
                let figures = pending.figures;
                let AnswerFigures { ratio, portion, minimum, queued, portion_bytes, remaining_bytes, ranges } =
                    figures;
                let needed = Message::Needed {
                    ask_id,
                    op,
                    lots,
                    count,
                    bytes,
                    ratio,
                    portion,
                    minimum,
                    queued,
                    portion_bytes,
                    remaining_bytes,
                    ranges,
                    pace: self.pace(),
                };
                self.answer(ask_id, needed, out);
                let answered = Answered::Needed { op, count, bytes };
                out.push(Effect::Report(Report::AnswerGiven { ask_id, figures, answered }));
            }
            (why, ask_id) => {
                let given = Message::Given { op, lots, count, bytes };
                match ask_id {
                    Some(ask_id) => self.answer(ask_id, given, out),
                    None => out.push(Effect::Send(given)),
                }
                out.push(Effect::Report(Report::Gave { op, count, bytes, why }));
            }
        }
    }

    /// Nothing was given away: the transfers come back into the queue. The question stays unanswered, so that the same
    /// one sent again is decided again, without learning again.
    pub(super) fn on_refused(&mut self, now: Moment, op: OpId, why: Refusal, out: &mut Vec<Effect>) {
        let Some(at) = self.owning.pending.iter().position(|p| p.op == op) else { return };
        let pending = self.owning.pending.remove(at);
        for part in &pending.intervals {
            self.work.queue.insert(*part);
        }
        if self.draining {
            self.owning.drain_at = Some(now + self.tuning.timing.poll_floor);
        }
        out.push(Effect::Report(Report::AssignRefused { op, count: pending.count(), why }));
    }
}
