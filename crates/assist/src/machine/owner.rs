//! The peer that is asked (claims 2 to 5): it decides from its own queue and its own ratio, hands the portion over in
//! the ledger, and only then answers "assistance needed".
//!
//! Transfers of an assignment under way are reserved: neither started nor counted, until its outcome is known. A
//! question that was answered "no" is kept: when the prospects change, the portion follows without being asked for.

use super::balance::Share;
use super::{Core, Number};
use crate::flaw::Flaw;
use crate::{
    ASSIGNS_PENDING_MAX, AnswerFigures, Answered, AskId, AssignWhy, ByteRange, Cut, Effect, Episode,
    Interval, LOTS_NAMED_MAX, Last, Message, Millionths, OpId, Pace, Policy, Refusal, Report, interval,
};
use std::time::Duration;
use twinhaul_units::{Bytes, Incarnation, LotId, Moment, PeerId};

/// The owner's side of one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Owning {
    pub(super) pending: Vec<Pending>,
    /// Number of the latest assignment or take-over of this incarnation.
    pub(super) ops: u64,
    /// The latest Ask, and its answer as soon as there is one.
    pub(super) heard: Option<Heard>,
    /// A question answered "no" that may still be answered otherwise, and when its asker can begin.
    pub(super) parked: Option<(AskId, Moment)>,
    /// A process that got a portion before it could ask, and when: what it asked before it knew is ignored.
    pub(super) greeted: Option<(Incarnation, Moment)>,
    /// After a refusal: when the drain goes on.
    pub(super) drain_at: Option<Moment>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Heard {
    ask_id: AskId,
    episode: Episode,
    answer: Option<Message>,
}

/// An assignment whose outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pending {
    pub(super) op: OpId,
    pub(super) ask_id: Option<AskId>,
    to: Incarnation,
    pub(super) intervals: Vec<Interval>,
    pub(super) cuts: Vec<Cut>,
    why: AssignWhy,
    figures: AnswerFigures,
    pub(super) confirm_at: Moment,
    delay: Duration,
}

/// Who gets a portion, and what for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receiver {
    pub(super) why: AssignWhy,
    pub(super) to: Incarnation,
    pub(super) ask_id: Option<AskId>,
}

impl Heard {
    pub(super) const fn ask_id(&self) -> AskId {
        self.ask_id
    }

