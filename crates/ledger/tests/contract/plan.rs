//! Contracts of the planner's side.

use crate::support::*;
use twinhaul_ledger::{LedgerError, NodeKind, Planned, PlannedDirectory, RunState, State};
use twinhaul_units::{Amount, TransferId};
use twinhaul_wire::EventKind;

pub(crate) fn a_run_comes_back_as_it_was_made<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let run = factory.view().run().unwrap();
    let new = new_run();
    assert_eq!((run.id, run.name, run.policy), (new.id, new.name, new.policy));
    assert_eq!((run.profile_hash, run.names), (new.profile_hash, new.names));
    assert_eq!((run.state, run.finished), (RunState::Starting, false));
    store.set_run_state(RunState::Running, 77).unwrap();
    let run = factory.view().run().unwrap();
    assert_eq!(
        (run.state, run.state_at_ms, run.created_at_ms),
        (RunState::Running, 77, new_run().created_at_ms)
    );
}

pub(crate) fn the_end_of_a_run_is_told_once<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 10);
    store.plan_finished().unwrap();
    let (first, second) = (join(&store, First), join(&store, Second));
    store.settle(First, first, &done([0, 1], 1)).unwrap();
    store.settle(Second, second, &done([5], 1)).unwrap();
    let ended = || {
        let events = store.events_since(0, 100).unwrap().into_iter();
        let told = |kind| match kind {
            EventKind::RunEnded { state, done, skipped, failed } => Some((state, done, skipped, failed)),
            _ => None,
        };
        events.filter_map(|e| told(e.kind)).collect::<Vec<_>>()
    };
    store.set_run_state(RunState::Running, 1).unwrap();
    assert_eq!(ended(), []);
    // A peer, the other one, and the supervisor: each may think that it is the one who ends it.
    for at in [2, 3, 4] {
        store.set_run_state(RunState::Stopped, at).unwrap();
    }
    assert_eq!(ended(), [("stopped".into(), 3, 0, 0)]);
    // It goes on, and ends again.
    store.go_on(5).unwrap();
    assert_eq!(store.run().unwrap().state, RunState::Running);
    store.set_run_state(RunState::Complete, 6).unwrap();
    assert_eq!(ended().len(), 2);
    // A run of a few files ends before its supervisor has said that it began.
    for late in [RunState::Running, RunState::Stopping] {
        store.set_run_state(late, 7).unwrap();
        assert_eq!((store.run().unwrap().state, store.run().unwrap().state_at_ms), (RunState::Complete, 6));
    }
    assert_eq!(ended().len(), 2);
}

pub(crate) fn waves_add_up<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let before = store.lots_version().unwrap();
    plan_halves(&store, 3000);
    let mut second = transfers(3000, 500, 0);
    second.extend(transfers(3500, 700, 3));
    store.add_wave(5, &second, &[lot(3000, 500, First, 0), lot(3500, 700, Second, 3)]).unwrap();
    let totals = store.totals().unwrap();
    assert_eq!((totals.transfers, totals.waves, totals.next), (4200, 2, TransferId(4200)));
    assert_eq!(totals.bytes, (0..4200).map(size).sum::<u64>());
    assert!(totals.growing);
    store.plan_finished().unwrap();
    assert!(!store.totals().unwrap().growing);
    let counters = store.counters().unwrap();
    assert_eq!(counters.at(First, State::Planned).transfers, 2000);
    assert_eq!(counters.to(3, State::Planned), Amount::new(700, (3500..4200).map(size).sum()));
    assert_eq!(store.lots(None, 100).unwrap().len(), 4);
    assert!(store.lots_version().unwrap() > before);
    sound(&store);
}

pub(crate) fn ids_may_begin_anywhere_and_leave_gaps_between_waves<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    store.add_wave(1, &transfers(1500, 100, 0), &[lot(1500, 100, First, 0)]).unwrap();
    store.add_wave(2, &transfers(9000, 2100, 0), &[lot(9000, 2100, First, 0)]).unwrap();
    sound(&store);
    let incarnation = join(&store, First);
    let all = owned(&store, First, incarnation);
    assert_eq!(bounds(&all), [(1500, 1599), (9000, 11099)]);
    let bytes: u64 = (1500..1600).chain(9000..11100).map(size).sum();
    assert_eq!(store.interval_bytes(&all).unwrap(), bytes);
    let cut = part(all[1], 9500, 10_999);
    assert_eq!(store.interval_bytes(&[cut]).unwrap(), (9500..11_000).map(size).sum::<u64>());
}

