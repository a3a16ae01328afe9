//! What a process hears of the other one's place: its link comes up or breaks, nobody is there any more, or whoever is
//! there does not answer. Each is asked for before it happens, so that a search need not try.

use super::World;
use crate::mutant::Mutant;
use twinhaul_assist::Event;
use twinhaul_units::{Incarnation, Moment, PeerId};

/// For the mutant that hears of a death too late: after ten leases.
const DEATH_TOLD_AT: u64 = 150_000_000;

impl World {
    /// The link of a process to the other peer comes up, if it can.
    pub(crate) fn link_up(&mut self, at: usize) -> bool {
        let Some(incarnation) = self.may_link_up(at) else { return false };
        self.tell(at, Event::PeerJoined { incarnation });
        true
    }

    /// Whom it can come up to.
    pub(crate) fn may_link_up(&self, at: usize) -> Option<Incarnation> {
        let process = &self.processes[at];
        let core = process.core.as_ref().filter(|_| !self.peers_cut && !process.frozen)?;
        let other = &self.processes[self.latest(process.me.other())?];
        let incarnation = other.incarnation;
        let may = !other.frozen && other.core.is_some() && core.peer() != (Some(incarnation), true);
        may.then_some(incarnation)
    }

    /// … or is broken, and this is noticed.
    pub(crate) fn link_down(&mut self, at: usize) -> bool {
        let may = self.may_link_down(at);
        if may {
            self.tell(at, Event::PeerLost);
        }
        may
    }

    pub(crate) fn may_link_down(&self, at: usize) -> bool {
        let process = &self.processes[at];
        let Some((Some(known), true)) = process.core.as_ref().map(twinhaul_assist::Core::peer) else {
            return false;
        };
        let lives = |p: &crate::process::Process| p.me == process.me.other() && p.incarnation == known;
        !process.frozen && (self.peers_cut || !self.processes.iter().any(lives))
    }

    /// No process holds the other peer's place, and there is something that only one there would do.
    pub(crate) fn notice_death(&mut self, at: usize) -> bool {
        let Some(incarnation) = self.may_notice_death(at) else { return false };
        self.processes[at].told_dead = Some(incarnation);
        self.tell(at, Event::PeerDead { incarnation });
        true
    }

    /// Whose death would be noticed.
    pub(crate) fn may_notice_death(&self, at: usize) -> Option<Incarnation> {
        let process = &self.processes[at];
        let other = process.me.other();
        let seen = self.ledger.incarnation(other);
        let quiet = process.frozen || process.core.is_none() || process.told_dead == Some(seen);
        let lends = process.wholes.iter().any(|whole| !whole.lent.is_empty());
        let early = self.setup.is(Mutant::DeathToldLate) && self.now(process.me) < Moment(DEATH_TOLD_AT);
        let there = self.latest(other).is_some();
        (!early && !quiet && !there && (lends || self.owes_something(other))).then_some(seen)
    }

    /// A process took the other peer's place and does not answer: it is there, and not linked.
    pub(crate) fn notice_mute(&mut self, at: usize) -> bool {
        let Some(incarnation) = self.may_notice_mute(at) else { return false };
        self.tell(at, Event::PeerJoined { incarnation });
        self.tell(at, Event::PeerLost);
        true
    }

    /// Whose silence would be noticed.
    pub(crate) fn may_notice_mute(&self, at: usize) -> Option<Incarnation> {
        let process = &self.processes[at];
        let core = process.core.as_ref().filter(|_| !process.frozen)?;
        let other = process.me.other();
        let seen = self.ledger.incarnation(other);
        let mut there = self.processes.iter().filter(|p| p.me == other).peekable();
        let empty = there.peek().is_none();
        let answers = there.any(|p| p.incarnation == seen && !p.frozen && p.core.is_some());
        let told = core.peer().0.is_some_and(|known| known >= seen);
        let nothing = empty || told || self.joined[other.index()] != seen || (answers && !self.peers_cut);
        (!nothing).then_some(seen)
    }

    fn owes_something(&self, peer: PeerId) -> bool {
        let finishes = self.ledger.finisher() == Some((peer, self.ledger.incarnation(peer)));
        (finishes && !self.is_over()) || self.ledger.remaining_of(peer) > 0
    }
}
