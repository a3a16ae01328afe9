//! Contracts of ranges: lending, giving back, finishing, and what becomes of them when a process ends (store.md 3).

use crate::support::*;
use twinhaul_ledger::{
    Assign, AssignOutcome, ByteRange, Chain, FinishedRange, Interval, Joined, LedgerError, Lent, Process,
    RangeCursor, RangeCut, RangeEnd, RangeRow, Refused, State, Store, TakeOverOutcome,
};
use twinhaul_units::{Bytes, Epoch, Incarnation, PeerId, TransferId};

/// Two peers, 100 transfers, the first 50 the first peer's.
struct Pair {
    a: Incarnation,
    b: Incarnation,
}

impl Pair {
    fn begin(store: &Store) -> Self {
        plan_halves(store, 100);
        Self { a: join(store, First), b: join(store, Second) }
    }

    const fn of(&self, peer: PeerId) -> (PeerId, Incarnation) {
        (peer, if matches!(peer, First) { self.a } else { self.b })
    }

    fn ask(&self, op: u64, from: PeerId, cuts: &[RangeCut]) -> Assign {
        Assign { cuts: cuts.to_vec(), ..assign_from(op, self.of(from), self.of(from.other()), &[]) }
    }

    fn lend(&self, store: &Store, op: u64, from: PeerId, cuts: &[RangeCut]) -> Vec<ByteRange> {
        let moved = assigned(store.assign(&self.ask(op, from, cuts)).unwrap());
        assert_eq!((moved.count, moved.bytes, moved.lots.len()), (0, 0, 0));
        moved.ranges
    }

    fn refuse(&self, store: &Store, op: u64, from: PeerId, cut: &RangeCut) {
        let before = store.ranges(cut.id).unwrap();
        let outcome = store.assign(&self.ask(op, from, std::slice::from_ref(cut))).unwrap();
        assert_eq!(outcome, AssignOutcome::Refused(Refused::RangeNotHeld { id: cut.id }), "{cut:?}");
        assert_eq!(store.ranges(cut.id).unwrap(), before);
    }

    fn load(&self, store: &Store, peer: PeerId, after: RangeCursor) -> (Vec<Lent>, RangeCursor) {
        let loaded = store.ranges_since(peer, self.of(peer).1, after, 100).unwrap();
        assert!(loaded.complete);
        (loaded.ranges, loaded.next)
    }
}

fn finished(cut: &RangeCut) -> FinishedRange {
    let chains = vec![Chain { at: cut.from, len: cut.to - cut.from, value: [3; 32] }];
    FinishedRange { held: held(cut), chains }
}

fn finish(store: &Store, by: (PeerId, Incarnation), cut: &RangeCut) -> RangeEnd {
    store.finish_ranges(by.0, by.1, &[finished(cut)]).unwrap()[0]
}

fn brief(rows: &[RangeRow]) -> Vec<(u64, u64, PeerId, bool, bool)> {
    rows.iter().map(|r| (r.from, r.to, r.holder, r.hedge, r.done)).collect()
}