pub(crate) fn unsound_waves_are_refused_whole<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 10);
    let mut gap = transfers(10, 5, 0);
    gap[3].id = TransferId(99);
    let mut stray = transfers(10, 5, 0);
    stray[4].target = 1;
    let mut nameless = transfers(10, 5, 0);
    nameless[0].key.clear();
    let mut false_link = transfers(10, 5, 0);
    false_link[0].names.push(b"x".to_vec());
    let good = transfers(10, 5, 0);
    let cover = [lot(10, 5, First, 0)];
    let refused = |wave, transfers: &[Planned], lots: &[_]| {
        matches!(store.add_wave(wave, transfers, lots), Err(LedgerError::BadPlan(_)))
    };
    assert!(refused(1, &gap, &cover), "ids not dense");
    assert!(refused(1, &stray, &cover), "a lot crosses a target");
    assert!(refused(1, &nameless, &cover), "no key");
    assert!(refused(1, &false_link, &cover), "names without a group");
    assert!(refused(1, &good, &[lot(10, 4, First, 0)]), "not covered");
    assert!(refused(1, &good, &[lot(10, 6, First, 0)]), "more than covered");
    assert!(refused(1, &good, &[lot(10, 3, First, 0), lot(12, 3, First, 0)]), "overlap");
    assert!(refused(1, &[], &[]), "empty");
    assert!(refused(0, &good, &cover), "wave number again");
    assert!(refused(1, &transfers(8, 5, 0), &[lot(8, 5, First, 0)]), "ids again");
    let huge = Planned { size: u64::MAX, ..transfers(10, 1, 0).remove(0) };
    assert!(matches!(store.add_wave(1, &[huge], &[lot(10, 1, First, 0)]), Err(LedgerError::TooLarge { .. })));
    store.plan_finished().unwrap();
    assert!(refused(1, &good, &cover), "after the end");
    assert_eq!(store.totals().unwrap().transfers, 10);
    sound(&store);
}

pub(crate) fn rows_come_back_byte_for_byte<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let mut wave = transfers(0, 3, 2);
    wave[0].key = b"\xff\xfe'; DROP TABLE transfer; --".to_vec();
    wave[1].source_key = b"elsewhere/\x1b[2J".to_vec();
    wave[1].source = 7;
    wave[2].kind = NodeKind::HardLinkGroup;
    wave[2].names = vec![b"second name".to_vec(), b"\xc3\x28".to_vec()];
    wave[2].mtime_ns = -1;
    store.add_wave(0, &wave, &[lot(0, 3, First, 2)]).unwrap();
    let rows = store.rows(TransferId(0), TransferId(2), 10).unwrap();
    for (row, planned) in rows.iter().zip(&wave) {
        assert_eq!((row.id, &row.key, row.size), (planned.id, &planned.key, planned.size));
        assert_eq!((row.source, row.target, row.kind), (planned.source, planned.target, planned.kind));
        assert_eq!((row.mtime_ns, &row.names), (planned.mtime_ns, &planned.names));
    }
    assert_eq!(rows[0].source_key, rows[0].key);
    assert_eq!(rows[1].source_key, wave[1].source_key);
    assert_eq!(store.rows(TransferId(0), TransferId(2), 2).unwrap().len(), 2);
    assert_eq!(store.rows(TransferId(1), TransferId(u64::MAX), 10).unwrap().len(), 2);
}

pub(crate) fn directories_come_deepest_first<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let directory = |key: &str| PlannedDirectory {
        key: key.as_bytes().to_vec(),
        source_key: key.as_bytes().to_vec(),
        depth: key.split('/').count() as u32,
        attrs_json: "{\"mode\":493}".to_owned(),
        ..PlannedDirectory::default()
    };
    let all = ["a", "a/b", "a/b/c", "d", "d/e", "a/f"];
    store.add_directories(&all.map(directory)).unwrap();
    assert_eq!(store.totals().unwrap().directories, 6);
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.directories(after, 2).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        seen.extend(page.into_iter().map(|d| String::from_utf8(d.key).unwrap()));
    }
    assert_eq!(seen, ["a/b/c", "a/b", "d/e", "a/f", "a", "d"]);
}
