//! Any sequence of operations leaves the ledger sound, and it agrees with a model that is one array (S3 to S7, S11).

use crate::support::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use twinhaul_ledger::{
    Assign, AssignOutcome, FinishedRange, Holding, Interval, Lent, Outcome, PAGE_MAX, RangeCursor, RangeCut,
    RangeEnd, RangeRow, Refused, Reopen, State, Store, TakeOverOutcome,
};
use twinhaul_units::{Epoch, Incarnation, PeerId, TransferId};

/// One step; the numbers pick among what is possible.
#[derive(Clone, Debug)]
enum Step {
    Wave(u64),
    Join(PeerId),
    Assign(PeerId, Vec<(u64, u64)>),
    Authorise(PeerId, u64, u64),
    Settle(PeerId, u64, u64, u8),
    Release(PeerId),
    TakeOver(PeerId),
    Reopen(Option<u64>),
    /// Which transfer, first leaf, number of leaves, hedge; asked by this peer.
    Cut(PeerId, u64, u64, u64, bool),
    /// Finish or return one of the ranges that this peer holds.
    End(PeerId, u64, bool),
    Recall(PeerId, u64),
}

fn peer() -> impl Strategy<Value = PeerId> {
    prop_oneof![Just(First), Just(Second)]
}

fn step() -> impl Strategy<Value = Step> {
    let some = || (0..u64::MAX, 0u64..1500);
    prop_oneof![
        1 => (1u64..3000).prop_map(Step::Wave),
        1 => peer().prop_map(Step::Join),
        6 => (peer(), prop::collection::vec(some(), 1..4)).prop_map(|(p, v)| Step::Assign(p, v)),
        4 => (peer(), some()).prop_map(|(p, (at, n))| Step::Authorise(p, at, n)),
        6 => (peer(), some(), 0u8..4).prop_map(|(p, (at, n), how)| Step::Settle(p, at, n, how)),
        1 => peer().prop_map(Step::Release),
        1 => peer().prop_map(Step::TakeOver),
        2 => prop::option::of(1u64..9).prop_map(Step::Reopen),
        8 => (peer(), 0..u64::MAX, 0u64..17, 1u64..17, prop::bool::weighted(0.2))
            .prop_map(|(p, at, first, n, hedge)| Step::Cut(p, at, first, n, hedge)),
        6 => (peer(), 0..u64::MAX, prop::bool::weighted(0.6)).prop_map(|(p, at, done)| Step::End(p, at, done)),
        1 => (peer(), 0..u64::MAX).prop_map(|(p, at)| Step::Recall(p, at)),
    ]
}

/// What the ledger should hold.
struct Model {
    owner: Vec<PeerId>,
    state: Vec<State>,
    by: Vec<PeerId>,
    incarnation: [Incarnation; 2],
    op: u64,
    wave: u64,
    /// Transfers that were ever cut.
    cut: BTreeSet<u64>,
}

struct World {
    store: Store,
    model: Model,
}

impl World {
    fn mine(&self, peer: PeerId) -> Vec<Interval> {
        owned(&self.store, peer, self.model.incarnation[peer.index()])
    }

