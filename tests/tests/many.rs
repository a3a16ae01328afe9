//! Many transfers: memory stays bounded, whatever the number. 100,000 in the usual tests, `TWINHAUL_MANY=1000000` for more.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use std::time::Duration;
use twinhaul_tests::product::processes::Peaks;
use twinhaul_tests::product::run::assert_conserved;
use twinhaul_tests::product::{Lab, Profile, poll};
use twinhaul_tests::{same, tree};

const PEAK_KIB_MAX: u64 = 150 * 1024;
/// A million take minutes; this is an end, not an expectation.
const RUN_WAIT_MAX: Duration = Duration::from_mins(25);

#[test]
fn memory_does_not_grow_with_the_number_of_transfers() {
    let n: usize = std::env::var("TWINHAUL_MANY").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let lab = Lab::new();
    tree::small_files(&lab.source().join("empty"), n / 2, 0, 1);
    tree::small_files(&lab.source().join("small"), n - n / 2, 1024, 2);
    let mut profile = Profile::new("many", &lab.source(), &lab.target());
    profile.verify = "none".into();
    let run = lab.start(&profile);

    let mut peaks = Peaks::default();
    let ended = poll(RUN_WAIT_MAX, || {
        peaks.look(lab.state());
        let only_us = twinhaul_tests::product::processes::of(lab.state()).is_empty();
        only_us.then_some(())
    });
    let status = run.status();
    assert!(ended.is_some(), "not at its end: {status:#?}");
    run.wait().expect_code(0);
    assert_conserved(&status);
    assert!(status.done.transfers >= n as u64, "{status:#?}");

    eprintln!("{n} transfers; peak memory in KiB: {:?}", peaks.0);
    for kind in ["supervise", "planner", "peer alpha", "peer beta"] {
        let peak = peaks.0.get(kind).copied().unwrap_or(0);
        assert!(peak > 0, "{kind} was not seen: {:?}", peaks.0);
        assert!(peak < PEAK_KIB_MAX, "{kind} took {peak} KiB: {:?}", peaks.0);
    }
    same::assert_same(&lab.source(), &lab.target());
}
