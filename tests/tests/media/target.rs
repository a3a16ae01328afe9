//! The target's file system answers with an error.

use rustix::io::Errno;
use std::path::{Path, PathBuf};
use twinhaul_diagnose::Cause;
use twinhaul_tests::fuse::{Call, Fault, Fuse};
use twinhaul_tests::product::run::{CONDITION_WAIT_MAX, Run};
use twinhaul_tests::product::{Lab, Profile, poll};
use twinhaul_tests::{needs, same, tree};
use twinhaul_wire::EventKind;

const SUITE: &str = "file systems that fail";

/// A lab whose target is passed through FUSE, with work for some seconds. The file system goes before the lab does.
fn lab(suite: &str) -> Option<(Lab, Fuse, Profile)> {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 64, 32 * 1024, 1);
    let fuse = Fuse::over(suite, &lab.target(), &lab.path("below"))?;
    let profile = Profile::new("media", &lab.source(), &lab.target()).limits("512 KiB/s", "512 KiB/s");
    Some((lab, fuse, profile))
}

/// Some seconds of work: what is below `b` goes to `other`, which is well, the rest to the lab's target.
fn two_targets(lab: &Lab, other: &Path) -> PathBuf {
    let profile = Profile::new("two", &lab.source(), &lab.target()).limits("512 KiB/s", "512 KiB/s");
    let root = serde_json::Value::from(other.to_str().unwrap());
    let targets = format!("targets:\n  well: {{ backend: disk, root: {root}, create: true }}\n");
    let routes = "routes:\n  - { from: here, match: \"b/**\", to: well }\n";
    let text = profile.yaml().replacen("targets:\n", &targets, 1).replacen("routes:\n", routes, 1);
    lab.write("profile.yaml", &text)
}

/// A quota is no space, is said to be a quota, and is waited for, while another target goes on.
#[test]
fn a_quota_that_is_used_up_is_named_and_waited_for_and_other_targets_go_on() {
    if !needs::may_mount(
        SUITE,
        "target::a_quota_that_is_used_up_is_named_and_waited_for_and_other_targets_go_on",
    ) {
        return;
    }
    let lab = Lab::new();
    for part in ["a", "b"] {
        tree::small_files(&lab.source().join(part), 48, 32 * 1024, 1);
    }
    let Some(fuse) = Fuse::over("quota", &lab.target(), &lab.path("below")) else { return };
    let other = lab.path("other");
    let run = Run::start(&lab, &two_targets(&lab, &other));
    fuse.fail(Fault::of(Call::Write, Errno::DQUOT));
    run.verb("limit", &["none"]).expect_code(0);
    let status = run.until("the target is full", |s| s.problems.iter().any(|p| p.kind == "target_full"));
    let problem = status.problems.iter().find(|p| p.kind == "target_full").unwrap();
    assert!(problem.text.contains("quota"), "{problem:#?}");
    let found = poll(CONDITION_WAIT_MAX, || {
        run.diagnosis().findings.into_iter().find(|f| f.cause == Cause::TargetFull)
    });
    let found = found.unwrap_or_else(|| panic!("{:#?}", run.diagnosis()));
    assert!(format!("{found:?}").contains("quota"), "{found:#?}");
    let there = || std::fs::read_dir(other.join("b/d000")).map_or(0, Iterator::count);
    let all = poll(CONDITION_WAIT_MAX, || (there() == 48).then_some(()));
    assert!(all.is_some(), "all that goes to the other target is there: {}", there());
    assert_eq!(run.status().failed.transfers, 0);
    fuse.heal();
    run.wait().expect_code(0);
    assert!(fuse.fired() > 0);
    same::assert_same(&lab.source().join("a"), &lab.target().join("a"));
    same::assert_same(&lab.source().join("b"), &other.join("b"));
}

/// What a medium refused is written anew into another object, and nothing else is.
#[test]
fn a_write_that_fails_is_done_again() {
    if !needs::may_mount(SUITE, "target::a_write_that_fails_is_done_again") {
        return;
    }
    for call in [Call::Write, Call::Sync] {
        let Some((lab, fuse, mut profile)) = lab("write error") else { return };
        // Each by itself: many are synced by one call for the whole file system, which FUSE does not pass on.
        profile.durability = "each".into();
        let run = lab.start(&profile);
        run.until_under_way();
        fuse.fail(Fault::of(call, Errno::IO).times(1));
        run.wait().expect_code(0);
        assert_eq!(fuse.fired(), 1, "{call:?}");
        let again = run.kinds().into_iter().filter(|k| matches!(k, EventKind::Retry { .. })).count();
        assert!(again > 0, "{call:?}: {:#?}", run.kinds());
        same::assert_same(&lab.source(), &lab.target());
    }
}

