//! What the core tells about itself, as events for the history and figures for the snapshot.

use super::{Driver, HISTORY_MAX};
use crate::clock::wall_ms;
use crate::ledger_thread::Job;
use twinhaul_assist::{Answered, Control, ControlRefusal, Report};
use twinhaul_ledger::{NewEvent, Remembered};
use twinhaul_wire::{AssignWhy, EventKind, RatioMove};

impl Driver {
    /// Notes an event; it goes to the ledger with the next batch.
    pub(super) fn record(&mut self, kind: EventKind) {
        tracing::info!(event = %serde_json::to_string(&kind).unwrap_or_default());
        if self.history.len() >= HISTORY_MAX {
            self.view.events_dropped += 1;
            return;
        }
        let peer = Some(self.options.name().to_owned());
        self.history.push(NewEvent { at_ms: wall_ms(), peer, incarnation: self.incarnation.0, kind });
    }

    pub(super) fn flush_history(&mut self) {
        if self.history.is_empty() {
            return;
        }
        let sent = self.out.ledger.try_send(Job::Events(std::mem::take(&mut self.history)));
        // Busy: the batch waits for the next tick. Gone: the fatal error is on its way.
        if let Err(crossbeam_channel::TrySendError::Full(Job::Events(events))) = sent {
            self.history = events;
        }
    }

    pub(super) fn joined(&mut self) {
        self.record(EventKind::Joined { pid: std::process::id() });
    }

    pub(super) fn on_report(&mut self, report: Report) {
        match report {
            Report::RatioMoved { old, new, rule } => {
                let rule = super::translate::rule(rule);
                let (old, new) = (old.get(), new.get());
                self.view.ratio_moved(RatioMove { at_ms: wall_ms(), old, new, rule });
                self.record(EventKind::Ratio { old, new, rule });
                self.remember();
            }
            Report::EpisodeBegan { .. }
            | Report::AskSent { resent: true, .. }
            | Report::RetryDeferred { .. }
            | Report::WasGiven { .. }
            // Ranges that could not be cut any more are no news: they are done where they are.
            | Report::AssignRefused { count: 0, .. } => {}
            Report::EpisodeEnded { .. } => self.remember(),
            Report::AskSent { ask_id, .. } => {
                self.view.assisted.asked += 1;
                let idle_slots = self.slots_max() - self.slots_used();
                let rate = self.view.rates(self.clock.ms(), &self.shared).now;
                self.record(EventKind::Ask {
                    ask_id: ask_id.number(),
                    idle_slots,
                    rate,
                    queued: self.core.queued(),
                });
            }
            Report::AnswerGiven { answered, .. } => self.answer_given(answered),
            Report::AnswerReceived { ask_id, figures, answered, rtt } => {
                let (ratio, portion) = (figures.ratio.get(), figures.portion.get());
                let (minimum, queued) = (figures.minimum, figures.queued);
                let rtt_us = u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX);
                self.view.rtt_us = Some(rtt_us);
                let ask_id = ask_id.number();
                match answered {
                    Answered::Needed { op, count, bytes } => {
                        self.view.assisted.needed += 1;
                        self.view.assisted.transfers += count;
                        self.view.assisted.bytes += bytes.0;
                        let bytes = bytes.0;
                        let needed = EventKind::Needed {
                            ask_id,
                            op: op.0,
                            count,
                            bytes,
                            ratio,
                            portion,
                            minimum,
                            queued,
                            rtt_us,
                        };
                        self.record(needed);
                    }
                    Answered::NotNeeded => {
                        self.view.assisted.not_needed += 1;
                        self.record(EventKind::NotNeeded { ask_id, ratio, portion, minimum, queued, rtt_us });
                    }
                }
            }
            Report::Gave { op, count, bytes, why } => {
                self.record_assigned(op.0, count, bytes.0, super::translate::why(why));
            }
            Report::AssignRefused { count, why, .. } => {
                self.record(EventKind::Warning { text: format!("{count} transfers stay here: {why:?}") });
            }
            Report::ControlRefused { control, why } => self.control_refused(control, why),
            Report::Suspected { silent } => {
                let other = self.options.other_name().to_owned();
                let silent_ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
                self.record(EventKind::Suspected { other, silent_ms });
            }
            Report::TookOver { from, figures, why } => self.tell_of_take_over(from, figures, why),
            Report::FenceRefused { why } => {
                let text = format!("the other peer could not be taken over: {why:?}");
                self.record(EventKind::Warning { text });
            }
        }
    }

    fn answer_given(&mut self, answered: Answered) {
        self.view.was_assisted.asked += 1;
        match answered {
            Answered::Needed { op, count, bytes } => {
                self.view.was_assisted.needed += 1;
                self.view.was_assisted.transfers += count;
                self.view.was_assisted.bytes += bytes.0;
                self.record_assigned(op.0, count, bytes.0, AssignWhy::Assistance);
                // Before the asker tells of it: in the history causes come first.
                self.flush_history();
            }
            Answered::NotNeeded => self.view.was_assisted.not_needed += 1,
        }
        self.remember();
    }

    fn control_refused(&mut self, control: Control, why: ControlRefusal) {
        let why = match why {
            ControlRefusal::NoPeer => "the other peer is not joined",
            ControlRefusal::NothingQueued => "nothing is queued",
            ControlRefusal::Busy => "assignments are under way already",
        };
        self.record(EventKind::Warning { text: format!("{control:?} had no effect: {why}") });
    }

    /// Ratio and last assistance survive this incarnation (claims 6, 7 look at the previous turn).
    pub(super) fn remember(&mut self) {
        let memory = self.core.memory();
        let last = match memory.last {
            twinhaul_assist::Last::None => "none",
            twinhaul_assist::Last::ItHelpedMe => "it helped me",
            twinhaul_assist::Last::IHelpedIt => "I helped it",
        };
        let memory =
            Remembered { ratio: memory.ratio.get(), live_ratio: memory.live.get(), last: last.to_owned() };
        // A memory that is not written now is written at the next turn.
        let _ = self.out.ledger.try_send(Job::Remember(memory));
    }
}
