//! One run, seen in every way but the screen: lines of text, the state once, and the recording afterwards.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use twinhaul_tests::product::{Lab, Profile};
use twinhaul_tests::tree;

fn slow(lab: &Lab) -> Profile {
    tree::small_files(&lab.source(), 128, 64 * 1024, 3);
    Profile::new("seen", &lab.source(), &lab.target()).limits("512 KiB/s", "512 KiB/s")
}

#[test]
fn the_state_is_told_once_as_text_and_as_json() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    run.until_under_way();
    let text = run.verb("attach", &["--once"]).expect_code(0).stdout.clone();
    for words in ["LIVE", "of 128 transfers", "alpha RUN", "beta RUN", "queued"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let json = run.verb("attach", &["--once", "--json"]).expect_code(0).stdout.clone();
    let state: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(state["run"], run.id.as_str());
    for peer in [0, 1] {
        assert!(state["peers"][peer]["snapshot"]["queue"]["transfers"].is_u64(), "{state:#}");
    }
    assert_eq!(state["supervisor"]["totals"]["transfers"], 128);
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);
    // Nobody lives any more; what the ledger knows is told.
    let text = run.verb("attach", &["--once"]).expect_code(0).stdout.clone();
    assert!(text.contains("COMPLETE") && text.contains("100%"), "{text}");
}

#[test]
fn lines_are_told_until_the_run_has_ended_with_its_exit_code() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    run.until_under_way();
    run.verb("limit", &["2 MiB/s"]).expect_code(0);
    let lines = run.verb("attach", &["--plain"]).expect_code(0).stdout.clone();
    for words in ["alpha: joined", "beta: joined", "run ended: complete", "LIVE", "COMPLETE", "100%"] {
        assert!(lines.contains(words), "{words}: {lines}");
    }
    assert!(!lines.contains('\u{1b}'), "no escape sequence is in it: {lines}");
    // The same events as the ledger has, each once.
    let joined = lines.lines().filter(|l| l.contains(": joined, pid")).count();
    assert_eq!(joined, 2, "{lines}");
}

#[test]
fn a_screen_is_shown_without_a_terminal_of_the_present_and_of_any_time_before() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    run.until_under_way();
    let now = run.verb("attach", &["--screen", "100x30"]).expect_code(0).stdout.clone();
    let fits = |text: &str, w, h| text.lines().count() == h && text.lines().all(|l| l.chars().count() <= w);
    assert!(fits(&now, 100, 30), "{now}");
    for words in ["LIVE", "1 alpha", "2 beta", "In flight", "Assistance"] {
        assert!(now.contains(words), "{words}: {now}");
    }
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);
    let at = |time: &str, size: &str| run.verb("replay", &["--ascii", "--screen", size, "--at", time]);
    let begun = at("0:00", "80x24").expect_code(0).stdout.clone();
    let ended = at("9:00:00", "80x24").expect_code(0).stdout.clone();
    assert!(fits(&begun, 80, 24) && fits(&ended, 80, 24) && begun.is_ascii(), "{begun}{ended}");
    assert!(!begun.contains("128/128") && ended.contains("128 of 128"), "{begun}{ended}");
    let early = run.verb("replay", &["--once", "--at", "0:00"]).expect_code(0).stdout.clone();
    assert!(!early.contains("128 of 128"), "{early}");
    at("soon", "80x24").expect_code(2).expect_words(&["as 1:30"]);
    at("0:01", "80").expect_code(2).expect_words(&["as 160x50"]);
}

#[test]
fn a_recording_is_there_and_needs_a_terminal_to_be_looked_at() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);
    run.verb("replay", &[]).expect_code(2).expect_words(&["stdout is not a terminal"]);
    lab.run(["replay", "no-such-run"]).expect_code(4);
}

/// A story breaks its peers on purpose: never over data that is somebody's own.
#[test]
fn a_demonstration_is_no_migration() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 3, 100, 1);
    let mut profile = Profile::new("mine", &lab.source(), &lab.target());
    profile.more = "demo: true\nstory:\n  - { at: 1 %, peer: alpha, do: kill, say: \"x\" }\n".into();
    lab.run_profile(&lab.write_profile(&profile)).expect_code(2).expect_words(&["twinhaul demo"]);
    let run = lab.start(&slow(&lab));
    run.until_under_way();
    run.verb("chaos", &["kill", "--peer", "alpha"]).expect_code(5).expect_words(&["only a demonstration"]);
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);
}
