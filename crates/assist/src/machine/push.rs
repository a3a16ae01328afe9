//! Which portion answers a question, and the question that is kept: answered "no", it is answered otherwise as soon as
//! that pays, without being asked again (protocol.md 4, parked asks). Who joins with nothing has asked by that.

use super::Core;
use super::balance::{Asker, Share};
use super::owner::{Receiver, to_hand_over};
use super::parts::prices;
use crate::{AnswerFigures, AskId, AssignWhy, Effect, Millionths, Policy};
use std::time::Duration;
use twinhaul_units::{Bytes, Incarnation, Moment};

/// A portion that nobody waits for must be worth so many times what one that is asked for must.
const PUSH_EXPECTS: f64 = 2.0;

/// `balanced`: whether what would move is more than the minimum.
fn to_hand_over_moves(figures: &AnswerFigures) -> bool {
    figures.portion.exceeds(figures.minimum)
}

impl Core {
    /// What the answer to an Ask would be now: the claims' ratio, or what the paces say.
    pub(super) fn share(&self, now: Moment, asker: &Asker) -> Share {
        if self.tuning.policy == Policy::Balanced {
            let share = self.balance(now, asker);
            return if to_hand_over_moves(&share.figures) {
                share
            } else {
                Share { count: 0, cuts: Vec::new(), ..share }
            };
        }
        let figures = self.figures(now, self.learned.ratio);
        Share::of_tail(figures, to_hand_over(&figures))
    }

    /// What the answer would be now; with another ratio in place of the own one, as an operator may think of it.
    pub(super) fn share_by(&self, now: Moment, ratio: Option<Millionths>) -> Share {
        if self.tuning.policy == Policy::Balanced && ratio.is_none() {
            return self.share(now, &Asker { start: self.round_trip_s() / 2.0, pace: self.other.pace });
        }
        let figures = self.figures(now, ratio.unwrap_or(self.learned.ratio));
        Share::of_tail(figures, to_hand_over(&figures))
    }

    /// When the asker, which said half a round trip ago what it has left, can begin with what it gets.
    pub(super) fn asker(&self, queued: u64, left: Bytes) -> Asker {
        let half = self.round_trip_s() / 2.0;
        let pace = self.other.pace;
        let (byte, transfer) = prices(pace);
        let own = left.0 as f64 * byte + queued as f64 * transfer - half;
        Asker { start: own.max(half), pace }
    }

    /// The question is kept, in case that the prospects change.
    pub(super) fn park(&mut self, now: Moment, ask_id: AskId, asker: &Asker) {
        if self.tuning.policy == Policy::Balanced {
            self.owning.parked = Some((ask_id, now + Duration::from_secs_f64(asker.start)));
        }
    }

    /// A new process has joined in a place that this peer took over: it has nothing, so it has completed (claim 1.3),
    /// and its joining is its question. Its own would come a round trip later.
    pub(super) fn greet(&mut self, now: Moment, joined: Incarnation) {
        if self.tuning.policy == Policy::Balanced {
            // No question of its own has this number.
            self.owning.parked = Some((AskId::new(joined, 0), now));
        }
    }

    /// The question was sent before its asker can have known what it got unasked.
    pub(super) fn was_greeted_since(&self, now: Moment, ask_id: AskId) -> bool {
        let trip = self.asking.srtt.unwrap_or_default() + self.tuning.timing.ask_resend_floor;
        self.owning.greeted.is_some_and(|(whom, at)| whom == ask_id.incarnation() && now.since(at) <= trip)
    }

    /// The prospects may have changed: a question that was answered "no" is answered otherwise, if that pays now.
    pub(super) fn push(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let Some((ask_id, begins)) = self.owning.parked else { return };
        let to = ask_id.incarnation();
        if self.linked_peer() != Some(to) || self.draining || !self.owning.pending.is_empty() {
            return;
        }
        let half = self.round_trip_s() / 2.0;
        let start = begins.since(now).as_secs_f64().max(half);
        // It must still pay if it begins later, by as much as it must bring.
        let late = Asker { start: start + self.gain_min(now) * PUSH_EXPECTS, pace: self.other.pace };
        let share = self.share(now, &late);
        if share.count > 0 || !share.cuts.is_empty() {
            self.owning.parked = None;
            self.owning.greeted = (ask_id == AskId::new(to, 0)).then_some((to, now));
            self.assign(now, share, Receiver { why: AssignWhy::Assistance, to, ask_id: Some(ask_id) }, out);
        }
    }
}
