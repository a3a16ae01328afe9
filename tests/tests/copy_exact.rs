//! What is copied is what was there: every kind of object, through `copy` and through `run`, in every mode of durability
//! and verification; and a second run touches nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use std::collections::BTreeMap;
use std::path::Path;
use twinhaul_tests::needs;
use twinhaul_tests::product::run::assert_conserved;
use twinhaul_tests::product::{Lab, Profile};
use twinhaul_tests::same::{self, scan};
use twinhaul_tests::tree::{self, deep, hostile};
use twinhaul_units::TransferId;

/// Everything that tells whether an object was touched, by key.
fn traces(root: &Path) -> BTreeMap<Vec<u8>, String> {
    let tree = scan::read_stats(root);
    let trace = |e: &scan::Entry| {
        format!("{} {:?} {:?} {:?} {:o} {}", e.kind, e.inode, e.mtime, e.ctime, e.mode, e.size)
    };
    tree.entries.iter().map(|(path, e)| (path.clone(), trace(e))).collect()
}

fn assert_untouched(before: &BTreeMap<Vec<u8>, String>, root: &Path) {
    let after = traces(root);
    let changed: Vec<String> = before
        .keys()
        .chain(after.keys())
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| {
            let name = twinhaul_units::text::show_bytes(path);
            format!("{name}: {:?} -> {:?}", before.get(path), after.get(path))
        })
        .collect();
    assert!(changed.is_empty(), "{} objects were touched:\n{}", changed.len(), changed.join("\n"));
}

