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
        // Of a place that was taken over and that nobody has come to since, nobody holds anything: what was lent is this
        // peer's again in the ledger, and looking there brings it home. Another take-over would bring nothing.
        let joined = self.joined[other.index()] == seen;
        let lends = joined && process.wholes.iter().any(|whole| !whole.lent.is_empty());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Action, Thread};
    use crate::{Setup, whole::Whole};
    use std::sync::Arc;
    use std::time::Duration;
    use twinhaul_assist::{Policy, Timing};

    /// Every thread but `not` takes its steps; when there are none left, a death is noticed. Long enough for all of it.
    fn go_on(world: &mut World, not: impl Fn(Thread) -> bool) {
        for _ in 0..60 {
            let mut steps = Vec::new();
            world.steps(&mut steps);
            steps.retain(|step| match step {
                Action::Step { thread, .. } => !not(*thread),
                step => !matches!(step, Action::Start { .. } | Action::NoticeDeath { .. }),
            });
            let taken = steps.into_iter().filter(|step| world.act(*step)).count();
            if taken == 0 {
                world.act(Action::NoticeDeath { process: 0 });
            }
        }
    }

    /// The first peer's only transfer is begun, and its second half is the other peer's.
    fn lending() -> World {
        let timing = Timing { lease: Some(Duration::from_micros(100)), ..Timing::untimed() };
        let setup = Setup {
            grains: vec![2],
            policy: Policy::Balanced,
            ranges: true,
            first: 1,
            timing,
            ..Setup::small(1)
        };
        let mut world = World::new(Arc::new(setup)).unwrap();
        let in_slots = |thread| matches!(thread, Thread::Slot(_) | Thread::Follow | Thread::Timer);
        world.act(Action::Start { peer: PeerId::First, second: false });
        go_on(&mut world, in_slots);
        world.act(Action::Step { process: 0, thread: Thread::Slot(0) });
        world.act(Action::Start { peer: PeerId::Second, second: false });
        go_on(&mut world, in_slots);
        world
    }

    /// The model found it: a home that had not looked what became of its ranges took the empty place over for ever.
    #[test]
    fn an_empty_place_is_not_taken_over_again_for_what_it_was_lent() {
        let lends = |world: &World| world.processes[0].wholes.iter().any(|w: &Whole| !w.lent.is_empty());
        let looks = |thread| matches!(thread, Thread::Follow | Thread::Timer);
        let mut world = lending();
        go_on(&mut world, looks);
        world.act(Action::Crash { process: 1 });
        go_on(&mut world, looks);
        assert!(lends(&world), "the range is done, and it has not looked");
        let lives = world.ledger.incarnation(PeerId::Second);
        assert_eq!(lives, Incarnation(2), "joined once, taken over once");
        world.act(Action::Step { process: 0, thread: Thread::Follow });
        assert!(!lends(&world), "looking brings it home");
        assert_eq!(world.broken(), None);
    }
}
