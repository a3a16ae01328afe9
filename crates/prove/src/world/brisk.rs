//! Steps that leave nothing behind them, taken at once: for searches that would have no end with every step apart.
//!
//! Apart stay what others can see or undo: messages, transactions that change the ledger and what is heard of an
//! assignment, what is written, published, discarded and settled, deaths, faults, time. At once come what a process
//! only reads (what it owns, what is at the target before it begins a transfer), what it hears of that, of a take-over
//! and of ranges that it finished, and the links.
//!
//! Other than what `haste` takes, this does make a difference: orders are missed in which something else comes in
//! between. None is added: every way through a brisk world is one through the world with every step apart, so whatever
//! is found is so.

use super::{Action, Thread, World};
use crate::process::{Answer, FlightStep, Job, Process};

/// Such steps in a row at most: each is followed by a wait for something else, so there are far fewer.
const STEPS_MAX: u32 = 1_000;

impl World {
    /// Takes them all; whether there was any.
    pub(crate) fn go_briskly(&mut self) -> bool {
        let mut taken = 0;
        let mut at = 0;
        while at < self.processes.len() && self.broken.is_none() {
            if self.step_briskly(at) {
                taken += 1;
                assert!(taken < STEPS_MAX, "steps that leave nothing behind them go on for ever");
                // It may have told another process something, or have ended.
                at = 0;
            } else {
                at += 1;
            }
        }
        taken > 0
    }

    fn step_briskly(&mut self, process: usize) -> bool {
        let p = &self.processes[process];
        if p.frozen {
            return false;
        }
        let begins = p.flights.iter().position(|flight| flight.step == FlightStep::Begin).map(Thread::Slot);
        let hears = p.hears_what_it_read().then_some(Thread::Answer);
        let reads = matches!(p.jobs.front(), Some(Job::Load { .. })).then_some(Thread::Ledger);
        let threads = [hears, reads, begins].into_iter().flatten();
        let steps = threads.map(|thread| Action::Step { process, thread });
        // Of a life that is over nothing is heard any more: its link would come up again and again.
        let known = p.core.as_ref().and_then(|core| core.peer().0);
        let link = self.may_link_up(process).filter(|life| known <= Some(*life));
        let up = link.map(|_| Action::LinkUp { process });
        let down = self.may_link_down(process).then_some(Action::LinkDown { process });
        let mute = self.may_notice_mute(process).map(|_| Action::NoticeMute { process });
        let actions: Vec<Action> = steps.chain([up, down, mute].into_iter().flatten()).collect();
        actions.into_iter().any(|action| self.act(action))
    }
}

impl Process {
    fn hears_what_it_read(&self) -> bool {
        match self.answers.front() {
            Some(
                Answer::Loaded { .. }
                | Answer::FinishedRanges(_)
                | Answer::NotTaken { .. }
                | Answer::Taken { .. },
            ) => true,
            Some(Answer::Assigned { .. }) | None => false,
        }
    }
}