    /// Of a question of `asker` (see [`super::numbers`]).
    pub(super) fn each_number(&mut self, asker: PeerId, each: &mut dyn FnMut(Number<'_>)) {
        each(Number::Episode(asker, self.ask_id.incarnation(), &mut self.episode));
        each(Number::Ask(asker, &mut self.ask_id));
        self.answer.iter_mut().for_each(|answer| answer.each_number(asker, each));
    }

    pub(super) const fn answer_mut(&mut self) -> Option<&mut Message> {
        self.answer.as_mut()
    }
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
            cuts: self.cuts.clone(),
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
    pub(super) fn figures(&self, now: Moment, ratio: Millionths) -> AnswerFigures {
        // A static split hands nothing over: its ratio is nothing. Stealing takes half, whatever was learned.
        let ratio = match self.tuning.policy {
            Policy::None => Millionths::ZERO,
            Policy::StealHalf => Millionths::HALF,
            Policy::Learning | Policy::Balanced => ratio,
        };
        let queued = self.queued();
        let flying = if self.tuning.has(Flaw::PortionCountsInFlight) { self.slots_used() as u64 } else { 0 };
        AnswerFigures {
            ratio,
            portion: ratio.times(queued + flying),
            minimum: self.tuning.minimum,
            queued,
            portion_bytes: Bytes(ratio.share_of(self.queued_bytes().0)),
            remaining_bytes: self.left_at(now),
            ranges: 0,
        }
    }

    /// "Do you need assistance?" (claims 2.1, 3.1). The asker's incarnation has been checked.
    pub(super) fn on_ask(
        &mut self,
        now: Moment,
        (ask_id, episode): (AskId, Episode),
        (queued, left, pace): (u64, Bytes, Pace),
        out: &mut Vec<Effect>,
    ) {
        if let Some(heard) = self.owning.heard.as_ref().filter(|heard| heard.ask_id >= ask_id) {
            if heard.ask_id > ask_id || self.owning.is_assigning_for(ask_id) {
                return;
            }
            if let Some(answer) = &heard.answer {
                out.push(Effect::Send(answer.clone()));
                return;
            }
        }
        if self.was_greeted_since(now, ask_id) {
            return; // sent again if what it got has not arrived
        }
        self.heard_of(now, queued, left, pace, false);
        self.owning.parked = None;
        let before = self.owning.heard.replace(Heard { ask_id, episode, answer: None });
        let known = |h: Heard| h.ask_id.incarnation() == ask_id.incarnation() && h.episode >= episode;
        let learned = before.is_some_and(known) && !self.tuning.has(Flaw::RepollLearns);
        if self.tuning.policy != Policy::None && !learned {
            self.asker_is_back(out); // before the portion, once an episode (4.1, 5.1 = 2.2.2, 3.2.1)
        }
        let to = ask_id.incarnation();
        if self.draining && !self.work.queue.is_empty() {
            let all = Share::of_tail(self.figures(now, self.learned.ratio), u64::MAX);
            self.assign(now, all, Receiver { why: AssignWhy::Drain, to, ask_id: Some(ask_id) }, out);
            return;
        }
        let asker = self.asker(queued, left);
        let early = queued > 0 && asker.start > 2.0 * self.lead();
        let share = if early && self.tuning.policy == Policy::Balanced {
            self.exchange(now, &asker, queued)
        } else {
            self.share(now, &asker)
        };
        if share.count == 0 && share.cuts.is_empty() {
            self.answer_not_needed(ask_id, share.figures, out);
            self.park(now, ask_id, &asker);
        } else {
            self.assign(now, share, Receiver { why: AssignWhy::Assistance, to, ask_id: Some(ask_id) }, out);
        }
    }

    /// Claims 4.4, 5.4.
    fn answer_not_needed(&mut self, ask_id: AskId, figures: AnswerFigures, out: &mut Vec<Effect>) {
        self.learned.last = Last::None;
        self.determined(&figures);
        let AnswerFigures { ratio, portion, minimum, queued, portion_bytes, remaining_bytes, .. } = figures;
        let not_needed = Message::NotNeeded {
            ask_id,
            ratio,
            portion,
            minimum,
            queued,
            portion_bytes,
            remaining_bytes,
            pace: self.pace(),
        };
        self.answer(ask_id, not_needed, out);
        out.push(Effect::Report(Report::AnswerGiven { ask_id, figures, answered: Answered::NotNeeded }));
    }

    /// `balanced` shows the ratio that it determined last.
    fn determined(&mut self, figures: &AnswerFigures) {
        if self.tuning.policy == Policy::Balanced {
            self.learned.determined = Some(figures.ratio);
        }
    }

    /// Sends the answer and keeps it for the same question sent again.
    fn answer(&mut self, ask_id: AskId, answer: Message, out: &mut Vec<Effect>) {
        if let Some(heard) = self.owning.heard.as_mut().filter(|heard| heard.ask_id == ask_id) {
            heard.answer = Some(answer.clone());
        }
        out.push(Effect::Send(answer));
    }

    /// Claims 2.2.1, 3.2.2: reserves a part of the queue and asks the ledger to change its owner. Without room for
    /// one more assignment nothing happens; the question will be sent again.
    pub(super) fn assign(&mut self, now: Moment, share: Share, receiver: Receiver, out: &mut Vec<Effect>) {
        if self.owning.is_full() {
            return;
        }
        let intervals = self.cut_queue(share.count, share.from_tail);
        self.assign_these(now, intervals, share, receiver, out);
    }

    /// As [`Self::assign`], with what was taken out of the queue already.
    pub(super) fn assign_these(
        &mut self,
        now: Moment,
        intervals: Vec<Interval>,
        share: Share,
        receiver: Receiver,
        out: &mut Vec<Effect>,
    ) {
        let op = self.next_op();
        let delay = self.tuning.timing.assign_confirm_floor;
        let Receiver { why, to, ask_id } = receiver;
        let (cuts, figures) = (share.cuts, share.figures);
        let confirm_at = now + delay;
        let pending = Pending { op, ask_id, to, intervals, cuts, why, figures, confirm_at, delay };
        out.push(pending.effect());
        self.owning.pending.push(pending);
    }

    /// The number of the next assignment or take-over.
    pub(super) fn next_op(&mut self) -> OpId {
        self.owning.ops += 1;
        OpId::new(self.me, self.incarnation, self.owning.ops)
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
    pub(super) fn on_assigned(
        &mut self,
        op: OpId,
        lots: &[Interval],
        ranges: &[ByteRange],
        bytes: Bytes,
        out: &mut Vec<Effect>,
    ) {
        for range in ranges {
            self.was_cut(range);
        }
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
        self.lend(&pending, ranges);
        let nothing = count == 0 && ranges.is_empty();
        let lots: Vec<LotId> = lots.iter().map(|lot| lot.lot).take(LOTS_NAMED_MAX).collect();
        match (pending.why, pending.ask_id) {
            (AssignWhy::Assistance, Some(ask_id)) if nothing => {
                // What was to be cut had been copied meanwhile.
                self.answer_not_needed(ask_id, AnswerFigures { ranges: 0, ..pending.figures }, out);
            }
            (AssignWhy::Assistance, Some(ask_id)) => {
                self.learned.last = Last::ItHelpedMe;
                let figures = AnswerFigures { ranges: ranges.len() as u64, ..pending.figures };
                self.determined(&figures);
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

    /// Ranges that are the other peer's now; what could not be cut is left alone until it is measured again.
    fn lend(&mut self, pending: &Pending, ranges: &[ByteRange]) {
        for cut in &pending.cuts {
            let made = ranges.iter().any(|r| r.id == cut.id && r.from >= cut.from);
            let part = self.work.parts.iter_mut().find(|p| p.id == cut.id && p.from == cut.from);
            if let Some(part) = part.filter(|_| !made) {
                part.uncut = true;
            }
        }
        self.work.lent.extend_from_slice(ranges);
        let excess = self.work.lent.len().saturating_sub(crate::RANGES_MAX);
        self.work.lent.drain(..excess);
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
