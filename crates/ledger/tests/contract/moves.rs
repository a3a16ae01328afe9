//! Contracts of peers: joining, loading, assigning, taking over.

use crate::support::*;
use twinhaul_ledger::{AssignOutcome, LedgerError, LotCursor, Refused, Remembered, State, TakeOverOutcome};
use twinhaul_units::{Dial, Epoch, Incarnation, LotId, TransferId, Turned};

pub(crate) fn joining_fences_the_former_process<F: Factory>() {
    let factory = F::default();
    let (old, new) = (factory.create(), factory.open());
    plan_halves(&old, 100);
    let first = join(&old, First);
    assert_eq!(first, Incarnation(1));
    let learned = remembered(0.65, 0.75, "helped");
    old.remember(First, first, &learned).unwrap();
    let vault = Dial::TargetSlots("vault".into());
    let turned: std::collections::BTreeMap<_, _> =
        [(Dial::Limit, Turned::Set(1 << 20)), (vault.clone(), Turned::Lifted)].into();
    for (dial, to) in &turned {
        old.turn(First, first, dial, *to).unwrap();
    }
    let process = twinhaul_ledger::Process { pid: 9, ..Default::default() };
    let joined = new.join(First, &process, 2).unwrap();
    assert_eq!(joined.incarnation, Incarnation(2));
    assert_eq!((joined.memory.as_ref(), &joined.dials), (Some(&learned), &turned));
    let stale = |error: LedgerError| {
        assert!(matches!(error, LedgerError::Fenced { mine: Incarnation(1), current: Incarnation(2), .. }));
        assert_eq!(error.exit_code(), 75);
    };
    stale(old.remember(First, first, &remembered(0.1, 0.1, "")).unwrap_err());
    stale(old.turn(First, first, &Dial::Limit, Turned::Lifted).unwrap_err());
    stale(old.authorise(First, first, &authorise([0], 1)).unwrap_err());
    stale(old.settle(First, first, &done([0], 1)).unwrap_err());
    stale(old.release(First, first, &[(TransferId(0), Epoch(1))]).unwrap_err());
    stale(old.lots_since(First, first, LotCursor::default(), 10).unwrap_err());
    stale(old.claim_finishing(First, first).unwrap_err());
    let second = join(&new, Second);
    let interval = owned(&new, First, joined.incarnation)[0];
    stale(old.assign(&assign_from(1, (First, first), (Second, second), &[interval])).unwrap_err());
    let stale_take = old.take_over(&take_over(2, (First, first), second)).unwrap_err();
    stale(stale_take);
    assert_eq!(new.counters().unwrap().at(First, State::Planned).transfers, 50, "nothing changed");
    let peers = new.peers().unwrap();
    assert_eq!((peers[0].name.as_str(), peers[0].memory.as_ref()), ("alpha", Some(&learned)));
    assert_eq!((&peers[0].dials, peers[1].dials.len()), (&turned, 0));
    assert_eq!(peers[1].memory, None);
    new.turn(First, joined.incarnation, &Dial::Limit, Turned::Lifted).unwrap();
    let again = new.join(First, &process, 3).unwrap();
    assert_eq!(again.dials[&Dial::Limit], Turned::Lifted);
    new.turn(First, again.incarnation, &vault, Turned::AsProfiled).unwrap();
    let last = new.join(First, &process, 4).unwrap().dials;
    assert_eq!(last, [(Dial::Limit, Turned::Lifted)].into());
    assert_eq!(peers[0].process.as_ref().map(|p| p.pid), Some(9));
    sound(&new);
}

fn remembered(ratio: f64, live_ratio: f64, last: &str) -> Remembered {
    Remembered { ratio, live_ratio, last: last.into() }
}

pub(crate) fn an_assignment_moves_exactly_its_transfers<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 10_000);
    let (a, b) = (join(&store, First), join(&store, Second));
    let mine = owned(&store, First, a)[0];
    let parts = [part(mine, 4000, 4999), part(mine, 1000, 1000), part(mine, 0, 99)];
    let version = store.lots_version().unwrap();
    let moved = assigned(store.assign(&assign_from(7, (First, a), (Second, b), &parts)).unwrap());
    assert_eq!(moved.count, 1101);
    let ids = (0..100).chain(1000..1001).chain(4000..5000);
    assert_eq!(moved.bytes, ids.map(size).sum::<u64>());
    assert!(moved.lots.iter().all(|l| l.epoch == Epoch(2)));
    assert_eq!(bounds(&owned(&store, First, a)), [(100, 999), (1001, 3999)]);
    assert_eq!(bounds(&owned(&store, Second, b)), [(5000, 9999), (0, 99), (1000, 1000), (4000, 4999)]);
    assert!(store.lots_version().unwrap() > version);
    let peer = &store.peers().unwrap()[0];
    assert_eq!((peer.gave, peer.given.transfers, peer.given.bytes.0), (1, 1101, moved.bytes));
    // The former owner may not work on them any more, on the rest it may.
    assert!(store.settle(First, a, &done([0], 1)).unwrap_err().fenced());
    assert!(store.settle(Second, b, &done([0], 1)).unwrap_err().fenced(), "the old epoch");
    store.settle(Second, b, &done([0], 2)).unwrap();
    store.settle(First, a, &done([100, 3999], 1)).unwrap();
    sound(&store);
}

