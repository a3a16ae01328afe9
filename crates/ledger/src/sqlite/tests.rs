//! What only this store can be asked: SQLite's settings, its limits, and tables changed behind its back.

use super::*;
use crate::{NewLot, Planned};
use twinhaul_units::{PeerId, TransferId};

fn new_run() -> NewRun {
    let names = ["alpha".to_owned(), "beta".to_owned()];
    let text = String::new;
    NewRun { id: text(), name: text(), profile_hash: text(), policy: text(), names, created_at_ms: 0 }
}

fn add(store: &SqliteStore, wave: u64, n: u64) -> Result<()> {
    let first = wave * n;
    let transfers: Vec<_> = (first..first + n)
        .map(|id| Planned { id: TransferId(id), key: vec![b'k'; 100], size: 1, ..Planned::default() })
        .collect();
    let last = TransferId(first + n - 1);
    let lot = NewLot { target: 0, first: TransferId(first), last, owner: PeerId::First };
    store.add_wave(wave, &transfers, &[lot])
}

#[test]
fn a_full_disk_gives_the_reserve_back_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite");
    let store = SqliteStore::create(&path, &new_run()).unwrap();
    add(&store, 0, 5000).unwrap();
    let conn = &store.sqlite().unwrap().conn;
    let pages: i64 = conn.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let limit = |pages: i64| {
        conn.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0)).unwrap()
    };
    limit(pages);
    let error = add(&store, 1, 5000).unwrap_err();
    assert!(matches!(error, LedgerError::NoSpace { reserve_released: true, .. }), "{error}");
    assert_eq!(error.exit_code(), 28);
    assert!(!files::release_reserve(&path), "it is gone");
    let again = add(&store, 1, 5000).unwrap_err();
    assert!(matches!(again, LedgerError::NoSpace { reserve_released: false, .. }));
    // The space that came back is enough for an orderly stop.
    limit(pages + 100);
    store.set_run_state(RunState::Stopped, 5).unwrap();
    assert_eq!(store.check_invariants().unwrap(), Vec::<String>::new());
    assert_eq!(store.sqlite().unwrap().totals().unwrap().transfers, 5000);
}

#[test]
fn every_write_is_synchronous_and_the_library_is_new_enough() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::create(&dir.path().join("l"), &new_run()).unwrap();
    let pragma = |name: &str| {
        store.sqlite().unwrap().conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(pragma("synchronous"), 2, "FULL");
    assert_eq!(pragma("temp_store"), 2, "memory");
    assert_eq!(pragma("cache_size"), -CACHE_KIB);
    assert!(rusqlite::version_number() >= LIBRARY_MIN);
}

#[test]
fn a_view_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("l");
    let store = SqliteStore::create(&path, &new_run()).unwrap();
    let view = SqliteView::open(&path).unwrap();
    assert!(view.conn.execute("UPDATE run SET name = 'x'", []).is_err());
    let cache = view.conn.pragma_query_value(None, "cache_size", |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(cache, -READ_CACHE_KIB);
    assert!(store.sqlite().unwrap().conn.execute("UPDATE run SET name = 'x'", []).is_ok());
}

#[test]
fn a_lock_that_is_never_free_is_an_error_that_can_be_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("l");
    let holder = SqliteStore::create(&path, &new_run()).unwrap();
    let mut waiting = SqliteStore::open(&path).unwrap();
    let View::Sqlite(view) = &mut waiting.view else { panic!("another store") };
    busy::install(&mut view.conn, std::time::Duration::from_millis(20), None).unwrap();
    holder.sqlite().unwrap().conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = waiting.set_run_state(RunState::Stopped, 5).unwrap_err();
    assert!(matches!(error, LedgerError::Busy { holder: None, .. }), "held by this process: {error}");
    assert_eq!(error.exit_code(), 5);
    holder.sqlite().unwrap().conn.execute_batch("ROLLBACK").unwrap();
    waiting.set_run_state(RunState::Stopped, 5).unwrap();
}

#[test]
fn broken_rules_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::create(&dir.path().join("l"), &new_run()).unwrap();
    add(&store, 0, 3000).unwrap();
    assert!(store.check_invariants().unwrap().is_empty());
    let conn = &store.sqlite().unwrap().conn;
    for (damage, repair, words) in [
        ("UPDATE counter SET n = n + 1", "UPDATE counter SET n = n - 1", "counter"),
        ("UPDATE lot SET last = 2000", "UPDATE lot SET last = 2999", "the lots hold"),
        ("UPDATE lot SET low = 5", "UPDATE lot SET low = 0", "below its cursor"),
        ("UPDATE lot SET target = 1", "UPDATE lot SET target = 0", "crosses a target"),
        ("UPDATE lot SET planned = 1", "UPDATE lot SET planned = 3000", "says 1 planned"),
        (
            "UPDATE block SET planned = 1 WHERE id = 1",
            "UPDATE block SET planned = 1024 WHERE id = 1",
            "block 1",
        ),
        ("UPDATE block SET prefix = 1 WHERE id = 0", "UPDATE block SET prefix = 0 WHERE id = 0", "block 0"),
        ("UPDATE run SET transfers = 9", "UPDATE run SET transfers = 3000", "discovered"),
        (
            "UPDATE transfer SET state = 1 WHERE id = 9",
            "UPDATE transfer SET state = 0 WHERE id = 9",
            "authorised",
        ),
    ] {
        conn.execute_batch(damage).unwrap();
        let broken = store.check_invariants().unwrap();
        assert!(broken.iter().any(|b| b.contains(words)), "{damage}: {broken:?}");
        conn.execute_batch(repair).unwrap();
        assert!(store.check_invariants().unwrap().is_empty(), "{repair}");
    }
}