    /// A part of what a peer owns: `at` picks where, `n` how much.
    fn pick(&self, peer: PeerId, at: u64, n: u64) -> Option<Interval> {
        let mine = self.mine(peer);
        let interval = *mine.get(usize::try_from(at % (mine.len().max(1) as u64)).unwrap())?;
        let first = interval.first.0 + at % interval.count();
        Some(part(interval, first, interval.last.0.min(first + n)))
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Wave(n) => self.wave(*n),
            Step::Join(peer) => self.model.incarnation[peer.index()] = join(&self.store, *peer),
            Step::Assign(from, picks) => self.assign(*from, picks),
            Step::Authorise(peer, at, n) => {
                if let Some(i) = self.pick(*peer, *at, *n % 300) {
                    let group = authorise(i.first.0..=i.last.0, i.epoch.0);
                    self.store.authorise(*peer, self.model.incarnation[peer.index()], &group).unwrap();
                    self.set(i, State::Authorised);
                }
            }
            Step::Settle(peer, at, n, how) => self.settle(*peer, *at, *n, *how),
            Step::Release(peer) => {
                let rows = self.store.unsettled(*peer).unwrap();
                let group: Vec<(TransferId, Epoch)> = rows.iter().map(|u| (u.row.id, u.epoch)).collect();
                self.store.release(*peer, self.model.incarnation[peer.index()], &group).unwrap();
                for (id, _) in &group {
                    self.model.state[id.0 as usize] = State::Planned;
                }
            }
            Step::TakeOver(by) => self.take_over(*by),
            Step::Reopen(every) => self.reopen(*every),
            Step::Cut(from, at, first, n, hedge) => self.cut(*from, *at, (*first, first + n), *hedge),
            Step::End(peer, at, done) => self.end(*peer, *at, *done),
            Step::Recall(peer, at) => {
                if let Some((id, epoch)) = self.shared_by(*peer, *at) {
                    self.store
                        .recall_ranges(*peer, self.model.incarnation[peer.index()], &[(id, epoch)])
                        .unwrap();
                    assert!(self.store.ranges(id).unwrap().is_empty());
                }
            }
        }
        self.ranges_agree();
    }

    fn incarnations(&self, from: PeerId) -> (Incarnation, Incarnation) {
        let [a, b] = self.model.incarnation;
        if from == First { (a, b) } else { (b, a) }
    }

    /// A transfer with ranges whose home is `peer`.
    fn shared_by(&self, peer: PeerId, at: u64) -> Option<(TransferId, Epoch)> {
        let mine: Vec<_> =
            self.shared().into_iter().filter(|id| self.model.owner[*id as usize] == peer).collect();
        let id = *mine.get((at % (mine.len().max(1) as u64)) as usize)?;
        let lot = self.lots().into_iter().find(|l| (l.first.0..=l.last.0).contains(&id))?;
        Some((TransferId(id), lot.epoch))
    }

    /// Transfers with ranges.
    fn shared(&self) -> Vec<u64> {
        self.model
            .cut
            .iter()
            .copied()
            .filter(|id| !self.store.ranges(TransferId(*id)).unwrap().is_empty())
            .collect()
    }

    /// Cuts a few leaves of one transfer: a fresh one of the giver, or one with ranges, whoever's home it is.
    fn cut(&mut self, from: PeerId, at: u64, (first, beyond): (u64, u64), hedge: bool) {
        let shared = self.shared();
        let id = match shared.get((at % 3) as usize) {
            Some(id) if !at.is_multiple_of(5) => *id,
            _ => match self.pick(from, at, 0) {
                Some(interval) => interval.first.0,
                None => return,
            },
        };
        let Some(lot) = self.lots().into_iter().find(|l| (l.first.0..=l.last.0).contains(&id)) else {
            return;
        };
        let cut = RangeCut { hedge, ..cut(id, lot.epoch.0, first, beyond.min(17), "t") };
        let (mine, theirs) = self.incarnations(from);
        self.model.op += 1;
        let ask = Assign {
            cuts: vec![cut.clone()],
            ..assign_from(self.model.op, (from, mine), (from.other(), theirs), &[])
        };
        let before = self.store.ranges(cut.id).unwrap();
        let outcome = self.store.assign(&ask).unwrap();
        assert_eq!(self.store.assign(&ask).unwrap(), outcome);
        let after = self.store.ranges(cut.id).unwrap();
        let meets = |r: &&RangeRow| r.from < cut.to && cut.from < r.to;
        match outcome {
            AssignOutcome::Refused(_) => {
                assert_eq!(before, after, "a refusal changes nothing");
                let planned = self.model.state[id as usize] == State::Planned;
                let free = before.iter().find(meets).is_none();
                assert!(
                    !(free && planned && lot.owner == from),
                    "the home may lend what nobody has: {cut:?}"
                );
            }
            AssignOutcome::Assigned(_) => {
                self.model.cut.insert(id);
                let lost = before.iter().filter(meets).any(|r| r.done || r.holder != from);
                assert!(!lost, "what is done or the other's is not the giver's: {before:?} {cut:?}");
                let theirs = after
                    .iter()
                    .filter(|r| r.hedge == hedge)
                    .any(|r| (r.from, r.to, r.holder, r.done) == (cut.from, cut.to, from.other(), false));
                let given_back = lot.owner != from && before.iter().find(meets).is_some_and(|r| r.hedge);
                assert!(theirs || given_back, "{after:?} {cut:?}");
            }
        }
    }

    /// A holder is done with one of its ranges, or gives it back.
    fn end(&mut self, peer: PeerId, at: u64, done: bool) {
        let mine = self.model.incarnation[peer.index()];
        let holdings = self.store.holdings(peer, mine, 100).unwrap();
        let Some(Holding { held, .. }) = holdings.get((at % (holdings.len().max(1) as u64)) as usize) else {
            return;
        };
        let before = self.store.ranges(held.id).unwrap();
        if done {
            let finished = FinishedRange { held: held.clone(), chains: Vec::new() };
            assert_eq!(self.store.finish_ranges(peer, mine, &[finished]).unwrap(), [RangeEnd::Done]);
            assert_eq!(self.store.holdings(peer, mine, 100).unwrap().len(), holdings.len() - 1);
        } else {
            self.store.return_ranges(peer, mine, std::slice::from_ref(held)).unwrap();
            let home = self.model.owner[held.id.0 as usize];
            let after = self.store.ranges(held.id).unwrap();
            let back =
                |r: &RangeRow| (r.from, r.to, r.hedge, r.holder) == (held.from, held.to, held.hedge, home);
            assert_eq!(after.iter().any(back), !held.hedge);
            assert_eq!(after.len(), before.len() - usize::from(held.hedge));
        }
    }

    /// Only planned transfers have ranges, and a load from the beginning names what is held, each once.
    fn ranges_agree(&self) {
        for peer in PeerId::BOTH {
            let mine = self.model.incarnation[peer.index()];
            let loaded = self.store.ranges_since(peer, mine, RangeCursor::default(), 1000).unwrap();
            let holdings = self.store.holdings(peer, mine, 1000).unwrap();
            let brief = |l: &Lent| (l.range.id, l.range.from, l.range.to, l.range.hedge);
            let loaded: Vec<_> = loaded.ranges.iter().map(brief).collect();
            assert!(loaded.iter().copied().eq(holdings.iter().map(|h| (
                h.held.id,
                h.held.from,
                h.held.to,
                h.held.hedge
            ))));
            let planned = |id: &TransferId| self.model.state[id.0 as usize] == State::Planned;
            assert!(loaded.iter().all(|(id, ..)| planned(id)), "{loaded:?}");
        }
    }

    fn wave(&mut self, n: u64) {
        let first = self.model.owner.len() as u64;
        let mut wave = transfers(first, n, 0);
        let cut = n / 3;
        wave.iter_mut().skip(cut as usize).for_each(|t| t.target = 1);
        let mut lots = vec![lot(first + cut, n - cut, Second, 1)];
        if cut > 0 {
            lots.insert(0, lot(first, cut, First, 0));
        }
        self.model.wave += 1;
        self.store.add_wave(self.model.wave, &wave, &lots).unwrap();
        for id in 0..n {
            self.model.owner.push(if id < cut { First } else { Second });
            self.model.state.push(State::Planned);
            self.model.by.push(First);
        }
    }

    fn assign(&mut self, from: PeerId, picks: &[(u64, u64)]) {
        let mut intervals: Vec<Interval> = Vec::new();
        for picked in picks.iter().filter_map(|(at, n)| self.pick(from, *at, *n)) {
            if intervals.iter().all(|i| i.last < picked.first || picked.last < i.first) {
                intervals.push(picked);
            }
        }
        if intervals.is_empty() {
            return;
        }
        self.model.op += 1;
        let [a, b] = self.model.incarnation;
        let (mine, theirs) = if from == First { (a, b) } else { (b, a) };
        let ask = assign_from(self.model.op, (from, mine), (from.other(), theirs), &intervals);
        let before = self.store.counters().unwrap().sum(State::Planned);
        let outcome = self.store.assign(&ask).unwrap();
        assert_eq!(self.store.assign(&ask).unwrap(), outcome);
        // A transfer that was cut has started: the core never hands it over, the ledger refuses it (S6).
        let cut = |i: &Interval| self.model.cut.range(i.first.0..=i.last.0).next().is_some();
        if let AssignOutcome::Refused(Refused::NotPlanned { .. }) = outcome
            && intervals.iter().any(cut)
        {
            return;
        }
        let AssignOutcome::Assigned(moved) = outcome else { panic!("refused: {outcome:?}") };
        let shared = self.shared();
        assert!(
            !shared.iter().any(|id| intervals.iter().any(|i| (i.first.0..=i.last.0).contains(id))),
            "{shared:?}"
        );
        assert_eq!(moved.count, intervals.iter().map(Interval::count).sum::<u64>());
        assert_eq!(moved.bytes, self.store.interval_bytes(&intervals).unwrap());
        assert_eq!(self.store.counters().unwrap().sum(State::Planned), before, "nothing is lost by moving");
        for id in intervals.iter().flat_map(|i| i.first.0..=i.last.0) {
            self.model.owner[id as usize] = from.other();
        }
    }

    fn set(&mut self, interval: Interval, state: State) {
        for id in interval.first.0..=interval.last.0 {
            self.model.state[id as usize] = state;
            self.model.by[id as usize] = self.model.owner[id as usize];
        }
    }

    fn settle(&mut self, peer: PeerId, at: u64, n: u64, how: u8) {
        let Some(i) = self.pick(peer, at, n) else { return };
        let (ids, epoch) = (i.first.0..=i.last.0, i.epoch.0);
        let group = match how {
            0 => failed(ids, epoch),
            1 => ids.map(|id| settled(id, epoch, Outcome::Skipped)).collect(),
            _ => done(ids, epoch),
        };
        self.store.settle(peer, self.model.incarnation[peer.index()], &group).unwrap();
        self.set(i, group[0].outcome.state());
    }

    fn take_over(&mut self, by: PeerId) {
        self.model.op += 1;
        let dead = by.other();
        let mine = self.model.incarnation[by.index()];
        let take = take_over(self.model.op, (by, mine), self.model.incarnation[dead.index()]);
        let TakeOverOutcome::Taken(taken) = self.store.take_over(&take).unwrap() else { panic!("refused") };
        self.model.incarnation[dead.index()] = taken.incarnation;
        // Every lot that was open moves whole, with what is settled in it; that only matters to a retry.
        self.read_owners(by);
    }

    fn reopen(&mut self, every: Option<u64>) {
        let failed: Vec<u64> = (0..self.model.state.len() as u64)
            .filter(|id| self.model.state[*id as usize] == State::Failed)
            .collect();
        let chosen: Vec<u64> = failed.into_iter().filter(|id| every.is_none_or(|n| id % n == 0)).collect();
        let which = match every {
            None => Reopen::All,
            Some(_) => Reopen::Some(chosen.iter().map(|id| TransferId(*id)).collect()),
        };
        assert_eq!(self.store.reopen_failed(&which).unwrap(), chosen.len() as u64);
        for id in &chosen {
            self.model.state[*id as usize] = State::Planned;
        }
    }

    fn lots(&self) -> Vec<twinhaul_ledger::LotRow> {
        let (mut lots, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.lots(after, PAGE_MAX).unwrap();
            let Some(last) = page.last() else { return lots };
            after = Some(last.id);
            lots.extend(page);
        }
    }

    fn read_owners(&mut self, by: PeerId) {
        for lot in self.lots() {
            for id in lot.first.0..=lot.last.0 {
                if !self.model.state[id as usize].settled() {
                    assert_eq!(lot.owner, by, "everything open is the survivor's: {id}");
                }
                self.model.owner[id as usize] = lot.owner;
            }
        }
    }

    fn agrees(&self) {
        sound(&self.store);
        let rows = self.store.rows(TransferId(0), TransferId(u64::MAX), usize::MAX).unwrap();
        assert!(rows.iter().map(|r| r.state).eq(self.model.state.iter().copied()));
        for lot in self.lots() {
            for id in lot.first.0..=lot.last.0 {
                assert_eq!(lot.owner, self.model.owner[id as usize], "owner of {id}");
            }
        }
        for peer in PeerId::BOTH {
            let mut planned: Vec<u64> = self.mine(peer).iter().flat_map(|i| i.first.0..=i.last.0).collect();
            planned.sort_unstable();
            let expected: Vec<u64> = (0..self.model.owner.len() as u64)
                .filter(|id| {
                    (self.model.owner[*id as usize], self.model.state[*id as usize]) == (peer, State::Planned)
                })
                .collect();
            assert_eq!(planned, expected, "planned and owned, each once");
            for state in [State::Done, State::Skipped, State::Failed] {
                let n = self.store.counters().unwrap().at(peer, state).transfers;
                let by =
                    self.model.by.iter().zip(&self.model.state).filter(|b| *b == (&peer, &state)).count();
                assert_eq!(n, by as u64, "{state:?} by {peer:?}");
            }
        }
    }
}

pub(crate) fn any_sequence_leaves_the_ledger_sound<F: Factory>() {
    // PROPTEST_CASES asks for more; one case is a whole run with a file and its fsyncs.
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(24);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    proptest!(config, |(first in 1u64..4000, steps in prop::collection::vec(step(), 1..40))| {
        let factory = F::default();
        let store = factory.create();
        let incarnation = [join(&store, First), join(&store, Second)];
        let model = Model {
            owner: Vec::new(), state: Vec::new(), by: Vec::new(), incarnation, op: 0, wave: 0, cut: BTreeSet::new(),
        };
        let mut world = World { store, model };
        world.wave(first);
        for step in &steps {
            world.run(step);
        }
        world.agrees();
    });
}
