//! Runs whose makespan can be computed on paper.

use super::scenario;
use twinhaul_assist::{CHECKPOINT_BYTES_MIN, CHECKPOINT_EVERY, Policy};
use twinhaul_simulate::{Outcome, Scenario, run};
use twinhaul_units::Bytes;

/// Bytes of work of one transfer besides its own, and the ledger's delay before anything starts.
const WORK: f64 = 50_000.0;
const LOAD_S: f64 = 0.0002;

fn outcome(scenario: &Scenario, policy: Policy) -> Outcome {
    run(scenario, policy, 1, false).expect("it moves").0
}

fn seconds(ns: Option<u64>) -> f64 {
    ns.expect("it ends") as f64 / 1e9
}

fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
}

#[test]
fn the_static_split_takes_what_the_slow_half_takes() {
    let outcome = outcome(&scenario("grid/1000/equal/1:4/10ms/1/none"), Policy::None);
    let each = 4.0 * 1024.0 * 1024.0 + WORK;
    assert_near(seconds(outcome.makespan_ns), LOAD_S + 500.0 * each / 25e6);
    assert_near(seconds(Some(outcome.bound_ns)), 1000.0 * each / 125e6);
    // The fast link stands still for three quarters of the time: 0.6 of both.
    assert!((outcome.idle - 0.6).abs() < 1e-3, "{}", outcome.idle);
    assert_eq!((outcome.messages, outcome.ranges), (0, 0));
}

#[test]
fn slots_share_a_link_or_are_capped() {
    let each = 64.0 * 1024.0 * 1024.0 + WORK;
    // 50 transfers, 8 at a time: sharing, the link is always full.
    let sharing = outcome(&scenario("grid/100/equal/1:1/10ms/8sharing/none"), Policy::None);
    assert_near(seconds(sharing.makespan_ns), LOAD_S + 50.0 * each / 100e6);
    // Capped, six full rounds and one of two streams, each round at an eighth of the link.
    let capped = outcome(&scenario("grid/100/equal/1:1/10ms/8capped/none"), Policy::None);
    assert_near(seconds(capped.makespan_ns), LOAD_S + 7.0 * each / 12.5e6);
}

#[test]
fn speeds_change_at_their_part_of_the_bound() {
    let outcome = outcome(&scenario("grid/1000/equal/1:1/10ms/1/fast-slows"), Policy::None);
    let work = 1000.0 * (4.0 * 1024.0 * 1024.0 + WORK);
    // Fast: half of the bound at full speed, then a tenth; slow: full speed all the time.
    let bound = work / (100e6 + 55e6);
    assert_near(seconds(Some(outcome.bound_ns)), bound);
    let first_half = (bound / 2.0 - LOAD_S) * 100e6;
    assert_near(seconds(outcome.makespan_ns), bound / 2.0 + (work / 2.0 - first_half) / 10e6);
}

#[test]
fn a_frozen_peer_stands_still_and_goes_on() {
    let outcome = outcome(&scenario("grid/1000/equal/1:1/10ms/1/fast-freezes"), Policy::None);
    let work = 1000.0 * (4.0 * 1024.0 * 1024.0 + WORK);
    let bound = work / (100e6 + 70e6);
    assert_near(seconds(Some(outcome.bound_ns)), bound);
    assert_near(seconds(outcome.makespan_ns), LOAD_S + work / 2.0 / 100e6 + 0.3 * bound);
}

#[test]
fn a_dead_peer_leaves_its_own_undone_and_a_new_one_does_it() {
    let dead = outcome(&scenario("grid/1000/equal/1:1/10ms/1/fast-dies"), Policy::None);
    assert_eq!(dead.makespan_ns, None);
    assert_eq!(dead.over_pct(), None);
    // Its own 500 transfers take 500 u; the bound is 1000 u / 1.6. It dies in the midst of one, which is done again.
    let mut forgets = scenario("grid/1000/equal/1:1/10ms/1/fast-rejoins");
    forgets.checkpoint = None;
    let rejoined = outcome(&forgets, Policy::None);
    let unit = (4.0 * 1024.0 * 1024.0 + WORK) / 100e6;
    let bound = 1000.0 * unit / 1.6;
    let whole = ((0.3 * bound - LOAD_S) / unit).floor();
    assert_near(seconds(rejoined.makespan_ns), 0.7 * bound + LOAD_S + (500.0 - whole) * unit);
}

