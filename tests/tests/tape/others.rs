//! Other people's tools on a library that two peers have written: hercules lists and extracts, tar and bsdtar unpack, what spans
//! is concatenated, and a round trip through HET is identical.

use crate::set::{cartridges, down, file_of, json, library_of, tape, up};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use twinhaul_tests::product::Lab;
use twinhaul_tests::{needs, same, tree};

const TOOLS: [&str; 6] = ["hetmap", "hetget", "tapemap", "hetupd", "tar", "bsdtar"];

fn has_tools() -> bool {
    let on_path = |tool: &&str| {
        std::env::var_os("PATH").is_some_and(|p| std::env::split_paths(&p).any(|d| d.join(tool).is_file()))
    };
    let missing: Vec<&str> = TOOLS.into_iter().filter(|tool| !on_path(tool)).collect();
    if !missing.is_empty() {
        needs::skip(
            "tapes read by others",
            &format!("{missing:?}: apt-get install hercules libarchive-tools"),
        );
    }
    missing.is_empty()
}

/// Mixed sizes, one larger than a cartridge, an empty one, a name of 200 characters.
fn source(lab: &Lab) -> PathBuf {
    std::fs::create_dir_all(lab.source()).unwrap();
    tree::file(&lab.source().join("big.bin"), 20 << 20, 1);
    tree::lognormal(&lab.source().join("mixed"), 120, 20_000, 1.5, 2);
    std::fs::write(lab.source().join("empty"), b"").unwrap();
    let long = Path::new(&"Ü".repeat(59)).join("ß".repeat(59)).join("ä".repeat(80));
    assert_eq!(long.to_str().unwrap().chars().count(), 200);
    std::fs::create_dir_all(lab.source().join(&long).parent().unwrap()).unwrap();
    std::fs::write(lab.source().join(&long), b"a long name").unwrap();
    long
}

