//! Frozen peers: SIGSTOP, at any moment and at the worst ones, then SIGCONT, or never.

use crate::stage::{
    assert_story, ended_with, examine, is_suspicion_of, is_taken_over, joined, lab, profile, stopped_by, tree,
};
use rustix::process::Signal;
use std::ffi::OsString;
use std::fs;
use twinhaul_tests::product::run::CONDITION_WAIT_MAX;
use twinhaul_tests::product::{poll, processes};
use twinhaul_wire::EventKind;

/// What lies at the target from before, and what the sources become.
const OLD: &[u8] = b"of an earlier time";
const NEW: &[u8] = b"written again";

/// faults.md 23, for every policy: taken over when the other has nothing else to do; refused when it wakes; back again.
#[test]
fn a_frozen_peer_is_taken_over_and_comes_back_when_it_wakes() {
    for policy in ["learning", "none"] {
        let lab = lab("");
        tree(&lab, 300);
        let mut profile = profile(&lab, policy);
        // The other must have something left to do when the frozen one is back.
        profile.split = "by: count, share: 70 %".into();
        profile.beta.limit = Some("2 MiB/s".into());
        let run = lab.start(&profile);
        let frozen = run.until_under_way().peers["alpha"].pid.unwrap();
        run.freeze(frozen);
        let taken = run.until_event("alpha is taken over", is_taken_over("alpha"));
        let EventKind::TakenOver { count, .. } = taken.kind else { panic!("{taken:?}") };
        assert!(count > 0 && taken.peer.as_deref() == Some("beta"), "{taken:?}");
        processes::signal(frozen, Signal::CONT);
        run.until_event("alpha says why it ended", ended_with("alpha", "75"));
        run.verb("limit", &["none"]);
        run.wait().expect_code(0);
        examine(&run);
        assert_story(
            &run,
            &[
                ("beta suspects", &is_suspicion_of("alpha")),
                ("beta takes over", &is_taken_over("alpha")),
                ("alpha was fenced", &ended_with("alpha", "fenced: the other peer had taken over")),
                ("alpha is back", &joined("alpha")),
            ],
        );
    }
}

/// Nothing waits for a process that never wakes: the run ends without it, and does not leave it behind.
#[test]
fn a_peer_that_never_wakes_holds_nothing_up() {
    let lab = lab("");
    tree(&lab, 150);
    let run = lab.start(&profile(&lab, "learning"));
    let frozen = run.until_under_way().peers["alpha"].pid.unwrap();
    run.freeze(frozen);
    run.wait().expect_code(0);
    examine(&run);
    assert!(processes::of(lab.state()).is_empty(), "nobody is left: {:?}", processes::of(lab.state()));
    assert_story(&run, &[("beta takes over", &is_taken_over("alpha"))]);
}

/// The fence itself: frozen with the permission to publish in its hand, and the sources change meanwhile. Were its
/// publish still possible when it wakes, old bytes would replace new ones; where something lies at the target already, no
/// rule about names would keep it from that.
#[test]
fn what_was_authorised_before_the_freeze_is_never_published_after_it() {
    for over_old in [false, true] {
        let spec = "alpha/authorised:freeze:1";
        let lab = lab(spec);
        tree(&lab, 150);
        // Last in alpha's queue: the run goes on for a while after all small ones are done again.
        fs::rename(lab.source().join("large"), lab.source().join("small/x-large")).unwrap();
        let (source, target) = (lab.source().join("small/d000"), lab.target().join("small/d000"));
        let names: Vec<_> = fs::read_dir(&source).unwrap().flatten().map(|e| e.file_name()).collect();
        if over_old {
            fs::create_dir_all(&target).unwrap();
            for name in &names {
                fs::write(target.join(name), OLD).unwrap();
            }
        }
        let mut profile = profile(&lab, "learning");
        profile.split = "by: pattern, first: \"small/**\"".into();
        profile.more = "order: name\n".into();
        // It has nothing sealed before the sources change; what it reads at that moment it finds changed, and reads again.
        profile.beta.limit = Some("1 KiB/s".into());
        let run = lab.start(&profile);
        let frozen = stopped_by(&lab, spec);
        let is_done = |name: &OsString| fs::read(target.join(name)).is_ok_and(|bytes| bytes != OLD);
        let renewed: Vec<&OsString> = names.iter().filter(|name| !is_done(name)).collect();
        for name in &renewed {
            fs::write(source.join(name), NEW).unwrap();
        }
        run.verb("limit", &["1 MiB/s", "--peer", "beta"]).expect_code(0);
        let taken = run.until_event("alpha is taken over", is_taken_over("alpha"));
        // It wakes when all of it is done again, and the run not over.
        let is_new = |name: &&OsString| fs::read(target.join(name)).is_ok_and(|bytes| bytes == NEW);
        let again = poll(CONDITION_WAIT_MAX, || renewed.iter().all(is_new).then_some(()));
        assert!(again.is_some(), "beta does it all again");
        processes::signal(frozen, Signal::CONT);
        run.until_event("alpha says why it ended", ended_with("alpha", "75"));
        run.verb("limit", &["none"]);
        run.wait().expect_code(0);
        examine(&run);
        let EventKind::TakenOver { discarded, .. } = taken.kind else { panic!("{taken:?}") };
        assert!(
            !renewed.is_empty() && discarded > 0,
            "the private objects are discarded before the redo: {taken:?}"
        );
    }
}

/// Published, not yet done: found by its digest and accepted, not copied again.
#[test]
fn what_was_published_before_the_freeze_is_accepted() {
    let spec = "alpha/publish_synced:freeze:1";
    let lab = lab(spec);
    tree(&lab, 150);
    let run = lab.start(&profile(&lab, "learning"));
    let frozen = stopped_by(&lab, spec);
    let taken = run.until_event("alpha is taken over", is_taken_over("alpha"));
    let EventKind::TakenOver { accepted, .. } = taken.kind else { panic!("{taken:?}") };
    assert!(accepted > 0, "{taken:?}");
    processes::signal(frozen, Signal::CONT);
    run.until_event("alpha says why it ended", ended_with("alpha", "75"));
    run.wait().expect_code(0);
    examine(&run);
}

/// faults.md 24: stopped with the ledger's lock in its hand.
#[test]
fn a_peer_stopped_inside_a_transaction_is_killed_and_the_run_goes_on() {
    let spec = "alpha/in_transaction:freeze:4";
    let lab = lab(spec);
    tree(&lab, 150);
    let run = lab.start(&profile(&lab, "learning"));
    let stopped = stopped_by(&lab, spec);
    let told = run.until_event(
        "whoever did it says so",
        |e| matches!(&e.kind, EventKind::Warning { text } if text.contains("held the ledger's lock")),
    );
    let EventKind::Warning { text } = &told.kind else { panic!("{told:?}") };
    assert!(text.contains(&stopped.to_string()), "{text}");
    run.wait().expect_code(0);
    examine(&run);
    assert_story(
        &run,
        &[("alpha was killed", &ended_with("alpha", "KILL")), ("and is back", &joined("alpha"))],
    );
}
