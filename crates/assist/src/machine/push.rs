//! Which portion answers a question, and the question that is kept: answered "no", it is answered otherwise as soon as
//! that pays, without being asked again (protocol.md 4, parked asks).

use super::Core;
use super::balance::{Asker, Share};
use super::owner::{Receiver, to_hand_over};
use super::parts::prices;
use crate::{AnswerFigures, AskId, AssignWhy, Effect, Millionths, Policy};
use std::time::Duration;
use twinhaul_units::{Bytes, Moment};

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
            self.assign(now, share, Receiver { why: AssignWhy::Assistance, to, ask_id: Some(ask_id) }, out);
        }
    }
}
