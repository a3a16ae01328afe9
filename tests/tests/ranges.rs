//! One large file, two peers: both write it, and whatever happens to one of them, to the file or to the run meanwhile,
//! what arrives is exact.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use twinhaul_tests::product::run::{CONDITION_WAIT_MAX, Run, assert_conserved};
use twinhaul_tests::product::{Lab, Profile, end, poll, processes};
use twinhaul_tests::{same, tree};
use twinhaul_wire::{EventKind, RangeShown};

const MIB: u64 = 1 << 20;

fn file(lab: &Lab, name: &str, size: u64, seed: u64) {
    std::fs::create_dir_all(lab.source()).unwrap();
    tree::file(&lab.source().join(name), size, seed);
}

/// Both peers slow enough that they meet in the middle of one file.
fn profile(lab: &Lab) -> Profile {
    let mut profile = Profile::new("ranges", &lab.source(), &lab.target()).limits("8 MiB/s", "8 MiB/s");
    profile.policy = "balanced".into();
    profile
}

/// Who lent the first range to whom.
fn until_lent(run: &Run<'_>) -> (String, String) {
    let found = poll(CONDITION_WAIT_MAX, || {
        run.events().into_iter().find_map(|event| match event.kind {
            EventKind::RangesLent { to, .. } => Some((event.peer.expect("a peer lends"), to)),
            _ => None,
        })
    });
    found.unwrap_or_else(|| panic!("nothing was lent: {:#?}", run.events()))
}

/// Whose bytes were whose, of the first transfer whose parts came home.
fn shares(run: &Run<'_>) -> Vec<RangeShown> {
    let home = |kind| match kind {
        EventKind::RangesHome { ranges, .. } => Some(ranges),
        _ => None,
    };
    run.kinds().into_iter().find_map(home).unwrap_or_else(|| panic!("no parts came home: {:#?}", run.kinds()))
}

fn unlimited(run: &Run<'_>) {
    run.verb("limit", &["none"]);
}

/// Everything that must be true at the end, whatever happened.
fn examine(run: &Run<'_>) {
    run.wait().expect_code(0);
    end::examine(run);
}

#[test]
fn both_peers_write_one_large_file() {
    let lab = Lab::new();
    file(&lab, "large", 48 * MIB + 12_345, 1);
    let run = lab.start(&profile(&lab));
    examine(&run);
    let shares = shares(&run);
    let of = |peer: &str| shares.iter().filter(|r| r.peer == peer).map(|r| r.to - r.from).sum::<u64>();
    assert!(of("alpha") > 8 * MIB && of("beta") > 8 * MIB, "both did a good part of it: {shares:#?}");
    assert_eq!(of("alpha") + of("beta"), 48 * MIB + 12_345, "and nothing twice: {shares:#?}");
    assert!(shares.iter().all(|r| r.done == r.to - r.from), "{shares:#?}");
    assert!(run.status().assistance.ranges > 0, "{:#?}", run.status().assistance);
}

/// One range for a helper of four slots: it is divided among them, and each part goes its own way from then on.
#[test]
fn a_helper_works_on_one_range_with_all_its_slots() {
    for killed in [None, Some("helper"), Some("home")] {
        let lab = Lab::new();
        file(&lab, "large", 96 * MIB + 12_345, 1);
        let mut profile = profile(&lab);
        (profile.alpha.slots, profile.beta.slots) = (1, 4);
        let run = lab.start(&profile);
        let (home, helper) = until_lent(&run);
        let of = |peer: &str| if peer == "alpha" { 1 } else { 4 };
        let status = run.until("every slot of the helper works on it", |s| {
            s.peers[&helper].in_flight.len() == of(&helper)
        });
        // Each row is of its own part, and as large as that is by now.
        let mut parts: Vec<RangeShown> = Vec::new();
        for row in &status.peers[&helper].in_flight {
            let [part] = &row.ranges[..] else { panic!("{row:#?}") };
            assert_eq!((row.bytes, &part.peer), (part.to - part.from, &helper), "{row:#?}");
            parts.push(part.clone());
        }
        parts.sort_by_key(|part| part.from);
        assert!(parts.windows(2).all(|two| two[0].to <= two[1].from), "{parts:#?}");
        match killed {
            Some("helper") => processes::kill(run.pid(&helper).expect("the helper has a process")),
            Some(_) => processes::kill(run.pid(&home).expect("the home has a process")),
            None => {}
        }
        if killed.is_some() {
            run.until("it is back", |s| s.state.ended() || s.peers.values().any(|p| p.incarnation > 1));
        }
        unlimited(&run);
        examine(&run);
    }
}

#[test]
fn large_files_beside_small_ones_in_every_mode() {
    for (durability, verify) in [("each", "read-back"), ("end", "hash"), ("group", "none")] {
        let lab = Lab::new();
        tree::small_files(&lab.source().join("small"), 60, 20_000, 7);
        for (name, size) in [("a", 20 * MIB), ("b", 4 * MIB), ("c", 4 * MIB - 1), ("d", 31 * MIB + 1)] {
            tree::file(&lab.source().join(name), size, size);
        }
        std::fs::hard_link(lab.source().join("d"), lab.source().join("also-d")).unwrap();
        let mut profile = profile(&lab).limits("12 MiB/s", "9 MiB/s");
        (profile.durability, profile.verify) = (durability.into(), verify.into());
        let run = lab.start(&profile);
        run.wait().expect_code(0);
        same::assert_same(&lab.source(), &lab.target());
        assert_conserved(&run.status());
        assert!(!lab.target().join(".twinhaul").exists());
    }
}

