//! Contracts of readers: pages of the queue, tails, searches, history, the end.

use crate::support::*;
use twinhaul_ledger::{EVENTS_MAX, NewEvent, PAGE_MAX, QueueAt, Row};
use twinhaul_units::{Incarnation, TransferId};
use twinhaul_wire::EventKind;

fn ids(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|r| r.id.0).collect()
}

pub(crate) fn the_queue_is_paged_in_start_order<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 12_000);
    let (a, b) = (join(&store, First), join(&store, Second));
    store.settle(First, a, &done(0..3000, 1)).unwrap();
    let mine = owned(&store, First, a)[0];
    let moved = assign_from(1, (First, a), (Second, b), &[part(mine, 4000, 4099), part(mine, 5500, 5999)]);
    assigned(store.assign(&moved).unwrap());
    store.settle(Second, b, &done((6000..7000).filter(|id| id % 3 == 0), 1)).unwrap();
    let view = factory.view();
    let expected: Vec<u64> = (6000..7000)
        .filter(|id| id % 3 != 0)
        .chain(7000..12_000)
        .chain(4000..4100)
        .chain(5500..6000)
        .collect();
    assert_eq!(view.queue_len(Second).unwrap().transfers, expected.len() as u64);
    for offset in [0, 1, 665, 666, 667, 1690, 5000, 5660, 5700, expected.len() - 1] {
        let page = view.queue_page(Second, QueueAt::Offset(offset as u64), 700).unwrap();
        let end = expected.len().min(offset + 700);
        assert_eq!(ids(&page), expected[offset..end], "from {offset}");
    }
    assert!(view.queue_page(Second, QueueAt::Offset(expected.len() as u64), 10).unwrap().is_empty());
    for place in [0, 1, 665, 666, 1690, 5660, 5700, expected.len() - 1] {
        let id = TransferId(expected[place]);
        assert_eq!(view.queue_place(Second, id).unwrap(), Some(place as u64), "{id:?}");
    }
    for gone in [3500, 6000, 50_000] {
        assert_eq!(view.queue_place(Second, TransferId(gone)).unwrap(), None, "the other's, done, unknown");
    }
    let mut all = Vec::new();
    let mut at = QueueAt::Offset(0);
    loop {
        let page = view.queue_page(Second, at, PAGE_MAX * 5).unwrap();
        assert!(page.len() <= PAGE_MAX);
        let Some(last) = page.last() else { break };
        at = QueueAt::After(last.id);
        all.extend(ids(&page));
    }
    assert_eq!(all, expected);
    let moved_away = view.queue_page(First, QueueAt::After(TransferId(4000)), 3).unwrap();
    assert_eq!(ids(&moved_away), [3000, 3001, 3002], "not its own any more: at the head");
}

pub(crate) fn a_tail_holds_about_the_bytes<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 10_000);
    let (a, b) = (join(&store, First), join(&store, Second));
    let mine = owned(&store, First, a)[0];
    assigned(store.assign(&assign_from(1, (First, a), (Second, b), &[part(mine, 100, 1299)])).unwrap());
    store.settle(Second, b, &done((9000..10_000).filter(|id| id % 7 == 0), 1)).unwrap();
    // The tail: the lot that came last, then the end of the first one.
    let order: Vec<u64> = (100..1300)
        .rev()
        .chain((5000..10_000).rev().filter(|id| !(9000..).contains(id) || id % 7 != 0))
        .collect();
    let total: u64 = order.iter().map(|id| size(*id)).sum();
    assert_eq!(store.queue_len(Second).unwrap().bytes.0, total);
    for wanted in [0, 1, 500, 100_000, total / 3, total / 2, total - 1, total, total * 2] {
        let tail = store.tail_for_bytes(Second, wanted).unwrap();
        let taken = &order[..tail.transfers as usize];
        assert_eq!(tail.bytes.0, taken.iter().map(|id| size(*id)).sum::<u64>(), "{wanted}");
        let off = tail.bytes.0.abs_diff(wanted.min(total));
        assert!(off <= 500, "{off} away from {wanted}: further than half of the largest");
    }
    assert_eq!(store.tail_for_bytes(Second, total * 2).unwrap().transfers, order.len() as u64);
}

