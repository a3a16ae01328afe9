//! Everything that can happen next in a world, and making it happen.

use super::{Survivors, World};
use twinhaul_units::{PeerId, TransferId};

/// One thing that happens. Processes, letters and slots are named by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A thread of a process takes its next step.
    Step {
        process: usize,
        thread: Thread,
    },
    /// A letter arrives; `keep`: it will come once more.
    Deliver {
        letter: usize,
        keep: bool,
    },
    LinkUp {
        process: usize,
    },
    LinkDown {
        process: usize,
    },
    /// It is noticed that the other peer's process is gone.
    NoticeDeath {
        process: usize,
    },
    /// A process took the other peer's place and has never answered.
    NoticeMute {
        process: usize,
    },
    /// Time passes: so many microseconds, or until the next timer.
    Pass {
        micros: Option<u64>,
    },
    /// A peer's process is started; `second`: although one lives.
    Start {
        peer: PeerId,
        second: bool,
    },

    // --- from outside
    /// An operator hands those transfers to the other peer whose bits are set.
    HandOver {
        process: usize,
        ids: u64,
    },
    /// A sign of life comes beside the link; `former`: of the life before the one that has the place.
    Sign {
        process: usize,
        former: bool,
    },

    // --- faults
    Lose {
        letter: usize,
    },
    Crash {
        process: usize,
    },
    Freeze {
        process: usize,
    },
    Wake {
        process: usize,
    },
    /// All processes die, and what was not synced is gone: names by the bits of `names`.
    PowerLoss {
        names: u64,
    },
    CutPeers,
    MendPeers,
    CutLedger {
        peer: PeerId,
    },
    MendLedger {
        peer: PeerId,
    },
    /// The answer to an assignment or a load is lost.
    LoseAnswer {
        process: usize,
    },
    FailSync {
        process: usize,
    },
    ChangeSource {
        id: TransferId,
    },
    /// Nothing goes wrong any more, to the end.
    Drain {
        survivors: Survivors,
    },
    /// A peer's clock runs at so many hundredths of true time.
    ClockSpeed {
        peer: PeerId,
        percent: u64,
    },
}

/// Which thread of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Thread {
    Cleanup,
    Ledger,
    Answer,
    Slot(usize),
    Commit,
    /// Seals large transfers that have come home.
    Close,
    /// Looks what became of ranges.
    Follow,
    Timer,
    Poll,
    Finish,
}

impl World {
    /// Makes it happen; false if it cannot happen now, and then nothing has changed.
    pub fn act(&mut self, action: Action) -> bool {
        let done = self.do_it(action);
        self.tell_the_rest();
        done
    }

    fn do_it(&mut self, action: Action) -> bool {
        match action {
            Action::Step { process, thread } => process < self.processes.len() && self.step(process, thread),
            Action::Deliver { letter, keep } => self.deliver(letter, keep),
            Action::LinkUp { process } => process < self.processes.len() && self.link_up(process),
            Action::LinkDown { process } => process < self.processes.len() && self.link_down(process),
            Action::NoticeDeath { process } => process < self.processes.len() && self.notice_death(process),
            Action::NoticeMute { process } => process < self.processes.len() && self.notice_mute(process),
            Action::HandOver { process, ids } => {
                process < self.processes.len() && self.hand_over(process, ids)
            }
            Action::Sign { process, former } => process < self.processes.len() && self.sign(process, former),
            Action::Pass { micros } => self.pass(micros),
            Action::Start { peer, second } => self.start_process(peer, second),
            Action::Drain { survivors } => {
                self.drain(survivors);
                true
            }
            fault => self.fault(fault),
        }
    }

    fn step(&mut self, at: usize, thread: Thread) -> bool {
        let done = match thread {
            Thread::Cleanup => self.step_cleanup(at),
            Thread::Ledger => self.step_ledger(at),
            Thread::Answer => self.step_answer(at),
            Thread::Slot(slot) => self.step_slot(at, slot),
            Thread::Commit => self.step_commit(at),
            Thread::Close => self.step_close(at),
            Thread::Follow => self.follow(at),
            Thread::Timer => self.tick(at),
            Thread::Poll => self.poll(at),
            Thread::Finish => self.step_finish(at),
        };
        if done {
            self.check_processes();
        }
        done
    }

    /// Every action without a fault that can happen now; for who tries them all.
    pub fn steps(&self, out: &mut Vec<Action>) {
        for (process, p) in self.processes.iter().enumerate().filter(|(_, p)| !p.frozen) {
            let mut step = |thread| out.push(Action::Step { process, thread });
            if p.cleanup.is_some() {
                step(Thread::Cleanup);
            }
            if !p.jobs.is_empty() {
                step(Thread::Ledger);
            }
            if !p.answers.is_empty() {
                step(Thread::Answer);
            }
            (0..self.slots(process)).for_each(|slot| step(Thread::Slot(slot)));
            if p.wholes.iter().any(|w| w.closing) {
                step(Thread::Close);
            }
            if !p.guests.is_empty() || p.wholes.iter().any(|w| !w.lent.is_empty()) {
                step(Thread::Follow);
            }
            if p.group.is_some() || !p.settling.is_empty() || !p.published.is_empty() {
                step(Thread::Commit);
            }
            if p.timer.is_some() {
                step(Thread::Timer);
            }
            if p.finish.is_some() {
                step(Thread::Finish);
            }
            if p.core.is_some() {
                let may = [
                    (self.may_poll(process), Action::Step { process, thread: Thread::Poll }),
                    (self.may_link_up(process).is_some(), Action::LinkUp { process }),
                    (self.may_link_down(process), Action::LinkDown { process }),
                    (self.may_notice_death(process).is_some(), Action::NoticeDeath { process }),
                    (self.may_notice_mute(process).is_some(), Action::NoticeMute { process }),
                ];
                out.extend(may.into_iter().filter(|(may, _)| *may).map(|(_, action)| action));
            }
        }
        out.extend((0..self.letters.len()).map(|letter| Action::Deliver { letter, keep: false }));
        let gone = PeerId::BOTH.into_iter().filter(|peer| self.latest(*peer).is_none());
        out.extend(gone.map(|peer| Action::Start { peer, second: false }));
    }
}
