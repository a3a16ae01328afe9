//! Contracts of single transfers: authorise, settle, release, retry.

use crate::support::*;
use twinhaul_ledger::{LedgerError, LotCursor, Outcome, Reopen, State};
use twinhaul_units::{Amount, Epoch, TransferId};

pub(crate) fn done_is_final<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 100);
    let a = join(&store, First);
    store.authorise(First, a, &authorise([3], 1)).unwrap();
    store.settle(First, a, &done([3], 1)).unwrap();
    store.settle(First, a, &[settled(4, 1, Outcome::Skipped)]).unwrap();
    for (id, state) in [(3, State::Done), (4, State::Skipped)] {
        let is_final =
            |e: LedgerError| assert!(matches!(e, LedgerError::Settled { state: s, .. } if s == state));
        is_final(store.authorise(First, a, &authorise([id], 1)).unwrap_err());
        is_final(store.settle(First, a, &failed([id], 1)).unwrap_err());
        is_final(store.release(First, a, &[(TransferId(id), Epoch(1))]).unwrap_err());
    }
    store.settle(First, a, &done([3], 1)).unwrap();
    assert_eq!(store.counters().unwrap().sum(State::Done), Amount::new(1, size(3)), "the same end again");
    assert_eq!(store.reopen_failed(&Reopen::Some(vec![TransferId(3)])).unwrap(), 0);
    sound(&store);
}

pub(crate) fn everything_about_a_transfer_is_kept<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 10);
    let a = join(&store, First);
    store.authorise(First, a, &authorise([1], 1)).unwrap();
    let outcome = Outcome::Done {
        verified: true,
        etag: Some("\"abc\"".to_owned()),
        lost: 3,
        blake3: digest(1),
        size: 123_456,
    };
    store.settle(First, a, &[settled(1, 1, outcome)]).unwrap();
    let long = "ü".repeat(twinhaul_ledger::ERROR_BYTES_MAX);
    let outcome = Outcome::Failed { error: long, class: "changing".to_owned() };
    store.settle(First, a, &[settled(2, 1, outcome)]).unwrap();
    let one = store.transfer(TransferId(1)).unwrap().unwrap();
    assert_eq!((one.state, one.verified, one.lost), (State::Done, true, 3));
    assert_eq!((one.etag.as_deref(), one.blake3), (Some("\"abc\""), Some(digest(1))));
    assert_eq!((one.size, one.actual_size), (size(1), Some(123_456)), "sums count what was planned");
    assert_eq!((one.by, one.incarnation, one.epoch), (Some(First), Some(a), Some(Epoch(1))));
    assert_eq!((one.attempts, one.settled_at_ms, one.mtime_ns), (2, Some(9), 5));
    let two = store.transfer(TransferId(2)).unwrap().unwrap();
    assert_eq!((two.state, two.class.as_deref()), (State::Failed, Some("changing")));
    assert_eq!(two.error.unwrap().len(), twinhaul_ledger::ERROR_BYTES_MAX);
    assert_eq!(store.transfer(TransferId(10)).unwrap(), None);
    let counters = store.counters().unwrap();
    assert_eq!(counters.verified, [Amount::new(1, size(1)), Amount::default()]);
    sound(&store);
}

pub(crate) fn the_first_error_and_all_attempts_outlive_a_retry<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 10);
    let a = join(&store, First);
    let told = |id: u64, at: u64, first: &str, outcome| twinhaul_ledger::Settled {
        started_at_ms: Some(at),
        first_error: Some(first.to_owned()),
        ..settled(id, 1, outcome)
    };
    let gave_up = |error: &str| Outcome::Failed { error: error.to_owned(), class: "io".to_owned() };
    store.settle(First, a, &[told(1, 5, "the disk", gave_up("the cable"))]).unwrap();
    store.settle(First, a, &failed([2], 1)).unwrap();
    store.settle(First, a, &done([3], 1)).unwrap();
    let look = |id: u64| store.transfer(TransferId(id)).unwrap().unwrap();
    assert_eq!(look(1).first_error.as_deref(), Some("the disk"));
    assert_eq!(look(2).first_error, None, "its error is the only one");
    assert_eq!(store.done_after_retries().unwrap(), 1, "of the done alone");

    assert_eq!(store.reopen_failed(&Reopen::All).unwrap(), 2);
    assert_eq!((look(1).attempts, look(1).tried_before, look(1).attempts_in_all()), (0, 2, 2));
    assert_eq!(look(2).first_error.as_deref(), Some("permission denied"), "now there are others to come");
    let done_of =
        |id: u64| Outcome::Done { verified: true, etag: None, lost: 0, blake3: digest(id), size: size(id) };
    let lots = store.lots(None, 100).unwrap();
    let epoch = |id: u64| lots.iter().find(|l| l.first.0 <= id && id <= l.last.0).unwrap().epoch.0;
    for id in [1, 2] {
        let again = told(id, 50, "later", done_of(id));
        store.settle(First, a, &[twinhaul_ledger::Settled { epoch: Epoch(epoch(id)), ..again }]).unwrap();
    }
    assert_eq!(look(1).first_error.as_deref(), Some("the disk"), "the first one stays");
    assert_eq!((look(1).started_at_ms, look(1).attempts_in_all()), (Some(5), 4));
    assert_eq!(look(2).first_error.as_deref(), Some("permission denied"));
    assert_eq!(store.done_after_retries().unwrap(), 3);
    sound(&store);
}

