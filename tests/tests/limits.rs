//! Limits of the system: descriptors run out, what a process may not do, who dies first when memory ends (faults.md 45, 46,
//! threat 21).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::path::Path;
use twinhaul_tests::product::end::{assert_nobody_is_left, examine};
use twinhaul_tests::product::run::Run;
use twinhaul_tests::product::{Lab, Profile, processes};
use twinhaul_tests::{same, tree};
use twinhaul_wire::{Event, EventKind};

fn proc_of(pid: u32, file: &str) -> String {
    std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join(file)).unwrap()
}

/// Descriptors that a process has open.
fn open_of(pid: u32) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64
}

/// From now on, so many.
fn give(pid: u32, descriptors: u64) {
    let limit = Rlimit { current: Some(descriptors), maximum: Some(1024) };
    prlimit(Pid::from_raw(i32::try_from(pid).unwrap()), Resource::Nofile, limit).unwrap();
}

fn ran_out(event: &Event) -> bool {
    matches!(&event.kind, EventKind::ProblemBegan { problem, .. } if problem.starts_with("no_descriptors"))
}

/// A run in which a peer cannot open anything any more for a while: nothing is lost, nothing that is missing is called complete.
#[test]
fn a_peer_without_descriptors_loses_nothing() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 200, 16 * 1024, 1);
    let mut profile =
        Profile::new("descriptors", &lab.source(), &lab.target()).limits("512 KiB/s", "512 KiB/s");
    profile.alpha.slots = 16;
    profile.beta.slots = 16;
    let run = lab.start(&profile);
    let status = run.until_under_way();
    for peer in status.peers.values() {
        let pid = peer.pid.unwrap();
        give(pid, open_of(pid) + 2);
    }
    run.until_event("descriptors ran out", ran_out);
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);
    examine(&run);
    assert_nobody_is_left(&run);
}

/// Nobody gives any back, as with a library that leaks them: what cannot be opened fails by name, and the run ends.
#[test]
fn a_peer_that_is_out_of_descriptors_for_good_gives_up_what_it_cannot_open() {
    let mut lab = Lab::new();
    lab.set_env(twinhaul_failpoint::SHORTAGE_MS, "1500");
    tree::small_files(&lab.source(), 48, 64 * 1024, 1);
    let profile = Profile::new("no-more", &lab.source(), &lab.target()).limits("512 KiB/s", "512 KiB/s");
    let run = lab.start(&profile);
    let status = run.until_under_way();
    for peer in status.peers.values() {
        // No more than those that every process has; 0 is an invalid argument to some calls.
        give(peer.pid.unwrap(), 4);
    }
    // No verb reaches a peer that can take no connection.
    run.wait().expect_code(3);
    let history = run.events();
    let problem = history.iter().find(|e| ran_out(e)).unwrap_or_else(|| panic!("{history:#?}"));
    assert!(format!("{problem:?}").contains("this peer has no descriptors left"), "{problem:?}");
    let failed = history.iter().filter_map(|e| match &e.kind {
        EventKind::Failed { error, .. } => Some(error.as_str()),
        _ => None,
    });
    let failed: Vec<&str> = failed.collect();
    assert!(!failed.is_empty() && failed.iter().all(|e| e.contains("open files")), "{failed:#?}");
    let status = run.status();
    assert_eq!(status.done.transfers + status.failed.transfers, 48, "{status:#?}");
    assert_nobody_is_left(&run);
    // With what it needs it is all there.
    lab.run(["run", "--resume", &run.id, "--headless"]).expect_code(0);
    examine(&run);
}

/// From the beginning so few that not all slots of the profile can work: fewer do.
#[test]
fn a_run_that_is_given_few_descriptors_is_complete() {
    for limit in [44, 64] {
        let lab = Lab::new();
        tree::small_files(&lab.source(), 100, 16 * 1024, 1);
        let mut profile = Profile::new("few", &lab.source(), &lab.target());
        profile.alpha.slots = 16;
        profile.beta.slots = 16;
        let path = lab.write_profile(&profile);
        let script = format!("ulimit -n {limit}; exec \"$@\"");
        let mut command = lab.command_under(&["sh", "-c", &script, "sh"]);
        command.arg("run").arg(&path).arg("--headless");
        let done = lab.finish(command);
        done.expect_code(0);
        same::assert_same(&lab.source(), &lab.target());
        let history = lab.run(["events"]).stdout;
        assert!(history.contains("no_descriptors"), "{limit} are not few enough for this test: {history}");
    }
}

/// What a shell gives is raised to what it allows.
#[test]
fn a_run_takes_the_descriptors_that_it_may_have() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 64, 64 * 1024, 1);
    let mut profile = Profile::new("soft", &lab.source(), &lab.target()).limits("512 KiB/s", "512 KiB/s");
    profile.alpha.slots = 16;
    let path = lab.write_profile(&profile);
    let mut command = lab.command_under(&["sh", "-c", "ulimit -Sn 32; exec \"$@\"", "sh"]);
    command.arg("run").arg(&path).arg("--detach");
    let done = lab.finish(command);
    let run = Run::named(&lab, done.expect_code(0).stdout.trim());
    let status = run.until_under_way();
    for peer in status.peers.values() {
        let limits = proc_of(peer.pid.unwrap(), "limits");
        let files = limits.lines().find_map(|l| l.strip_prefix("Max open files")).unwrap();
        let [soft, hard] = [0, 1].map(|n| files.split_whitespace().nth(n).unwrap());
        assert_eq!(soft, hard, "{files}");
    }
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);
    examine(&run);
}

#[test]
fn peers_and_their_supervisor_give_up_what_they_do_not_need() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 96, 64 * 1024, 1);
    let run =
        lab.start(&Profile::new("given-up", &lab.source(), &lab.target()).limits("512 KiB/s", "512 KiB/s"));
    run.until_under_way();
    let all = processes::of(lab.state());
    let kinds: Vec<String> = all.iter().map(processes::Process::kind).collect();
    for kind in ["supervise", "peer alpha", "peer beta"] {
        let process =
            all.iter().find(|p| p.kind() == kind).unwrap_or_else(|| panic!("no {kind} in {kinds:?}"));
        let status = proc_of(process.pid, "status");
        assert!(status.lines().any(|l| l.split_whitespace().eq(["NoNewPrivs:", "1"])), "{kind}: {status}");
        let limits = proc_of(process.pid, "limits");
        let core = limits.lines().find(|l| l.starts_with("Max core file size")).unwrap();
        assert!(core.split_whitespace().filter(|w| *w == "0").count() == 2, "{kind}: {core}");
    }
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);
}

#[test]
fn when_memory_ends_a_peer_goes_before_its_supervisor() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 96, 64 * 1024, 1);
    let run =
        lab.start(&Profile::new("badness", &lab.source(), &lab.target()).limits("512 KiB/s", "512 KiB/s"));
    run.until_under_way();
    let all = processes::of(lab.state());
    let badness = |kind: &str| {
        let process = all.iter().find(|p| p.kind() == kind).unwrap();
        proc_of(process.pid, "oom_score_adj").trim().parse::<i32>().unwrap()
    };
    let own = proc_of(std::process::id(), "oom_score_adj").trim().parse::<i32>().unwrap();
    assert_eq!(badness("supervise"), own, "as whoever started it, like the console");
    for peer in ["peer alpha", "peer beta"] {
        assert!(badness(peer) > badness("supervise"), "{peer}: {}", badness(peer));
    }
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);
}
