//! What can go wrong, and time.

use super::check::Invariant;
use super::{Action, World};
use crate::mutant::Mutant;
use crate::process::{Answer, CleanupStep, Process};
use crate::seen::Rare;
use crate::{INCARNATIONS_MAX, process::Cleanup};
use twinhaul_ledger::Process as Claim;
use twinhaul_units::PeerId;

impl World {
    /// A new process takes a peer's place: it joins, then recovers. `second`: although one lives, which a lock forbids
    /// but a person can bring about (faults.md 10).
    pub(crate) fn start_process(&mut self, peer: PeerId, second: bool) -> bool {
        let lives = self.latest(peer).is_some();
        let cut = self.ledger_cut[peer.index()];
        if lives != second
            || cut
            || self.is_over()
            || self.processes.iter().filter(|p| p.me == peer).count() > 1
        {
            return false;
        }
        if self.ledger.incarnation(peer).0 >= INCARNATIONS_MAX {
            return false;
        }
        if self.ledger.incarnation(peer) != self.joined[peer.index()] {
            self.saw(Rare::Rejoined);
        }
        if second {
            self.saw(Rare::SecondCopy);
        }
        let Ok(joined) = self.ledger.join(peer, &Claim::default(), 0) else { return false };
        let former = self.joined[peer.index()];
        let reused = self.setup.is(Mutant::IncarnationReused) && former.0 > 0;
        let incarnation = if reused { former } else { joined.incarnation };
        if reused {
            self.ledger.tamper_incarnation(peer, former);
        }
        self.unless(incarnation > former, Invariant::S5, || {
            format!("incarnation {incarnation} has been before")
        });
        self.joined[peer.index()] = incarnation;
        self.processes.push(Process::new(peer, incarnation));
        // Who started first is nothing that anybody could tell later.
        self.processes.sort_by_key(|p| (p.me, p.incarnation));
        self.check_ledger();
        true
    }

    pub(crate) fn fault(&mut self, fault: Action) -> bool {
        let lives = |w: &Self, at: usize| at < w.processes.len();
        match fault {
            Action::Lose { letter } => {
                let there = letter < self.letters.len();
                if there {
                    self.letters.remove(letter);
                    self.saw(Rare::LettersLost);
                }
                there
            }
            Action::Crash { process } => lives(self, process) && self.crash(process),
            Action::Freeze { process } => {
                let may = lives(self, process) && !self.processes[process].frozen;
                if may {
                    self.processes[process].frozen = true;
                    self.saw(Rare::Frozen);
                }
                may
            }
            Action::Wake { process } => {
                let may = lives(self, process) && self.processes[process].frozen;
                if may {
                    self.processes[process].frozen = false;
                    self.processes[process].notes.idle_since = None;
                    self.saw(Rare::Woke);
                }
                may
            }
            Action::PowerLoss { names } => {
                self.processes.clear();
                self.letters.clear();
                if let Some(before) = self.before.take() {
                    self.ledger = *before;
                    self.check_ledger();
                }
                self.target.lose_power(names);
                self.saw(Rare::PowerLost);
                self.check_targets();
                true
            }
            Action::CutPeers => !std::mem::replace(&mut self.peers_cut, true),
            Action::MendPeers => std::mem::replace(&mut self.peers_cut, false),
            Action::CutLedger { peer } => !std::mem::replace(&mut self.ledger_cut[peer.index()], true),
            Action::MendLedger { peer } => std::mem::replace(&mut self.ledger_cut[peer.index()], false),
            Action::LoseAnswer { process } => lives(self, process) && self.lose_answer(process),
            Action::FailSync { process } => lives(self, process) && self.fail_sync(process),
            Action::ChangeSource { id } => self.change_source(id),
            Action::ClockSpeed { peer, percent } => {
                let speed = &mut self.clocks.speed[peer.index()];
                std::mem::replace(speed, percent) != percent
            }
            _ => false,
        }
    }

    /// Its memory is lost and its lock is free; what is on the medium or in the ledger stays.
    fn crash(&mut self, at: usize) -> bool {
        let process = &self.processes[at];
        let torn = process.is_in_a_group();
        let recovering = |c: &Cleanup| c.step != CleanupStep::List;
        let torn_recovery = process.cleanup.as_ref().is_some_and(recovering);
        self.saw(Rare::Crashed);
        if torn {
            self.saw(Rare::TornGroup);
        }
        if torn_recovery {
            self.saw(Rare::TornRecovery);
        }
        self.processes.remove(at);
        true
    }

    /// The outcome of an assignment, or a load, does not come; the core asks again.
    fn lose_answer(&mut self, at: usize) -> bool {
        let lost = matches!(self.processes[at].answers.front(), Some(Answer::Assigned { .. }));
        if lost {
            self.processes[at].answers.pop_front();
            self.saw(Rare::AnswerLost);
        }
        lost
    }

    /// Time passes: by `micros`, or until the next timer of a process that could act on it.
    pub(crate) fn pass(&mut self, micros: Option<u64>) -> bool {
        let passed = micros.or_else(|| self.until_timer());
        let Some(passed) = passed.filter(|passed| *passed > 0) else { return false };
        self.clocks.now += passed;
        self.forgive_leaps(passed);
        for (local, speed) in self.clocks.local.iter_mut().zip(self.clocks.speed) {
            *local += passed * speed / 100;
        }
        true
    }

    fn until_timer(&self) -> Option<u64> {
        let wait = |process: &Process| {
            let left = process.timer?.0.saturating_sub(self.now(process.me).0);
            let speed = self.clocks.speed[process.me.index()].max(1);
            Some((left * 100).div_ceil(speed))
        };
        self.processes.iter().filter(|p| !p.frozen).filter_map(wait).min()
    }
}
