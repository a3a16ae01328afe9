//! The console's reading of a real ledger: every event once and in order, whatever their number, and any page of a
//! queue.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail loudly")]
#![allow(clippy::print_stderr, reason = "times are printed, never asserted")]

use std::time::Instant;
use twinhaul_console::history::{History, Ledger, SEARCH_ROWS, TAIL_BYTES};
use twinhaul_console_model::filter::Filter;
use twinhaul_console_model::{FOUND_MAX, PlaceOf, Pull, Search, board::STORED_MAX};
use twinhaul_ledger::{NewEvent, NewLot, NewRun, Planned, Store};
use twinhaul_units::{PeerId, TransferId};
use twinhaul_wire::frame::encode;
use twinhaul_wire::{EventKind, Frame, LotIds, PeerSnapshot};

fn store(dir: &std::path::Path) -> Store {
    let run = NewRun {
        id: "docs-1".into(),
        name: "docs".into(),
        profile_hash: "00".into(),
        policy: "learning".into(),
        names: ["alpha".into(), "beta".into()],
        created_at_ms: 1,
    };
    Store::create(&dir.join("ledger.sqlite"), &run).unwrap()
}

fn infos(from: u64, n: u64) -> Vec<NewEvent> {
    let info = |i: u64| NewEvent {
        at_ms: i,
        peer: None,
        incarnation: 0,
        kind: EventKind::Info { text: i.to_string() },
    };
    (from..from + n).map(info).collect()
}

/// Places of the events that one look finds.
fn look(ledger: &mut Ledger) -> Vec<u64> {
    ledger.events().unwrap().unwrap().iter().map(|e| e.seq).collect()
}

#[test]
fn events_are_told_once_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::new(dir.path().join("ledger.sqlite"));
    assert_eq!(ledger.events(), Ok(None), "no ledger yet");
    let pull = Pull { peer: PeerId::First, from: 0, limit: 10, queued: None };
    assert_eq!(ledger.page(pull), Ok(None));
    let store = store(dir.path());
    for from in (0..2_500).step_by(500) {
        store.append_events(&infos(from, 500)).unwrap();
    }
    let mut told = Vec::new();
    loop {
        let page = look(&mut ledger);
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 1_000);
        told.extend(page);
    }
    assert_eq!(told.len(), 2_500);
    assert!(told.is_sorted_by(|a, b| a < b));
    assert!(look(&mut ledger).is_empty(), "nothing has changed");
    store.append_events(&infos(2_500, 3)).unwrap();
    assert_eq!(look(&mut ledger), [told[2_499] + 1, told[2_499] + 2, told[2_499] + 3]);
}

#[test]
fn a_long_past_is_not_read_from_its_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let last = (0..12_000)
        .step_by(1_000)
        .map(|from| store.append_events(&infos(from, 1_000)).unwrap())
        .last()
        .unwrap();
    let mut ledger = Ledger::new(dir.path().join("ledger.sqlite"));
    let first = look(&mut ledger)[0];
    assert_eq!(last + 999 - first + 1, 10_000);
}

#[test]
fn any_page_of_a_queue_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let planned = |id: u64| Planned {
        id: TransferId(id),
        key: format!("f/{id}").into_bytes(),
        size: id,
        ..Planned::default()
    };
    let transfers: Vec<Planned> = (0..1_500).map(planned).collect();
    let lot =
        |first, last, owner| NewLot { target: 0, first: TransferId(first), last: TransferId(last), owner };
    store
        .add_wave(1, &transfers, &[lot(0, 1_199, PeerId::First), lot(1_200, 1_499, PeerId::Second)])
        .unwrap();
    let ledger = Ledger::new(dir.path().join("ledger.sqlite")).with_targets(vec!["vault".into()]);
    let mut ledger = ledger.with_names(&["alpha".into(), "beta".into()]);
    let pull = |peer, from, limit| Pull { peer, from, limit, queued: None };
    let (total, rows) = ledger.page(pull(PeerId::First, 1_100, 200)).unwrap().unwrap();
    assert_eq!(rows[0].target, "vault");
    assert_eq!((total, rows.len()), (1_200, 100));
    assert_eq!((rows[0].key.key.as_str(), rows[0].bytes), ("f/1100", 1_100));
    let (total, rows) = ledger.page(pull(PeerId::Second, 0, 2)).unwrap().unwrap();
    assert_eq!((total, rows[1].id), (300, 1_201));
    // Eight are in flight: the queue begins after them.
    let started = Pull { queued: Some(292), ..pull(PeerId::Second, 0, 2) };
    let (total, rows) = ledger.page(started).unwrap().unwrap();
    assert_eq!((total, rows[0].id), (292, 1_208));
    let filter = Filter::parse("f/1 size>=1300", &["size"]).unwrap().unwrap();
    let search = Search {
        number: 1,
        peer: PeerId::Second,
        filter,
        after: None,
        looked: 0,
        found: 0,
        queued: Some(292),
    };
    let found = ledger.search(&search).unwrap().unwrap();
    assert_eq!((found.rows.len(), found.looked, found.ended), (200, 292, true));
    assert_eq!((found.rows[0].0, found.rows[0].1.id), (92, 1_300), "its place in the queue");
    let enough = ledger.search(&Search { found: FOUND_MAX - 3, ..search.clone() }).unwrap().unwrap();
    assert_eq!((enough.rows.len(), enough.ended), (3, true));
    let rest = Search { after: Some(1_490), looked: 283, found: 190, ..search };
    assert_eq!(ledger.search(&rest).unwrap().unwrap().rows.len(), 9);
    let place = |ledger: &mut Ledger, id| ledger.place(PeerId::Second, id, Some(292)).unwrap().unwrap();
    assert_eq!(place(&mut ledger, 1_300), PlaceOf::Row(92));
    assert_eq!(place(&mut ledger, 7), PlaceOf::Elsewhere("transfer 7 is alpha's".into()));
    assert_eq!(place(&mut ledger, 9_999), PlaceOf::Elsewhere("there is no transfer 9999".into()));
    let lots =
        [LotIds { first: 0, last: 1 }, LotIds { first: 1_300, last: 1_498 }, LotIds { first: 7, last: 9 }];
    let rows = ledger.transfers(&lots).unwrap().unwrap();
    assert_eq!((rows.len(), rows[2].row.id, rows[2].state.as_str()), (STORED_MAX, 1_300, "queued"));
    assert!(ledger.transfers(&[LotIds { first: 5_000, last: 6_000 }]).unwrap().unwrap().is_empty());
    let past = ledger.past().unwrap().unwrap();
    assert_eq!((past.run.as_str(), past.name.as_str()), ("docs-1", "docs"));
    assert_eq!(past.totals.transfers, 1_500);
    assert_eq!(past.peers.map(|peer| peer.remaining.transfers), [1_200, 300]);
}

