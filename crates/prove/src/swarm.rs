//! What one seed stands for: the size of the world, the policy, and which kinds of trouble it meets.
//!
//! Not all kinds at once: a bug that needs many quiet steps is hidden by constant noise, and one that needs two kinds is
//! found sooner when there are only those two (protocol.md 7).

use crate::{Durability, GRAINS_MAX, Mutant, Random, Setup};
use twinhaul_assist::{Policy, Timing};

/// A kind of trouble, or of what comes from outside, switched on or off for a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Loss,
    Doubling,
    Crash,
    Freeze,
    SecondCopy,
    PowerLoss,
    CutPeers,
    CutLedger,
    LostAnswers,
    FailingSync,
    ChangingSource,
    WildClocks,
    /// An operator hands single transfers to the other peer.
    HandOver,
    /// A sign of life of the other peer comes beside the link.
    Sign,
}

impl Class {
    /// What goes wrong.
    pub const FAULTS: [Self; 12] = [
        Self::Loss,
        Self::Doubling,
        Self::Crash,
        Self::Freeze,
        Self::SecondCopy,
        Self::PowerLoss,
        Self::CutPeers,
        Self::CutLedger,
        Self::LostAnswers,
        Self::FailingSync,
        Self::ChangingSource,
        Self::WildClocks,
    ];

    /// What goes wrong, and what comes from outside.
    pub const ALL: [Self; 14] = {
        let mut all = [Self::HandOver; 14];
        let mut at = 0;
        while at < Self::FAULTS.len() {
            all[at] = Self::FAULTS[at];
            at += 1;
        }
        all[13] = Self::Sign;
        all
    };

    /// Back from its name on the command line.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| crate::model::kebab(class) == name)
    }
}

/// How often each policy comes.
const POLICIES: [Policy; 8] = [
    Policy::None,
    Policy::Learning,
    Policy::Learning,
    Policy::Balanced,
    Policy::Balanced,
    Policy::Balanced,
    Policy::Balanced,
    Policy::Balanced,
];

/// See the module.
#[derive(Clone, Debug)]
pub struct Swarm {
    pub setup: Setup,
    pub classes: Vec<Class>,
    /// One step in so many is trouble.
    pub every: u64,
    /// Steps before everything heals.
    pub steps: u64,
    /// An operator hands transfers over, and signs of life come beside the link. Their chance is their own, and they come in
    /// every fourth seed, so that the others walk as they did before there were any.
    pub outside: bool,
    /// How much more often the first peer's threads get their turn, in parts of 16.
    pub favour: u64,
}

impl Swarm {
    /// What `seed` stands for; the same for ever.
    pub fn of(seed: u64, mutant: Option<Mutant>) -> Self {
        let mut random = Random::new(seed ^ 0x5EED);
        let n = random.pick(&[1, 2, 2, 5, 5, 40]);
        let classes = Class::FAULTS.into_iter().filter(|_| random.once_in(3)).collect();
        let setup = Self::setup(&mut random, n, mutant);
        let work: u64 = setup.grains.iter().map(|grains| 14 + u64::from(*grains)).sum();
        Self {
            classes,
            every: random.pick(&[6, 20, 60]),
            steps: 20 + random.below(work * 2),
            outside: seed % 4 == 3,
            favour: random.pick(&[2, 8, 8, 14]),
            setup,
        }
    }

    fn setup(random: &mut Random, n: u64, mutant: Option<Mutant>) -> Setup {
        let most = random.pick(&[1, 2, 4, GRAINS_MAX as u64]);
        let grains = (0..n).map(|_| random.below(most + 1) as u8).collect();
        let earlier = random.once_in(4);
        let there = (0..n).map(|_| if earlier { random.pick(&[0, 1, 1, 9]) } else { 0 }).collect();
        Setup {
            grains,
            there,
            first: random.pick(&[0, n / 4, n / 2, n / 2, n]),
            lots: random.pick(&[2, 2, 4, 8]),
            policy: random.pick(&POLICIES),
            ratio: random.pick(&[0.5, 0.5, 0.05, 0.95]),
            slots: random.pick(&[1, 1, 2, 4]),
            minimum: random.pick(&[0, 0, 0, 1]),
            timing: Timing::default(),
            group: random.pick(&[1, 2, 8]),
            durability: random.pick(&[Durability::Group, Durability::Group, Durability::End]),
            skip_same: !random.once_in(3),
            ranges: !random.once_in(4),
            read_back: random.once_in(3),
            letters: 16,
            measured: true,
            remember: true,
            brisk: false,
            mutant,
        }
    }

    pub fn has(&self, class: Class) -> bool {
        self.classes.contains(&class)
    }
}