#[test]
fn a_killed_helper_costs_only_its_range() {
    let lab = Lab::new();
    file(&lab, "large", 64 * MIB + 5, 2);
    let run = lab.start(&profile(&lab));
    let (_, helper) = until_lent(&run);
    processes::kill(run.pid(&helper).expect("the helper has a process"));
    run.until("the helper is back", |s| s.state.ended() || s.peers[&helper].incarnation > 1);
    unlimited(&run);
    examine(&run);
}

#[test]
fn a_killed_home_begins_again() {
    let lab = Lab::new();
    file(&lab, "large", 64 * MIB + 5, 3);
    let run = lab.start(&profile(&lab));
    let (home, _) = until_lent(&run);
    processes::kill(run.pid(&home).expect("the home has a process"));
    run.until("somebody goes on", |s| s.state.ended() || s.peers[&home].incarnation > 1);
    unlimited(&run);
    examine(&run);
}

#[test]
fn a_source_that_changes_while_both_read_it_arrives_in_one_version() {
    let lab = Lab::new();
    let large = lab.source().join("large");
    file(&lab, "large", 48 * MIB, 4);
    let run = lab.start(&profile(&lab));
    until_lent(&run);
    // Bytes that both have behind them or before them: at the beginning, in the middle, and a new end.
    let file = std::fs::OpenOptions::new().write(true).open(&large).unwrap();
    for at in [3, 24 * MIB, 48 * MIB] {
        file.write_all_at(b"another version", at).unwrap();
    }
    drop(file);
    unlimited(&run);
    run.wait().expect_code(0);
    let (source, target) =
        (std::fs::read(&large).unwrap(), std::fs::read(lab.target().join("large")).unwrap());
    assert!(source == target, "{} and {} bytes differ", source.len(), target.len());
    assert!(!lab.target().join(".twinhaul").exists());
    let retried = run.kinds().iter().any(|k| matches!(k, EventKind::Retry { .. }));
    assert!(retried, "the change was found out: {:#?}", run.kinds());
}

#[test]
fn holes_of_a_file_that_both_write_stay_holes() {
    let lab = Lab::new();
    let large = lab.source().join("holes");
    std::fs::create_dir_all(lab.source()).unwrap();
    let file = std::fs::File::create(&large).unwrap();
    let data: Vec<u8> = (0..2 * MIB).map(|i| (i % 251) as u8 + 1).collect();
    for part in 0..24u64 {
        file.write_all_at(&data, part * 20 * MIB + 4096 * part).unwrap();
    }
    file.set_len(500 * MIB + 11).unwrap();
    drop(file);
    let run = lab.start(&profile(&lab));
    examine(&run);
    let blocks = |path: &Path| std::fs::metadata(path).unwrap().blocks() * 512;
    let (before, after) = (blocks(&large), blocks(&lab.target().join("holes")));
    assert!(after < before + 16 * MIB, "{before} bytes were on the disk, {after} are");
    assert!(run.kinds().iter().any(|k| matches!(k, EventKind::RangesLent { .. })), "it was cut");
}

#[test]
fn a_run_that_is_stopped_between_its_ranges_can_be_resumed() {
    let lab = Lab::new();
    file(&lab, "large", 64 * MIB, 6);
    file(&lab, "other", 30 * MIB, 7);
    let run = lab.start(&profile(&lab));
    until_lent(&run);
    run.verb("stop", &["--drain"]).expect_code(0);
    let stopped = run.wait();
    assert!([0, 130, 143].contains(&stopped.code), "{stopped}");
    lab.run(["run", "--resume", &run.id, "--headless"]).expect_code(0);
    examine(&run);
}

/// What its helper had done of the end is taken over, and the beginning begun anew: neither may get into the other's place.
#[test]
fn a_home_killed_before_its_first_bytes_goes_on_from_the_end_that_was_lent() {
    let lab = Lab::new();
    file(&lab, "large", 20 * MIB + 77, 10);
    let mut profile = profile(&lab).limits("48 KiB/s", "16 MiB/s");
    profile.split = "by: count, share: 100 %".into();
    let run = lab.start(&profile);
    let helped = |s: &twinhaul_wire::status::Status| s.peers["beta"].assisted.range_bytes > 2 * MIB;
    run.until("beta has done a part of the end", helped);
    // What large transfers have reached is recorded several times a second.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    processes::kill(run.pid("alpha").expect("the home has a process"));
    run.until("somebody goes on", |s| s.state.ended() || s.peers["alpha"].incarnation > 1);
    unlimited(&run);
    examine(&run);
}

/// Stopped, not killed: it holds its ranges until it is taken over, and must not write into them afterwards.
#[test]
fn a_frozen_helper_is_taken_over() {
    let lab = Lab::new();
    file(&lab, "large", 64 * MIB + 5, 8);
    let run = lab.start(&profile(&lab));
    let (_, helper) = until_lent(&run);
    run.freeze(run.pid(&helper).expect("the helper has a process"));
    unlimited(&run);
    examine(&run);
    let taken = run.kinds().iter().any(|k| matches!(k, EventKind::TakenOver { .. }));
    assert!(taken, "{:#?}", run.kinds());
}

#[test]
fn a_frozen_home_is_taken_over() {
    let lab = Lab::new();
    file(&lab, "large", 64 * MIB + 5, 9);
    let run = lab.start(&profile(&lab));
    let (home, _) = until_lent(&run);
    run.freeze(run.pid(&home).expect("the home has a process"));
    unlimited(&run);
    examine(&run);
    let taken = run.kinds().iter().any(|k| matches!(k, EventKind::TakenOver { .. }));
    assert!(taken, "{:#?}", run.kinds());
}