pub(crate) fn a_lent_range_is_found_finished_and_merged<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let pair = Pair::begin(&store);
    let (x, y) = (cut(3, 1, 4, 8, "try-1"), cut(3, 1, 8, 17, "try-1"));
    let ranges = pair.lend(&store, 1, First, &[y.clone(), x.clone()]);
    assert_eq!(
        ranges.iter().map(|r| (r.from, r.to)).collect::<Vec<_>>(),
        [(leaf(8), SHARED_SIZE), (leaf(4), leaf(8))]
    );
    assert!(ranges.iter().all(|r| (r.id, r.epoch, r.home, r.target) == (TransferId(3), Epoch(1), First, 0)));
    let (lent, next) = pair.load(&store, Second, RangeCursor::default());
    assert_eq!(lent.iter().map(|l| l.range).collect::<Vec<_>>(), ranges);
    assert_eq!(lent[0].object, object("try-1"), "the version comes back exactly");
    assert_eq!(lent[0].row, store.rows(TransferId(3), TransferId(3), 1).unwrap()[0]);
    assert!(pair.load(&store, Second, next).0.is_empty() && pair.load(&store, First, next).0.is_empty());
    let few = store.ranges_since(Second, pair.b, RangeCursor::default(), 1).unwrap();
    assert_eq!((few.ranges.len(), few.complete), (1, false));
    assert_eq!(store.ranges_since(Second, pair.b, few.next, 1).unwrap().ranges[0], lent[1]);

    assert_eq!(finish(&store, (Second, pair.b), &y), RangeEnd::Done);
    assert_eq!(finish(&store, (Second, pair.b), &y), RangeEnd::Done, "the same again");
    let rows = store.ranges(TransferId(3)).unwrap();
    assert_eq!(
        brief(&rows),
        [(leaf(4), leaf(8), Second, false, false), (leaf(8), SHARED_SIZE, Second, false, true)]
    );
    assert_eq!((rows[0].chains.len(), &rows[1].chains), (0, &finished(&y).chains));
    assert_eq!(rows[1].attempt, "try-1");
    let holding = store.holdings(Second, pair.b, 100).unwrap();
    assert_eq!(holding.iter().map(|h| (h.held.clone(), h.unwanted)).collect::<Vec<_>>(), [(held(&x), false)]);
    let peer = &store.peers().unwrap()[0];
    assert_eq!((peer.gave, peer.lent, peer.lent_bytes), (0, 2, SHARED_SIZE - leaf(4)));
    assert_eq!(store.counters().unwrap().at(First, State::Planned).transfers, 50, "it stays its home's");
    sound(&store);
}

pub(crate) fn only_what_the_giver_holds_can_be_cut<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let pair = Pair::begin(&store);
    store.authorise(First, pair.a, &authorise([9], 1)).unwrap();
    store.settle(First, pair.a, &done([10], 1)).unwrap();
    let x = cut(3, 1, 8, 12, "t");
    pair.lend(&store, 1, First, std::slice::from_ref(&x));
    let off = RangeCut { from: leaf(2) + 1, ..cut(3, 1, 2, 3, "t") };
    let ill_end = RangeCut { to: leaf(2) - 1, ..cut(3, 1, 1, 2, "t") };
    let beyond = RangeCut { to: SHARED_SIZE + leaf(1), ..cut(3, 1, 16, 17, "t") };
    let mut other_version = cut(3, 1, 2, 3, "t");
    other_version.object.version.mtime_ns = None;
    let wrong = [
        off,
        ill_end,
        beyond,
        other_version,
        cut(3, 1, 5, 5, "t"),
        cut(3, 2, 2, 3, "t"),
        cut(60, 1, 2, 3, "t"),
        cut(999, 1, 2, 3, "t"),
        cut(9, 1, 2, 3, "t"),
        cut(10, 1, 2, 3, "t"),
        cut(3, 1, 8, 12, "t"),
        cut(3, 1, 7, 9, "t"),
        cut(3, 1, 11, 17, "t"),
    ];
    for (op, cut) in (10..).zip(&wrong) {
        pair.refuse(&store, op, First, cut);
    }
    let twice = [cut(3, 1, 2, 4, "t"), cut(3, 1, 3, 5, "t")];
    let outcome = store.assign(&pair.ask(50, First, &twice)).unwrap();
    assert_eq!(outcome, AssignOutcome::Refused(Refused::RangeNotHeld { id: TransferId(3) }));
    // One bad cut, nothing moves: neither the other one nor the lots.
    let mine = owned(&store, First, pair.a)[0];
    let both = Assign {
        intervals: vec![part(mine, 0, 1)],
        ..pair.ask(51, First, &[cut(4, 1, 2, 3, "u"), cut(3, 1, 8, 9, "t")])
    };
    assert!(matches!(store.assign(&both).unwrap(), AssignOutcome::Refused(_)));
    assert!(store.ranges(TransferId(4)).unwrap().is_empty());
    assert_eq!(store.queue_len(Second).unwrap().transfers, 50);
    // Once it is done it is nobody's to lend.
    assert_eq!(finish(&store, (Second, pair.b), &x), RangeEnd::Done);
    pair.refuse(&store, 52, First, &cut(3, 1, 8, 12, "t"));
    pair.refuse(&store, 53, Second, &cut(3, 1, 10, 12, "t"));
    let stale = Assign { to_incarnation: Incarnation(77), ..pair.ask(54, First, &[cut(3, 1, 2, 3, "t")]) };
    assert_eq!(
        store.assign(&stale).unwrap(),
        AssignOutcome::Refused(Refused::StaleHelper { current: pair.b })
    );
    let many: Vec<RangeCut> = (0..=twinhaul_ledger::CUTS_MAX).map(|_| cut(5, 1, 0, 1, "v")).collect();
    assert_eq!(
        store.assign(&pair.ask(55, First, &many)).unwrap(),
        AssignOutcome::Refused(Refused::TooManyRanges)
    );
    sound(&store);
}

