//! A call that never returns and hears of no cancel (faults.md 34).

use crate::stage::{ended_with, lab};
use twinhaul_tests::faulty::Fault;
use twinhaul_tests::product::end::{assert_nobody_is_left, examine};
use twinhaul_tests::tree;
use twinhaul_wire::EventKind;

/// Only its own peer stands still: that one is killed, the other takes over what it had, and it comes back.
#[test]
fn a_call_that_never_returns_costs_its_peer_and_the_run_ends_exact() {
    let (lab, backend, profile) = lab();
    // Enough that calls of beta return while that one does not: else it might as well be the place.
    tree::small_files(&lab.source().join("more"), 320, 64 * 1024, 2);
    let run = lab.start(&backend.under_as("disk", profile));
    let before = run.until_under_way();
    backend.set_once_for("alpha", Fault::Hang);
    run.until_event("it is a stall first", |e| {
        e.peer.as_deref() == Some("alpha")
            && matches!(&e.kind, EventKind::ProblemBegan { problem, .. } if problem.contains("stall"))
    });
    run.until_event(
        "alpha is killed for it",
        ended_with("alpha", "a call to there (backend disk) had not come back"),
    );
    assert_eq!(backend.fired(), [before.peers["alpha"].pid.unwrap()]);
    run.wait().expect_code(0);
    let kinds = run.kinds();
    let kills = kinds.iter().filter(|k| matches!(k, EventKind::Exited { .. })).count();
    assert_eq!(kills, 1, "{kinds:#?}");
    examine(&run);
    assert_nobody_is_left(&run);
}

/// Calls of both hang: then it is the place, and nobody is killed for it.
#[test]
fn a_place_that_answers_nobody_costs_no_peer() {
    let (lab, backend, profile) = lab();
    let run = lab.start(&backend.under_as("disk", profile));
    let before = run.until_under_way();
    backend.set(Fault::Hang);
    // Longer than a call of one peer alone would have been suffered.
    run.until("calls of both have taken four budgets", |s| {
        s.peers.values().all(|p| {
            p.in_flight.iter().any(|f| {
                f.wait.as_ref().is_some_and(|w| w.budget_ms.is_some_and(|budget| w.age_ms > 4 * budget))
            })
        })
    });
    let after = run.status();
    for peer in ["alpha", "beta"] {
        assert_eq!(before.peers[peer].pid, after.peers[peer].pid, "{peer} is the same process");
    }
    assert!(!run.kinds().iter().any(|k| matches!(k, EventKind::Exited { .. })), "{:#?}", run.kinds());
}

/// The other peer has nothing to do there: whether the place or the library hangs, nobody can know, and nobody is killed for it.
#[test]
fn a_call_that_never_returns_costs_no_peer_while_the_other_is_idle() {
    let (lab, backend, mut profile) = lab();
    profile.policy = "none".into();
    profile.beta.limit = None;
    let run = lab.start(&backend.under_as("disk", profile));
    run.until("beta is through", |s| {
        s.peers["beta"].queue.transfers == 0 && s.peers["beta"].in_flight.is_empty()
    });
    let before = run.status();
    backend.set_once_for("alpha", Fault::Hang);
    run.until("its call has taken four budgets", |s| {
        s.peers["alpha"]
            .in_flight
            .iter()
            .any(|f| f.wait.as_ref().is_some_and(|w| w.budget_ms.is_some_and(|budget| w.age_ms > 4 * budget)))
    });
    assert_eq!(before.peers["alpha"].pid, run.status().peers["alpha"].pid, "alpha is the same process");
    assert!(!run.kinds().iter().any(|k| matches!(k, EventKind::Exited { .. })), "{:#?}", run.kinds());
}
