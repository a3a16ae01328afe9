//! After a death: discard before redo. A new process of the same place does it before anything else; who takes a dead
//! peer over does it before it loads what it took (store.md 3).
//!
//! And the last step of a run: whoever was fenced is ended, then nothing private is left.

use super::World;
use crate::mutant::Mutant;
use crate::process::{Answer, Cleanup, CleanupStep, Finish, Left};
use crate::seen::Rare;
use crate::target::Attempt;
use twinhaul_assist::{Core, Event, Memory};
use twinhaul_ledger::{Outcome, Result, Settled};
use twinhaul_units::{PeerId, Ratio};

impl World {
    /// The next step of recovery or of a take-over's cleanup.
    pub(crate) fn step_cleanup(&mut self, at: usize) -> bool {
        let process = &self.processes[at];
        let Some(cleanup) = &process.cleanup else { return false };
        let ledger_step =
            matches!(cleanup.step, CleanupStep::List | CleanupStep::Settle | CleanupStep::Release);
        if process.frozen || (ledger_step && self.ledger_cut[process.me.index()]) {
            return false;
        }
        let done = match cleanup.step {
            CleanupStep::List => self.list_left(at),
            CleanupStep::Look(row) => {
                self.look(at, row);
                Ok(())
            }
            CleanupStep::Sync => {
                self.target.seal_all();
                self.target.sync_names();
                self.cleanup_to(at, CleanupStep::Settle);
                Ok(())
            }
            CleanupStep::Settle => self.settle_accepted(at),
            CleanupStep::Release => self.release_left(at),
            CleanupStep::Sweep => {
                self.sweep_dead(at);
                Ok(())
            }
        };
        if done.is_err() {
            self.end_process(at);
        }
        true
    }

    fn cleanup_mut(&mut self, at: usize) -> Option<&mut Cleanup> {
        self.processes[at].cleanup.as_mut()
    }

    fn cleanup_to(&mut self, at: usize, step: CleanupStep) {
        if let Some(cleanup) = self.cleanup_mut(at) {
            cleanup.step = step;
        }
    }

    /// What is authorised and belongs to nobody's group. What a living taker has authorised itself has its lot's epoch.
    fn list_left(&mut self, at: usize) -> Result<()> {
        let (me, _) = self.place_of(at);
        let taken = self.processes[at].cleanup.as_ref().is_some_and(|c| c.taken.is_some());
        let rows = self.ledger.unsettled(me)?;
        let left = rows.iter().filter(|row| !taken || row.authorised_epoch != row.epoch).filter_map(|row| {
            Some(Left {
                id: row.row.id,
                epoch: row.epoch,
                attempt: Attempt::parse(&row.reference)?,
                digest: row.blake3,
                size: row.size,
            })
        });
        let left: Vec<Left> = left.collect();
        if let Some(cleanup) = self.cleanup_mut(at) {
            cleanup.rows = left;
        }
        self.cleanup_to(at, CleanupStep::Look(0));
        Ok(())
    }

    /// Discards one private object: if it was there, it was not published and is redone. If it was gone and the target
    /// holds the authorised bytes, they are accepted.
    fn look(&mut self, at: usize, row: usize) {
        let cleanup = self.processes[at].cleanup.as_ref();
        let Some(left) = cleanup.and_then(|c| c.rows.get(row)).copied() else {
            let accepted = cleanup.is_some_and(|c| !c.accepted.is_empty());
            self.cleanup_to(at, if accepted { CleanupStep::Sync } else { CleanupStep::Release });
            return;
        };
        let existed = if self.setup.is(Mutant::RedoneWithoutDiscard) {
            self.target.private(left.attempt).is_some()
        } else {
            self.target.discard(left.attempt)
        };
        self.saw(if existed { Rare::DiscardFound } else { Rare::DiscardMissing });
        let there = self.target.public(left.id).map(|public| public.object.content.digest());
        let same = there == Some(left.digest) || self.setup.is(Mutant::AcceptedUnseen);
        let accept = !existed && same;
        self.saw(if accept { Rare::Accepted } else { Rare::Redone });
        if let Some(cleanup) = self.cleanup_mut(at) {
            if accept {
                cleanup.accepted.push(left);
            } else {
                cleanup.redo.push((left.id, left.epoch));
            }
        }
        self.cleanup_to(at, CleanupStep::Look(row + 1));
    }