pub(crate) fn an_assignment_of_ranges_is_made_once<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let pair = Pair::begin(&store);
    let mine = owned(&store, First, pair.a)[0];
    let ask = Assign {
        intervals: vec![part(mine, 40, 49)],
        ..pair.ask(7, First, &[cut(3, 1, 8, 17, "t"), cut(2, 1, 4, 17, "s")])
    };
    let once = store.assign(&ask).unwrap();
    let AssignOutcome::Assigned(moved) = &once else { panic!("{once:?}") };
    assert_eq!((moved.count, moved.lots.len(), moved.ranges.len()), (10, 1, 2));
    assert_eq!(moved.bytes, (40..50).map(size).sum::<u64>());
    assert_eq!(finish(&store, (Second, pair.b), &ask.cuts[0]), RangeEnd::Done);
    assert_eq!(factory.open().assign(&ask).unwrap(), once, "the same answer, word for word");
    assert_eq!(store.ranges(TransferId(3)).unwrap().len(), 1);
    // A refused one is never made later.
    let other = pair.ask(8, First, &[cut(3, 1, 8, 17, "t")]);
    let refused = store.assign(&other).unwrap();
    store.recall_ranges(First, pair.a, &[(TransferId(3), Epoch(1))]).unwrap();
    assert_eq!(store.assign(&other).unwrap(), refused);
    assert!(store.ranges(TransferId(3)).unwrap().is_empty());
    sound(&store);
}

pub(crate) fn a_helper_gives_back_whole_or_in_part<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let pair = Pair::begin(&store);
    pair.lend(&store, 1, First, &[cut(3, 1, 2, 10, "t"), cut(3, 1, 12, 17, "t")]);
    let (_, after) = pair.load(&store, First, RangeCursor::default());
    // A part of it, by an assignment: the home is asked as well as it asks.
    pair.refuse(&store, 1, Second, &cut(3, 1, 4, 8, "t"));
    pair.refuse(&store, 2, Second, &cut(3, 1, 9, 13, "t"));
    let back = pair.lend(&store, 3, Second, &[cut(3, 1, 8, 10, "t")]);
    assert_eq!((back[0].home, back[0].from, back[0].to), (First, leaf(8), leaf(10)));
    let (mine, after) = pair.load(&store, First, after);
    assert_eq!(mine.iter().map(|l| l.range).collect::<Vec<_>>(), back);
    assert_eq!(finish(&store, (Second, pair.b), &cut(3, 1, 2, 10, "t")), RangeEnd::Moot, "it is shorter now");
    assert_eq!(finish(&store, (Second, pair.b), &cut(3, 1, 2, 8, "t")), RangeEnd::Done);
    // Home again, it can be lent again: any part of it. What lies behind is the home's without a row.
    pair.refuse(&store, 4, First, &cut(3, 1, 7, 9, "t"));
    pair.lend(&store, 5, First, &[cut(3, 1, 8, 9, "t")]);
    pair.lend(&store, 6, First, &[cut(3, 1, 9, 10, "t")]);
    // The whole, because it cannot.
    store
        .return_ranges(Second, pair.b, &[held(&cut(3, 1, 12, 17, "t")), held(&cut(3, 1, 1, 2, "t"))])
        .unwrap();
    store
        .return_ranges(Second, pair.b, &[held(&cut(3, 1, 12, 17, "t")), held(&cut(3, 1, 2, 8, "t"))])
        .unwrap();
    let (mine, after) = pair.load(&store, First, after);
    assert_eq!(
        mine.iter().map(|l| (l.range.from, l.range.to)).collect::<Vec<_>>(),
        [(leaf(12), SHARED_SIZE)]
    );
    pair.lend(&store, 7, Second, &[cut(3, 1, 8, 9, "t")]);
    assert_eq!(pair.load(&store, First, after).0.len(), 1);
    assert_eq!(
        brief(&store.ranges(TransferId(3)).unwrap()),
        [
            (leaf(2), leaf(8), Second, false, true),
            (leaf(8), leaf(9), First, false, false),
            (leaf(9), leaf(10), Second, false, false),
            (leaf(12), SHARED_SIZE, First, false, false),
        ]
    );
    sound(&store);
}

