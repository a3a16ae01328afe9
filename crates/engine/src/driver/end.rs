//! How a peer ends: everything settled and finished, stopped on request, or told that the run is over.

use super::{Driver, DriverEvent, Life};
use crate::backends;
use crate::clock::wall_ms;
use crate::error::Result;
use crate::finishing::{self, FinishReport};
use crate::ledger_thread::Job;
use std::time::Duration;
use tokio::sync::oneshot;
use twinhaul_assist::{Control, Event};
use twinhaul_ledger::State;
use twinhaul_wire::{EventKind, Message, RunState};

/// Watchers get this long to take the last snapshot.
const LAST_SNAPSHOT: Duration = Duration::from_millis(250);
/// Between two looks at whether they have; as long the other peer's link gets for the last word.
const LAST_SNAPSHOT_POLL: Duration = Duration::from_millis(10);
/// The last batch of events gets this long to become durable.
const LAST_FLUSH: Duration = Duration::from_secs(10);

/// Backends get this long to say what they sent.
const LAST_COUNTS: Duration = Duration::from_secs(2);

/// The peer that did the finishing gets this long to say how the run ended.
const FINISHER_SPEAKS: Duration = Duration::from_secs(2);

/// How a peer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The run is over, in this state.
    Finished(RunState),
    /// Ended on request while the run was not done; it can be resumed.
    Stopped,
}

impl Driver {
    /// Ends this peer; `cut`: what is in flight is given up and redone later.
    pub(super) fn stop(&mut self, cut: bool, by: &str) {
        let cut = cut || matches!(self.life, Life::Stopping { .. });
        if matches!(self.life, Life::Finishing | Life::Ended(_)) {
            return;
        }
        tracing::info!(by, cut, "stopping");
        self.life = Life::Stopping { cut };
        if cut {
            self.shared.gate.cut();
        } else {
            // A drain must not wait for somebody to end a pause.
            self.shared.gate.resume();
        }
        // The core starts nothing more; what it owns stays its own in the ledger.
        let stopped = self.tell_core(Event::Control(Control::Pause));
        let returned = stopped.and_then(|()| self.return_waiting()).and_then(|()| self.feed_due());
        if let Err(e) = returned {
            tracing::error!(error = %e, "while stopping");
        }
    }

    pub(super) fn look_at_the_end(&mut self) -> Result<()> {
        match self.life {
            Life::Stopping { cut } => {
                let nothing_in_hand = self.slots_used() == 0
                    && self.shared.storage.settling.get().transfers == 0
                    && !self.awaits_ranges();
                if nothing_in_hand
                    || (cut
                        && self.shared.slots.iter().all(|s| s.shown(0).is_none())
                        && self.shared.storage.settling.get().transfers == 0)
                {
                    self.life = Life::Ended(Ended::Stopped);
                }
            }
            Life::Running => {
                let polled = &self.view.polled;
                if polled.run.state.ended() {
                    self.life = Life::Ended(Ended::Finished(polled.run.state));
                } else if polled.run.finished && polled.all_settled() {
                    self.close_for_the_finisher()?;
                } else if polled.all_settled() && self.core_is_idle() && !self.claim_pending {
                    self.claim_pending = true;
                    self.ledger(Job::ClaimFinishing)?;
                }
            }
            Life::Finishing | Life::Ended(_) => {}
        }
        Ok(())
    }

    /// A drain waits for what is lent as long as the other peer is there to bring it; what it had not begun comes back.
    fn awaits_ranges(&self) -> bool {
        let slots_busy = self.shared.slots.iter().any(|s| s.shown(0).is_some());
        let linked = self.core.peer().1;
        slots_busy || self.ranges.guests_in_hand() > 0 || (linked && self.shared.wholes.len() > 0)
    }

    /// Finishing is done and nobody has said how the run ended: the peer that did it died between the two.
    fn close_for_the_finisher(&mut self) -> Result<()> {
        let now = self.clock.now();
        let since = *self.finished_since.get_or_insert(now);
        if now.since(since) < FINISHER_SPEAKS {
            return Ok(());
        }
        let failed = self.view.polled.counters.sum(State::Failed).transfers;
        let state = if failed > 0 { RunState::Failed } else { RunState::Complete };
        self.ledger(Job::EndRun { state })?;
        self.life = Life::Ended(Ended::Finished(state));
        Ok(())
    }