    fn settle_accepted(&mut self, at: usize) -> Result<()> {
        let (me, mine) = self.place_of(at);
        let accepted = self.processes[at].cleanup.iter().flat_map(|c| &c.accepted);
        let settled: Vec<Settled> = accepted
            .map(|left| Settled {
                id: left.id,
                epoch: left.epoch,
                outcome: Outcome::Done {
                    verified: true,
                    etag: None,
                    lost: 0,
                    blake3: left.digest,
                    size: left.size,
                },
                attempts: 1,
                at_ms: 0,
                started_at_ms: None,
                first_error: None,
            })
            .collect();
        self.transact(at, |ledger| ledger.settle(me, mine, &settled))?;
        self.check_targets();
        self.cleanup_to(at, CleanupStep::Release);
        Ok(())
    }

    fn release_left(&mut self, at: usize) -> Result<()> {
        let (me, mine) = self.place_of(at);
        let redo = self.processes[at].cleanup.as_ref().map(|c| c.redo.clone()).unwrap_or_default();
        if !redo.is_empty() {
            self.transact(at, |ledger| ledger.release(me, mine, &redo))?;
        }
        self.cleanup_to(at, CleanupStep::Sweep);
        Ok(())
    }

    /// Everything else that incarnations left that the ledger calls over.
    fn sweep_dead(&mut self, at: usize) {
        let current = PeerId::BOTH.map(|peer| self.ledger.incarnation(peer));
        let is_dead = |attempt: &Attempt| attempt.incarnation < current[attempt.peer.index()];
        let before = self.target.privates.len();
        self.target.privates.retain(|private| !is_dead(&private.attempt));
        if self.target.privates.len() < before {
            self.saw(Rare::Swept);
        }
        self.end_cleanup(at);
    }

    /// A recovered process begins to work; a taker tells its core.
    pub(crate) fn end_cleanup(&mut self, at: usize) {
        let Some(cleanup) = self.processes[at].cleanup.take() else { return };
        if let Some(taken) = cleanup.taken {
            self.processes[at].answers.push_back(Answer::Taken {
                op: taken.op,
                incarnation: taken.incarnation,
                count: taken.count,
                bytes: taken.bytes,
            });
            return;
        }
        let process = &self.processes[at];
        let memory = self.ledger.memory(process.me).map_or_else(
            || Memory::fresh(Ratio::clamped(self.setup.ratio)),
            |former| Memory {
                ratio: Ratio::clamped(former.ratio),
                live: Ratio::clamped(former.live_ratio),
                last: super::driver::last_from(&former.last),
            },
        );
        let core = Core::new(process.me, process.incarnation, self.setup.settings(), memory)
            .with_flaw(self.setup.mutant.and_then(Mutant::flaw));
        self.processes[at].core = Some(core);
        self.tell(at, Event::Started);
    }

    /// The claim on the last step of the run; whether it was granted.
    pub(crate) fn claim_finishing(&mut self, at: usize) -> bool {
        let (me, mine) = self.place_of(at);
        let other_had_it = self.ledger.finisher().is_some_and(|holder| holder != (me, mine));
        let granted = self.transact(at, |ledger| ledger.claim_finishing(me, mine)).unwrap_or(false);
        if granted {
            if other_had_it {
                self.saw(Rare::FinishingTaken);
            }
            self.processes[at].finish = Some(Finish::EndFenced);
        }
        granted
    }

    /// The next step of finishing.
    pub(crate) fn step_finish(&mut self, at: usize) -> bool {
        let process = &self.processes[at];
        let Some(finish) = process.finish.filter(|_| !process.frozen) else { return false };
        let (me, mine) = self.place_of(at);
        match finish {
            Finish::EndFenced => {
                self.processes[at].finish = Some(Finish::Sweep);
                // A frozen process that woke later could leave something private after the sweep.
                let fenced = |w: &Self, p: usize| p != at && !w.is_current(p);
                if let Some(other) = (0..self.processes.len()).rev().find(|p| fenced(self, *p)) {
                    self.processes[at].finish = Some(Finish::EndFenced);
                    self.processes.remove(other);
                }
            }
            Finish::Sweep => {
                if !self.setup.is(Mutant::NothingSweptAtTheEnd) {
                    self.target.privates.clear();
                }
                self.target.sync_names();
                self.processes[at].finish = Some(Finish::Done);
            }
            Finish::Done if self.ledger_cut[me.index()] => return false,
            Finish::Done => {
                let done = self.transact(at, |ledger| ledger.finishing_done(me, mine));
                if done.is_ok() {
                    self.check_nothing_private();
                }
                self.end_process(at);
            }
        }
        true
    }

    /// A process ends by itself: fenced, or the run is over. It leaves nothing private.
    pub(crate) fn end_process(&mut self, at: usize) {
        let (me, mine) = self.place_of(at);
        self.target.privates.retain(|p| p.attempt.peer != me || p.attempt.incarnation != mine);
        self.processes.remove(at);
    }
}
