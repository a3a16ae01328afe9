//! Other people's tools read our cartridges: hercules lists and extracts, tar and bsdtar unpack, round trips are equal.

use std::path::Path;

use twinhaul_tape::format::BLOCK;
use twinhaul_tape::format::BLOCK_LARGE;
use twinhaul_tape::format::labels::{Charset, Group, SetLabel};
use twinhaul_tape::format::section::SectionWriter;

use crate::made::{append, archive, label, long_name, new_cartridge, pattern, trailer};
use crate::tools::{all, run, text};

const TOOLS: &[&str] = &["hetmap", "hetget", "tapemap", "hetupd", "tar", "bsdtar"];

fn files() -> Vec<Vec<(String, Vec<u8>)>> {
    vec![
        vec![("big.bin".to_owned(), pattern(300_001, 5))],
        vec![("empty.dat".to_owned(), Vec::new())],
        vec![(long_name(), pattern(108_000, 6)), ("with space.txt".to_owned(), b"x".to_vec())],
    ]
}

fn payload(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let borrowed: Vec<_> = files.iter().map(|(n, c)| (n.as_str(), c.clone())).collect();
    archive(&borrowed)
}

/// `hetget` extracts `file`, equal; both tars unpack it, equal.
fn extracts(dir: &Path, tape: &str, number: usize, payload: &[u8], files: &[(String, Vec<u8>)]) {
    let out = format!("{tape}.{number}");
    let said = text(dir, "hetget", &[tape, &out, &number.to_string()]);
    assert!(std::fs::read(dir.join(&out)).unwrap() == payload, "hetget {tape} {number}: {said}");
    for tar in ["tar", "bsdtar"] {
        let to = dir.join(format!("{out}.{tar}"));
        std::fs::create_dir(&to).unwrap();
        let done = run(dir, tar, &["-x", "-f", &out, "-C", to.to_str().unwrap()]);
        assert!(done.status.success(), "{tar}: {}", String::from_utf8_lossy(&done.stderr));
        for (name, content) in files {
            assert!(std::fs::read(to.join(name)).unwrap() == *content, "{tar}: {name}");
        }
    }
}

#[test]
fn hercules_and_tar_read_every_variant() {
    if !all(TOOLS) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (tape, charset, block) in [
        ("ibm.aws", Charset::Ibm, BLOCK),
        ("large.aws", Charset::Ibm, BLOCK_LARGE),
        ("ansi.aws", Charset::Ansi, BLOCK),
    ] {
        let (file, mut end) = new_cartridge(&dir.join(tape), charset, "A00001");
        for (i, files) in files().iter().enumerate() {
            let n = i as u32 + 1;
            end = append(&file, end, n == 1, charset, label(n, "A00001", n, block), &payload(files)).end;
        }
        let listed = text(dir, "hetmap", &["-d", tape]);
        let mapped = text(dir, "tapemap", &[tape]);
        for n in 1..=3 {
            assert!(listed.contains(&format!("dsn=TWINHAUL.F000000{n}")), "{tape}: {listed}");
            // tapemap prints no labels of an ANSI cartridge.
            assert!(charset == Charset::Ansi || mapped.contains(&format!("TWINHAUL.F000000{n}")), "{mapped}");
        }
        assert!(mapped.contains("End of tape"), "{mapped}");
        for (i, files) in files().iter().enumerate() {
            extracts(dir, tape, i + 1, &payload(files), files);
        }
        let before = std::fs::read(dir.join(tape)).unwrap();
        text(dir, "hetupd", &["-z", "-9", tape, "rt.het"]);
        text(dir, "hetupd", &["-d", "rt.het", "rt.aws"]);
        assert!(std::fs::read(dir.join("rt.aws")).unwrap() == before, "{tape}: there and back through HET");
        assert!(std::fs::read(dir.join(tape)).unwrap() == before, "{tape}: reading changed it");
        for made in ["rt.het", "rt.aws"] {
            std::fs::remove_file(dir.join(made)).unwrap();
        }
    }
}

#[test]
fn sections_of_a_spanned_data_set_concatenate() {
    if !all(TOOLS) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let files = vec![("spanned.bin".to_owned(), pattern(1_500_000, 7))];
    let payload = payload(&files);
    let (mut at, mut n) = (0, 0);
    while at < payload.len() {
        n += 1;
        let volser = format!("A0001{n}");
        let (file, end) = new_cartridge(&dir.join(format!("{volser}.aws")), Charset::Ibm, &volser);
        let set = SetLabel { section: n, continued: n > 1, ..label(1, "A00011", 1, BLOCK) };
        let mut w = SectionWriter::begin(file, end, true, 700_000, Charset::Ibm, set, &[]).unwrap();
        at += w.write(&payload[at..]).unwrap();
        let group = if at == payload.len() { Group::End } else { Group::EndOfVolume };
        w.finish(group, &trailer(&payload[..at], "")).unwrap();
    }
    assert!(n > 2);
    let mut whole = Vec::new();
    for i in 1..=n {
        let tape = format!("A0001{i}.aws");
        let mapped = text(dir, "tapemap", &[&tape]);
        assert!(mapped.contains("TWINHAUL.F0000001") && mapped.contains("End of tape"), "{mapped}");
        text(dir, "hetget", &[&tape, "part", "1"]);
        whole.extend(std::fs::read(dir.join("part")).unwrap());
    }
    assert!(whole == payload);
    std::fs::write(dir.join("whole.tar"), whole).unwrap();
    assert!(run(dir, "tar", &["-x", "-f", "whole.tar"]).status.success());
    assert!(std::fs::read(dir.join("spanned.bin")).unwrap() == files[0].1);
}