/// Two slots of a helper work on one range: the ledger holds it in two, and each goes its own way.
pub(crate) fn a_helper_divides_what_it_holds<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let pair = Pair::begin(&store);
    pair.lend(&store, 1, First, &[cut(3, 1, 2, 10, "t")]);
    let (_, seen) = pair.load(&store, Second, RangeCursor::default());
    let divide = |tail: &RangeCut| store.split_range(Second, pair.b, &held(tail)).unwrap();
    for wrong in [
        cut(3, 1, 2, 10, "t"),
        cut(3, 1, 6, 9, "t"),
        cut(3, 1, 6, 11, "t"),
        cut(3, 1, 10, 12, "t"),
        cut(3, 2, 6, 10, "t"),
        cut(3, 1, 6, 10, "another attempt"),
        RangeCut { from: leaf(6) + 1, ..cut(3, 1, 6, 10, "t") },
        cut(4, 1, 6, 10, "t"),
    ] {
        assert!(!divide(&wrong), "{wrong:?}");
    }
    assert!(!store.split_range(First, pair.a, &held(&cut(3, 1, 6, 10, "t"))).unwrap(), "not its own");
    assert!(divide(&cut(3, 1, 6, 10, "t")));
    assert!(!divide(&cut(3, 1, 6, 10, "t")), "it is one already");
    assert!(divide(&cut(3, 1, 4, 6, "t")));
    let two_parts = pair.load(&store, Second, seen).0;
    assert_eq!(
        two_parts.iter().map(|l| (l.range.from, l.range.to)).collect::<Vec<_>>(),
        [(leaf(6), leaf(10)), (leaf(4), leaf(6))]
    );
    // The middle is done, the first goes back by where it begins, of the last a part is given back.
    assert_eq!(finish(&store, (Second, pair.b), &cut(3, 1, 4, 6, "t")), RangeEnd::Done);
    store.return_ranges(Second, pair.b, &[held(&cut(3, 1, 2, 3, "t"))]).unwrap();
    pair.lend(&store, 2, Second, &[cut(3, 1, 8, 10, "t")]);
    assert_eq!(
        brief(&store.ranges(TransferId(3)).unwrap()),
        [
            (leaf(2), leaf(4), First, false, false),
            (leaf(4), leaf(6), Second, false, true),
            (leaf(6), leaf(8), Second, false, false),
            (leaf(8), leaf(10), First, false, false),
        ]
    );
    // Somebody races with the rest of it: it stays whole.
    pair.lend(&store, 3, Second, &[RangeCut { hedge: true, ..cut(3, 1, 7, 8, "t") }]);
    assert!(!divide(&cut(3, 1, 7, 8, "t")));
    // Whoever is fenced divides nothing.
    assert!(store.split_range(Second, Incarnation(77), &held(&cut(3, 1, 7, 8, "t"))).is_err());
    sound(&store);
}

