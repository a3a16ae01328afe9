//! Disk to tape to disk, by two peers over one library: exact, also when a peer is killed, and other people's tools agree.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use std::path::Path;
use std::time::Duration;
use twinhaul_tests::needs;
use twinhaul_tests::product::run::assert_conserved;
use twinhaul_tests::product::{Done, Lab, Run, poll};
use twinhaul_tests::same;
use twinhaul_tests::tree::{self, hostile};
use twinhaul_wire::status::Status;

/// A library with small cartridges: `small MiB` each.
fn library(lab: &Lab, drives: u32, cartridges: u32, mib: u32) {
    let (library, capacity) = (lab.path("library"), format!("{mib} MiB"));
    let args = ["tape", "init", "--slots", "60", "--capacity", &capacity];
    let mut command = lab.command();
    command.args(args).arg("--library").arg(&library);
    command.args(["--drives", &drives.to_string(), "--cartridges", &cartridges.to_string()]);
    lab.finish(command).expect_code(0).expect_words(&["library", "cartridges of"]);
}

/// `twinhaul tape VERB … --library`.
fn tape(lab: &Lab, args: &[&str]) -> Done {
    let mut command = lab.command();
    command.arg("tape").args(args).arg("--library").arg(lab.path("library"));
    lab.finish(command)
}

fn profile(lab: &Lab, name: &str, from: &str, to: &str, peers: &str) -> std::path::PathBuf {
    let text = format!(
        "version: 1\nname: {name}\nsources:\n  here: {from}\ntargets:\n  there: {to}\n\
         routes:\n  - {{ from: here, to: there }}\npeers:\n  alpha: {{ slots: 3{peers} }}\n  beta: {{ slots: 3{peers} }}\n"
    );
    lab.write(&format!("{name}.yaml"), &text)
}

fn disk(path: &Path, create: bool) -> String {
    let create = if create { ", create: true" } else { "" };
    format!("{{ backend: disk, root: {:?}{create} }}", path.to_str().unwrap())
}

fn vault(lab: &Lab, more: &str) -> String {
    format!("{{ backend: tape, library: {:?}{more} }}", lab.path("library").to_str().unwrap())
}

fn up(lab: &Lab, more: &str, peers: &str) -> std::path::PathBuf {
    profile(lab, "up", &disk(&lab.source(), false), &vault(lab, more), peers)
}

fn down(lab: &Lab) -> std::path::PathBuf {
    profile(lab, "down", &vault(lab, ""), &disk(&lab.target(), true), "")
}

/// Tape keeps no holes, and says so by leaving out the capability; everything else is exact.
fn assert_same_but_holes(lab: &Lab) {
    let mut found = same::differences(&lab.source(), &lab.target());
    found.retain(|d| !d.what.contains("holes were filled"));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_suite_of_promises_passes() {
    let lab = Lab::new();
    let config = format!(
        "{{\"library\":{:?},\"create\":true,\"capacity\":\"256 MiB\"}}",
        lab.path("library").to_str().unwrap()
    );
    let done = lab.run(["backends", "conformance", "tape", "--config", &config]);
    done.expect_code(0).expect_words(&["0 failed"]);
}

#[test]
fn a_hostile_tree_goes_to_tape_and_comes_back_exactly() {
    let lab = Lab::new();
    // Tape keeps no holes: they are zeros there, and the sparse file is no larger than the point needs.
    let sizes =
        hostile::Sizes { sparse_bytes: 32 << 20, sparse_data_bytes: 4 << 20, ..hostile::Sizes::USUAL };
    hostile::make(&lab.source(), sizes);
    library(&lab, 2, 20, 32);
    lab.run_profile(&up(&lab, "", "")).expect_code(0);
    // Nothing of it is left to do, and nothing is written twice.
    lab.run_profile(&up(&lab, "", "")).expect_code(0).expect_words(&["done 0 "]);
    tape(&lab, &["verify"]).expect_code(0).expect_words(&["0 damaged"]);
    lab.run_profile(&down(&lab)).expect_code(0);
    assert_same_but_holes(&lab);
    // The catalogue is lost, the cartridges are enough.
    for file in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
        let _ = std::fs::remove_file(lab.path("library").join(file));
    }
    tape(&lab, &["rebuild"]).expect_code(0).expect_words(&["0 problems"]);
    std::fs::rename(lab.target(), lab.path("first")).unwrap();
    lab.run_profile(&down(&lab)).expect_code(0);
    assert_same_but_holes(&lab);
}