    /// The ledger lets one peer do the finishing; the other waits until the run's state says that it is over.
    pub(super) fn on_claimed(&mut self, granted: bool) -> Result<()> {
        if !granted {
            // Asked again after the next poll, in case the other peer dies while it finishes.
            self.claim_pending = false;
            self.other.it_finishes = true;
            return Ok(());
        }
        let still_settled = self.view.polled.all_settled();
        if self.life != Life::Running || !still_settled {
            self.claim_pending = false;
            return Ok(());
        }
        self.life = Life::Finishing;
        let directories = self.view.polled.totals.directories;
        self.record(EventKind::Finishing { directories });
        let job = finishing::Finishing {
            ledger: self.options.run_dir.join("ledger.sqlite"),
            storage: std::sync::Arc::clone(&self.shared.storage),
            run: self.options.run.clone(),
            me: self.options.me,
            incarnation: self.incarnation,
            fenced: self.where_the_other_is(),
        };
        let driver = self.out.driver.clone();
        std::thread::Builder::new()
            .name("finishing".into())
            .spawn(move || {
                let result = finishing::run(&job);
                // The driver waits for exactly this.
                let _ = driver.blocking_send(DriverEvent::Finishing(result));
            })
            .map_err(|source| crate::EngineError::Io {
                what: "starting the finishing thread".into(),
                source,
            })?;
        Ok(())
    }

    pub(super) fn on_finished(&mut self, report: FinishReport) -> Result<()> {
        self.tell_of_process(&report.fenced);
        for text in report.warnings {
            self.record(EventKind::Warning { text });
        }
        let failed = self.view.polled.counters.sum(State::Failed).transfers;
        let state =
            if failed > 0 || report.failed_directories > 0 { RunState::Failed } else { RunState::Complete };
        self.flush_history();
        self.ledger(Job::EndRun { state })?;
        self.life = Life::Ended(Ended::Finished(state));
        Ok(())
    }

    /// What this process sent to services that charge for it. A backend that does not answer is not waited for.
    async fn tell_requests(&mut self) {
        let storage = std::sync::Arc::clone(&self.shared.storage);
        let asked = tokio::task::spawn_blocking(move || backends::requests(&storage));
        if let Ok(Ok(counts)) = tokio::time::timeout(LAST_COUNTS, asked).await {
            for event in counts {
                self.record(event);
            }
        } else {
            let text = "how many requests were sent is not known: a backend did not answer";
            self.record(EventKind::Warning { text: text.into() });
        }
    }

    /// The last things of a peer: its sums, its memory, its last snapshot.
    pub(super) async fn leave(&mut self, ended: &Ended) {
        self.tell_requests().await;
        let done = self.view.polled.counters.at(self.options.me, State::Done);
        self.record(EventKind::PeerFinished {
            transfers: done.transfers,
            bytes: done.bytes.0,
            idle_slot_ms: self.view.idle_ms() * u64::from(self.slots_max()),
            up_ms: self.view.up_ms(self.clock.ms()),
            slots: self.slots_max(),
        });
        tracing::info!(?ended, at_ms = wall_ms(), "ending");
        self.remember();
        self.end_the_stalls();
        self.flush_history();
        let (done, flushed) = oneshot::channel();
        if self.out.ledger.try_send(Job::Flush(done)).is_ok() {
            let _ = tokio::time::timeout(LAST_FLUSH, flushed).await;
        }
        // Whoever hears it looks into the ledger: it must be there.
        self.send(Message::Bye { why: if *ended == Ended::Stopped { "stopped" } else { "finished" }.into() });
        self.publish_snapshot();
        let begun = std::time::Instant::now();
        loop {
            tokio::time::sleep(LAST_SNAPSHOT_POLL).await;
            if !self.out.watchers.are_there() || begun.elapsed() >= LAST_SNAPSHOT {
                return;
            }
        }
    }
}
