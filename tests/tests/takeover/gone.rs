//! Peers that never come back: the other one finishes the run alone, directories and links included.

use crate::stage::{examine, is_taken_over, lab, profile, tree};
use std::time::Duration;
use twinhaul_tests::product::run::CONDITION_WAIT_MAX;
use twinhaul_tests::product::{poll, processes};
use twinhaul_wire::EventKind;

/// The supervisor is gone, so nobody starts the dead peer again.
#[test]
fn with_supervisor_and_one_peer_killed_the_other_finishes_alone() {
    for policy in ["learning", "none"] {
        let lab = lab("");
        tree(&lab, 150);
        let run = lab.start(&profile(&lab, policy));
        let before = run.until_under_way();
        let supervisor = processes::of(lab.state()).into_iter().find(|p| p.kind() == "supervise");
        processes::kill(supervisor.expect("a supervisor").pid);
        processes::kill(before.peers["alpha"].pid.unwrap());
        let alone = || processes::of(lab.state()).is_empty().then_some(());
        let ended = poll(CONDITION_WAIT_MAX, alone);
        assert!(ended.is_some(), "beta ends by itself: {:?}", processes::of(lab.state()));
        examine(&run);
        assert!(run.events().iter().any(is_taken_over("alpha")), "{:#?}", run.kinds());
    }
}

/// The breaker has given up on one peer.
#[test]
fn with_one_peer_given_up_the_run_is_complete() {
    let lab = lab("");
    tree(&lab, 400);
    let mut profile = profile(&lab, "learning");
    profile.alpha.limit = Some("64 KiB/s".into());
    let run = lab.start(&profile);
    run.until_under_way();
    let gave_up = |kind: &EventKind| matches!(kind, EventKind::ProblemBegan { problem, .. } if problem.starts_with("gave_up"));
    let given_up = poll(CONDITION_WAIT_MAX, || {
        if let Some(pid) = run.pid("alpha") {
            processes::kill(pid);
        }
        std::thread::sleep(Duration::from_millis(20));
        run.kinds().iter().any(gave_up).then_some(())
    });
    assert!(given_up.is_some(), "{:#?}", run.kinds());
    run.verb("limit", &["none", "--peer", "beta"]);
    run.wait().expect_code(0);
    examine(&run);
}
