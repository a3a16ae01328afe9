//! Two living peers that cannot reach each other, and both reach the ledger (faults.md 25): nobody takes anybody over.

use crate::stage::{examine, is_suspicion_of, is_taken_over, lab, profile, tree};
use twinhaul_tests::shim;
use twinhaul_wire::{Event, EventKind};

/// One of them has long had nothing to do when the other is through: it sees that the other lives.
#[test]
fn two_that_live_and_cannot_reach_each_other_do_not_take_one_another_over() {
    for policy in ["balanced", "none"] {
        let mut lab = lab("");
        shim::give(&mut lab);
        tree(&lab, 200);
        let mut profile = profile(&lab, policy);
        profile.beta.limit = Some("128 KiB/s".into());
        let run = lab.start(&profile);
        let before = run.until_under_way();
        shim::cut(&lab, ["alpha", "beta"].map(|name| before.peers[name].pid.unwrap())).expect("cut");
        run.until_event("the link is down", |e| matches!(e.kind, EventKind::Unlinked { .. }));
        run.wait().expect_code(0);
        let events = run.events();
        let cut = events.iter().position(|e| matches!(e.kind, EventKind::Unlinked { .. })).unwrap();
        let wrong = |name| {
            let (taken, suspected) = (is_taken_over(name), is_suspicion_of(name));
            events.iter().any(|e| taken(e) || suspected(e))
        };
        assert!(!wrong("alpha") && !wrong("beta"), "{policy}: {events:#?}");
        let is_told =
            |e: &Event| matches!(&e.kind, EventKind::ProblemBegan { problem, .. } if problem == "link");
        // With a policy that assists, the run may be over before.
        assert!(policy != "none" || events.iter().any(is_told), "nobody was told: {events:#?}");
        // It was cut for long, and stayed cut.
        assert!(!events[cut..].iter().any(|e| matches!(e.kind, EventKind::Linked { .. })), "{events:#?}");
        examine(&run);
    }
}