/// Slots of the home work on two parts of a range that came back; each gives up its end.
pub(crate) fn one_range_is_cut_twice_at_once<F: Factory>() {
    for turned in [false, true] {
        let factory = F::default();
        let store = factory.create();
        let pair = Pair::begin(&store);
        pair.lend(&store, 1, First, &[cut(3, 1, 2, 10, "t")]);
        store.return_ranges(Second, pair.b, &[held(&cut(3, 1, 2, 10, "t"))]).unwrap();
        let mut cuts = [cut(3, 1, 5, 6, "t"), cut(3, 1, 8, 10, "t")];
        if turned {
            cuts.reverse();
        }
        assert_eq!(pair.lend(&store, 2, First, &cuts).len(), 2);
        assert_eq!(
            brief(&store.ranges(TransferId(3)).unwrap()),
            [
                (leaf(2), leaf(5), First, false, false),
                (leaf(5), leaf(6), Second, false, false),
                (leaf(8), leaf(10), Second, false, false),
            ]
        );
        sound(&store);
    }
}

pub(crate) fn a_hedge_is_a_copy<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let pair = Pair::begin(&store);
    let hedge = RangeCut { hedge: true, ..cut(3, 1, 10, 17, "t") };
    // Of the home's own part: no row says that the home has it.
    let ranges = pair.lend(&store, 1, First, std::slice::from_ref(&hedge));
    assert!(ranges[0].hedge);
    pair.refuse(&store, 2, First, &RangeCut { hedge: true, ..cut(3, 1, 16, 17, "t") });
    pair.refuse(&store, 3, Second, &RangeCut { hedge: true, ..cut(3, 1, 4, 5, "t") });
    // Of a lent one, for the home.
    pair.lend(&store, 4, First, &[cut(3, 1, 4, 8, "t")]);
    let second = RangeCut { hedge: true, ..cut(3, 1, 6, 8, "t") };
    pair.lend(&store, 5, Second, std::slice::from_ref(&second));
    let (mine, after) = pair.load(&store, First, RangeCursor::default());
    assert_eq!(mine.iter().map(|l| (l.range.from, l.range.hedge)).collect::<Vec<_>>(), [(leaf(6), true)]);
    // Both ends may be recorded.
    assert_eq!(finish(&store, (First, pair.a), &second), RangeEnd::Done);
    store.decline_ranges(First, pair.a, &[held(&cut(3, 1, 4, 8, "t")), held(&hedge)]).unwrap();
    let holding = store.holdings(Second, pair.b, 10).unwrap();
    assert!(holding.len() == 2 && holding.iter().all(|h| h.unwanted));
    assert_eq!(finish(&store, (Second, pair.b), &cut(3, 1, 4, 8, "t")), RangeEnd::Done);
    // Given back, a hedge is gone: its home has the other copy.
    store.return_ranges(Second, pair.b, &[held(&hedge)]).unwrap();
    assert!(pair.load(&store, First, after).0.is_empty());
    assert_eq!(
        brief(&store.ranges(TransferId(3)).unwrap()),
        [(leaf(4), leaf(8), Second, false, true), (leaf(6), leaf(8), First, true, true)]
    );
    sound(&store);
}

