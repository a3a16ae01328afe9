//! One simulated run: a walk through a world's actions, chosen at random from a seed, then a drain to the end.
//!
//! The same seed walks the same way for ever, on every machine. An assertion of the production code that fails is a
//! finding like a broken invariant.

use crate::swarm::{Class, Swarm};
use crate::world::{Action, Broken, Invariant, Survivors, Thread, World};
use crate::{Mutant, Random, Seen};
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use twinhaul_units::{PeerId, TransferId};

/// Longest story in bytes: one that never ends is told only so far.
const STORY_MAX: usize = 1 << 20;
/// After which a peer that is not heard of is missed.
const SILENCE_US: u64 = 2_000_000;

/// What came of a seed.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub broken: Option<Broken>,
    pub seen: Seen,
    pub transfers: u64,
}

/// Walks one seed.
pub fn walk(seed: u64, mutant: Option<Mutant>) -> Outcome {
    walk_with(seed, mutant, &mut |_, _| {})
}

/// Walks one seed and tells every step.
pub(crate) fn told(seed: u64, mutant: Option<Mutant>) -> (String, Outcome) {
    let swarm = Swarm::of(seed, mutant);
    let mut story = format!("{:#?}\n", swarm.setup);
    let _ =
        writeln!(story, "trouble: {:?}, one step in {}, {} steps", swarm.classes, swarm.every, swarm.steps);
    let outcome = walk_with(seed, mutant, &mut |action, world| {
        if story.len() < STORY_MAX {
            let _ = writeln!(story, "{action:?}{}", world.brief());
        }
        if let Some(broken) = world.broken() {
            let _ = writeln!(story, "BROKEN {broken}\n{world:#?}");
        }
    });
    let verdict =
        outcome.broken.as_ref().map_or_else(|| "nothing broken".to_owned(), |b| format!("BROKEN {b}"));
    let _ = writeln!(story, "{verdict}");
    (story, outcome)
}

fn walk_with(seed: u64, mutant: Option<Mutant>, tell: &mut dyn FnMut(Action, &World)) -> Outcome {
    let swarm = Swarm::of(seed, mutant);
    let transfers = swarm.setup.transfers();
    let walked = std::panic::catch_unwind(AssertUnwindSafe(|| Walk::new(seed, swarm, tell).map(Walk::run)));
    match walked {
        Ok(Ok(world)) => Outcome { broken: world.broken().cloned(), seen: *world.seen(), transfers },
        Ok(Err(error)) => failed(error.to_string(), transfers),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            failed(text.unwrap_or_default(), transfers)
        }
    }
}

fn failed(what: String, transfers: u64) -> Outcome {
    let broken = Some(Broken { invariant: Invariant::Assert, what });
    Outcome { broken, seen: Seen::default(), transfers }
}

struct Walk<'a> {
    world: World,
    swarm: Swarm,
    random: Random,
    /// For what comes from outside.
    outside: Random,
    tell: &'a mut dyn FnMut(Action, &World),
}

impl<'a> Walk<'a> {
    fn new(
        seed: u64,
        swarm: Swarm,
        tell: &'a mut dyn FnMut(Action, &World),
    ) -> twinhaul_ledger::Result<Self> {
        let world = World::new(Arc::new(swarm.setup.clone()))?;
        Ok(Self { world, swarm, random: Random::new(seed), outside: Random::new(!seed), tell })
    }

    fn act(&mut self, action: Action) -> bool {
        let done = self.world.act(action);
        if done {
            (self.tell)(action, &self.world);
        }
        done
    }

    fn run(mut self) -> World {
        for peer in PeerId::BOTH {
            self.act(Action::Start { peer, second: false });
        }
        for _ in 0..self.swarm.steps {
            if self.world.broken().is_some() {
                return self.world;
            }
            self.step();
            self.outside();
        }
        let survivors = match self.random.below(4) {
            0 => Survivors::One(self.a_peer()),
            1 => Survivors::OneOfFrozen(self.a_peer()),
            _ => Survivors::Both,
        };
        (self.tell)(Action::Drain { survivors }, &self.world);
        self.world.drain_told(survivors, self.tell);
        (self.tell)(Action::Drain { survivors }, &self.world);
        self.world
    }

    fn a_peer(&mut self) -> PeerId {
        self.random.pick(&PeerId::BOTH)
    }

    fn step(&mut self) {
        if !self.swarm.classes.is_empty() && self.random.once_in(self.swarm.every) && self.trouble() {
            return;
        }
        match self.random.below(16) {
            0..=9 => self.thread(),
            10..=12 => {
                let letter = self.random.place(self.world.letters.len());
                self.act(Action::Deliver { letter, keep: false });
            }
            13 => self.rare(),
            14 => self.link(),
            _ => self.pass(),
        }
    }

