//! The wall clock is set while a run works (faults.md 32): nobody is thought dead, and nothing else comes of it.

use crate::stage::{examine, is_suspicion_of, is_taken_over, lab, profile, tree};
use twinhaul_tests::shim;

const HOUR_S: i64 = 3_600;

#[test]
fn a_clock_that_is_set_an_hour_ahead_and_back_takes_nobody_over() {
    let mut lab = lab("");
    shim::give(&mut lab);
    tree(&lab, 150);
    let run = lab.start(&profile(&lab, "balanced"));
    let mut done = run.until_under_way().done.transfers;
    for by in [HOUR_S, -HOUR_S, 0] {
        shim::set_clock(&lab, by);
        // Both go on under the new time before it is set again.
        done = run.until("it goes on", |s| s.done.transfers > done + 10 || s.state.ended()).done.transfers;
    }
    run.wait().expect_code(0);
    let events = run.events();
    let times = events.iter().map(|e| e.at_ms);
    let spread = times.clone().max().unwrap() - times.min().unwrap();
    assert!(spread > 3_000_000, "the clock was not set: {spread} ms");
    for name in ["alpha", "beta"] {
        let (taken, suspected) = (is_taken_over(name), is_suspicion_of(name));
        assert!(!events.iter().any(|e| taken(e) || suspected(e)), "{events:#?}");
    }
    examine(&run);
}
