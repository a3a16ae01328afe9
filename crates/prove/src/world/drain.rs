//! From here on nothing goes wrong: does everything end (L1 to L4)? Asked of a copy, in every state of the model and at
//! the end of every simulated run, also with one surviving peer.

use super::{Action, Invariant, Thread, World};
use twinhaul_units::{Incarnation, Moment, PeerId};

/// Rounds after which a run that has not ended never will. A round gives every thread a step, or passes time.
const ROUNDS_MAX: u32 = 8000;

/// Who goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Survivors {
    /// Everybody; who is down is started again.
    Both,
    /// Only this peer: the other's processes are gone, and none is started.
    One(PeerId),
    /// Only this peer: the other's are frozen for ever.
    OneOfFrozen(PeerId),
}

/// Who hears of every step.
type Tell<'a> = &'a mut dyn FnMut(Action, &World);
/// Who knows that a state ends well.
type Known<'a> = &'a mut dyn FnMut(&mut World) -> bool;

impl World {
    /// Heals the world and lets it run to its end; leaves what it found broken in it.
    pub fn drain(&mut self, survivors: Survivors) {
        self.drain_told(survivors, &mut |_, _| {});
    }

    /// As [`Self::drain`], and tells every step.
    pub(crate) fn drain_told(&mut self, survivors: Survivors, tell: Tell<'_>) {
        self.drain_while(survivors, tell, &mut |_| false);
    }

    /// As [`Self::drain`], until `known` says of the state between two rounds that it ends well.
    pub(crate) fn drain_unless(&mut self, survivors: Survivors, known: Known<'_>) {
        self.drain_while(survivors, &mut |_, _| {}, known);
    }

    fn drain_while(&mut self, survivors: Survivors, tell: Tell<'_>, known: Known<'_>) {
        self.heal(survivors);
        let mut alone = None;
        for _ in 0..ROUNDS_MAX {
            if self.broken.is_some() || known(self) {
                return;
            }
            if self.is_over() && self.processes.iter().all(|p| p.frozen) {
                self.check_the_end();
                return;
            }
            self.round(survivors, tell);
            self.check_moved(survivors, &mut alone);
        }
        let left = self.ledger.remaining();
        self.unless(false, Invariant::L1, || {
            format!("a run without faults does not end: {left} transfers are left")
        });
    }

    fn heal(&mut self, survivors: Survivors) {
        self.peers_cut = false;
        self.ledger_cut = [false; 2];
        self.clocks.speed = [100; 2];
        match survivors {
            Survivors::Both => self.processes.iter_mut().for_each(|p| p.frozen = false),
            Survivors::One(peer) => {
                self.processes.retain(|p| p.me == peer);
                self.processes.iter_mut().for_each(|p| p.frozen = false);
            }
            Survivors::OneOfFrozen(peer) => self.processes.iter_mut().for_each(|p| p.frozen = p.me != peer),
        }
    }

    fn told(&mut self, action: Action, tell: Tell<'_>) -> bool {
        let done = self.act(action);
        if done {
            tell(action, self);
        }
        done
    }

    /// Every thread takes a step and every letter arrives. Time passes when nothing else does.
    fn round(&mut self, survivors: Survivors, tell: Tell<'_>) {
        let mut went_on = false;
        for peer in PeerId::BOTH {
            let starts = match survivors {
                Survivors::Both => true,
                Survivors::One(survivor) | Survivors::OneOfFrozen(survivor) => survivor == peer,
            };
            if starts && self.latest(peer).is_none() {
                went_on |= self.told(Action::Start { peer, second: false }, tell);
            }
        }
        let mut at = 0;
        while let Some(process) = self.processes.get(at) {
            let who = (process.me, process.incarnation);
            went_on |= self.all_threads(at, who, tell);
            // It may have ended, or have ended others.
            let here = self.processes.iter().position(|p| (p.me, p.incarnation) == who);
            at = here.map_or(at, |here| here + 1);
        }
        for letter in (0..self.letters.len()).rev() {
            let arrived = self.told(Action::Deliver { letter, keep: false }, tell);
            if !arrived && letter < self.letters.len() {
                self.letters.remove(letter);
            }
            went_on |= arrived;
        }
        let ticked = self.all_timers(tell);
        if self.setup.is_untimed() {
            // Timers fire all the time, and take none. Only a silence needs it: of a place that nobody has taken over, also
            // where its latest life is gone and a former one, frozen, has the lock.
            let silent = |peer: PeerId| self.joined[peer.index()] == self.ledger.incarnation(peer);
            if self.processes.iter().any(|p| p.frozen && silent(p.me)) {
                self.told(Action::Pass { micros: self.setup.lease_us() }, tell);
            }
        } else if !went_on && !ticked {
            self.told(Action::Pass { micros: None }, tell);
        }
    }

    fn all_timers(&mut self, tell: Tell<'_>) -> bool {
        let mut ticked = false;
        for at in 0..self.processes.len() {
            // Where they are always due, they wait for what they asked for before.
            let process = &self.processes[at];
            let busy = !process.jobs.is_empty() || !process.answers.is_empty();
            if busy && self.setup.is_untimed() {
                continue;
            }
            ticked |= self.told(Action::Step { process: at, thread: Thread::Timer }, tell);
        }
        ticked
    }

    /// Every thread of a process, as long as it lives; whether any went on.
    fn all_threads(&mut self, at: usize, who: (PeerId, Incarnation), tell: Tell<'_>) -> bool {
        let slots = self.slots(at);
        let step = |thread| Action::Step { process: at, thread };
        let steps = [Thread::Cleanup, Thread::Ledger, Thread::Answer, Thread::Commit, Thread::Finish]
            .into_iter()
            .chain((0..slots).map(Thread::Slot))
            .chain([Thread::Close, Thread::Follow, Thread::Poll])
            .map(step);
        let others = [
            Action::LinkDown { process: at },
            Action::LinkUp { process: at },
            Action::NoticeDeath { process: at },
            Action::NoticeMute { process: at },
        ];
        let mut went_on = false;
        for action in steps.chain(others) {
            if self.processes.get(at).map(|p| (p.me, p.incarnation)) == Some(who) {
                went_on |= self.told(action, tell);
            }
        }
        went_on
    }

    /// L3: the lots of one that is gone are the survivor's within a lease and a heartbeat. `alone`: since when a life of
    /// it has known that nobody else is there.
    fn check_moved(&mut self, survivors: Survivors, alone: &mut Option<(Incarnation, Moment)>) {
        let Survivors::One(peer) = survivors else { return };
        let found = self.latest(peer).filter(|at| self.processes[*at].core.is_some() && self.is_current(*at));
        let Some(at) = found else { return };
        let (now, life) = (self.now(peer), self.processes[at].incarnation);
        let (_, since) = *alone.get_or_insert((life, now));
        if alone.is_some_and(|(before, _)| before != life) {
            *alone = Some((life, now));
            return;
        }
        let timing = &self.setup.timing;
        let most = timing.lease.zip(timing.heartbeat_every).map(|(lease, beat)| lease + beat);
        let owed = self.ledger.remaining_of(peer.other());
        let late = most.is_some_and(|most| now.since(since) > most);
        self.unless(!late || owed == 0, Invariant::L3, || {
            format!("{owed} transfers of one that is gone do not move")
        });
    }

    fn check_the_end(&mut self) {
        self.check_ledger();
        self.check_targets();
        self.check_nothing_private();
        let left = self.ledger.remaining();
        self.unless(left == 0, Invariant::L1, || format!("the run is over, and {left} transfers are left"));
    }
}
