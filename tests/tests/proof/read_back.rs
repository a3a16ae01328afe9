//! What is read back is compared: a byte that is not what was written is found, and written again (faults.md 40).

use rustix::process::Signal;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use twinhaul_failpoint as failpoint;
use twinhaul_tests::product::run::CONDITION_WAIT_MAX;
use twinhaul_tests::product::{Lab, Profile, poll, processes};
use twinhaul_tests::{same, tree};
use twinhaul_wire::EventKind;

/// Turns one byte round behind everybody's back: neither size nor time tell.
fn flip(path: &Path) {
    let before = std::fs::metadata(path).unwrap();
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 1000).unwrap();
    file.write_all_at(&[!byte[0]], 1000).unwrap();
    drop(file);
    tree::set_mtime(path, before.mtime(), u32::try_from(before.mtime_nsec()).unwrap());
}

fn found_and_written_again(verify: &str, durability: &str) {
    let mut lab = Lab::new();
    tree::small_files(&lab.source(), 1, 5000, 1);
    let marks = lab.path("marks");
    std::fs::create_dir(&marks).unwrap();
    lab.set_env(failpoint::DIRECTORY, &marks);
    // Whoever has the one transfer stops when it is visible and not yet read back.
    lab.set_env(failpoint::SPECS, "alpha/published:freeze:1,beta/published:freeze:1");
    let profile = Profile::new("flipped", &lab.source(), &lab.target());
    let profile = Profile { verify: verify.into(), durability: durability.into(), ..profile };
    let run = lab.start(&profile);
    let mark = poll(CONDITION_WAIT_MAX, || std::fs::read_dir(&marks).unwrap().next()).expect("it fires");
    let pid = poll(CONDITION_WAIT_MAX, || {
        std::fs::read_to_string(mark.as_ref().unwrap().path()).ok()?.parse().ok()
    });
    flip(&lab.target().join("d000/f000000"));
    processes::signal(pid.expect("who it was"), Signal::CONT);
    run.wait().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
    let again = run.kinds().into_iter().find_map(|kind| match kind {
        EventKind::Retry { error, .. } => Some(error),
        _ => None,
    });
    let again = again.unwrap_or_default();
    assert!(again.contains("holds other bytes than were written"), "{verify}, {durability}: {again}");
    assert_eq!(run.status().verified.transfers, 1);
}

#[test]
fn a_byte_that_changed_at_the_target_is_found_and_written_again() {
    for (verify, durability) in [("read-back", "group"), ("read-back", "end"), ("read-back-cached", "end")] {
        found_and_written_again(verify, durability);
    }
}
