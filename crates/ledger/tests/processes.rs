//! Real processes on one ledger: killed while they write, holding its lock, writing at once (faults.md 6, 7, 24).
//!
//! The children are this binary itself, running one of the ignored tests at the end.

#![allow(
    clippy::doc_markdown,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "tests"
)]

#[allow(dead_code, reason = "shared with the contracts, which use all of it")]
#[path = "contract/support.rs"]
mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use support::{
    Factory as _, First, Second, Sqlite, authorise, digest, done, join, owned, plan_halves, sound,
};
use twinhaul_ledger::{State, Store, lock_holder};
use twinhaul_units::{PeerId, TransferId};

/// Tells a child which ledger, and which peer.
const LEDGER: &str = "TWINHAUL_TEST_LEDGER";
const PEER: &str = "TWINHAUL_TEST_PEER";
/// Transfers a child settles at once.
const GROUP: u64 = 16;

/// A child that ends with the test.
struct Helper {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Helper {
    fn start(test: &str, ledger: &Path, peer: PeerId) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", test, "--nocapture", "--test-threads=1"])
            .env(LEDGER, ledger)
            .env(PEER, peer.index().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next thing the child says; `None` when it has ended.
    fn hear(&mut self) -> Option<String> {
        for line in self.lines.by_ref() {
            // The test runner's own lines come without the mark.
            if let Some((_, said)) = line.ok()?.split_once("said: ") {
                return Some(said.to_owned());
            }
        }
        None
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a child: says something, at once.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "said: {text}").unwrap();
    out.flush().unwrap();
}

/// In a child: what it was told, or nothing when somebody runs the ignored tests by hand.
fn told() -> Option<(Store, PeerId)> {
    let ledger = std::env::var_os(LEDGER)?;
    let peer: usize = std::env::var(PEER).ok()?.parse().ok()?;
    Some((Store::open(Path::new(&ledger)).unwrap(), PeerId::from_index(peer)?))
}

#[test]
fn what_was_acknowledged_survives_any_kill() {
    let factory = Sqlite::default();
    let store = factory.create();
    plan_halves(&store, 60_000);
    let mut acknowledged: Vec<u64> = Vec::new();
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    for round in 0..12 {
        let mut helpers = PeerId::BOTH.map(|peer| Helper::start("child_settles", &factory.path(), peer));
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Both have begun; then each is killed at another point of its work.
        for helper in &mut helpers {
            for _ in 0..=random % 29 {
                acknowledged.push(helper.hear().expect("the child works").parse().unwrap());
            }
        }
        for helper in &mut helpers {
            std::thread::sleep(Duration::from_micros(random % 1777));
            helper.kill();
            while let Some(line) = helper.hear() {
                acknowledged.push(line.parse().unwrap());
            }
        }
        sound(&store);
        for first in &acknowledged {
            for row in store.rows(TransferId(*first), TransferId(first + GROUP - 1), 100).unwrap() {
                assert_eq!(row.state, State::Done, "round {round}: {} was acknowledged", row.id);
            }
        }
    }
    for first in acknowledged.iter().step_by(17) {
        let detail = store.transfer(TransferId(*first)).unwrap().unwrap();
        assert_eq!((detail.blake3, detail.verified), (Some(digest(*first)), true));
    }
    let mut once = acknowledged.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), acknowledged.len(), "nothing was done twice");
    let peers = store.peers().unwrap();
    assert_eq!(peers.map(|p| p.incarnation.0), [12, 12]);
    eprintln!("{} groups of {GROUP} acknowledged through 24 kills, none lost", acknowledged.len());
}

#[test]
#[ignore = "a child of what_was_acknowledged_survives_any_kill"]
fn child_settles() {
    let Some((store, peer)) = told() else { return };
    let incarnation = join(&store, peer);
    let left: Vec<_> = store.unsettled(peer).unwrap().iter().map(|u| (u.row.id, u.epoch)).collect();
    store.release(peer, incarnation, &left).unwrap();
    for interval in owned(&store, peer, incarnation) {
        for first in (interval.first.0..=interval.last.0).step_by(GROUP as usize) {
            let ids = first..=interval.last.0.min(first + GROUP - 1);
            store.authorise(peer, incarnation, &authorise(ids.clone(), interval.epoch.0)).unwrap();
            store.settle(peer, incarnation, &done(ids, interval.epoch.0)).unwrap();
            say(&first.to_string());
        }
    }
}

#[test]
fn the_holder_of_the_lock_is_named_and_asking_costs_no_lock() {
    let factory = Sqlite::default();
    let store = factory.create();
    assert_eq!(lock_holder(&factory.path()).unwrap(), None);
    let mut helper = Helper::start("child_holds", &factory.path(), First);
    assert_eq!(helper.hear().as_deref(), Some("holding"));
    assert_eq!(lock_holder(&factory.path()).unwrap(), Some(helper.child.id()));
    helper.kill();
    assert_eq!(lock_holder(&factory.path()).unwrap(), None, "the lock goes with its process");
    join(&store, First);
    // This process holds it: nobody else is named, and asking must not have dropped it.
    let raw = rusqlite::Connection::open(factory.path()).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..3 {
        assert_eq!(lock_holder(&factory.path()).unwrap(), None);
    }
    let mut helper = Helper::start("child_tries", &factory.path(), First);
    assert_eq!(helper.hear().as_deref(), Some("busy"));
    raw.execute_batch("ROLLBACK").unwrap();
    let mut helper = Helper::start("child_tries", &factory.path(), First);
    assert_eq!(helper.hear().as_deref(), Some("free"));
}

