//! A run makes a bundle by itself, at its first trouble and never again; a later one takes it along.

use crate::stage::{make, slow, unpack};
use rustix::process::Signal;
use twinhaul_tests::product::{Lab, end, processes};
use twinhaul_wire::EventKind;

#[test]
fn a_peer_that_says_nothing_is_evidence_once() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab).limits("48 KiB/s", "48 KiB/s"));
    let pid = run.until_under_way().peers["alpha"].pid.unwrap();
    run.freeze(pid);
    let kept =
        |kind: &EventKind| matches!(kind, EventKind::Info { text } if text.contains("first-trouble.tar"));
    let event = run.until_event("a bundle was made", |e| kept(&e.kind));
    let EventKind::Info { text } = &event.kind else { unreachable!() };
    assert!(text.contains("silent") && text.contains("alpha"), "{text}");
    let file = lab.state().join("runs").join(&run.id).join("first-trouble.tar");
    let seen = unpack(&lab, &file);
    assert!(seen.manifest["why"].as_str().unwrap().contains("alpha has not answered"), "{:#}", seen.manifest);
    assert!(seen.text("diagnosis.txt").contains("peer frozen (alpha)"), "{}", seen.text("diagnosis.txt"));
    let made = std::fs::metadata(&file).unwrap().modified().unwrap();

    // A new life, and once more frozen: that is no first trouble.
    processes::kill(pid);
    let joined = run.until_event("alpha is back", |e| {
        matches!(e.kind, EventKind::Joined { pid: new } if e.peer.as_deref() == Some("alpha") && new != pid)
    });
    let EventKind::Joined { pid: again } = joined.kind else { unreachable!() };
    run.until("alpha is heard again", |s| s.peers["alpha"].pid == Some(again));
    run.freeze(again);
    let silent = |e: &twinhaul_wire::Event| matches!(&e.kind, EventKind::ProblemBegan { problem, .. } if problem == "silent alpha");
    run.until("it is silent a second time", |_| run.events().iter().filter(|e| silent(e)).count() >= 2);
    processes::signal(again, Signal::CONT);
    run.verb("limit", &["none"]);
    run.wait().expect_code(0);
    assert_eq!(run.kinds().iter().filter(|kind| kept(kind)).count(), 1);
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), made);

    let all = unpack(&lab, &make(&run, "later.tar"));
    assert_eq!(all.parts["first-trouble.tar"], std::fs::read(&file).unwrap());
    end::examine(&run);
    end::assert_nobody_is_left(&run);
}