/// A medium that fails every time is sick: it is not asked to fail for all of the queue.
#[test]
fn a_medium_that_always_fails_is_sick_and_goes_on_when_it_is_well() {
    if !needs::may_mount(SUITE, "target::a_medium_that_always_fails_is_sick_and_goes_on_when_it_is_well") {
        return;
    }
    let Some((lab, fuse, profile)) = lab("sick medium") else { return };
    let run = lab.start(&profile);
    run.until_under_way();
    fuse.fail(Fault::of(Call::Write, Errno::IO));
    run.verb("limit", &["none"]).expect_code(0);
    run.until("the target is sick", |s| s.problems.iter().any(|p| p.kind == "target_sick"));
    fuse.heal();
    let failed = run.wait().code;
    let status = run.status();
    assert!(status.failed.transfers < 12, "{status:#?}");
    assert_eq!(failed, 3, "what was given up is not called complete");
    run.verb("retry", &[]);
    lab.start(&profile).wait().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

/// NFS: the rename was done, its reply was lost, and asked again the server says that there is no such file.
#[test]
fn a_rename_that_was_done_and_is_denied_is_seen_through() {
    if !needs::may_mount(SUITE, "target::a_rename_that_was_done_and_is_denied_is_seen_through") {
        return;
    }
    let Some((lab, fuse, profile)) = lab("lost rename") else { return };
    let run = lab.start(&profile);
    run.until_under_way();
    fuse.fail(Fault::of(Call::Rename, Errno::NOENT).times(3));
    run.wait().expect_code(0);
    assert_eq!(fuse.fired(), 3);
    same::assert_same(&lab.source(), &lab.target());
    assert_eq!(run.status().done.transfers, 64);
}

#[test]
fn a_handle_that_went_stale_is_opened_again() {
    if !needs::may_mount(SUITE, "target::a_handle_that_went_stale_is_opened_again") {
        return;
    }
    let Some((lab, fuse, profile)) = lab("stale handle") else { return };
    let run = lab.start(&profile);
    run.until_under_way();
    for call in [Call::Open, Call::Write, Call::Rename] {
        fuse.fail(Fault::of(call, Errno::STALE).times(1));
    }
    run.wait().expect_code(0);
    assert!(fuse.fired() >= 2, "{}", fuse.fired());
    same::assert_same(&lab.source(), &lab.target());
}

/// A server that is gone: what was asked of it is not answered. The target is slow for both, no process is killed for that, another
/// target goes on, and so does this one when the server is back.
#[test]
fn a_target_that_answers_nobody_is_slow_and_waited_for() {
    if !needs::may_mount(SUITE, "target::a_target_that_answers_nobody_is_slow_and_waited_for") {
        return;
    }
    let lab = Lab::new();
    for part in ["a", "b"] {
        tree::small_files(&lab.source().join(part), 48, 32 * 1024, 1);
    }
    let Some(fuse) = Fuse::over("silent target", &lab.target(), &lab.path("below")) else { return };
    let other = lab.path("other");
    let run = Run::start(&lab, &two_targets(&lab, &other));
    run.until("some is there", |s| s.done.transfers > 0);
    let before = run.status();
    fuse.fall_silent();
    run.verb("limit", &["none"]).expect_code(0);
    let found = poll(CONDITION_WAIT_MAX, || {
        let d = run.diagnosis();
        d.findings.into_iter().find(|f| f.cause == Cause::TargetSlow)
    });
    let found = found.unwrap_or_else(|| panic!("{:#?}", run.diagnosis()));
    assert_eq!(found.subject.target.as_deref(), Some("there"), "{found:#?}");
    assert!(fuse.held() > 0);
    let there = || std::fs::read_dir(other.join("b/d000")).map_or(0, Iterator::count);
    let all = poll(CONDITION_WAIT_MAX, || (there() == 48).then_some(()));
    assert!(all.is_some(), "all that goes to the other target is there: {}", there());
    // Longer than a call of one peer alone would have been suffered.
    run.until("calls of both have taken four budgets", |s| {
        s.peers.values().all(|p| {
            let waits = p.in_flight.iter().filter_map(|f| f.wait.as_ref());
            waits.into_iter().any(|w| w.budget_ms.is_some_and(|budget| w.age_ms > 4 * budget))
        })
    });
    let after = run.status();
    for peer in ["alpha", "beta"] {
        assert_eq!(before.peers[peer].pid, after.peers[peer].pid, "{peer} is the same process");
    }
    fuse.heal();
    run.wait().expect_code(0);
    same::assert_same(&lab.source().join("a"), &lab.target().join("a"));
    same::assert_same(&lab.source().join("b"), &other.join("b"));
}