/// A million rows: a look reads a bounded number of them, and keeps only what was found.
#[test]
fn a_queue_of_a_million_is_searched_a_piece_at_a_time() {
    const WAVE: u64 = 1 << 16;
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    for wave in 0..16 {
        let planned = |id: u64| Planned {
            id: TransferId(id),
            key: format!("run/{}/sample-{id:07}.dat", id / 1000).into_bytes(),
            size: id % 1000,
            ..Planned::default()
        };
        let ids = wave * WAVE..(wave + 1) * WAVE;
        let (first, last) = (TransferId(ids.start), TransferId(ids.end - 1));
        let lot = NewLot { target: 0, first, last, owner: PeerId::First };
        store.add_wave(wave, &ids.map(planned).collect::<Vec<_>>(), &[lot]).unwrap();
    }
    let all = 16 * WAVE;
    let mut ledger = Ledger::new(dir.path().join("ledger.sqlite"));
    let began = Instant::now();
    let pull = Pull { peer: PeerId::First, from: all - 150, limit: 200, queued: None };
    let (total, rows) = ledger.page(pull).unwrap().unwrap();
    eprintln!("its last page: {:.1?}", began.elapsed());
    assert_eq!((total, rows.len(), rows[149].id), (all, 150, all - 1));
    let began = Instant::now();
    let deep = ledger.place(PeerId::First, 1_000_000, None).unwrap();
    eprintln!("the place of a transfer: {:.1?}", began.elapsed());
    assert_eq!(deep, Some(PlaceOf::Row(1_000_000)));
    let filter = Filter::parse("sample-10485", &[]).unwrap().unwrap();
    let mut search =
        Search { number: 1, peer: PeerId::First, filter, after: None, looked: 0, found: 0, queued: None };
    let began = Instant::now();
    let mut looks = 0;
    loop {
        let found = ledger.search(&search).unwrap().unwrap();
        assert!(found.looked - search.looked <= SEARCH_ROWS && found.rows.len() <= FOUND_MAX);
        looks += 1;
        search.found += found.rows.len();
        (search.looked, search.after) = (found.looked, found.after);
        if found.ended {
            break;
        }
    }
    eprintln!("all of it searched: {:.1?} in {looks} looks", began.elapsed());
    assert_eq!((search.found, search.looked), (76, all));
}

/// What was recorded before the console came; a recording that is damaged or is not there is no trouble.
#[test]
fn the_rates_of_the_past_are_read_from_the_recording() {
    let dir = tempfile::tempdir().unwrap();
    let recording = dir.path().join("recording.jsonl");
    let ledger = Ledger::new(dir.path().join("ledger.sqlite")).with_names(&["alpha".into(), "beta".into()]);
    assert_eq!(ledger.rates(), [vec![], vec![]]);
    let ledger = ledger.with_recording(recording.clone());
    assert_eq!(ledger.rates(), [vec![], vec![]], "not written yet");
    let snapshot = |peer: &str, at_ms, now| {
        let rate = twinhaul_wire::Rates { now, ..Default::default() };
        let snapshot = PeerSnapshot { peer: peer.into(), at_ms, rate, ..PeerSnapshot::default() };
        encode(&Frame::Snapshot(Box::new(snapshot))).unwrap()
    };
    let mut lines = vec![b"nt\":{}}\n{\"k\xff".to_vec(), b"\n".to_vec()];
    lines.extend([snapshot("beta", 1_000, 5), snapshot("alpha", 1_100, 7), snapshot("gamma", 1_200, 8)]);
    lines.extend([snapshot("alpha", 2_100, 9), snapshot("alpha", 3_100, 9)[..40].to_vec()]);
    std::fs::write(&recording, lines.concat()).unwrap();
    assert_eq!(ledger.rates(), [vec![(1_100, 7), (2_100, 9)], vec![(1_000, 5)]]);
    // Of a long one only the end is read.
    let filler = vec![b'\n'; usize::try_from(TAIL_BYTES).unwrap() - 10];
    std::fs::write(&recording, [lines.concat(), vec![b'\n'], filler].concat()).unwrap();
    assert_eq!(ledger.rates(), [vec![], vec![]]);
    let elsewhere = Ledger::new(dir.path().join("ledger.sqlite")).with_recording(dir.path().to_owned());
    assert_eq!(elsewhere.rates(), [vec![], vec![]], "a directory is no recording");
}