/// Eight equal transfers at 1:10, one slot. The fast peer has done its four after 4 u; the slow one has one in flight
/// and three queued, of which the fast one gets one by one (half of 3, half of 2, and the last: at least one).
#[test]
fn steal_half_by_hand() {
    let mut eight = scenario("grid/100/equal/1:10/0.1ms/1/none");
    eight.transfers = 8;
    eight.mean = Bytes::mib(4);
    let outcome = outcome(&eight, Policy::StealHalf);
    let unit = (4.0 * 1024.0 * 1024.0 + WORK) / 100e6;
    assert_near(seconds(outcome.makespan_ns), LOAD_S + 10.0 * unit);
    assert_eq!(outcome.assignments, 3);
    // Four asks, four answers (the last: no assistance needed), three assignments; no poll before the end.
    assert_eq!(outcome.messages, 11);
}

/// One slot, a fixed time for each: the bound's programme in a run.
#[test]
fn setting_up_takes_its_time_at_both() {
    let outcome = outcome(&scenario("setup/1000/equal/1:4/10ms/1/50ms/none"), Policy::None);
    let mib4 = 4.0 * 1024.0 * 1024.0;
    assert_near(seconds(outcome.makespan_ns), LOAD_S + 500.0 * (0.05 + mib4 / 25e6));
    // All alike: x at the fast peer, the rest at the slow one, both end together.
    let (fast, slow) = (0.05 + mib4 / 100e6, 0.05 + mib4 / 25e6);
    assert_near(seconds(Some(outcome.bound_ns)), 1000.0 * fast * slow / (fast + slow));
}

/// What a checkpoint has recorded of the transfer in flight when its peer died, the new process need not do again.
#[test]
fn a_checkpoint_spares_what_it_recorded() {
    let mut recorded = scenario("grid/100/equal/1:1/10ms/1/fast-rejoins");
    recorded.checkpoint = Some(std::time::Duration::from_millis(100));
    let unit = (64.0 * 1024.0 * 1024.0 + WORK) / 100e6;
    let bound = 100.0 * unit / 1.6;
    let died = 0.3 * bound;
    let whole = ((died - LOAD_S) / unit).floor();
    // The last look before the end, and what of the transfer in flight was there by then.
    let look = (died * 10.0).floor() / 10.0;
    let done = ((look - LOAD_S - whole * unit) * 100e6 - WORK).max(0.0);
    assert!(done > 1e6, "the hand-made case is one in which something is spared: {done}");
    let outcome = outcome(&recorded, Policy::None);
    assert_near(seconds(outcome.makespan_ns), 0.7 * bound + LOAD_S + (50.0 - whole) * unit - done / 100e6);
}

/// Small ones are not recorded on their way, whatever the interval.
#[test]
fn a_checkpoint_passes_over_small_transfers() {
    let mut small = scenario("grid/1000/equal/1:1/10ms/1/fast-rejoins");
    let run = |scenario: &Scenario| outcome(scenario, Policy::None).makespan_ns;
    assert_eq!(small.checkpoint, Some(CHECKPOINT_EVERY), "as the product does it");
    small.checkpoint = Some(std::time::Duration::from_millis(100));
    small.speeds = [1e7, 1e7]; // each is in flight for several of these
    for (bytes, spared) in [(CHECKPOINT_BYTES_MIN, true), (CHECKPOINT_BYTES_MIN - 1, false)] {
        small.mean = Bytes(bytes);
        let forgets = Scenario { checkpoint: None, ..small.clone() };
        assert_eq!(run(&small) < run(&forgets), spared, "{bytes}");
    }
}