#[test]
fn what_is_larger_than_a_cartridge_spans_and_other_tools_concatenate_it() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.source()).unwrap();
    tree::file(&lab.source().join("big.bin"), 20 << 20, 1);
    tree::small_files(&lab.source(), 50, 3000, 2);
    std::fs::write(lab.source().join("empty"), b"").unwrap();
    let long = lab.source().join("Ü".repeat(60)).join("ß".repeat(60));
    std::fs::create_dir_all(&long).unwrap();
    std::fs::write(long.join("ä".repeat(80)), b"a long name").unwrap();
    library(&lab, 2, 12, 8);
    lab.run_profile(&up(&lab, "", "")).expect_code(0);
    lab.run_profile(&down(&lab)).expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
    if !Path::new("/usr/bin/hetget").exists() {
        return needs::skip("hercules", "hetget is not installed: apt-get install hercules");
    }
    let all = lab.path("all");
    std::fs::create_dir(&all).unwrap();
    // Every data set by hetget; the sections of each, in order, to tar.
    let script = r#"set -e; cd all
        for c in ../library/cartridges/*.aws; do
          tapemap "$c" 2>/dev/null | grep '^HDR1' | nl | while read -r n label; do
            hetget "$c" part "$n" >/dev/null 2>&1
            name=$(printf %s "$label" | cut -c5-21); section=$(printf %s "$label" | cut -c28-31)
            mv part "$name.$section"
          done
        done
        for first in *.0001; do cat "${first%.0001}".* | tar -xf - ; done"#;
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script]);
    lab.finish(lab.dress(shell)).expect_code(0);
    for name in ["big.bin", "empty"] {
        assert!(std::fs::read(all.join(name)).unwrap() == std::fs::read(lab.source().join(name)).unwrap());
    }
    let name = long.strip_prefix(lab.source()).unwrap().join("ä".repeat(80));
    assert_eq!(std::fs::read(all.join(name)).unwrap(), b"a long name");
}

/// One drive for both: a peer is killed while it holds it, the other goes on, and the result is exact.
#[test]
fn a_peer_that_is_killed_at_the_drive_costs_nothing_but_time() {
    let lab = Lab::new();
    tree::lognormal(&lab.source(), 300, 60_000, 1.0, 3);
    library(&lab, 1, 12, 16);
    let profile = up(&lab, ", close_bytes: 2 MiB, turn: 200 ms", ", limit: 6 MiB/s");
    let run = Run::start(&lab, &profile);
    run.until("a quarter is done", |s: &Status| {
        s.done.transfers * 4 >= s.totals.transfers && s.done.transfers > 0
    });
    for peer in ["alpha", "beta"] {
        if let Some(pid) =
            run.pid(peer).and_then(|p| i32::try_from(p).ok()).and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        let before = run.status().done.transfers;
        run.until("it goes on", |s: &Status| {
            s.done.transfers > before || s.done.transfers == s.totals.transfers
        });
    }
    run.wait().expect_code(0);
    let status = run.status();
    assert_conserved(&status);
    tape(&lab, &["verify"]).expect_code(0).expect_words(&["0 damaged"]);
    lab.run_profile(&down(&lab)).expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

/// Without a scratch cartridge the run waits; with one it ends.
#[test]
fn a_full_pool_waits_for_an_operator() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.source()).unwrap();
    tree::file(&lab.source().join("a"), 3 << 20, 1);
    tree::file(&lab.source().join("b"), 3 << 20, 2);
    library(&lab, 2, 1, 4);
    let run = Run::start(&lab, &up(&lab, "", ""));
    let asked = poll(Duration::from_mins(2), || {
        let ls = tape(&lab, &["ls"]);
        ls.stdout.contains("waits: no cartridge with room in pool default").then_some(ls)
    });
    assert!(asked.is_some(), "{}", tape(&lab, &["ls"]));
    assert_eq!(run.status().state, twinhaul_wire::RunState::Running);
    tape(&lab, &["init", "--add", "3", "--capacity", "4 MiB"])
        .expect_code(0)
        .expect_words(&["cartridge A00004L8"]);
    run.wait().expect_code(0);
    lab.run_profile(&down(&lab)).expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}
