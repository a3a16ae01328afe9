//! The ledger as a file: who may read it, what is refused, what damage and loss look like (faults.md 14, 18, 42, 43, 47).

#![allow(clippy::doc_markdown, clippy::panic, clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "shared with the contracts, which use all of it")]
#[path = "contract/support.rs"]
mod support;

use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;
use support::{Factory as _, First, Sqlite, authorise, done, join, new_run, plan_halves};
use twinhaul_ledger::{LedgerError, RESERVE_BYTES, RunState, Store, View};
use twinhaul_units::Incarnation;

fn beside(factory: &Sqlite, suffix: &str) -> PathBuf {
    let mut name = factory.path().into_os_string();
    name.push(suffix);
    name.into()
}

#[test]
fn only_its_owner_can_read_it() {
    let factory = Sqlite::default();
    let store = factory.create();
    plan_halves(&store, 10);
    for suffix in ["", "-wal", "-shm", "-reserve"] {
        let mode = fs::metadata(beside(&factory, suffix)).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600, "{suffix}: {mode:o}");
    }
    assert!(store.wal_bytes() > 0);
}

#[test]
fn it_is_made_once_and_must_exist() {
    let factory = Sqlite::default();
    let missing = Store::open(&factory.path()).unwrap_err();
    assert!(matches!(missing, LedgerError::NotFound { .. }));
    assert_eq!(missing.exit_code(), 4);
    assert!(matches!(View::open(&factory.path()).unwrap_err(), LedgerError::NotFound { .. }));
    assert!(!factory.path().exists(), "asking makes nothing");
    factory.create();
    let again = Store::create(&factory.path(), &new_run()).unwrap_err();
    assert!(matches!(again, LedgerError::Exists { .. }), "{again}");
    assert_eq!(factory.open().run().unwrap().id, new_run().id, "and the first one is whole");
    let nowhere = factory.path().join("below/a/file");
    assert!(Store::create(&nowhere, &new_run()).is_err());
}

#[test]
fn other_versions_and_other_files_are_refused_with_words() {
    let factory = Sqlite::default();
    drop(factory.create());
    rusqlite::Connection::open(factory.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Store::open(&factory.path()).unwrap_err();
    assert!(matches!(error, LedgerError::Schema { found: 99, .. }));
    assert!(error.to_string().contains("version 99"), "{error}");
    assert!(error.to_string().contains("use the program that wrote it"), "{error}");

    let other = Sqlite::default();
    rusqlite::Connection::open(other.path()).unwrap().execute_batch("CREATE TABLE t(x)").unwrap();
    assert!(matches!(Store::open(&other.path()).unwrap_err(), LedgerError::NotALedger { .. }));
    fs::write(
        other.path(),
        b"#!/bin/sh\necho this is no database, and long enough to have a header\n".repeat(9),
    )
    .unwrap();
    assert!(matches!(Store::open(&other.path()).unwrap_err(), LedgerError::NotALedger { .. }));
    fs::write(other.path(), b"").unwrap();
    assert!(matches!(View::open(&other.path()).unwrap_err(), LedgerError::NotALedger { .. }));
}

#[test]
fn damage_is_found_before_a_run_is_resumed() {
    let factory = Sqlite::default();
    let store = factory.create();
    plan_halves(&store, 20_000);
    store.check().unwrap();
    drop(store);
    let file = fs::OpenOptions::new().write(true).open(factory.path()).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    for page in (pages / 3)..(pages / 3 + 8) {
        file.write_all_at(&[0xA5; 700], page * 4096).unwrap();
    }
    drop(file);
    let store = factory.open();
    let error = store.check().unwrap_err();
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{error}");
    assert_eq!(error.exit_code(), 74);
    let error = store.set_run_state(RunState::Running, 1).unwrap_err();
    assert_eq!(error.exit_code(), 74, "and nothing is written to it any more: {error}");
}

#[test]
fn a_truncated_ledger_is_refused() {
    let factory = Sqlite::default();
    let store = factory.create();
    plan_halves(&store, 20_000);
    drop(store);
    let file = fs::OpenOptions::new().write(true).open(factory.path()).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2 / 4096 * 4096).unwrap();
    drop(file);
    let error = Store::open(&factory.path()).and_then(|store| store.check()).unwrap_err();
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{error}");
}