pub(crate) fn keys_are_found_by_any_part<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let mut wave = transfers(0, 50_000, 0);
    wave[49_999].key = b"odd/\xff%_'name".to_vec();
    store.add_wave(0, &wave, &[lot(0, 50_000, First, 0)]).unwrap();
    let all = |text: &[u8], limit: usize| {
        let (mut found, mut after, mut calls) = (Vec::new(), None, 0);
        loop {
            let page = store.find(text, after, limit).unwrap();
            assert!(page.rows.len() <= limit);
            found.extend(page.rows.iter().map(|r| r.id.0));
            calls += 1;
            match page.next {
                Some(next) => after = Some(next),
                None => return (found, calls),
            }
        }
    };
    assert_eq!(all(b"\xff%_'", 10), (vec![49_999], 3), "bytes, not patterns; in short scans");
    let expected: Vec<u64> = (0..49_999).filter(|id| id % 997 == 5).collect();
    assert_eq!(all(b"dir-005/", 7).0, expected);
    assert_eq!(all(b"nowhere", 10).0, Vec::<u64>::new());
}

pub(crate) fn the_manifest_lists_all_in_order<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 2500);
    let rows: Vec<_> = store.manifest().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.iter().map(|r| r.id.0).collect::<Vec<_>>(), (0..2500).collect::<Vec<_>>());
    let empty = F::default();
    assert_eq!(empty.create().manifest().count(), 0);
}

pub(crate) fn events_are_numbered_and_trimmed<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    let view = factory.view();
    assert_eq!(view.last_seq().unwrap(), 0);
    let version = view.data_version().unwrap();
    let event = |n: u64| NewEvent {
        at_ms: n,
        peer: n.is_multiple_of(2).then(|| "alpha".to_owned()),
        incarnation: n,
        kind: EventKind::Info { text: format!("'{n}'") },
    };
    assert_eq!(store.append_events(&[event(1), event(2)]).unwrap(), 1);
    assert_eq!(store.append_events(&[event(3)]).unwrap(), 3);
    assert_ne!(view.data_version().unwrap(), version);
    let events = view.events_since(1, 10).unwrap();
    assert_eq!(events.iter().map(|e| (e.seq, e.at_ms)).collect::<Vec<_>>(), [(2, 2), (3, 3)]);
    assert_eq!((events[0].peer.as_deref(), events[1].peer.as_deref()), (Some("alpha"), None));
    assert_eq!(events[1].kind, EventKind::Info { text: "'3'".to_owned() });
    for _ in 0..=EVENTS_MAX / 10_000 {
        store.append_events(&(0..10_000).map(event).collect::<Vec<_>>()).unwrap();
    }
    let last = view.last_seq().unwrap();
    assert_eq!(last, 3 + EVENTS_MAX + 10_000);
    assert_eq!(view.events_since(0, 1).unwrap()[0].seq, last - EVENTS_MAX + 1);
}

pub(crate) fn one_current_peer_finishes<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 10);
    let (a, b) = (join(&store, First), join(&store, Second));
    store.plan_finished().unwrap();
    assert!(!store.claim_finishing(First, a).unwrap(), "transfers are left");
    store.settle(First, a, &done(0..5, 1)).unwrap();
    store.settle(Second, b, &failed(5..10, 1)).unwrap();
    assert!(store.claim_finishing(First, a).unwrap());
    assert!(store.claim_finishing(First, a).unwrap(), "again by the same");
    assert!(!store.claim_finishing(Second, b).unwrap());
    assert!(store.finishing_done(Second, b).unwrap_err().fenced());
    let a = join(&store, First);
    assert_eq!(a, Incarnation(2));
    assert!(store.claim_finishing(Second, b).unwrap(), "the holder is stale");
    assert!(!store.claim_finishing(First, a).unwrap());
    let b = join(&store, Second);
    assert!(store.claim_finishing(Second, b).unwrap(), "a new incarnation of the holder");
    store.finishing_done(Second, b).unwrap();
    assert!(store.run().unwrap().finished);
    assert!(!store.claim_finishing(First, a).unwrap());
}
