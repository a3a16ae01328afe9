//! A run makes a bundle by itself, at its first trouble and never again; a later one takes it along.

use crate::stage::{make, slow, unpack};
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
    assert_eq!(seen.manifest["why"], "silent: alpha", "{:#}", seen.manifest);
    assert!(seen.text("diagnosis.txt").contains("peer frozen (alpha)"), "{}", seen.text("diagnosis.txt"));
    let made = std::fs::metadata(&file).unwrap().modified().unwrap();

    processes::kill(pid);
    run.verb("limit", &["none"]);
    run.wait().expect_code(0);
    assert_eq!(run.kinds().iter().filter(|kind| kept(kind)).count(), 1);
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), made);

    let all = unpack(&lab, &make(&run, "later.tar"));
    assert_eq!(all.parts["first-trouble.tar"], std::fs::read(&file).unwrap());
    end::examine(&run);
    end::assert_nobody_is_left(&run);
}

/// Calls that hang in the kernel, as on a disk that does not answer: both peers are well, and nothing moves.
#[test]
fn a_run_in_which_nothing_moves_is_evidence_when_nothing_explains_it() {
    let lab = Lab::new();
    let meanwhile = r#"
        for i in $(seq 180); do
            "$EXE" events "$run" > said
            grep -q 'evidence of the first trouble' said && break
            sleep 0.5
        done"#;
    let Some(done) = lab.while_frozen("evidence of a stall", "still", meanwhile) else { return };
    done.expect_code(0).expect_words(&["evidence of the first trouble", "stall: "]);
    let run = lab.newest_status().run;
    let seen = unpack(&lab, &lab.state().join("runs").join(&run).join("first-trouble.tar"));
    let why = seen.manifest["why"].as_str().unwrap();
    assert!(why.contains("waits longer than it may"), "{why}");
    assert!(
        seen.text("diagnosis.txt").contains("VERDICT target slow (there)"),
        "{}",
        seen.text("diagnosis.txt")
    );
}