#[test]
fn a_ledger_that_was_deleted_or_replaced_is_not_written() {
    let factory = Sqlite::default();
    let store = factory.create();
    plan_halves(&store, 10);
    fs::rename(factory.path(), beside(&factory, ".moved")).unwrap();
    let error = store.set_run_state(RunState::Running, 1).unwrap_err();
    assert!(matches!(error, LedgerError::Lost { .. }));
    assert_eq!(error.exit_code(), 74);
    fs::write(factory.path(), b"another file").unwrap();
    assert_eq!(store.set_run_state(RunState::Running, 1).unwrap_err().exit_code(), 74);
    assert_eq!(fs::read(factory.path()).unwrap(), b"another file");
}

#[test]
fn what_a_killed_process_left_in_the_log_is_there() {
    let factory = Sqlite::default();
    let store = factory.create();
    plan_halves(&store, 1000);
    let a = join(&store, First);
    store.authorise(First, a, &authorise(0..100, 1)).unwrap();
    store.settle(First, a, &done(0..100, 1)).unwrap();
    // A copy of file and log while they are open is what a power loss leaves, but for pages not yet written.
    let copy = Sqlite::default();
    for suffix in ["", "-wal"] {
        fs::copy(beside(&factory, suffix), beside(&copy, suffix)).unwrap();
    }
    let recovered = copy.open();
    assert_eq!(recovered.counters().unwrap().sum(twinhaul_ledger::State::Done).transfers, 100);
    assert_eq!(join(&recovered, First), Incarnation(2));
    support::sound(&recovered);
    // A log cut in the middle of its last commits: older commits are whole, nothing is half.
    let wal = beside(&copy, "-wal");
    drop(recovered);
    for suffix in ["", "-wal"] {
        fs::copy(beside(&factory, suffix), beside(&copy, suffix)).unwrap();
    }
    let len = fs::metadata(&wal).unwrap().len();
    fs::OpenOptions::new().write(true).open(&wal).unwrap().set_len(len - 5000).unwrap();
    let torn = copy.open();
    support::sound(&torn);
    assert_eq!(torn.totals().unwrap().transfers, 1000);
}

#[test]
fn the_reserve_comes_back_when_a_run_is_resumed() {
    let factory = Sqlite::default();
    let store = factory.create();
    let reserve = beside(&factory, "-reserve");
    assert_eq!(fs::metadata(&reserve).unwrap().len(), RESERVE_BYTES);
    fs::remove_file(&reserve).unwrap();
    store.check().unwrap();
    assert_eq!(fs::metadata(&reserve).unwrap().len(), RESERVE_BYTES);
}

#[test]
#[ignore = "needs TWINHAUL_TEST_SMALL_DISK: an empty file system of about 100 MiB, for example a tmpfs"]
fn a_full_disk_leaves_room_for_an_orderly_stop() {
    let Some(disk) = std::env::var_os("TWINHAUL_TEST_SMALL_DISK") else { return };
    let path = PathBuf::from(disk).join("ledger.sqlite");
    let store = Store::create(&path, &new_run()).unwrap();
    let incarnation = join(&store, First);
    let wave = |wave: u64| {
        let first = wave * 10_000;
        let lots = [support::lot(first, 10_000, First, 0)];
        store.add_wave(wave, &support::transfers(first, 10_000, 0), &lots)
    };
    let (waves, error) = (0..).find_map(|n| wave(n).err().map(|e| (n, e))).unwrap();
    assert!(waves > 2, "the disk is too small for this test: {error}");
    assert!(matches!(error, LedgerError::NoSpace { reserve_released: true, .. }), "{error}");
    assert_eq!(error.exit_code(), 28);
    assert_eq!(store.totals().unwrap().transfers, waves * 10_000);
    store.authorise(First, incarnation, &authorise(0..4096, 1)).unwrap();
    store.settle(First, incarnation, &done(0..4096, 1)).unwrap();
    store.set_run_state(RunState::Stopped, 1).unwrap();
    support::sound(&store);
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.run().unwrap().state, RunState::Stopped);
    let filler = path.with_file_name("filler");
    fs::write(&filler, vec![1; 40 << 20]).unwrap();
    let error = store.check().unwrap_err();
    assert_eq!(error.exit_code(), 28, "no resume before there is room for the reserve: {error}");
    fs::remove_file(&filler).unwrap();
    store.check().unwrap();
}