pub(crate) fn ranges_end_with_their_transfer<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let pair = Pair::begin(&store);
    for id in [1, 2, 3, 4] {
        pair.lend(&store, id, First, &[cut(id, 1, 8, 17, "t")]);
    }
    store.authorise(First, pair.a, &authorise([1], 1)).unwrap();
    store.settle(First, pair.a, &failed([2], 1)).unwrap();
    store.release(First, pair.a, &[(TransferId(3), Epoch(1))]).unwrap();
    for id in [1, 2, 3] {
        assert!(store.ranges(TransferId(id)).unwrap().is_empty());
        assert_eq!(finish(&store, (Second, pair.b), &cut(id, 1, 8, 17, "t")), RangeEnd::Moot);
    }
    assert_eq!(store.holdings(Second, pair.b, 10).unwrap().len(), 1);
    assert_eq!(finish(&store, (Second, pair.b), &cut(4, 1, 8, 17, "t")), RangeEnd::Done);
    let stale = store.finish_ranges(Second, Incarnation(9), &[finished(&cut(4, 1, 8, 17, "t"))]);
    assert!(matches!(stale.unwrap_err(), LedgerError::Fenced { .. }));
    sound(&store);
}

pub(crate) fn a_new_attempt_knows_nothing_of_the_old_one<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let pair = Pair::begin(&store);
    pair.lend(&store, 1, First, &[cut(3, 1, 4, 8, "one"), cut(3, 1, 8, 17, "one")]);
    assert_eq!(finish(&store, (Second, pair.b), &cut(3, 1, 4, 8, "one")), RangeEnd::Done);
    // Lent anew without a word: the old rows go with the old object.
    pair.lend(&store, 2, First, &[cut(3, 1, 6, 17, "two")]);
    assert_eq!(finish(&store, (Second, pair.b), &cut(3, 1, 8, 17, "one")), RangeEnd::Moot);
    assert_eq!(finish(&store, (Second, pair.b), &cut(3, 1, 6, 17, "one")), RangeEnd::Moot);
    assert_eq!(brief(&store.ranges(TransferId(3)).unwrap()), [(leaf(6), SHARED_SIZE, Second, false, false)]);
    pair.refuse(&store, 3, Second, &cut(3, 1, 8, 17, "one"));
    // Another's transfer, or one under another epoch, is not recalled.
    store.recall_ranges(Second, pair.b, &[(TransferId(3), Epoch(1))]).unwrap();
    store.recall_ranges(First, pair.a, &[(TransferId(3), Epoch(2)), (TransferId(77), Epoch(1))]).unwrap();
    assert_eq!(store.ranges(TransferId(3)).unwrap().len(), 1);
    store.recall_ranges(First, pair.a, &[(TransferId(3), Epoch(1))]).unwrap();
    assert!(store.ranges(TransferId(3)).unwrap().is_empty());
    sound(&store);
}

pub(crate) fn what_a_dead_helper_held_comes_home<F: Factory>() {
    for fenced in [false, true] {
        let factory = F::default();
        let store = factory.create();
        let pair = Pair::begin(&store);
        let hedge = RangeCut { hedge: true, ..cut(3, 1, 1, 2, "t") };
        let cuts = [cut(3, 1, 4, 8, "t"), cut(3, 1, 8, 12, "t"), cut(3, 1, 12, 17, "t"), hedge.clone()];
        pair.lend(&store, 1, First, &cuts);
        assert_eq!(finish(&store, (Second, pair.b), &cuts[1]), RangeEnd::Done);
        let (_, after) = pair.load(&store, First, RangeCursor::default());
        if fenced {
            let take = take_over(9, (First, pair.a), pair.b);
            assert!(matches!(store.take_over(&take).unwrap(), TakeOverOutcome::Taken(_)));
        } else {
            let Joined { incarnation, .. } = store.join(Second, &Process::default(), 3).unwrap();
            assert!(store.holdings(Second, incarnation, 9).unwrap().is_empty());
        }
        assert_eq!(
            brief(&store.ranges(TransferId(3)).unwrap()),
            [
                (leaf(4), leaf(8), First, false, false),
                (leaf(8), leaf(12), Second, false, true),
                (leaf(12), SHARED_SIZE, First, false, false),
            ],
            "fenced: {fenced}"
        );
        let (mine, _) = pair.load(&store, First, after);
        assert_eq!(mine.len(), 2);
        let late = store.finish_ranges(Second, pair.b, &[finished(&cuts[0])]).unwrap_err();
        assert!(late.fenced(), "{late}");
        sound(&store);
    }
}

