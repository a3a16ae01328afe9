//! The messages on their way. Which of two was sent first says nothing about which comes first, so worlds that differ
//! only in that are the same.

use super::World;
use crate::model::mixed;
use std::hash::{Hash, Hasher};
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
    /// Takes away letters that change nothing for whoever gets them, now and for ever. For the model checker, to which they
    /// would be worlds of their own. `timeless`: no time passes any more, so that a further sign of life says nothing to
    /// who has just heard one, nor to who does not know the sender yet: it hears one when it does.
    ///
    /// Without it there is room for another letter: what is searched then is what follows when it arrives at once.
    pub(crate) fn drop_dead_letters(&mut self, timeless: bool) {
        let known = PeerId::BOTH.map(|peer| {
            let core = self.latest(peer).map(|at| self.processes[at].core.as_ref());
            // A process that recovers, or comes later, hears only of what is current.
            core.flatten()
                .map_or_else(|| self.ledger.incarnation(peer.other()), |c| c.peer().0.unwrap_or_default())
        });
        let processes = &self.processes;
        let lives =
            |peer, incarnation| processes.iter().any(|p| p.me == peer && p.incarnation == incarnation);
        let settled = self.all_settled();
        let now = PeerId::BOTH.map(|peer| self.now(peer));
        let has_heard = |letter: &Letter| {
            let core = self.latest(letter.to).and_then(|at| processes[at].core.as_ref());
            core.is_none_or(|c| c.peer().0 != Some(letter.from) || c.has_just_heard(now[letter.to.index()]))
        };
        let is_told_nothing = |letter: &Letter| match &letter.message {
            // There is no work left to ask for and to tell of.
            _ if settled => true,
            // An answer to a question of a former process: nobody asks that again.
            Message::NotNeeded { ask_id, .. } => !lives(letter.to, ask_id.incarnation()),
            // Who was taken over is no more.
            Message::Taken { old, .. } => !lives(letter.to, *old),
            _ => false,
        };
        // Of a sender whose place is known to have a newer number nothing is heard (S7).
        let matters = |letter: &Letter| {
            letter.from >= known[letter.to.index()]
                && !(timeless && has_heard(letter) && is_told_nothing(letter))
        };
        let matter: Vec<bool> = self.letters.iter().map(matters).collect();
        let mut matter = matter.into_iter();
        self.letters.retain(|_| matter.next().unwrap_or(true));
    }
}

/// See the module. No letter is in it twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letters(Vec<Letter>);

impl Letters {
    /// Two that differ in nothing else are one, as if the second had been sent when the first was on its way already.
    pub(crate) fn forget_figures(&mut self) {
        for mut letter in std::mem::take(&mut self.0) {
            letter.message.forget_figures();
            if !self.0.contains(&letter) {
                self.0.push(letter);
            }
        }
    }
}

impl PartialEq for Letters {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|letter| other.0.contains(letter))
    }
}

impl Eq for Letters {}

impl Hash for Letters {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().map(mixed).fold(0, u64::wrapping_add).hash(state);
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
