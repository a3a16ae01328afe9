//! What a large transfer had reached when its process ended: whoever begins it again goes on from there, and what
//! arrives is exact.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use rustix::process::Signal;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use twinhaul_failpoint as failpoint;
use twinhaul_ledger::View;
use twinhaul_tests::product::run::{CONDITION_WAIT_MAX, Run, assert_conserved};
use twinhaul_tests::product::{Lab, Profile, poll, processes};
use twinhaul_tests::{same, tree};
use twinhaul_units::TransferId;
use twinhaul_wire::EventKind;

const MIB: u64 = 1 << 20;

/// One large file, slowly, by the first peer; the second has nothing to do.
fn lab(policy: &str) -> (Lab, Profile) {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.source()).unwrap();
    tree::file(&lab.source().join("large"), 96 * MIB + 12_345, 1);
    let mut profile = Profile::new("resume", &lab.source(), &lab.target()).limits("8 MiB/s", "8 MiB/s");
    profile.policy = policy.into();
    (lab, profile)
}

/// The peer that copies, once so much of the file is recorded as durable.
fn until_recorded(run: &Run<'_>, bytes: u64) -> String {
    let ledger = run.lab().state().join("runs").join(&run.id).join("ledger.sqlite");
    let recorded = || {
        let checkpoint = View::open(&ledger).ok()?.checkpoint(TransferId(1)).ok()??;
        (checkpoint.covered().first()?.1 >= bytes).then_some(())
    };
    assert!(poll(CONDITION_WAIT_MAX, recorded).is_some(), "nothing is recorded: {:#?}", run.events());
    let busy = run.status().peers.into_iter().find(|(_, peer)| !peer.in_flight.is_empty());
    busy.unwrap_or_else(|| panic!("nobody copies: {:#?}", run.status())).0
}

/// What was said about going on.
fn went_on(run: &Run<'_>) -> Vec<String> {
    let said = |kind| match kind {
        EventKind::Info { text } if text.contains("goes on at") => Some(text),
        _ => None,
    };
    run.kinds().into_iter().filter_map(said).collect()
}

/// A run that nobody works on any more must not look like one that goes on.
#[test]
fn a_run_whose_processes_are_all_gone_says_so_and_how_to_go_on() {
    let (lab, profile) = lab("balanced");
    let run = lab.start(&profile);
    until_recorded(&run, MIB);
    assert!(!run.verb("status", &[]).stdout.contains("nobody works"), "the peers do");
    processes::end_all(lab.state());
    let told = run.verb("status", &[]);
    told.expect_code(0).expect_words(&["nobody works on it", &format!("twinhaul run --resume {}", run.id)]);
    lab.run(["run", "--resume", &run.id, "--detach"]).expect_code(0);
    unlimited(&run);
    run.wait().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
    assert!(!run.verb("status", &[]).stdout.contains("nobody works"), "it has ended");
}

/// Nobody knows what a planner that was killed had not seen: such a run is begun anew, and not gone on with.
#[test]
fn a_run_whose_planner_died_with_everybody_is_to_be_started_anew() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 30_000, 0, 1);
    let profile = lab.write_profile(&Profile::new("unplanned", &lab.source(), &lab.target()));
    let mut start = lab.command();
    start
        .args(["run".as_ref(), profile.as_os_str(), "--detach".as_ref()])
        .stdout(std::process::Stdio::null());
    let mut start = start.spawn().unwrap();
    let begun = std::time::Instant::now();
    while begun.elapsed() < CONDITION_WAIT_MAX {
        if let Some(planner) = processes::of(lab.state()).into_iter().find(|p| p.kind() == "planner") {
            processes::signal(planner.pid, Signal::STOP);
            break;
        }
    }
    start.wait().unwrap();
    processes::end_all(lab.state());
    let told = lab.run(["status"]);
    told.expect_code(0).expect_words(&["nobody works on it; it was still being planned; start it anew"]);
    assert!(!told.stdout.contains("--resume"), "that is refused\n{told}");
}

/// Takes the limits away, once whoever was killed can hear it.
fn unlimited(run: &Run<'_>) {
    let done = || (run.verb("limit", &["none"]).code == 0 || run.status().state.ended()).then_some(());
    assert!(poll(CONDITION_WAIT_MAX, done).is_some(), "{:#?}", run.status());
}

fn examine(run: &Run<'_>) {
    let lab = run.lab();
    same::assert_same(&lab.source(), &lab.target());
    let status = run.status();
    assert_conserved(&status);
    assert_eq!(status.done.transfers, status.totals.transfers, "{status:#?}");
    assert!(!lab.target().join(".twinhaul").exists(), "nothing private is left");
    run.verb("verify", &[]).expect_code(0);
}

