//! Commands of operators, verbs, consoles and stories: each is taken and acknowledged, previewed, or refused with
//! the reason and what to do instead.

use super::{Driver, Life};
use crate::error::Result;
use crate::ledger_thread::Job;
use tokio::sync::oneshot;
use twinhaul_assist::{Control, Event};
use twinhaul_ledger::Reopen;
use twinhaul_units::{Amount, Bytes, Rate, Ratio, TransferId};
use twinhaul_wire::{Command, CommandResult, EventKind, Preview, QueueSize, Refusal, Request};

/// Who the supervisor says it is when a demo's story acts.
const STORY: &str = "story";

type Answer = oneshot::Sender<CommandResult>;

fn refused(why: impl Into<String>, next: impl Into<String>) -> CommandResult {
    CommandResult::Refused(Refusal { why: why.into(), next: next.into() })
}

impl Driver {
    pub(super) fn on_request(&mut self, request: Request, answer: Answer) -> Result<()> {
        let verb = request.command.verb(&self.options.run, Some(self.options.name()));
        let by = if request.by.is_empty() { "someone".to_owned() } else { request.by };
        let result = match request.command {
            Command::Subscribe { .. } | Command::Status => CommandResult::Done("ok".into()),
            Command::Pause => self.pause(&by)?,
            Command::Resume => self.resume()?,
            Command::Ratio { value } => self.set_ratio(value)?,
            Command::Limit { rate } => self.set_limit(rate),
            Command::Rebalance { keep, dry_run } => return self.rebalance(keep, dry_run, verb, by, answer),
            Command::Drain { dry_run } => self.drain(dry_run)?,
            Command::Stop { drain } => {
                self.stop(!drain, &by);
                CommandResult::Done(if drain { "finishing what is in flight" } else { "stopping" }.into())
            }
            Command::Retry { transfer } => return self.retry(transfer, verb, by, answer),
        };
        self.acknowledge(verb, by, result, answer);
        Ok(())
    }

    fn acknowledge(&mut self, command: String, by: String, result: CommandResult, answer: Answer) {
        let words = match &result {
            CommandResult::Done(words) => words.clone(),
            CommandResult::Preview(p) => format!("preview: {} transfers would move", p.transfers),
            CommandResult::Refused(r) => format!("refused: {}", r.why),
            CommandResult::Status(_) => String::new(),
        };
        // The story's commands are in the history already, told by the supervisor that tells the story.
        if !matches!(result, CommandResult::Preview(_)) && by != STORY {
            self.record(EventKind::Control { command, by, result: words });
        }
        // Whoever asked may have hung up; the event log has the result.
        let _ = answer.send(result);
    }

    fn pause(&mut self, by: &str) -> Result<CommandResult> {
        self.shared.gate.pause(by);
        self.view.paused_by = Some(by.to_owned());
        self.tell_core(Event::Control(Control::Pause))?;
        Ok(CommandResult::Done(format!("{} is paused; it still answers asks", self.options.name())))
    }

    fn resume(&mut self) -> Result<CommandResult> {
        if matches!(self.life, Life::Stopping { .. }) {
            return Ok(refused("the peer is stopping", "twinhaul run --resume, once it has stopped"));
        }
        let name = self.options.name().to_owned();
        let words = match (self.view.paused_by.take(), std::mem::take(&mut self.view.draining)) {
            (None, false) => return Ok(refused(format!("{name} is neither paused nor draining"), "")),
            (Some(by), _) => format!("{name} goes on; it was paused by {by}"),
            (None, true) => format!("{name} takes work again"),
        };
        self.shared.gate.resume();
        self.tell_core(Event::Control(Control::Resume))?;
        Ok(CommandResult::Done(words))
    }

    fn set_ratio(&mut self, value: f64) -> Result<CommandResult> {
        let ratio = Ratio::clamped(value);
        if (ratio.get() - value).abs() > 1e-9 {
            let why = format!("{value} is not a ratio from 0.05 to 0.95");
            return Ok(refused(why, format!("twinhaul ratio --peer {} {ratio}", self.options.name())));
        }
        let old = self.core.ratio();
        self.tell_core(Event::Control(Control::Ratio(ratio)))?;
        Ok(CommandResult::Done(format!("{}: ratio {old} -> {ratio}", self.options.name())))
    }

    fn set_limit(&mut self, rate: Option<u64>) -> CommandResult {
        if rate == Some(0) {
            return refused(
                "a limit of nothing is a pause",
                format!("twinhaul pause --peer {}", self.options.name()),
            );
        }
        self.shared.limiter.set(rate);
        let words = rate.map_or_else(|| "no limit".to_owned(), |r| format!("limit {}", Rate(r)));
        CommandResult::Done(format!("{}: {words}", self.options.name()))
    }

    /// Owned by this peer and by the other: queued and in flight.
    fn remaining(&self) -> Option<[Amount; 2]> {
        let polled = self.view.polled.as_ref()?;
        Some([polled.remaining_of(self.options.me), polled.remaining_of(self.options.me.other())])
    }

