//! The library takes its process down in the middle of a write: only that peer is lost, and it comes back.

use crate::stage::{ended_with, lab};
use twinhaul_diagnose::Cause;
use twinhaul_tests::faulty::Fault;
use twinhaul_tests::product::end::{assert_nobody_is_left, examine};
use twinhaul_tests::product::poll;
use twinhaul_tests::product::run::CONDITION_WAIT_MAX;
use twinhaul_wire::EventKind;

/// One crash of alpha while the run is under way: `words` are said of it, and the run ends exact.
fn crashes_once(fault: Fault, words: &str) {
    let (lab, backend, profile) = lab();
    let run = lab.start(&profile);
    let before = run.until_under_way();
    backend.set_once_for("alpha", fault);
    run.until_event("alpha ended", ended_with("alpha", words));
    assert_eq!(backend.fired(), [before.peers["alpha"].pid.unwrap()]);
    run.wait().expect_code(0);
    let ends = run.kinds().into_iter().filter(|k| matches!(k, EventKind::Exited { .. })).count();
    assert_eq!(ends, 1, "{:#?}", run.kinds());
    examine(&run);
    assert_nobody_is_left(&run);
}

#[test]
fn a_library_that_aborts_takes_only_its_peer_with_it() {
    crashes_once(Fault::Abort, "signal 6 (ABRT)");
}

#[test]
fn a_library_with_a_segmentation_fault_takes_only_its_peer_with_it() {
    crashes_once(Fault::Segv, "signal 11 (SEGV)");
}

#[test]
fn a_library_that_overflows_its_stack_takes_only_its_peer_with_it() {
    crashes_once(Fault::Stack, "has overflowed its stack");
}

/// A peer that ends with code 0 in the middle of a run has not finished it.
#[test]
fn a_library_that_ends_the_process_takes_only_its_peer_with_it() {
    crashes_once(Fault::Exit, "alpha ended with code 0 in the middle of the run");
}

/// The breaker gives alpha up, beta does all of it, and both the diagnosis and the screen name the backend.
#[test]
fn a_library_that_crashes_one_peer_each_time_is_named_and_the_other_does_all() {
    let (lab, backend, profile) = lab();
    let run = lab.start(&profile);
    run.until_under_way();
    backend.set_for("alpha", Fault::Segv);
    let found = poll(CONDITION_WAIT_MAX, || {
        let d = run.diagnosis();
        d.findings.into_iter().find(|f| f.cause == Cause::BackendCrashing)
    });
    let found = found.unwrap_or_else(|| panic!("{:#?}", run.diagnosis()));
    assert_eq!(found.subject.peer.as_deref(), Some("alpha"));
    assert!(found.sentence.contains("faulty"), "the backend is named: {}", found.sentence);
    assert!(found.sentence.contains("(SEGV)"), "{}", found.sentence);
    run.wait().expect_code(0);
    examine(&run);
}

/// It dies of its limit, not the machine of it.
#[test]
fn a_library_that_takes_memory_without_bound_takes_only_its_peer_with_it() {
    let (mut lab, backend, profile) = lab();
    lab.set_env("TWINHAUL_PEER_MEMORY", "600 MiB");
    let run = lab.start(&profile);
    let before = run.until_under_way();
    let pid = before.peers["alpha"].pid.unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let limit = limits.lines().find(|l| l.starts_with("Max data size")).unwrap();
    assert!(limit.contains(&(600_u64 << 20).to_string()), "{limit}");
    backend.set_once_for("alpha", Fault::Eat);
    run.until_event("alpha ended", ended_with("alpha", "alpha was killed by signal"));
    assert_eq!(backend.fired(), [pid]);
    // Not by the kernel, which would have had to choose somebody.
    let killed = ended_with("alpha", "(KILL)");
    assert!(!run.events().iter().any(killed), "{:#?}", run.events());
    run.wait().expect_code(0);
    examine(&run);
}

/// Nobody who copies a few files comes near what is given without asking.
#[test]
fn a_peer_has_a_limit_of_memory_and_needs_little_of_it() {
    let (lab, _, profile) = lab();
    let run = lab.start(&profile);
    let status = run.until_under_way();
    for peer in status.peers.values() {
        let of = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", peer.pid.unwrap())).unwrap();
        let limit = of("limits")
            .lines()
            .find_map(|l| l.strip_prefix("Max data size")?.split_whitespace().next()?.parse::<u64>().ok());
        let taken = of("status")
            .lines()
            .find_map(|l| l.strip_prefix("VmData:")?.split_whitespace().next()?.parse::<u64>().ok());
        let (limit, taken) = (limit.expect("a limit"), taken.unwrap() * 1024);
        assert!(taken < limit / 8, "{taken} of {limit}");
    }
    run.wait().expect_code(0);
}
