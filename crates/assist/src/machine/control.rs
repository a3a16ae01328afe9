//! What an operator can do to a running peer: pause, resume, set the ratio, rebalance, drain. None of it touches the
//! memory of who assisted whom, and only setting the ratio touches the ratio (protocol.md 4).

use super::{Core, balance::Share, owner::Receiver};
use crate::{AssignWhy, Control, ControlRefusal, Effect, Report, SLOTS_MAX};
use twinhaul_units::{Moment, TransferId};

impl Core {
    pub(super) fn on_control(&mut self, now: Moment, control: Control, out: &mut Vec<Effect>) {
        let refused = match control {
            Control::Pause => {
                self.paused = true;
                None
            }
            Control::Resume => {
                self.paused = false;
                self.draining = false;
                self.owning.drain_at = None;
                None
            }
            Control::Ratio(ratio) => {
                self.set_ratio(ratio, out);
                None
            }
            Control::Minimum(minimum) => {
                self.tuning.minimum = minimum;
                None
            }
            Control::Slots(slots) => {
                self.tuning.slots = slots.clamp(1, SLOTS_MAX) as usize;
                None
            }
            Control::Give { count } => self.give(now, count, out),
            Control::Drain => {
                self.draining |= self.linked_peer().is_some();
                (!self.draining).then_some(ControlRefusal::NoPeer)
            }
        };
        if let Some(why) = refused {
            out.push(Effect::Report(Report::ControlRefused { control, why }));
        }
    }

    /// Rebalance: an assignment on request, cut where assistance cuts.
    fn give(&mut self, now: Moment, count: u64, out: &mut Vec<Effect>) -> Option<ControlRefusal> {
        let Some(to) = self.linked_peer() else { return Some(ControlRefusal::NoPeer) };
        if count == 0 || self.work.queue.is_empty() {
            return Some(ControlRefusal::NothingQueued);
        }
        if self.owning.is_full() {
            return Some(ControlRefusal::Busy);
        }
        let share = Share::of_tail(self.figures(now, self.learned.ratio), count);
        self.assign(now, share, Receiver { why: AssignWhy::Rebalance, to, ask_id: None }, out);
        None
    }

    /// These transfers, wherever they stand in the queue; what has started meanwhile stays.
    pub(super) fn on_hand_over(&mut self, now: Moment, ids: &[TransferId], out: &mut Vec<Effect>) {
        let these = self.work.queue.those(ids);
        let why = match self.linked_peer() {
            None => Some(ControlRefusal::NoPeer),
            Some(_) if these.is_empty() => Some(ControlRefusal::NothingQueued),
            Some(_) if self.owning.is_full() => Some(ControlRefusal::Busy),
            Some(to) => {
                let share = Share::of_tail(self.figures(now, self.learned.ratio), 0);
                for part in &these {
                    self.work.queue.take(part);
                }
                self.assign_these(
                    now,
                    these,
                    share,
                    Receiver { why: AssignWhy::Rebalance, to, ask_id: None },
                    out,
                );
                None
            }
        };
        if let Some(why) = why {
            let control = Control::Give { count: ids.len() as u64 };
            out.push(Effect::Report(Report::ControlRefused { control, why }));
        }
    }

    /// A draining peer hands over whatever it has, also what it is given later.
    pub(super) fn drain_on(&mut self, now: Moment, out: &mut Vec<Effect>) {
        if !self.draining || self.work.queue.is_empty() || self.owning.drain_at.is_some() {
            return;
        }
        if let Some(to) = self.linked_peer() {
            let all = Share::of_tail(self.figures(now, self.learned.ratio), u64::MAX);
            self.assign(now, all, Receiver { why: AssignWhy::Drain, to, ask_id: None }, out);
        }
    }
}
