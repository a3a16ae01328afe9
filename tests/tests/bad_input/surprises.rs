//! What changes while a run goes on: its source, and who else wants it.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use twinhaul_tests::product::{Lab, Profile};
use twinhaul_tests::{same, tree};

#[test]
fn a_second_supervisor_on_a_run_is_refused() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 64, 64 * 1024, 1);
    let profile = Profile::new("held", &lab.source(), &lab.target()).limits("256 KiB/s", "256 KiB/s");
    let run = lab.start(&profile);
    run.until_under_way();
    let before = run.status();
    lab.run(["run", "--resume", &run.id, "--headless"]).expect_code(11).expect_words(&[&run.id]);
    let after = run.status();
    for (name, peer) in &before.peers {
        assert_eq!(after.peers[name].incarnation, peer.incarnation, "the refused one disturbed {name}");
    }
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

#[test]
fn a_file_that_changes_while_it_is_read_fails_by_name() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 20, 1000, 1);
    let changing = lab.source().join("changing");
    tree::file(&changing, 6 << 20, 2);
    let profile = Profile::new("changing", &lab.source(), &lab.target()).limits("4 MiB/s", "4 MiB/s");
    let path = lab.write_profile(&profile);
    let over = AtomicBool::new(false);
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = std::fs::OpenOptions::new().append(true).open(&changing).unwrap();
            while !over.load(Ordering::Relaxed) {
                file.write_all(b"one more line\n").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
        let done = lab.run_profile(&path);
        over.store(true, Ordering::Relaxed);
        done
    });
    done.expect_code(3).expect_words(&["changing", "changed while"]);
    assert!(!lab.target().join("changing").exists(), "half of an old and half of a new version is no copy");
    let status = lab.newest_status();
    assert_eq!((status.failed.transfers, status.remaining.transfers), (1, 0), "{status:#?}");

    lab.copy().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

#[test]
fn a_file_that_vanishes_before_its_turn_fails_by_name() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 64, 64 * 1024, 1);
    let profile = Profile::new("vanishing", &lab.source(), &lab.target()).limits("256 KiB/s", "256 KiB/s");
    let run = lab.start(&profile);
    run.until_under_way();
    run.verb("pause", &[]).expect_code(0);
    // The last of a queue in every order of sizes, for they are all the same.
    let queued: Vec<String> = (0..64).map(|i| format!("d000/f{i:06}")).collect();
    let gone = queued.iter().rev().find(|key| !lab.target().join(key).exists()).unwrap();
    std::fs::remove_file(lab.source().join(gone)).unwrap();
    run.verb("resume", &[]).expect_code(0);
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(3);
    run.verb("report", &[]).expect_code(0).expect_words(&[gone]);
    same::assert_same(&lab.source(), &lab.target());
}