    /// A process, the favoured peer's more often.
    fn a_process(&mut self) -> usize {
        let peer = if self.random.below(16) < self.swarm.favour { PeerId::First } else { PeerId::Second };
        let of: Vec<usize> =
            (0..self.world.processes.len()).filter(|at| self.world.processes[*at].me == peer).collect();
        if of.is_empty() { self.random.place(self.world.processes.len()) } else { self.random.pick(&of) }
    }

    /// Some thread that can take a step.
    fn thread(&mut self) {
        let process = self.a_process();
        let slots = if process < self.world.processes.len() { self.world.slots(process) } else { 0 };
        let slot = self.random.place(slots);
        let threads = [
            Thread::Cleanup,
            Thread::Ledger,
            Thread::Answer,
            Thread::Slot(slot),
            Thread::Commit,
            Thread::Finish,
            Thread::Slot(slot),
            Thread::Close,
            Thread::Follow,
            Thread::Slot(slot),
        ];
        let from = self.random.place(threads.len());
        for at in 0..threads.len() {
            let thread = threads[(from + at) % threads.len()];
            if self.act(Action::Step { process, thread }) {
                return;
            }
        }
    }

    fn link(&mut self) {
        let process = self.a_process();
        let down = self.act(Action::LinkDown { process });
        if !down {
            self.act(Action::LinkUp { process });
        }
    }

    /// What the engine does now and then.
    fn rare(&mut self) {
        let process = self.a_process();
        let peer = self.a_peer();
        match self.random.below(5) {
            0 => self.act(Action::Step { process, thread: Thread::Poll }),
            4 => self.act(Action::NoticeMute { process }),
            1 => self.act(Action::NoticeDeath { process }),
            2 => self.act(Action::Start { peer, second: false }),
            _ => self.act(Action::Step { process, thread: Thread::Timer }),
        };
    }

    /// Time, and whose timer is due then.
    fn pass(&mut self) {
        let micros = if self.random.once_in(3) { None } else { Some(1 << self.random.below(24)) };
        self.act(Action::Pass { micros });
        let process = self.a_process();
        self.act(Action::Step { process, thread: Thread::Timer });
    }

    /// An operator hands some transfers over, or a sign of life comes beside the link: perhaps of a former life.
    fn outside(&mut self) {
        if !self.swarm.outside {
            return;
        }
        self.freeze_a_borrower();
        if !self.outside.once_in(8) {
            return;
        }
        let process = self.outside.place(self.world.processes.len());
        let action = if self.outside.once_in(2) {
            Action::HandOver { process, ids: self.outside.next() }
        } else {
            Action::Sign { process, former: self.outside.once_in(3) }
        };
        self.act(action);
    }

    /// Who works on what the other peer lent it freezes, is taken over, wakes, and writes on before it looks whether it
    /// has its place (S2): by chance alone hardly ever all of that.
    fn freeze_a_borrower(&mut self) {
        let world = &self.world;
        let Some(frozen) = world.processes.iter().position(|p| p.frozen) else {
            let borrower = world.processes.iter().position(|p| !p.guests.is_empty());
            if let Some(process) = borrower.filter(|_| self.swarm.has(Class::Freeze))
                && self.outside.once_in(8)
            {
                self.act(Action::Freeze { process });
            }
            return;
        };
        if !self.outside.once_in(8) {
            return;
        }
        if world.is_current(frozen) {
            let other = world.latest(world.processes[frozen].me.other());
            self.act(Action::Pass { micros: Some(SILENCE_US) });
            if let Some(process) = other {
                self.act(Action::Step { process, thread: Thread::Timer });
            }
        } else if self.act(Action::Wake { process: frozen }) {
            self.act(Action::Step { process: frozen, thread: Thread::Slot(0) });
        }
    }

    fn trouble(&mut self) -> bool {
        let class = self.swarm.classes[self.random.place(self.swarm.classes.len())];
        let process = self.a_process();
        let letter = self.random.place(self.world.letters.len());
        let (peer, even) = (self.a_peer(), self.random.once_in(2));
        let action = match class {
            Class::Loss => Action::Lose { letter },
            Class::Doubling => Action::Deliver { letter, keep: true },
            Class::Crash => Action::Crash { process },
            Class::Freeze if even => Action::Wake { process },
            Class::Freeze => Action::Freeze { process },
            Class::SecondCopy => Action::Start { peer, second: true },
            Class::PowerLoss => Action::PowerLoss { names: self.random.next() },
            Class::CutPeers if even => Action::MendPeers,
            Class::CutPeers => Action::CutPeers,
            Class::CutLedger if even => Action::MendLedger { peer },
            Class::CutLedger => Action::CutLedger { peer },
            Class::LostAnswers => Action::LoseAnswer { process },
            Class::FailingSync => Action::FailSync { process },
            Class::ChangingSource => {
                Action::ChangeSource { id: TransferId(self.random.below(self.world.setup().transfers())) }
            }
            Class::WildClocks => {
                Action::ClockSpeed { peer, percent: self.random.pick(&[1, 50, 100, 300, 10_000]) }
            }
            Class::HandOver | Class::Sign => return false, // they are no trouble: see `outside`
        };
        self.act(action)
    }
}
