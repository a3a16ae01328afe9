//! One million transfers: the ledger works on them while the process stays small (faults.md 48). Alone in its binary,
//! because it asserts the peak memory of its whole process. Times are printed, never asserted.

#![allow(clippy::doc_markdown, clippy::panic, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

#[allow(dead_code, reason = "shared with the contracts, which use all of it")]
#[path = "contract/support.rs"]
mod support;

use std::time::Instant;
use support::{
    Factory as _, First, Second, Sqlite, assign_from, assigned, authorise, done, join, lot, owned, part,
    take_over,
};
use twinhaul_ledger::{LotCursor, QueueAt, Reopen, State};

const WAVE: u64 = 65_536;
const GROUP: u64 = 4096;
/// KiB.
const PEAK_MAX: u64 = 150 * 1024;

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// One million, or what `TWINHAUL_TEST_TRANSFERS` says.
fn transfers_max() -> u64 {
    std::env::var("TWINHAUL_TEST_TRANSFERS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000)
}

/// Runs and prints.
fn timed<T>(what: &str, n: u64, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let value = work();
    let took = began.elapsed();
    eprintln!("{what}: {took:.2?}, {:.0} a second, peak {} KiB", n as f64 / took.as_secs_f64(), peak_kib());
    value
}

#[test]
fn a_million_transfers_fit_in_150_mib() {
    let all = transfers_max();
    let factory = Sqlite::default();
    let store = factory.create();
    let mut next = 0;
    timed("planned", all, || {
        for wave in 0.. {
            let n = WAVE.min(all - next);
            if n == 0 {
                break;
            }
            let half = n / 2;
            let lots = [lot(next, half, First, 0), lot(next + half, n - half, Second, 0)];
            store.add_wave(wave, &support::transfers(next, n, 0), &lots).unwrap();
            next += n;
        }
    });
    store.plan_finished().unwrap();
    let view = factory.view();
    let (a, b) = (join(&store, First), join(&store, Second));
    let mine = timed("loaded", 1, || owned(&view, First, a));
    timed("half of a queue assigned", 1, || {
        let half = &mine[mine.len() / 2..];
        assigned(store.assign(&assign_from(1, (First, a), (Second, b), half)).unwrap())
    });
    timed("a lot cut", 1, || {
        assigned(
            store.assign(&assign_from(2, (First, a), (Second, b), &[part(mine[0], 9999, 20_000)])).unwrap(),
        )
    });
    let (n, mut settled) = (20 * GROUP, 0);
    timed("authorised and settled", n, || {
        for i in owned(&view, Second, b) {
            for first in (i.first.0..=i.last.0).step_by(GROUP as usize) {
                if settled >= n {
                    return;
                }
                let ids = first..=i.last.0.min(first + GROUP - 1);
                store.authorise(Second, b, &authorise(ids.clone(), i.epoch.0)).unwrap();
                store.settle(Second, b, &done(ids, i.epoch.0)).unwrap();
                settled += GROUP;
            }
        }
    });
    for offset in [0, 100_000, 400_000] {
        let page = timed("a page of the queue", 1, || {
            view.queue_page(Second, QueueAt::Offset(offset), 1000).unwrap()
        });
        assert_eq!(page.len(), 1000);
    }
    let place = timed("the place of a transfer", 1, || {
        let deep = view.queue_page(Second, QueueAt::Offset(400_000), 1).unwrap()[0].id;
        view.queue_place(Second, deep).unwrap()
    });
    assert_eq!(place, Some(400_000));
    let tail = timed("a tail of a third of the bytes", 1, || {
        view.tail_for_bytes(Second, view.queue_len(Second).unwrap().bytes.0 / 3).unwrap()
    });
    assert!(tail.transfers > 100_000);
    timed("nothing new", 1, || view.lots_since(Second, b, LotCursor::default(), usize::MAX).unwrap());
    timed("20,000 keys searched", 20_000, || view.find(b"nowhere", None, 10).unwrap());
    timed("taken over", 1, || store.take_over(&take_over(3, (First, a), b)).unwrap());
    assert_eq!(store.reopen_failed(&Reopen::All).unwrap(), 0);
    assert_eq!(timed("the manifest read", all, || view.manifest().count()), all as usize);
    timed("every rule recounted", all, || support::sound(&store));
    assert_eq!(view.counters().unwrap().discovered().transfers, all);
    assert_eq!(view.counters().unwrap().at(Second, State::Planned).transfers, 0);
    timed("checked for damage", 1, || store.check().unwrap());
    let peak = peak_kib();
    assert!(peak < PEAK_MAX, "{peak} KiB");
}
