//! What somebody asked for is said with who and when, is no fault, and the offered verb ends it.

use crate::stage::{assert_no_fault, let_it_end, page, slow, until_first};
use twinhaul_diagnose::{Cause, Finding, Standing, Undo, Verdict};
use twinhaul_tests::product::{Lab, Run};

/// Types the first offer.
fn takes(run: &Run<'_>, finding: &Finding) {
    let verb = &finding.offers[0].verb;
    let mut words = verb.split_whitespace();
    assert_eq!(words.next(), Some("twinhaul"), "{verb}");
    run.lab().run(words).expect_code(0);
}

#[test]
fn a_pause_is_told_with_who_asked_for_it() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    run.until_under_way();
    run.verb("pause", &["--peer", "beta"]).expect_code(0);
    let (d, first) = until_first(&run, "beta is paused", Cause::Paused);
    assert_eq!((first.standing, d.verdict), (Standing::OnPurpose, Verdict::OnPurpose), "{d:#?}");
    assert_eq!(first.subject.peer.as_deref(), Some("beta"));
    assert!(first.sentence.contains("`twinhaul pause`"), "{}", first.sentence);
    assert_no_fault(&d);
    let text = page(&run);
    assert!(text.contains("no fault: paused (beta)") && text.contains("undo: twinhaul pause"), "{text}");
    takes(&run, &first);
    run.until("beta goes on", |s| s.peers["beta"].state != "paused");
    let_it_end(&run);
}

#[test]
fn a_limit_far_too_low_is_told_as_set_on_purpose_by_whom() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    run.until_under_way();
    run.verb("limit", &["8 KiB/s", "--peer", "alpha"]).expect_code(0);
    let (d, first) = until_first(&run, "alpha is throttled", Cause::ThrottleTooLow);
    assert_eq!((first.standing, d.verdict), (Standing::OnPurpose, Verdict::OnPurpose), "{d:#?}");
    for words in ["alpha", "8 KiB/s", "on purpose", "`twinhaul limit`"] {
        assert!(first.sentence.contains(words), "\"{words}\" in {}", first.sentence);
    }
    assert_no_fault(&d);
    assert!(matches!(&first.offers[0].undo, Undo::By(verb) if verb.contains("'8 KiB/s'")), "{first:#?}");
    takes(&run, &first);
    run.until("alpha has no limit", |s| s.peers["alpha"].limit.is_none());
    let_it_end(&run);
}

#[test]
fn a_limit_of_the_profile_that_is_kept_is_not_the_verdict() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    run.until_under_way();
    let d = run.diagnosis();
    assert_no_fault(&d);
    assert_eq!(d.verdict, Verdict::NothingWrong, "{d:#?}");
    let limit = d.findings.iter().find(|f| f.cause == Cause::Throttled).unwrap_or_else(|| panic!("{d:#?}"));
    assert!(limit.sentence.contains("in the profile"), "{}", limit.sentence);
    let_it_end(&run);
}

#[test]
fn a_stopped_run_is_told_with_who_stopped_it_and_goes_on_as_offered() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    run.until_under_way();
    run.verb("stop", &[]).expect_code(0);
    run.wait();
    let (d, first) = until_first(&run, "the run is stopped", Cause::RunStopped);
    assert_eq!((first.standing, d.verdict), (Standing::OnPurpose, Verdict::OnPurpose), "{d:#?}");
    assert!(first.sentence.contains("`twinhaul stop`"), "{}", first.sentence);
    assert_eq!(first.offers[0].verb, format!("twinhaul run --resume {}", run.id));
    lab.run(["run", "--resume", &run.id, "--detach"]).expect_code(0);
    run.until("both are back", |s| s.peers.values().all(|p| p.pid.is_some()));
    let_it_end(&run);
}