    fn rebalance(
        &mut self,
        keep: f64,
        dry_run: bool,
        verb: String,
        by: String,
        answer: Answer,
    ) -> Result<()> {
        let name = self.options.name().to_owned();
        let refusal = if !(0.0..=1.0).contains(&keep) {
            Some(refused(format!("{keep} is not a share from 0 to 1"), "twinhaul rebalance --share '50 %'"))
        } else if !self.core.peer().1 {
            Some(refused("the other peer is not joined", "twinhaul status"))
        } else {
            None
        };
        let excess = match (refusal, self.remaining()) {
            (Some(refusal), _) => Err(refusal),
            (None, None) => Err(refused("the ledger has not been read yet", "the same command again")),
            (None, Some([mine, theirs])) => {
                let all = (mine.bytes + theirs.bytes).0 as f64;
                let excess = mine.bytes.0 as f64 - keep * all;
                let has = mine.bytes.0 as f64 / all.max(1.0) * 100.0;
                if excess >= 1.0 {
                    Ok(excess as u64)
                } else {
                    Err(refused(
                        format!("{name} has {has:.0} % of the remaining bytes, not more than asked"),
                        "",
                    ))
                }
            }
        };
        let excess = match excess {
            Ok(excess) => excess,
            Err(refusal) => {
                self.acknowledge(verb, by, refusal, answer);
                return Ok(());
            }
        };
        let (found, tail) = oneshot::channel();
        self.ledger(Job::TailForBytes { bytes: excess, answer: found })?;
        let driver = self.out.driver.clone();
        tokio::spawn(async move {
            if let Ok((count, bytes)) = tail.await {
                let event = super::DriverEvent::Tail { count, bytes, dry_run, verb, by, answer };
                // The driver ending is an answer too: the channel closes.
                let _ = driver.send(event).await;
            }
        });
        Ok(())
    }

    /// The ledger knows how many transfers hold the bytes to move.
    pub(super) fn on_tail(
        &mut self,
        (count, bytes): (u64, u64),
        dry_run: bool,
        verb: String,
        by: String,
        answer: Answer,
    ) -> Result<()> {
        let count = count.min(self.core.queued());
        let result = if count == 0 {
            refused("nothing that could move is queued: what remains is in flight", "")
        } else if dry_run {
            CommandResult::Preview(self.preview(count, bytes))
        } else {
            self.tell_core(Event::Control(Control::Give { count }))?;
            let words = format!("{} hands over {count} transfers, {}", self.options.name(), Bytes(bytes));
            CommandResult::Done(words)
        };
        self.acknowledge(verb, by, result, answer);
        Ok(())
    }

    fn preview(&mut self, transfers: u64, bytes: u64) -> Preview {
        let [mine, theirs] = self.remaining().unwrap_or_default();
        let moved = Amount::new(transfers, bytes);
        let after = [mine - moved, theirs + moved];
        let size = |a: Amount| QueueSize { transfers: a.transfers, bytes: a.bytes.0 };
        let rates = [self.view.rates(self.clock.ms(), &self.shared).one_min, self.view.other_rate()];
        let eta = |amounts: [Amount; 2]| {
            let of = |i: usize| match (amounts[i].bytes.0, rates[i]) {
                (0, _) => Some(0.0),
                (_, 0) => None,
                (bytes, rate) => Some(bytes as f64 / rate as f64),
            };
            Some(f64::max(of(0)?, of(1)?))
        };
        Preview {
            from: self.options.name().to_owned(),
            to: self.options.other_name().to_owned(),
            transfers,
            bytes,
            now: [size(mine), size(theirs)],
            after: after.map(size),
            eta_now_s: eta([mine, theirs]),
            eta_after_s: eta(after),
        }
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
            return Ok(CommandResult::Preview(self.preview(transfers, bytes)));
        }
        self.view.draining = true;
        self.tell_core(Event::Control(Control::Drain))?;
        let name = self.options.name();
        Ok(CommandResult::Done(format!(
            "{name} hands over {transfers} transfers and takes no new work; resume ends it"
        )))
    }

    fn retry(&mut self, transfer: Option<u64>, verb: String, by: String, answer: Answer) -> Result<()> {
        let which = transfer.map_or(Reopen::All, |id| Reopen::Some(vec![TransferId(id)]));
        let (found, reopened) = oneshot::channel();
        self.ledger(Job::Reopen { which, answer: found })?;
        let driver = self.out.driver.clone();
        tokio::spawn(async move {
            if let Ok(count) = reopened.await {
                let _ = driver.send(super::DriverEvent::Reopened { count, verb, by, answer }).await;
            }
        });
        Ok(())
    }

    pub(super) fn on_reopened(&mut self, count: u64, verb: String, by: String, answer: Answer) -> Result<()> {
        let result = match count {
            0 => refused("there are no such failed transfers", "twinhaul report"),
            n => CommandResult::Done(format!("{n} failed transfers are queued again")),
        };
        self.acknowledge(verb, by, result, answer);
        // The reopened ones are in new lots; the core finds them with its next load.
        self.ledger(Job::Load { limit: twinhaul_assist::INTERVALS_MAX })
    }
}
