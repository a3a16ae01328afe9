//! The messages on their way. Which of two was sent first says nothing about which comes first, so worlds that differ
//! only in that are the same.

use super::World;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::ops::{Deref, DerefMut};
use twinhaul_assist::Message;
use twinhaul_units::{Incarnation, PeerId};

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Letter {
    pub(crate) to: PeerId,
    pub(crate) from: Incarnation,
    pub(crate) message: Message,
}

impl World {
    /// Takes away letters that whoever gets them will ignore for ever: their sender's place is known to have a newer
    /// number. For the model checker, to which they would be worlds of their own.
    pub(crate) fn drop_dead_letters(&mut self) {
        let known = PeerId::BOTH.map(|peer| {
            let core = self.latest(peer).map(|at| self.processes[at].core.as_ref());
            // A process that recovers, or comes later, hears only of what is current.
            core.flatten()
                .map_or_else(|| self.ledger.incarnation(peer.other()), |c| c.peer().0.unwrap_or_default())
        });
        self.letters.retain(|letter| letter.from >= known[letter.to.index()]);
    }
}

/// See the module. No letter is in it twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letters(Vec<Letter>);

impl PartialEq for Letters {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|letter| other.0.contains(letter))
    }
}

impl Eq for Letters {}

impl Hash for Letters {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let one = |letter: &Letter| BuildHasherDefault::<DefaultHasher>::default().hash_one(letter);
        self.0.iter().map(one).fold(0, u64::wrapping_add).hash(state);
    }
}

impl Deref for Letters {
    type Target = Vec<Letter>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Letters {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
