//! Commands of operators, verbs, consoles and stories: each is taken and acknowledged, previewed, or refused with
//! the reason and what to do instead.

use super::{Driver, Life};
use crate::error::Result;
use crate::ledger_thread::{Job, Reopened};
use tokio::sync::oneshot;
use twinhaul_assist::{Control, Event};
use twinhaul_ledger::Reopen;
use twinhaul_units::text::{counted, show_bytes};
use twinhaul_units::{Bytes, Ratio, TransferId};
use twinhaul_wire::{Chaos, Command, CommandResult, EventKind, Refusal, Request};

/// Who the supervisor says it is when a demo's story acts.
const STORY: &str = "story";

/// Who gave a command, and how it is answered.
#[derive(Debug)]
pub(crate) struct Asker {
    /// The verb that the command equals.
    verb: String,
    by: String,
    /// A question only: it leaves no trace in the history, whatever the answer.
    dry_run: bool,
    answer: oneshot::Sender<CommandResult>,
}

impl Asker {
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }
}

pub(super) fn refused(why: impl Into<String>, next: impl Into<String>) -> CommandResult {
    CommandResult::Refused(Refusal { why: why.into(), next: next.into() })
}

impl Driver {
    pub(super) fn on_request(
        &mut self,
        request: Request,
        answer: oneshot::Sender<CommandResult>,
    ) -> Result<()> {
        let Request { by, command, .. } = request;
        let by = if by.is_empty() { "someone".to_owned() } else { by };
        let verb = command.verb(&self.options.run, Some(self.options.name()));
        let asker = Asker { verb, by, dry_run: command.is_dry_run(), answer };
        let result = match command {
            Command::Subscribe { .. } | Command::Status => CommandResult::Done("ok".into()),
            Command::Pause => self.pause(&asker.by)?,
            Command::Resume => self.resume()?,
            Command::Ratio { value } => {
                let result = self.set_ratio(value)?;
                return self.acknowledge_when_kept(result, asker);
            }
            Command::Turn { dial, to } => {
                let result = self.turn(&dial, to)?;
                return self.acknowledge_when_kept(result, asker);
            }
            // Once a second or so: it leaves no trace.
            Command::Share { dial, part } => {
                let _ = asker.answer.send(self.set_part(&dial, part));
                return Ok(());
            }
            Command::Rebalance { keep, .. } => return self.rebalance(keep, asker),
            Command::HandOver { transfers, .. } => return self.hand_over(&transfers, asker),
            Command::Drain { dry_run } => self.drain(dry_run)?,
            Command::Stop { drain } => {
                self.stop(!drain, &asker.by);
                CommandResult::Done(if drain { "finishing what is in flight" } else { "stopping" }.into())
            }
            // The supervisor has told the history; or has not, in a drill.
            Command::Chaos { what, .. } => {
                let _ = asker.answer.send(self.suffer(what, &asker.verb));
                return Ok(());
            }
            Command::WhatIf { command } => self.what_if(&command),
            Command::Retry { transfer } => return self.retry(transfer, asker),
        };
        self.acknowledge(result, asker);
        Ok(())
    }

    pub(super) fn acknowledge(&mut self, result: CommandResult, asker: Asker) {
        self.record_control(&result, &asker);
        // Whoever asked may have hung up; the event log has the result.
        let _ = asker.answer.send(result);
    }

    /// Acknowledges once what was set is in the ledger, and its event: a restart of this peer forgets neither.
    fn acknowledge_when_kept(&mut self, result: CommandResult, asker: Asker) -> Result<()> {
        self.record_control(&result, &asker);
        self.flush_history();
        let (done, kept) = oneshot::channel();
        self.ledger(Job::Flush(done))?;
        tokio::spawn(async move {
            // A ledger that fails ends the peer; then the closed channel is the answer.
            if kept.await.is_ok() {
                let _ = asker.answer.send(result);
            }
        });
        Ok(())
    }

    fn record_control(&mut self, result: &CommandResult, asker: &Asker) {
        // The story's commands are in the history already, told by the supervisor that tells the story.
        if asker.dry_run || asker.by == STORY {
            return;
        }
        let words = match result {
            CommandResult::Done(words) => words.clone(),
            CommandResult::Refused(r) => format!("refused: {}", r.why),
            CommandResult::Preview(_) | CommandResult::Outlook(_) | CommandResult::Status(_) => return,
        };
        let (command, by) = (asker.verb.clone(), asker.by.clone());
        self.record(EventKind::Control { command, by, result: words });
    }

