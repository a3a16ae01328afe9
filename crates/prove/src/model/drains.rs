//! "Drains from here", asked of every state. A drain is the same every time, so a state from which one went well needs
//! no second: most drains end after a few rounds in a state that an earlier one has been through.

use crate::process::Process;
use crate::world::{Broken, Survivors, World};
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::{Mutex, PoisonError};
use twinhaul_units::PeerId;

/// Parts of the memory, so that threads rarely wait for each other.
const SHARDS: usize = 64;

/// Everybody who may be left.
pub(crate) const SURVIVORS: [Survivors; 5] = [
    Survivors::Both,
    Survivors::One(PeerId::First),
    Survivors::One(PeerId::Second),
    Survivors::OneOfFrozen(PeerId::First),
    Survivors::OneOfFrozen(PeerId::Second),
];

/// States in the midst of a drain that are known to end well.
#[derive(Debug)]
pub(super) struct Drains([Mutex<Keys>; SHARDS]);

type Keys = HashSet<u64, BuildHasherDefault<super::mix::Mix>>;

impl Default for Drains {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Drains {
    /// What the first drain that does not end well finds.
    pub(super) fn breaks(&self, world: &World) -> Option<Broken> {
        SURVIVORS.iter().find_map(|survivors| self.one(world, *survivors))
    }

    fn one(&self, world: &World, survivors: Survivors) -> Option<Broken> {
        let mut copy = world.clone();
        copy.forget_who_is_out(survivors);
        let mut path = Vec::new();
        copy.drain_unless(survivors, &mut |world| {
            world.forget_what_decides_nothing();
            world.renumber();
            let key = key(world, survivors);
            let known = self.shard(key).contains(&key);
            path.push(key);
            known
        });
        if copy.broken().is_none() {
            for key in path {
                self.shard(key).insert(key);
            }
        }
        copy.broken().map(|broken| drained(broken, survivors))
    }

    fn shard(&self, key: u64) -> std::sync::MutexGuard<'_, Keys> {
        self.0[key as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a drain found, and who drained: the same words in the search and in the story.
pub(super) fn drained(broken: &Broken, survivors: Survivors) -> Broken {
    let what = format!("{} (drained with {survivors:?})", broken.what);
    Broken { what, ..broken.clone() }
}

impl World {
    /// What those remember who never go on decides nothing, nor does what is on its way to them.
    pub(super) fn forget_who_is_out(&mut self, survivors: Survivors) {
        let survivor = match survivors {
            Survivors::Both => return,
            Survivors::One(peer) | Survivors::OneOfFrozen(peer) => peer,
        };
        for process in self.processes.iter_mut().filter(|process| process.me != survivor) {
            let nothing = Process::new(process.me, process.incarnation);
            *process = Process { frozen: true, cleanup: None, ..nothing };
        }
        self.letters.retain(|letter| letter.to == survivor);
    }
}

fn key(world: &World, survivors: Survivors) -> u64 {
    super::mixed(&(world, survivors))
}