/// Nanoseconds in 64 bits end in 2262: a later time cannot be kept exactly, and the report says so.
#[test]
fn a_time_beyond_2262_is_listed_as_not_kept() {
    const YEAR_2300: i64 = 10_413_792_000;
    let lab = Lab::new();
    tree::small_files(&lab.source(), 3, 100, 1);
    let late = lab.source().join("d000/f000001");
    tree::set_mtime(&late, YEAR_2300, 0);
    if std::os::unix::fs::MetadataExt::mtime(&std::fs::metadata(&late).unwrap()) != YEAR_2300 {
        return needs::skip("a time beyond 2262", "this file system knows no such time");
    }
    lab.copy().expect_code(0);
    let report = lab.run(["report", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report.expect_code(0).stdout).unwrap();
    assert_eq!(report["not_kept"], serde_json::json!({"mtime": 1}), "{report:#}");
    lab.run(["report"]).expect_code(0).expect_words(&["not kept: mtime of 1 transfer "]);
    let manifest = std::fs::read_to_string(report["manifest"].as_str().unwrap()).unwrap();
    let line = manifest.lines().find(|l| l.contains("d000/f000001")).unwrap();
    assert!(line.contains(r#""lost":["mtime"]"#), "{line}");
    assert_eq!(std::fs::read(&late).unwrap(), std::fs::read(lab.target().join("d000/f000001")).unwrap());
}

#[test]
fn a_hostile_tree_arrives_exactly_and_a_second_run_touches_nothing() {
    let lab = Lab::new();
    hostile::make(&lab.source(), hostile::Sizes::asked_for());

    lab.copy().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
    assert_eq!(same::diff_r(&lab.source(), &lab.target()), Ok(()));
    let first = lab.newest_status();
    assert_conserved(&first);
    assert_eq!((first.failed.transfers, first.remaining.transfers), (0, 0));

    let before = traces(&lab.target());
    lab.copy().expect_code(0);
    assert_untouched(&before, &lab.target());
    let second = lab.newest_status();
    assert_conserved(&second);
    assert_ne!(first.run, second.run);
    assert_eq!(second.totals.transfers, first.totals.transfers);
    assert_eq!(
        (second.done.transfers, second.skipped),
        (
            0,
            twinhaul_wire::command::QueueSize {
                transfers: second.totals.transfers,
                bytes: second.totals.bytes,
            }
        )
    );
}

/// Directories are listed by several threads; the plan must not tell which of them was first.
#[test]
fn two_plans_of_one_tree_are_the_same_row_by_row() {
    let lab = Lab::new();
    for (nth, part) in ["a", "a/deep", "a/deep/er", "b"].iter().enumerate() {
        tree::small_files(&lab.source().join(part), 1200, 10, nth as u64);
    }
    std::fs::hard_link(lab.source().join("a/d000/f000000"), lab.source().join("b/linked")).unwrap();
    let planned = || {
        lab.copy().expect_code(0);
        let run = lab.state().join("runs").join(lab.newest_status().run);
        let view = twinhaul_ledger::View::open(&run.join("ledger.sqlite")).unwrap();
        let rows = view.rows(TransferId(0), TransferId(u64::MAX), 10_000).unwrap();
        let rows: Vec<_> = rows.into_iter().map(|r| (r.id, r.key, r.size, r.mtime_ns, r.names)).collect();
        let directories = view.directories(None, 1000).unwrap();
        (rows, directories.into_iter().map(|d| (d.depth, d.key)).collect::<Vec<_>>())
    };
    let first = planned();
    assert_eq!((first.0.len(), first.1.len()), (4800, 24));
    assert_eq!(first, planned());
}

/// Long rows of transfers with nothing to do are looked at ahead of the slots: what lies between them must not be passed over.
#[test]
fn of_a_tree_that_is_there_exactly_what_changed_is_copied() {
    const FILES: usize = 3000;
    let lab = Lab::new();
    tree::small_files(&lab.source(), FILES, 20, 1);
    lab.copy().expect_code(0);
    let mut before = traces(&lab.target());
    let path = |i: usize| format!("d{:03}/f{i:06}", i / 250);
    let changed: Vec<usize> = (0..FILES).filter(|i| i % 300 == 3 || (1_500..1_540).contains(i)).collect();
    for (nth, i) in changed.iter().enumerate() {
        let (from, to) = (lab.source().join(path(*i)), lab.target().join(path(*i)));
        match nth % 4 {
            0 => tree::set_mtime(&from, 1_000_000_000, 0),
            1 => std::fs::write(&from, "another size").unwrap(),
            2 => std::fs::remove_file(&to).unwrap(),
            _ => std::fs::write(&to, "not what was copied").unwrap(),
        }
        before.remove(path(*i).as_bytes());
    }
    lab.copy().expect_code(0);
    let status = lab.newest_status();
    assert_conserved(&status);
    let moved = (status.done.transfers, status.skipped.transfers, status.failed.transfers);
    assert_eq!(moved, (changed.len() as u64, (FILES - changed.len()) as u64, 0));
    same::assert_same(&lab.source(), &lab.target());
    let files = |(path, _): &(&Vec<u8>, &String)| path.contains(&b'/');
    let after = traces(&lab.target());
    for (path, trace) in before.iter().filter(files) {
        assert_eq!(Some(trace), after.get(path), "{} was touched", twinhaul_units::text::show_bytes(path));
    }
}

#[test]
fn every_durability_and_verification_arrives_exactly() {
    for (durability, verify) in
        [("each", "none"), ("group", "hash"), ("end", "read-back"), ("end", "read-back-cached")]
    {
        let lab = Lab::new();
        let sizes =
            hostile::Sizes { big_bytes: 9 << 20, sparse_bytes: 128 << 20, sparse_data_bytes: 2 << 20 };
        hostile::make(&lab.source(), sizes);
        let mut profile = Profile::new("modes", &lab.source(), &lab.target());
        (profile.durability, profile.verify) = (durability.to_owned(), verify.to_owned());
        let path = lab.write_profile(&profile);
        lab.run_profile(&path).expect_code(0);
        same::assert_same(&lab.source(), &lab.target());
        let status = lab.newest_status();
        assert_conserved(&status);
        let verified = status.verified.transfers > 0;
        assert_eq!(verified, verify != "none", "{durability} {verify}: {status:#?}");
    }
}

#[test]
fn the_profile_that_copy_saves_does_the_same_again() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 100, 1000, 1);
    let saved = lab.path("saved.yaml");
    lab.finish(lab.copy_command(&["--save".as_ref(), saved.as_os_str()])).expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
    std::fs::remove_dir_all(lab.target()).unwrap();
    std::fs::create_dir(lab.target()).unwrap();
    lab.run_profile(&saved).expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

#[test]
fn the_first_route_that_matches_decides_and_a_prefix_is_put_before_the_key() {
    let lab = Lab::new();
    let source = lab.source();
    for (path, size) in [("a/one.raw", 1000), ("a/two.txt", 2000), ("three.raw", 3000), ("four", 0)] {
        std::fs::create_dir_all(source.join(path).parent().unwrap()).unwrap();
        tree::file(&source.join(path), size, size);
    }
    for target in ["raw", "rest"] {
        std::fs::create_dir(lab.path(target)).unwrap();
    }
    let place = |name: &str| serde_json::Value::from(lab.path(name).to_str().unwrap());
    let profile = format!(
        "version: 1\nname: routes\nsources:\n  here: {{ backend: disk, root: {} }}\ntargets:\n  raw: {{ backend: disk, root: {}, create: true }}\n  rest: {{ backend: disk, root: {}, create: true }}\nroutes:\n  - {{ from: here, match: \"**/*.raw\", to: raw }}\n  - {{ from: here, to: rest, prefix: below/here/ }}\n",
        place("source"),
        place("raw"),
        place("rest"),
    );
    let path = lab.write("profile.yaml", &profile);
    lab.run_profile(&path).expect_code(0);
    let files = |name: &str| -> Vec<String> {
        let tree = scan::read_stats(&lab.path(name));
        let files = tree.entries.iter().filter(|(_, e)| e.kind == scan::Kind::File);
        files.map(|(path, _)| String::from_utf8_lossy(path).into_owned()).collect()
    };
    assert_eq!(files("raw"), ["a/one.raw", "three.raw"]);
    assert_eq!(files("rest"), ["below/here/a/two.txt", "below/here/four"]);
    let bytes = |name: &str| std::fs::read(lab.path(name)).unwrap();
    assert_eq!(bytes("raw/a/one.raw"), bytes("source/a/one.raw"));
    assert_eq!(bytes("rest/below/here/a/two.txt"), bytes("source/a/two.txt"));
}

/// No path from `/` could name these files, and no `diff` can compare them.
#[test]
fn a_key_as_long_as_a_key_may_be_arrives() {
    let lab = Lab::new();
    std::fs::create_dir(lab.source()).unwrap();
    deep::file(&lab.source(), "long names", 4095, 255, b"4095 bytes of key");
    deep::file(&lab.source(), "short names", 999, 1, b"five hundred directories");
    lab.copy().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

#[test]
fn many_sizes_as_in_life_arrive_exactly() {
    let lab = Lab::new();
    let n = if hostile::Sizes::asked_for().big_bytes > 1 << 29 { 20_000 } else { 3_000 };
    tree::lognormal(&lab.source().join("lognormal"), n / 10, 20_000, 2.0, 11);
    tree::small_files(&lab.source().join("small"), n, 4096, 12);
    lab.copy().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
    let status = lab.newest_status();
    assert_conserved(&status);
    assert!(status.done.transfers >= (n + n / 10) as u64, "{status:#?}");
}

#[test]
fn verify_finds_a_bit_that_turned() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 50, 5000, 5);
    lab.copy().expect_code(0);
    lab.run(["verify"]).expect_code(0);
    let victim = lab.target().join("d000/f000017");
    let mut bytes = std::fs::read(&victim).unwrap();
    bytes[2500] ^= 1;
    std::fs::write(&victim, bytes).unwrap();
    lab.run(["verify"]).expect_code(6).expect_words(&["d000/f000017"]);
}
