//! Numbers that only tie things together, made small: questions, episodes, operations, holdings of ranges.
//!
//! Of each of these only this is ever asked: whether two are the same, which of two is the later, and, where one is made,
//! that it is beyond all there are. So each becomes its place among those that anybody still has, from 1 on, and whoever
//! counts goes on behind the last of them. Two that differ stay different, the order stays, and what comes next is still
//! new: whatever is compared with whatever, now or later, comes out as before. Nobody asks whether two follow each other
//! without a gap. Kept apart are those of each peer and each life, in which such a number has its meaning.
//!
//! One question has a number of its own, 0: the one that a process puts by joining. It stays 0, and no other becomes it.

use crate::process::{Answer, Job, Process};
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use twinhaul_assist::{AskId, Core, Episode, Message, Number, OpId};
use twinhaul_units::{Incarnation, PeerId};

/// The numbers of one kind that are in use, by peer and life.
type InUse = BTreeMap<(PeerId, Incarnation), BTreeSet<u64>>;

#[derive(Debug, Default)]
struct Numbers {
    asks: InUse,
    episodes: InUse,
    ops: InUse,
}

impl Numbers {
    fn note(&mut self, number: &Number<'_>) {
        let (kind, whose, number) = match number {
            Number::Ask(_, ask) if ask.number() == 0 => return,
            Number::Ask(peer, ask) => (&mut self.asks, (*peer, ask.incarnation()), ask.number()),
            Number::Episode(peer, life, episode) => (&mut self.episodes, (*peer, *life), episode.0),
            Number::Op(op) => (&mut self.ops, (op.owner(), op.incarnation()), op.number()),
        };
        kind.entry(whose).or_default().insert(number);
    }

    fn replace(&self, number: Number<'_>) {
        let place = |kind: &InUse, whose, number| {
            kind.get(&whose).map_or(0, |used| used.range(..=number).count() as u64)
        };
        match number {
            Number::Ask(peer, ask) => {
                let life = ask.incarnation();
                *ask = AskId::new(life, place(&self.asks, (peer, life), ask.number()));
            }
            Number::Episode(peer, life, episode) => {
                *episode = Episode(place(&self.episodes, (peer, life), episode.0));
            }
            Number::Op(op) => {
                let whose = (op.owner(), op.incarnation());
                *op = OpId::new(whose.0, whose.1, place(&self.ops, whose, op.number()));
            }
        }
    }
}

impl Numbers {
    /// What the checks remember of episodes. One that nobody has any more can never be asked about again.
    fn note_what_was_heard(&self, process: &mut Process) {
        let asker = process.me.other();
        let now_called = |(life, mut episode): (Incarnation, Episode)| {
            let used = self.episodes.get(&(asker, life))?.contains(&episode.0);
            self.replace(Number::Episode(asker, life, &mut episode));
            used.then_some((life, episode))
        };
        process.notes.hears = process.notes.hears.and_then(now_called);
        process.notes.raised_for = process.notes.raised_for.and_then(now_called);
        process.notes.answered = None;
    }
}

impl World {
    /// See the module.
    pub(super) fn renumber(&mut self) {
        let processes = &self.processes;
        self.ledger.forget_answers(|peer, life, op| {
            let mut of = processes.iter().filter(|p| (p.me, p.incarnation) == (peer, life));
            of.any(|p| p.may_ask_for(OpId(op)))
        });
        self.ledger.renumber_holdings(self.processes.iter_mut().map(|p| &mut p.range_cursor));
        let mut numbers = Numbers::default();
        self.each_number(&mut |number| numbers.note(&number));
        self.each_number(&mut |number| numbers.replace(number));
        let count = |kind: &InUse, whose| kind.get(&whose).map_or(0, |used| used.len() as u64);
        for process in &mut self.processes {
            numbers.note_what_was_heard(process);
            let whose = (process.me, process.incarnation);
            let Numbers { asks, episodes, ops } = &numbers;
            if let Some(core) = &mut process.core {
                core.count_from(count(asks, whose), count(episodes, whose), count(ops, whose));
            }
        }
    }

