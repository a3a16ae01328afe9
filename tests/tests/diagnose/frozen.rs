//! A peer that is kept from running is named, with its process and the command that wakes it; and that command works.

use crate::stage::{let_it_end, page, slow, until_first};
use rustix::process::Signal;
use twinhaul_diagnose::{Cause, Confidence, Verdict};
use twinhaul_tests::product::{Lab, processes};
use twinhaul_wire::EventKind;

#[test]
fn a_stopped_peer_is_frozen_and_the_offer_wakes_it() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    let pid = run.until_under_way().peers["alpha"].pid.unwrap();
    processes::signal(pid, Signal::STOP);
    // At once, and not only when somebody has missed it.
    let d = run.diagnosis();
    let first = d.findings.first().unwrap_or_else(|| panic!("{d:#?}"));
    assert_eq!(
        (first.cause, first.confidence, d.verdict),
        (Cause::PeerFrozen, Confidence::Certain, Verdict::Trouble),
        "{d:#?}"
    );
    assert_eq!(first.subject.peer.as_deref(), Some("alpha"));
    assert!(first.sentence.contains("stopped by a signal"), "{}", first.sentence);
    assert!(first.ruled_out.iter().any(|r| r.cause == Cause::PeerDead), "{first:#?}");
    let text = page(&run);
    for words in ["VERDICT peer frozen (alpha)", "state T", &format!("kill -CONT {pid}"), "cannot be undone"]
    {
        assert!(text.contains(words), "\"{words}\" is missing:\n{text}");
    }
    let wake = &first.offers[0];
    assert_eq!((wake.verb.as_str(), wake.danger), (format!("kill -CONT {pid}").as_str(), false));
    let done = std::process::Command::new("sh").args(["-c", &wake.verb]).status().unwrap();
    if !done.success() {
        // It was stopped with the ledger's lock in its hand: whoever needed that ended it meanwhile (faults.md 24).
        run.until_event(
            "whoever ended it says so",
            |e| matches!(&e.kind, EventKind::Warning { text } if text.contains("held the ledger's lock")),
        );
    }
    run.until("alpha answers again", |s| s.peers["alpha"].state != "not answering");
    let d = run.diagnosis();
    assert!(!d.findings.iter().any(|f| f.cause == Cause::PeerFrozen), "{d:#?}");
    let_it_end(&run);
}

#[test]
fn the_other_peer_is_not_blamed_for_the_frozen_one() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    let pid = run.until_under_way().peers["beta"].pid.unwrap();
    processes::signal(pid, Signal::STOP);
    let (d, _) = until_first(&run, "beta is stopped", Cause::PeerFrozen);
    let of_alpha = |f: &&twinhaul_diagnose::Finding| f.subject.peer.as_deref() == Some("alpha");
    let faults: Vec<_> =
        d.findings.iter().filter(of_alpha).filter(|f| f.cause < Cause::PausedAndForgotten).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    processes::signal(pid, Signal::CONT);
    let_it_end(&run);
}

#[test]
fn a_stopped_supervisor_is_told_and_woken() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    run.until_under_way();
    let supervisor = processes::of(lab.state()).into_iter().find(|p| p.kind() == "supervise").unwrap();
    processes::signal(supervisor.pid, Signal::STOP);
    let (d, first) = until_first(&run, "the supervisor is stopped", Cause::SupervisorSilent);
    assert!(first.sentence.contains("kept from running"), "{d:#?}");
    assert_eq!(first.offers[0].verb, format!("kill -CONT {}", supervisor.pid));
    processes::signal(supervisor.pid, Signal::CONT);
    let_it_end(&run);
}
