//! A server that asks everybody to slow down: nothing fails, and what waits for it says so.

use crate::stage::{assert_same_files, disk, lab, made, profile};
use twinhaul_diagnose::Cause;
use twinhaul_tests::cloud::store::Store;
use twinhaul_tests::product::Run;
use twinhaul_tests::tree;
use twinhaul_wire::{Storm, WaitReason, Weather};

#[test]
fn the_store_ends_with_its_owner() {
    let Some(store) = Store::or_skip("cloud, the store's end") else { return };
    assert!(store.ends_with_its_owner());
}

/// Every third request, for a whole run there and back: 429 for one half of the way, 503 for the other.
#[test]
fn a_run_through_a_storm_is_exact_and_nothing_fails() {
    let Some(store) = Store::or_skip("cloud, a storm") else { return };
    let lab = lab();
    made(&lab, 30, &[17 << 20]);
    let storm = |status| Some(Storm { status, share: 0.34, retry_after_s: 0 });
    store.weather(&Weather { storm: storm(429), delay_ms: 5 });
    let up = profile(&lab, "up", &disk(&lab.source(), false), &store.end("w"), "");
    lab.run_profile(&up).expect_code(0);
    let events = lab.run(["events"]);
    assert!(!events.stdout.contains("attempt"), "{}", events.stdout);
    store.weather(&Weather { storm: storm(503), delay_ms: 0 });
    let down = profile(&lab, "down", &store.end("w"), &disk(&lab.target(), true), "verify: read-back\n");
    lab.run_profile(&down).expect_code(0);
    assert_same_files(&lab.source(), &lab.target());
}

/// A commit waits for the server as everything else does, and says so: it is no slow target, and none of it counts as a failure.
#[test]
fn who_waits_for_the_server_says_so() {
    let Some(store) = Store::or_skip("cloud, waits in a storm") else { return };
    let lab = lab();
    tree::small_files(&lab.source(), 60, 3000, 1);
    let slow = "peers:\n  alpha: { slots: 3, limit: 8 KiB/s }\n  beta: { slots: 3, limit: 8 KiB/s }\n";
    let run = Run::start(&lab, &profile(&lab, "up", &disk(&lab.source(), false), &store.end("q"), slow));
    run.until_under_way();
    let storm = Storm { status: 429, share: 1.0, retry_after_s: 5 };
    store.weather(&Weather { storm: Some(storm), delay_ms: 0 });
    let status = run.until("both wait for the server", |s| {
        s.wait.as_ref().is_some_and(|wait| wait.reason == WaitReason::RateLimit)
    });
    let wait = status.wait.unwrap();
    assert!(wait.place == "there" && wait.detail.ends_with("s to go"), "{wait:?}");
    store.weather(&Weather::default());
    run.wait().expect_code(0);
    let events = run.verb("events", &[]);
    assert!(!events.stdout.contains("attempt"), "{}", events.stdout);
}

/// However long it refuses everything, no transfer is given up, and none has used up an attempt.
#[test]
fn a_storm_that_outlasts_every_patience_costs_only_time() {
    let Some(store) = Store::or_skip("cloud, a long storm") else { return };
    let lab = lab();
    tree::small_files(&lab.source(), 60, 3000, 1);
    let slow = "peers:\n  alpha: { slots: 3, limit: 8 KiB/s }\n  beta: { slots: 3, limit: 8 KiB/s }\n";
    let impatient = store.end("l").replace(" }", ", retries: 1 }");
    let run = Run::start(&lab, &profile(&lab, "up", &disk(&lab.source(), false), &impatient, slow));
    run.until_under_way();
    let storm = Storm { status: 429, share: 1.0, retry_after_s: 0 };
    store.weather(&Weather { storm: Some(storm), delay_ms: 0 });
    run.until("it is said", |s| s.problems.iter().any(|p| p.kind == "slowed_down"));
    assert!(run.diagnosis().findings.iter().any(|f| f.cause == Cause::TargetRateLimiting));
    // Longer than all attempts at one transfer would have taken: 0.25 + 0.5 + 1 s.
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(run.status().failed.transfers, 0);
    store.weather(&Weather::default());
    run.wait().expect_code(0);
    assert!(!run.verb("events", &[]).stdout.contains("attempt"));
}