    fn pause(&mut self, by: &str) -> Result<CommandResult> {
        self.shared.gate.pause(by);
        self.view.paused_by = Some(by.to_owned());
        self.tell_core(Event::Control(Control::Pause))?;
        // Whoever dies now comes back as it was told last: the supervisor knows that from the snapshot.
        self.publish_snapshot();
        Ok(CommandResult::Done(format!("{} is paused; it still answers asks", self.options.name())))
    }

    fn resume(&mut self) -> Result<CommandResult> {
        if matches!(self.life, Life::Stopping { .. }) {
            return Ok(refused("the peer is stopping", "twinhaul run --resume, once it has stopped"));
        }
        let name = self.options.name().to_owned();
        let words = match (self.view.paused_by.take(), std::mem::take(&mut self.view.draining)) {
            // Said to both peers when one is paused: the other has nothing to do, and that is no refusal.
            (None, false) => return Ok(CommandResult::Done(format!("{name} was not held; it goes on"))),
            (Some(by), _) => format!("{name} goes on; it was paused by {by}"),
            (None, true) => format!("{name} takes work again"),
        };
        self.shared.gate.resume();
        self.tell_core(Event::Control(Control::Resume))?;
        self.publish_snapshot();
        Ok(CommandResult::Done(words))
    }

    /// The supervisor of a demonstration cuts the link, or mends it.
    fn suffer(&self, what: Chaos, verb: &str) -> CommandResult {
        let is_cut = match what {
            Chaos::Cut => true,
            Chaos::Mend => false,
            _ => return refused("nobody does this to itself", verb),
        };
        if !self.options.profile.demo {
            return refused("only a demonstration breaks on purpose", "twinhaul demo");
        }
        self.out.cut.send_replace(is_cut);
        CommandResult::Done(if is_cut { "the link is cut" } else { "the link is mended" }.into())
    }

    /// The value as a ratio, or why it is none.
    pub(super) fn as_ratio(&self, value: f64) -> std::result::Result<Ratio, Refusal> {
        let ratio = Ratio::clamped(value);
        if (ratio.get() - value).abs() > 1e-9 {
            let why = format!("{value} is not a ratio from 0.05 to 0.95");
            let next = format!("twinhaul ratio --peer {} {ratio}", self.options.name());
            return Err(Refusal { why, next });
        }
        Ok(ratio)
    }

    fn set_ratio(&mut self, value: f64) -> Result<CommandResult> {
        let ratio = match self.as_ratio(value) {
            Ok(ratio) => ratio,
            Err(refusal) => return Ok(CommandResult::Refused(refusal)),
        };
        let old = self.core.ratio();
        self.tell_core(Event::Control(Control::Ratio(ratio)))?;
        Ok(CommandResult::Done(format!("{}: ratio {old} -> {ratio}", self.options.name())))
    }

    fn drain(&mut self, dry_run: bool) -> Result<CommandResult> {
        if !self.core.peer().1 {
            return Ok(refused(
                "the other peer is not joined: nobody could take the queue",
                "twinhaul status",
            ));
        }
        let (transfers, bytes) = (self.core.queued(), self.view.queued_bytes(&self.shared).0);
        if dry_run {
            return Ok(self.preview(transfers, Bytes(bytes)));
        }
        self.view.draining = true;
        self.tell_core(Event::Control(Control::Drain))?;
        let name = self.options.name();
        Ok(CommandResult::Done(format!(
            "{name} hands over {} and takes no new work; resume ends it",
            counted(transfers, "transfer")
        )))
    }

    fn retry(&mut self, transfer: Option<u64>, asker: Asker) -> Result<()> {
        let which = transfer.map_or(Reopen::All, |id| Reopen::Some(vec![TransferId(id)]));
        let (found, reopened) = oneshot::channel();
        self.ledger(Job::Reopen { which, answer: found })?;
        let driver = self.out.driver.clone();
        tokio::spawn(async move {
            if let Ok(what) = reopened.await {
                let _ = driver.send(super::DriverEvent::Reopened { what, asker }).await;
            }
        });
        Ok(())
    }

    pub(super) fn on_reopened(&mut self, what: Reopened, asker: Asker) -> Result<()> {
        let result = match (what.count, what.key) {
            (0, _) => refused("there are no such failed transfers", "twinhaul report"),
            (_, Some(key)) => CommandResult::Done(format!("{} is queued again", show_bytes(&key))),
            (n, None) => CommandResult::Done(format!("{} queued again", counted(n, "failed transfer"))),
        };
        self.acknowledge(result, asker);
        // The reopened ones are in new lots; the core finds them with its next load.
        self.ledger(Job::Load { limit: twinhaul_assist::INTERVALS_MAX })
    }
}