/// A tool in the lab; what it says on both streams. `hetget` answers 0 whatever happens.
fn says(lab: &Lab, program: &str, args: &[&str]) -> String {
    let mut command = lab.dress(Command::new(program));
    let out = command.args(args).env("LC_ALL", "C.UTF-8").output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

fn read_by_others(labels: &str) {
    let lab = Lab::new();
    let long = source(&lab);
    library_of(&lab, 2, 12, "8 MiB", &["--labels", labels]);
    lab.run_profile(&up(&lab, "", "")).expect_code(0);
    let written: Vec<String> = cartridges(&lab)
        .iter()
        .filter(|c| c["data_sets"].as_u64() > Some(0))
        .map(|c| c["barcode"].as_str().unwrap().to_owned())
        .collect();
    assert!(written.len() > 3, "{written:?}");
    // By data set, its sections in order.
    let mut parts: BTreeMap<String, BTreeMap<u64, PathBuf>> = BTreeMap::new();
    for barcode in &written {
        let path = file_of(&lab, barcode);
        let (file, before) = (path.to_str().unwrap(), std::fs::read(&path).unwrap());
        let (listed, mapped) = (says(&lab, "hetmap", &["-l", file]), says(&lab, "tapemap", &[file]));
        assert!(mapped.contains("End of tape"), "{mapped}");
        let sets = json(&lab, &["map", barcode])["data_sets"].as_array().unwrap().clone();
        for set in &sets {
            let (number, dsn) = (set["file"].to_string(), set["dsn"].as_str().unwrap().to_owned());
            assert!(listed.contains(&dsn), "{barcode}: {dsn}: {listed}");
            // tapemap prints no labels of an ANSI cartridge.
            assert!(labels == "ansi" || mapped.contains(&dsn), "{barcode}: {dsn}: {mapped}");
            let part = lab.path(&format!("{dsn}.{barcode}"));
            let said = says(&lab, "hetget", &[file, part.to_str().unwrap(), &number]);
            let mut ours = lab.command();
            ours.args(["tape", "cat", barcode, &number, "--library"]).arg(lab.path("library"));
            let ours = ours.output().unwrap();
            assert!(ours.status.success());
            assert!(std::fs::read(&part).unwrap() == ours.stdout, "{barcode} {number}: {said}");
            parts.entry(dsn).or_default().insert(set["section"].as_u64().unwrap(), part);
        }
        let (het, back) = (lab.path("rt.het"), lab.path("rt.aws"));
        says(&lab, "hetupd", &["-z", "-9", file, het.to_str().unwrap()]);
        says(&lab, "hetupd", &["-d", het.to_str().unwrap(), back.to_str().unwrap()]);
        assert!(std::fs::read(&back).unwrap() == before, "{barcode}: there and back through HET");
        assert!(std::fs::read(&path).unwrap() == before, "{barcode}: reading changed it");
        for made in [het, back] {
            std::fs::remove_file(made).unwrap();
        }
    }
    assert!(parts.values().any(|sections| sections.len() > 1), "nothing spans");
    unpack(&lab, &parts, &long);
    lab.run_profile(&down(&lab)).expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

/// Both tars unpack every data set, sections one behind the other, into a tree that has the source's files.
fn unpack(lab: &Lab, parts: &BTreeMap<String, BTreeMap<u64, PathBuf>>, long: &Path) {
    for tar in ["tar", "bsdtar"] {
        let to = lab.path(&format!("by-{tar}"));
        std::fs::create_dir(&to).unwrap();
        let mut names = String::new();
        for (dsn, sections) in parts {
            let archive = lab.path("whole.tar");
            let bytes: Vec<u8> = sections.values().flat_map(|p| std::fs::read(p).unwrap()).collect();
            assert_eq!(
                sections.keys().copied().collect::<Vec<_>>(),
                (1..=sections.len() as u64).collect::<Vec<_>>()
            );
            std::fs::write(&archive, bytes).unwrap();
            names += &says(lab, tar, &["-t", "-f", archive.to_str().unwrap()]);
            let mut command = lab.dress(Command::new(tar));
            command.args(["-x", "-p", "-f"]).arg(&archive).arg("-C").arg(&to).env("LC_ALL", "C.UTF-8");
            let out = command.output().unwrap();
            assert!(out.status.success(), "{tar} {dsn}: {}", String::from_utf8_lossy(&out.stderr));
        }
        for name in ["big.bin", "empty"] {
            assert!(names.contains(name), "{tar} lists {name}");
        }
        assert_eq!(std::fs::read(to.join(long)).unwrap(), b"a long name", "{tar}");
        std::fs::remove_dir_all(to.join(".twinhaul")).unwrap();
        let differences = same::differences(&lab.source(), &to);
        // Whoever unpacks into a directory changes its time; all else is equal, times of files to the nanosecond.
        let is_dir = |path: &[u8]| lab.source().join(std::ffi::OsStr::from_bytes(path)).is_dir();
        let of_a_directory = |d: &same::Difference| d.what.starts_with("has mtime") && is_dir(&d.path);
        let files: Vec<_> = differences.iter().filter(|d| !of_a_directory(d)).collect();
        assert!(files.is_empty(), "{tar}: {files:#?}");
    }
}

#[test]
fn hercules_and_tar_read_what_two_peers_wrote() {
    if has_tools() {
        read_by_others("ibm");
    }
}

#[test]
fn with_ansi_labels_too() {
    if has_tools() {
        read_by_others("ansi");
    }
}

/// A cartridge in another format is what hercules makes of it, and comes back.
#[test]
fn exports_are_read_by_hercules() {
    if !has_tools() {
        return;
    }
    let lab = Lab::new();
    tree::small_files(&lab.source(), 40, 3000, 2);
    library_of(&lab, 1, 2, "8 MiB", &[]);
    lab.run_profile(&up(&lab, "", "")).expect_code(0);
    let (het, back) = (lab.path("out.het"), lab.path("back.aws"));
    // Either peer may have come first to the drive, each with a cartridge of its own.
    let all = cartridges(&lab);
    let written = all.iter().find(|c| c["data_sets"].as_u64() > Some(0)).expect("a cartridge");
    let barcode = written["barcode"].as_str().unwrap();
    tape(&lab, &["export", barcode, het.to_str().unwrap(), "--format", "het"]).expect_code(0);
    says(&lab, "hetupd", &["-d", het.to_str().unwrap(), back.to_str().unwrap()]);
    assert!(std::fs::read(back).unwrap() == std::fs::read(file_of(&lab, barcode)).unwrap());
    let listed = says(&lab, "hetmap", &["-d", het.to_str().unwrap()]);
    assert!(listed.contains("dsn=TWINHAUL.F0000001"), "{listed}");
    // What is there is not overwritten.
    tape(&lab, &["export", barcode, het.to_str().unwrap()]).expect_code(1).expect_words(&["exists"]);
}