pub(crate) fn a_group_is_all_or_nothing<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 100);
    let a = join(&store, First);
    let before = store.counters().unwrap();
    let mut foreign = done(0..10, 1);
    foreign.extend(done([50], 1));
    let error = store.settle(First, a, &foreign).unwrap_err();
    assert!(matches!(error, LedgerError::LotFenced { id: TransferId(50), owner: Second, .. }), "{error}");
    let mut unknown = authorise(0..10, 1);
    unknown.extend(authorise([1000], 1));
    assert!(matches!(store.authorise(First, a, &unknown).unwrap_err(), LedgerError::Unknown { .. }));
    assert_eq!(store.counters().unwrap(), before);
    assert_eq!(store.transfer(TransferId(0)).unwrap().unwrap().state, State::Planned);
    sound(&store);
}

pub(crate) fn the_cursor_of_a_lot_passes_what_is_settled<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 8000);
    let a = join(&store, First);
    let low = || store.lots(None, 10).unwrap()[0].low.0;
    store.settle(First, a, &done(2000..3000, 1)).unwrap();
    assert_eq!(low(), 0);
    store.authorise(First, a, &authorise([1500], 1)).unwrap();
    store.settle(First, a, &done((0..2000).filter(|id| *id != 1500), 1)).unwrap();
    assert_eq!(low(), 1500, "authorised is not settled");
    assert_eq!(bounds(&owned(&store, First, a)), [(3000, 3999)]);
    store.settle(First, a, &done([1500], 1)).unwrap();
    assert_eq!(low(), 3000);
    store.settle(First, a, &done(3000..4000, 1)).unwrap();
    assert_eq!(low(), 4000);
    assert!(owned(&store, First, a).is_empty());
    sound(&store);
}

pub(crate) fn released_transfers_are_planned_again<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 100);
    let a = join(&store, First);
    store.authorise(First, a, &authorise(0..10, 1)).unwrap();
    assert_eq!(bounds(&owned(&store, First, a)), [(10, 49)]);
    assert_eq!(store.unsettled(First).unwrap().len(), 10);
    let group: Vec<_> = (0..12).map(|id| (TransferId(id), Epoch(1))).collect();
    store.release(First, a, &group).unwrap();
    assert_eq!(bounds(&owned(&store, First, a)), [(0, 49)]);
    let written = |id| store.rows(TransferId(id), TransferId(id), 1).unwrap()[0].written;
    assert_eq!((written(5), written(11)), (true, false), "the run was at it before");
    store.authorise(First, a, &authorise([5], 1)).unwrap();
    store.authorise(First, a, &authorise([5], 1)).unwrap();
    assert_eq!(store.counters().unwrap().sum(State::Authorised).transfers, 1, "authorised again");
    sound(&store);
}

pub(crate) fn failed_ones_can_be_tried_again<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 4000);
    let (a, b) = (join(&store, First), join(&store, Second));
    // The first peer's lot has ended, the second's goes on.
    store.settle(First, a, &done((0..2000).filter(|id| id % 100 != 0), 1)).unwrap();
    store.settle(First, a, &failed((0..2000).step_by(100), 1)).unwrap();
    store.settle(Second, b, &failed([2000, 2001, 2002, 2500, 3999], 1)).unwrap();
    let seen_a = store.lots_since(First, a, LotCursor::default(), 1000).unwrap().next;
    let seen_b = store.lots_since(Second, b, LotCursor::default(), 1000).unwrap().next;
    assert_eq!(store.failed_page(None, 1000).unwrap().len(), 25);
    assert_eq!(store.failed_page(Some(TransferId(1900)), 3).unwrap().len(), 3);
    let some: Vec<_> = [2001, 2002, 2500, 3000, 2001].map(TransferId).to_vec();
    assert_eq!(store.reopen_failed(&Reopen::Some(some)).unwrap(), 3);
    let load = store.lots_since(Second, b, seen_b, 1000).unwrap();
    let new: Vec<_> = load.owned.iter().map(|o| (o.interval.first.0, o.interval.last.0)).collect();
    assert_eq!(new, [(2001, 2002), (2500, 2500)], "as new lots of their owner");
    assert!(load.owned.iter().all(|o| o.interval.epoch == Epoch(2)));
    assert_eq!(store.reopen_failed(&Reopen::All).unwrap(), 22);
    let load = store.lots_since(First, a, seen_a, 1000).unwrap();
    assert_eq!(load.owned.len(), 20);
    assert_eq!(load.owned[1].interval.first, TransferId(100));
    // What the second peer was working on keeps its epoch.
    store.settle(Second, b, &done([2003, 3998], 1)).unwrap();
    store.settle(Second, b, &done([2001, 3999], 2)).unwrap();
    store.settle(First, a, &done((0..2000).step_by(100), 2)).unwrap();
    assert_eq!(store.counters().unwrap().sum(State::Failed).transfers, 0);
    sound(&store);
}
