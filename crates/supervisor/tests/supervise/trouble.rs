//! The first trouble of a run is kept as evidence: once, by a process of its own, and whatever becomes of that the run goes on.

use crate::stage::Stage;
use rustix::process::Signal;
use serde_json::json;
use twinhaul_wire::EventKind;

/// What the history says of bundles.
fn said(stage: &Stage) -> Vec<(bool, String)> {
    let of = |kind| match kind {
        EventKind::Info { text } if text.contains("evidence of the first trouble") => Some((true, text)),
        EventKind::Warning { text } if text.contains("no bundle of the first trouble") => Some((false, text)),
        _ => None,
    };
    stage.events().into_iter().filter_map(|e| of(e.kind)).collect()
}

#[test]
fn a_run_whose_peers_are_lost_keeps_evidence_once() {
    let mut stage = Stage::set(&["kill"], &["kill"], &json!({ "bundler": 0 })).start();
    assert_eq!(stage.end(), 7);
    let starts = stage.read("bundler.starts");
    assert_eq!(starts.lines().count(), 1, "{starts}");
    assert!(starts.contains("--why gave_up: ") && !starts.contains("--if-trouble"), "{starts}");
    assert!(matches!(&said(&stage)[..], [(true, text)] if text.contains("made")), "{:?}", said(&stage));
}

#[test]
fn what_was_made_is_not_made_again_and_a_failure_is_told_once() {
    let mut stage = Stage::set(&["code:74"], &["code:74"], &json!({ "bundler": 0 }));
    std::fs::write(stage.path().join("made"), "").unwrap();
    stage.start_again();
    assert_eq!(stage.end(), 74);
    assert_eq!((stage.read("bundler.starts"), said(&stage)), (String::new(), Vec::new()));

    let mut stage = Stage::set(&["code:74"], &["deaf"], &json!({ "bundler": 1, "ready_ms": 300 })).start();
    stage.until("it is told", || (!said(&stage).is_empty()).then_some(()));
    stage.see("more trouble", |run| run.peers["beta"].restarts >= 2);
    assert!(
        matches!(&said(&stage)[..], [(false, text)] if text.contains("(ended: alpha): ")),
        "{:?}",
        said(&stage)
    );
    assert_eq!(stage.read("bundler.starts").lines().count(), 1);
    stage.signal_supervisor(Signal::TERM);
    stage.end();
}

/// Both end between two looks, which come ten times a second: the end is looked at once more.
#[test]
fn what_ends_a_run_at_once_is_kept_too() {
    let mut stage = Stage::set(&["code:74"], &["code:74"], &json!({ "bundler": 0 })).start();
    assert_eq!(stage.end(), 74);
    assert!(stage.read("bundler.starts").contains("--why ended: "), "{:?}", said(&stage));
    assert!(matches!(&said(&stage)[..], [(true, text)] if text.contains("made")), "{:?}", said(&stage));
}

#[test]
fn that_nothing_moves_is_looked_at_more_closely() {
    let mut stage = Stage::set(&["still"], &["serve"], &json!({ "bundler": 5 })).start();
    stage.until("it looks closer", || (!stage.read("bundler.starts").is_empty()).then_some(()));
    let starts = stage.read("bundler.starts");
    assert!(starts.contains("stall: alpha") && starts.contains("--if-trouble"), "{starts}");
    stage.signal_supervisor(Signal::TERM);
    stage.end();
    assert_eq!(said(&stage), Vec::new(), "nothing was wrong: nothing is said");
}

#[test]
fn a_demonstration_and_a_run_without_a_bundler_make_none() {
    for wishes in [json!({ "demo": true, "bundler": 0 }), json!({})] {
        let mut stage = Stage::set(&["code:74"], &["code:74"], &wishes).start();
        assert_eq!(stage.end(), 74);
        assert_eq!((stage.read("bundler.starts"), said(&stage)), (String::new(), Vec::new()));
    }
}