#[test]
#[ignore = "a child of the_holder_of_the_lock_is_named_and_asking_costs_no_lock"]
fn child_holds() {
    let Some(ledger) = std::env::var_os(LEDGER) else { return };
    let raw = rusqlite::Connection::open(ledger).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    say("holding");
    // Until the parent goes away or kills it.
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
#[ignore = "a child of the_holder_of_the_lock_is_named_and_asking_costs_no_lock"]
fn child_tries() {
    let Some(ledger) = std::env::var_os(LEDGER) else { return };
    let raw = rusqlite::Connection::open(ledger).unwrap();
    raw.busy_timeout(Duration::ZERO).unwrap();
    say(if raw.execute_batch("BEGIN IMMEDIATE").is_ok() { "free" } else { "busy" });
}

/// faults.md 24: without the cure the other peer would wait for ever.
#[test]
fn a_writer_that_is_stopped_in_its_transaction_is_killed_and_its_work_undone() {
    let factory = Sqlite::default();
    let store = factory.create();
    plan_halves(&store, 100);
    let before = join(&store, First);
    let mut helper = Helper::start("child_stops", &factory.path(), First);
    assert_eq!(helper.hear().as_deref(), Some("stopping"));
    until_stopped(helper.child.id());
    let second = join(&store, Second);
    assert_eq!(helper.child.wait().unwrap().signal(), Some(9), "it was stopped for good");
    let told: Vec<u32> = store.take_stopped().iter().map(|s| s.pid).collect();
    assert_eq!(told, [helper.child.id()]);
    assert!(store.take_stopped().is_empty(), "told once");
    sound(&store);
    let peers = store.peers().unwrap();
    assert_eq!(peers.map(|p| p.incarnation), [before, second], "nothing of its transaction is left");
}

#[test]
#[ignore = "a child of a_writer_that_is_stopped_in_its_transaction_is_killed_and_its_work_undone"]
fn child_stops() {
    let Some(ledger) = std::env::var_os(LEDGER) else { return };
    let raw = rusqlite::Connection::open(ledger).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE; UPDATE peer SET incarnation = 77;").unwrap();
    say("stopping");
    let own = rustix::process::getpid();
    rustix::process::kill_process(own, rustix::process::Signal::STOP).unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Slow is not stopped: whoever still runs keeps its lock and its life.
#[test]
fn a_writer_that_only_takes_long_is_waited_for() {
    let factory = Sqlite::default();
    let store = factory.create();
    plan_halves(&store, 100);
    let mut helper = Helper::start("child_takes_long", &factory.path(), First);
    assert_eq!(helper.hear().as_deref(), Some("holding"));
    let second = join(&store, Second);
    assert_eq!(helper.hear().as_deref(), Some("committed"));
    helper.child.stdin.take().unwrap().write_all(b"end\n").unwrap();
    assert!(helper.child.wait().unwrap().success());
    assert!(store.take_stopped().is_empty());
    let incarnations = store.peers().unwrap().map(|p| p.incarnation.0);
    assert_eq!(incarnations, [77, second.0], "its transaction came first and counts");
}

#[test]
#[ignore = "a child of a_writer_that_only_takes_long_is_waited_for"]
fn child_takes_long() {
    let Some(ledger) = std::env::var_os(LEDGER) else { return };
    let raw = rusqlite::Connection::open(ledger).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE; UPDATE peer SET incarnation = 77 WHERE id = 0;").unwrap();
    say("holding");
    // Longer than a waiter's first look at the holder.
    std::thread::sleep(Duration::from_secs(4));
    raw.execute_batch("COMMIT").unwrap();
    say("committed");
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Until the kernel has stopped all of it.
fn until_stopped(pid: u32) {
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        if stat.rsplit(')').next().unwrap().trim_start().starts_with('T') {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn two_threads_write_at_once() {
    let factory = Sqlite::default();
    let store = factory.create();
    plan_halves(&store, 8000);
    let waits = std::thread::scope(|scope| {
        let writers = PeerId::BOTH.map(|peer| {
            let store = factory.open();
            scope.spawn(move || settle_all(&store, peer))
        });
        // A reader sees closed sums at every moment.
        let view = factory.view();
        while view.counters().unwrap().remaining().transfers > 0 {
            let (totals, counters) = (view.totals().unwrap(), view.counters().unwrap());
            assert_eq!(counters.discovered().transfers, totals.transfers);
            assert_eq!(counters.discovered().bytes.0, totals.bytes);
        }
        writers.map(|w| w.join().unwrap())
    });
    sound(&store);
    assert_eq!(store.counters().unwrap().sum(State::Done).transfers, 8000);
    for (peer, mut waits) in PeerId::BOTH.into_iter().zip(waits) {
        waits.sort_unstable();
        let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
        eprintln!("{peer:?}: {} commits, median {:?}, p99.9 {:?}", waits.len(), at(0.5), at(0.999));
    }
}

/// Settles everything in small groups; how long each commit took.
fn settle_all(store: &Store, peer: PeerId) -> Vec<Duration> {
    let incarnation = join(store, peer);
    let mut waits = Vec::new();
    for interval in owned(store, peer, incarnation) {
        for first in (interval.first.0..=interval.last.0).step_by(4) {
            let ids = first..=interval.last.0.min(first + 3);
            let began = Instant::now();
            store.settle(peer, incarnation, &done(ids, interval.epoch.0)).unwrap();
            waits.push(began.elapsed());
        }
    }
    assert!(matches!(peer, First | Second));
    waits
}