pub(crate) fn an_operation_is_made_once<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 100);
    let (a, b) = (join(&store, First), join(&store, Second));
    let mine = owned(&store, First, a)[0];
    let ask = assign_from(1, (First, a), (Second, b), &[part(mine, 40, 49)]);
    let once = store.assign(&ask).unwrap();
    let version = store.lots_version().unwrap();
    assert_eq!(factory.open().assign(&ask).unwrap(), once, "the same op: the same result");
    assert_eq!(store.lots_version().unwrap(), version, "and nothing moved twice");
    // A refused one is never made later, even when its reason has gone.
    let stale = assign_from(2, (First, a), (Second, Incarnation(b.0 + 1)), &[part(mine, 30, 39)]);
    let refused = store.assign(&stale).unwrap();
    assert_eq!(refused, AssignOutcome::Refused(Refused::StaleHelper { current: b }));
    join(&store, Second);
    assert_eq!(store.assign(&stale).unwrap(), refused);
    assert_eq!(store.counters().unwrap().at(Second, State::Planned).transfers, 60);
    sound(&store);
}

pub(crate) fn an_operation_number_has_one_meaning<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 100);
    let (a, b) = (join(&store, First), join(&store, Second));
    let mine = owned(&store, First, a)[0];
    assigned(store.assign(&assign_from(1, (First, a), (Second, b), &[mine])).unwrap());
    let error = store.take_over(&take_over(1, (First, a), b)).unwrap_err();
    assert!(matches!(error, LedgerError::Operation { .. }), "{error}");
    store.take_over(&take_over(2, (First, a), b)).unwrap();
    sound(&store);
}

pub(crate) fn wrong_assignments_change_nothing<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 3000);
    let (a, b) = (join(&store, First), join(&store, Second));
    let mine = owned(&store, First, a)[0];
    let theirs = owned(&store, Second, b)[0];
    store.authorise(First, a, &authorise([700], 1)).unwrap();
    store.settle(First, a, &done([0, 1, 2], 1)).unwrap();
    let before = (store.counters().unwrap(), store.lots(None, 100).unwrap());
    let wrong_epoch = twinhaul_ledger::Interval { epoch: Epoch(9), ..part(mine, 10, 20) };
    let beyond = twinhaul_ledger::Interval { last: TransferId(99_999), ..mine };
    let (lot, epoch) = (mine.lot, mine.epoch);
    let cases: Vec<(Vec<_>, Refused)> = vec![
        (vec![], Refused::Empty),
        (
            vec![twinhaul_ledger::Interval { last: TransferId(5), first: TransferId(6), ..mine }],
            Refused::Empty,
        ),
        (vec![part(mine, 10, 20), part(mine, 20, 30)], Refused::Overlap),
        (vec![theirs], Refused::NotOwned { lot: theirs.lot, epoch: theirs.epoch }),
        (vec![wrong_epoch], Refused::NotOwned { lot, epoch: Epoch(9) }),
        (vec![beyond], Refused::NotOwned { lot, epoch }),
        (vec![part(mine, 600, 800)], Refused::NotPlanned { lot, epoch }),
        (vec![part(mine, 2, 50)], Refused::NotPlanned { lot, epoch }),
        (vec![part(mine, 20, 30), part(mine, 0, 5)], Refused::NotPlanned { lot, epoch }),
    ];
    for (op, (intervals, why)) in (10..).zip(cases) {
        let outcome = store.assign(&assign_from(op, (First, a), (Second, b), &intervals)).unwrap();
        assert_eq!(outcome, AssignOutcome::Refused(why));
    }
    let same = store.assign(&assign_from(99, (First, a), (First, a), &[part(mine, 10, 20)])).unwrap();
    assert_eq!(same, AssignOutcome::Refused(Refused::Same));
    assert_eq!((store.counters().unwrap(), store.lots(None, 100).unwrap()), before);
    sound(&store);
}