    /// Every number in a world that something else may have too.
    fn each_number(&mut self, each: &mut dyn FnMut(Number<'_>)) {
        for letter in self.letters.iter_mut() {
            let asker =
                if matches!(letter.message, Message::Ask { .. }) { letter.to.other() } else { letter.to };
            letter.message.each_number(asker, each);
        }
        let op = |number: &mut u64, each: &mut dyn FnMut(Number<'_>)| {
            let mut named = OpId(*number);
            each(Number::Op(&mut named));
            *number = named.0;
        };
        for process in &mut self.processes {
            if let Some(core) = &mut process.core {
                core.each_number(each);
            }
            process.taking.iter_mut().for_each(|number| op(number, each));
            process.later_take_over.iter_mut().for_each(|take| op(&mut take.op, each));
            process.cuttings.iter_mut().for_each(|cutting| op(&mut cutting.op, each));
            let taken = process.cleanup.iter_mut().filter_map(|cleanup| cleanup.taken.as_mut());
            taken.for_each(|taken| each(Number::Op(&mut taken.op)));
            for job in &mut process.jobs {
                match job {
                    Job::Assign(assign) => op(&mut assign.op, each),
                    Job::TakeOver(take) => op(&mut take.op, each),
                    _ => {}
                }
            }
            for answer in &mut process.answers {
                match answer {
                    Answer::Assigned { op: number, .. } => op(number, each),
                    Answer::NotTaken { op } | Answer::Taken { op, .. } => each(Number::Op(op)),
                    Answer::Loaded { .. } | Answer::FinishedRanges(_) => {}
                }
            }
        }
        self.ledger.operation_numbers().for_each(|number| op(number, each));
    }
}

impl Process {
    /// Whether the ledger may yet be asked for this operation: it waits to be asked, or its outcome is not known.
    fn may_ask_for(&self, op: OpId) -> bool {
        let waits = |job: &Job| match job {
            Job::Assign(assign) => assign.op == op.0,
            Job::TakeOver(take) => take.op == op.0,
            _ => false,
        };
        self.core.as_ref().is_some_and(|core: &Core| core.awaits(op))
            || self.jobs.iter().any(waits)
            || self.later_take_over.as_ref().is_some_and(|take| take.op == op.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Case, Checked, Shape};
    use super::*;
    use crate::Random;
    use crate::swarm::Class;
    use crate::world::Action;

    /// Longest way; most are at their end before.
    const STEPS_MAX: u32 = 300;

    /// Whatever can happen to a world and to the same one with small numbers, has come to the same.
    fn go_on_alike(world: &World, small: &World, action: Action) -> Option<World> {
        let after = |world: &World| {
            let mut world = world.clone();
            let done = world.act(action);
            world.forget_what_decides_nothing();
            done.then_some(world)
        };
        let (next, mut other) = (after(world), after(small));
        let mut renumbered = next.clone();
        for world in [&mut renumbered, &mut other].into_iter().flatten() {
            world.renumber();
        }
        assert!(renumbered == other, "{action:?}: {renumbered:#?} {other:#?}");
        next
    }

    #[test]
    fn a_world_with_small_numbers_goes_on_like_the_one_before() {
        use Class::{Crash, Doubling, Freeze, LostAnswers, SecondCopy};
        let classes = [Crash, Doubling, Freeze, LostAnswers, SecondCopy];
        let mut renamed = 0;
        for (seed, shape) in (0..300).zip([Shape::Lots(3), Shape::Ranges(3), Shape::Ranges(4)].iter().cycle())
        {
            let mut random = Random::new(seed);
            let case = Case::new(*shape, &[], 0);
            let mut world = Checked::new(&case).begin().unwrap().world;
            // Where everything is settled, questions are forgotten before, with the numbers that they had.
            for _ in 0..STEPS_MAX {
                if world.all_settled() {
                    break;
                }
                let mut small = world.clone();
                small.renumber();
                renamed += u32::from(small != world);
                let mut actions = Vec::new();
                world.steps(&mut actions);
                let budget = Case::new(*shape, &[random.pick(&classes)], 0).budget();
                budget.faults(&world, &mut actions);
                let nexts: Vec<World> =
                    actions.iter().filter_map(|action| go_on_alike(&world, &small, *action)).collect();
                // Mostly what is no fault, so that something comes about.
                let few = nexts.len().min(if random.once_in(12) { usize::MAX } else { 4 });
                let Some(next) = nexts.into_iter().nth(random.place(few.max(1))) else { break };
                world = next;
            }
        }
        assert!(renamed > 2500, "only {renamed} worlds had other numbers");
    }
}