pub(crate) fn what_a_dead_home_lent_is_moot<F: Factory>() {
    for fenced in [false, true] {
        let factory = F::default();
        let store = factory.create();
        let pair = Pair::begin(&store);
        pair.lend(&store, 1, First, &[cut(3, 1, 4, 8, "t"), cut(3, 1, 8, 17, "t")]);
        pair.lend(&store, 1, Second, &[cut(70, 1, 8, 17, "t")]);
        assert_eq!(finish(&store, (Second, pair.b), &cut(3, 1, 4, 8, "t")), RangeEnd::Done);
        if fenced {
            let take = take_over(9, (Second, pair.b), pair.a);
            assert!(matches!(store.take_over(&take).unwrap(), TakeOverOutcome::Taken(_)));
        } else {
            join(&store, First);
        }
        assert!(store.ranges(TransferId(3)).unwrap().is_empty());
        assert_eq!(finish(&store, (Second, pair.b), &cut(3, 1, 8, 17, "t")), RangeEnd::Moot);
        // What it held of the other's comes home.
        assert_eq!(
            brief(&store.ranges(TransferId(70)).unwrap()),
            [(leaf(8), SHARED_SIZE, Second, false, false)]
        );
        sound(&store);
    }
}

pub(crate) fn a_shared_transfer_moves_only_by_fencing<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let pair = Pair::begin(&store);
    pair.lend(&store, 1, First, &[cut(3, 1, 4, 8, "t")]);
    let mine = owned(&store, First, pair.a)[0];
    let move_it = |op, interval: Interval| {
        store.assign(&assign_from(op, (First, pair.a), (Second, pair.b), &[interval])).unwrap()
    };
    let why = Refused::NotPlanned { lot: mine.lot, epoch: mine.epoch };
    assert_eq!(move_it(2, part(mine, 0, 9)), AssignOutcome::Refused(why));
    // The others of its lot do move; its epoch does not change by that.
    assigned(move_it(3, part(mine, 4, 49)));
    assigned(move_it(4, part(mine, 0, 2)));
    assert_eq!(finish(&store, (Second, pair.b), &cut(3, 1, 4, 8, "t")), RangeEnd::Done);
    let TakeOverOutcome::Taken(taken) = store.take_over(&take_over(9, (Second, pair.b), pair.a)).unwrap()
    else {
        panic!("refused")
    };
    assert_eq!(taken.count, 1);
    sound(&store);
}

pub(crate) fn sizes_are_exact_at_the_head_and_by_blocks_behind<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 20_000);
    let a = join(&store, First);
    let mine = owned(&store, First, a)[0];
    let below = |first: u64, id: u64| Bytes((first..id).map(size).sum());
    for (first, last) in [(0, 9999), (0, 0), (700, 2747), (700, 2748), (1500, 9000), (1024, 3072)] {
        let points = store.sizes(&part(mine, first, last)).unwrap();
        assert_eq!(points.first(), Some(&(TransferId(first), Bytes::ZERO)));
        assert_eq!(points.last(), Some(&(TransferId(last + 1), below(first, last + 1))));
        assert!(points.is_sorted_by(|x, y| x.0 < y.0), "{first}..={last}");
        for (id, bytes) in &points {
            assert_eq!(*bytes, below(first, id.0), "{first}..={last} at {id}");
        }
        let exact = (last - first + 1).min(2048);
        assert!(points.iter().take(exact as usize).map(|p| p.0.0).eq(first..first + exact));
        assert!(points.len() as u64 <= exact + 2 + (last - first) / 1024);
        let gaps = points.windows(2).map(|w| w[1].0.0 - w[0].0.0).max().unwrap();
        assert!(gaps <= 1024, "{first}..={last}: {gaps}");
    }
    let empty = Interval { first: TransferId(5), last: TransferId(4), ..mine };
    assert!(store.sizes(&empty).unwrap().is_empty());
}