pub(crate) fn a_load_names_every_transfer_once<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 6000);
    let (a, b) = (join(&store, First), join(&store, Second));
    let first = store.lots_since(First, a, LotCursor::default(), 100).unwrap();
    assert!(first.complete && first.growing);
    // What was cut in two is not new to its owner; what comes back to it is.
    let mine = first.owned[0].interval;
    let moved =
        assigned(store.assign(&assign_from(1, (First, a), (Second, b), &[part(mine, 1000, 1999)])).unwrap());
    let none = store.lots_since(First, a, first.next, 100).unwrap();
    assert_eq!((none.owned.len(), none.complete), (0, true));
    let back = [part(moved.lots[0], 1500, 1599)];
    assigned(store.assign(&assign_from(1, (Second, b), (First, a), &back)).unwrap());
    let some = store.lots_since(First, a, none.next, 100).unwrap();
    assert_eq!(
        some.owned.iter().map(|o| (o.interval.first.0, o.interval.last.0)).collect::<Vec<_>>(),
        [(1500, 1599)]
    );
    // A later wave is new, a load with a limit goes on where it stopped.
    store.settle(First, a, &done((0..1000).filter(|id| id % 2 == 0), 1)).unwrap();
    store.add_wave(1, &transfers(6000, 10, 4), &[lot(6000, 10, First, 4)]).unwrap();
    let wave = store.lots_since(First, a, some.next, 100).unwrap();
    assert_eq!((wave.owned.len(), wave.owned[0].target), (1, 4));
    let (mut cursor, mut all, mut calls) = (LotCursor::default(), Vec::new(), 0);
    loop {
        let loaded = store.lots_since(First, a, cursor, 7).unwrap();
        assert!(loaded.owned.len() <= 7);
        all.extend(loaded.owned.iter().map(|o| o.interval));
        (cursor, calls) = (loaded.next, calls + 1);
        if loaded.complete {
            break;
        }
    }
    assert_eq!(all, owned(&store, First, a));
    assert!(calls > 70, "{calls}");
    let ids: u64 = all.iter().map(twinhaul_ledger::Interval::count).sum();
    assert_eq!(ids, store.queue_len(First).unwrap().transfers);
}

pub(crate) fn a_take_over_moves_all_that_is_not_settled<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 4000);
    let (a, b) = (join(&store, First), join(&store, Second));
    store.settle(First, a, &done(0..100, 1)).unwrap();
    store.settle(First, a, &failed([100], 1)).unwrap();
    store.authorise(First, a, &authorise(101..111, 1)).unwrap();
    let early = store.take_over(&take_over(5, (Second, b), Incarnation(a.0 + 1))).unwrap();
    assert_eq!(early, TakeOverOutcome::Refused(Refused::StaleOwner { current: a }));
    let take = take_over(6, (Second, b), a);
    let TakeOverOutcome::Taken(taken) = store.take_over(&take).unwrap() else { panic!("refused") };
    assert_eq!((taken.count, taken.lots, taken.incarnation), (1899, 1, Incarnation(a.0 + 1)));
    assert_eq!(taken.bytes, (101..2000).map(size).sum::<u64>());
    assert_eq!(store.take_over(&take).unwrap(), TakeOverOutcome::Taken(taken), "once");
    assert!(store.settle(First, a, &done([101], 1)).unwrap_err().fenced());
    let unsettled = store.unsettled(Second).unwrap();
    assert_eq!(unsettled.len(), 10);
    assert_eq!((unsettled[0].epoch, unsettled[0].authorised_epoch), (Epoch(2), Epoch(1)));
    assert_eq!(unsettled[0].reference, b".twinhaul/attempt-101");
    assert_eq!((unsettled[0].blake3, unsettled[0].authorised_incarnation), (digest(101), a));
    store.settle(Second, b, &done([101], 2)).unwrap();
    store.release(Second, b, &(102..111).map(|id| (TransferId(id), Epoch(2))).collect::<Vec<_>>()).unwrap();
    assert_eq!(bounds(&owned(&store, Second, b)), [(2000, 3999), (102, 1999)]);
    assert!(store.unsettled(First).unwrap().is_empty() && store.unsettled(Second).unwrap().is_empty());
    let counters = store.counters().unwrap();
    assert_eq!(counters.at(First, State::Done).transfers, 100, "what it had done stays its work");
    assert_eq!(counters.remaining().transfers, 3898);
    assert_eq!(join(&store, First), Incarnation(a.0 + 2));
    sound(&store);
}

pub(crate) fn settled_lots_are_compacted_when_there_are_many<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let n = twinhaul_ledger::LOTS_COMPACT * 2 + 10;
    let lots: Vec<_> = (0..n).map(|id| lot(id, 1, First, 0)).collect();
    store.add_wave(0, &transfers(0, n, 0), &lots).unwrap();
    let (a, b) = (join(&store, First), join(&store, Second));
    store.settle(First, a, &done(0..n - 5, 1)).unwrap();
    let last = *owned(&store, First, a).last().unwrap();
    assigned(store.assign(&assign_from(1, (First, a), (Second, b), &[last])).unwrap());
    let left = store.lots(None, 100).unwrap();
    assert_eq!(left.len(), 6, "one settled, five open");
    let settled = left.iter().find(|l| l.first == TransferId(0)).unwrap();
    assert_eq!((settled.last, settled.low), (TransferId(n - 6), TransferId(n - 5)));
    assert!(left.iter().any(|l| l.id > LotId(n)));
    sound(&store);
}