#[test]
fn a_killed_peer_goes_on_where_it_was() {
    // Where one peer copies the whole file; what two of them share is the matter of `ranges`.
    for policy in ["none", "learning"] {
        let (lab, profile) = lab(policy);
        let run = lab.start(&profile);
        let busy = until_recorded(&run, 8 * MIB);
        processes::kill(run.pid(&busy).expect("it has a process"));
        run.until_event(
            "somebody goes on",
            |e| matches!(&e.kind, EventKind::Info { text } if text.contains("goes on at")),
        );
        unlimited(&run);
        run.wait().expect_code(0);
        examine(&run);
    }
}

#[test]
fn killed_again_and_again_it_gets_further_each_time() {
    let (lab, profile) = lab("none");
    let run = lab.start(&profile);
    for kills in 1..=3 {
        let busy = until_recorded(&run, kills as u64 * 8 * MIB);
        processes::kill(run.pid(&busy).expect("it has a process"));
        let on = poll(CONDITION_WAIT_MAX, || (went_on(&run).len() >= kills).then_some(()));
        assert!(on.is_some(), "nobody goes on: {:#?}", run.events());
    }
    unlimited(&run);
    run.wait().expect_code(0);
    examine(&run);
}

#[test]
fn a_stopped_run_is_resumed_inside_its_file() {
    let (lab, profile) = lab("none");
    let run = lab.start(&profile);
    until_recorded(&run, 8 * MIB);
    run.verb("stop", &[]).expect_code(0);
    run.wait();
    run.verb("limit", &["none"]);
    lab.run(["run", "--resume", &run.id, "--headless"]).expect_code(0);
    examine(&run);
    assert_eq!(went_on(&run).len(), 1, "{:#?}", run.events());
}

/// The frozen process may wake at any time: its object is read, never written.
#[test]
fn whoever_takes_over_goes_on_where_the_frozen_peer_was() {
    let (mut lab, profile) = lab("learning");
    lab.set_env(failpoint::HEARTBEAT_MS, "250");
    let run = lab.start(&profile);
    let busy = until_recorded(&run, 16 * MIB);
    let frozen = run.pid(&busy).expect("it has a process");
    run.freeze(frozen);
    run.until_event(
        "the other goes on",
        |e| matches!(&e.kind, EventKind::Info { text } if text.contains("goes on at")),
    );
    processes::signal(frozen, Signal::CONT);
    run.verb("limit", &["none"]);
    run.wait().expect_code(0);
    examine(&run);
    let by = |e: &twinhaul_wire::Event| matches!(&e.kind, EventKind::TakenOver { from, .. } if *from == busy);
    assert!(run.events().iter().any(by), "{:#?}", run.events());
}

#[test]
fn another_version_of_the_source_is_begun_anew() {
    let (lab, profile) = lab("none");
    let run = lab.start(&profile);
    let busy = until_recorded(&run, 8 * MIB);
    let process = run.pid(&busy).expect("it has a process");
    run.freeze(process);
    let file = std::fs::OpenOptions::new().write(true).open(lab.source().join("large")).unwrap();
    file.write_all_at(b"another version", 3).unwrap();
    drop(file);
    processes::kill(process);
    run.until("it is back", |s| s.state.ended() || s.peers[&busy].incarnation > 1);
    run.verb("limit", &["none"]);
    run.wait().expect_code(0);
    let read = |root: std::path::PathBuf| std::fs::read(root.join("large")).unwrap();
    assert!(read(lab.source()) == read(lab.target()), "the new version arrived");
    assert!(went_on(&run).is_empty(), "{:#?}", run.events());
    assert!(!lab.target().join(".twinhaul").exists());
}

#[test]
fn holes_of_what_was_taken_over_stay_holes() {
    let (lab, mut profile) = lab("none");
    profile.alpha.limit = Some("2 MiB/s".into());
    let large = lab.source().join("large");
    let file = std::fs::File::create(&large).unwrap();
    let data: Vec<u8> = (0..MIB).map(|i| (i % 251) as u8 + 1).collect();
    for part in 0..16u64 {
        file.write_all_at(&data, part * 20 * MIB + 4096 * part).unwrap();
    }
    file.set_len(400 * MIB + 11).unwrap();
    drop(file);
    let run = lab.start(&profile);
    let busy = until_recorded(&run, 60 * MIB);
    processes::kill(run.pid(&busy).expect("it has a process"));
    run.until_event(
        "it goes on",
        |e| matches!(&e.kind, EventKind::Info { text } if text.contains("goes on at")),
    );
    run.verb("limit", &["none"]);
    run.wait().expect_code(0);
    examine(&run);
    let on_disk = |path: std::path::PathBuf| std::fs::metadata(path).unwrap().blocks() * 512;
    let (before, after) = (on_disk(large), on_disk(lab.target().join("large")));
    assert!(after < before + 16 * MIB, "{before} bytes were on the disk, {after} are");
}
