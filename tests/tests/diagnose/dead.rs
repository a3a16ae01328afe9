//! Peers that die: again and again, and with nobody left who starts them.

use crate::stage::{let_it_end, page, slow, until_first};
use rustix::process::Signal;
use twinhaul_diagnose::{Cause, Confidence, Verdict};
use twinhaul_tests::product::run::{CONDITION_WAIT_MAX, Run};
use twinhaul_tests::product::{Lab, poll, processes};

/// Ends alpha by a signal once it is another process than `before`; its pid.
fn end_alpha(run: &Run<'_>, before: u32, signal: Signal) -> u32 {
    let pid = poll(CONDITION_WAIT_MAX, || run.pid("alpha").filter(|pid| *pid != before));
    let pid = pid.expect("alpha is started again");
    processes::signal(pid, signal);
    pid
}

/// Three ends of alpha by this signal, as fast as it is started again; then what is said first.
fn ended_thrice(signal: Signal, cause: Cause, words: &str, confidence: Confidence) {
    let lab = Lab::new();
    let mut profile = slow(&lab);
    profile.alpha.limit = Some("64 KiB/s".into());
    profile.beta.limit = Some("64 KiB/s".into());
    let run = lab.start(&profile);
    run.until_under_way();
    let mut pid = 0;
    for _ in 0..3 {
        pid = end_alpha(&run, pid, signal);
    }
    let (d, first) = until_first(&run, "alpha dies again and again", cause);
    assert_eq!((first.subject.peer.as_deref(), d.verdict), (Some("alpha"), Verdict::Trouble), "{d:#?}");
    assert_eq!(first.confidence, confidence);
    assert!(first.sentence.contains(words), "{}", first.sentence);
    assert!(first.offers.iter().all(|o| !o.danger), "nothing is to be thrown away: {first:#?}");
    assert!(page(&run).contains(&format!("{} (alpha)", cause.words())));
    let_it_end(&run);
}

#[test]
fn a_peer_that_is_killed_again_and_again_restarts_in_a_loop() {
    ended_thrice(Signal::KILL, Cause::PeerRestarting, "(KILL)", Confidence::Certain);
}

/// A process ends like this when a library of it aborts.
#[test]
fn a_peer_that_crashes_again_and_again_blames_a_library() {
    ended_thrice(Signal::ABORT, Cause::BackendCrashing, "(ABRT)", Confidence::Likely);
}

#[test]
fn a_run_that_nobody_works_on_is_told_and_goes_on_as_offered() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    let status = run.until_under_way();
    let supervisor = processes::of(lab.state()).into_iter().find(|p| p.kind() == "supervise");
    processes::kill(supervisor.expect("a supervisor").pid);
    let (_, first) = until_first(&run, "the supervisor is gone", Cause::SupervisorGone);
    assert!(first.offers.iter().any(|o| o.verb == format!("twinhaul attach {}", run.id)), "{first:#?}");
    for peer in ["alpha", "beta"] {
        processes::kill(status.peers[peer].pid.unwrap());
    }
    let (d, first) = until_first(&run, "nobody is left", Cause::RunNotRunning);
    assert_eq!(d.verdict, Verdict::Trouble, "{d:#?}");
    assert_eq!(first.offers[0].verb, format!("twinhaul run --resume {}", run.id));
    lab.run(["run", "--resume", &run.id, "--detach"]).expect_code(0);
    run.until("both are back", |s| s.peers.values().all(|p| p.pid.is_some()));
    let_it_end(&run);
}

#[test]
fn a_run_that_is_not_there_is_an_error_of_the_command() {
    let lab = Lab::new();
    lab.run(["diagnose", "no-such-run-1"]).expect_code(4).expect_words(&["no-such-run-1"]);
    lab.run(["diagnose"]).expect_code(4);
}
