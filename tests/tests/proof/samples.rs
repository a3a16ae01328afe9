//! `verify --sample n/t`: disjoint, complete, the same every time.

use std::collections::BTreeSet;
use twinhaul_tests::product::Lab;
use twinhaul_tests::tree;

fn json(lab: &Lab, more: &[&str]) -> (i32, serde_json::Value) {
    let done = lab.run([&["verify", "--json"][..], more].concat());
    let value = serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}\n{done}"));
    (done.code, value)
}

fn keys(verified: &serde_json::Value) -> BTreeSet<String> {
    let list = verified["mismatches"].as_array().unwrap();
    list.iter().map(|m| m["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn samples_are_disjoint_and_together_everything() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 60, 300, 1);
    lab.copy().expect_code(0);
    for i in 0..60 {
        std::fs::write(lab.target().join(format!("d000/f{i:06}")), b"other").unwrap();
    }
    let mut seen = BTreeSet::new();
    for n in 1..=4 {
        let sample = format!("{n}/4");
        let (code, verified) = json(&lab, &["--sample", &sample]);
        assert_eq!((code, &verified["sample"], &verified["of"]), (6, &n.into(), &4.into()), "{verified:#}");
        assert_eq!(verified["done"], 60, "{verified:#}");
        let found = keys(&verified);
        assert_eq!(verified["read"], found.len(), "{verified:#}");
        assert!(found.len() < 60, "a sample is a part");
        assert_eq!(keys(&json(&lab, &["--sample", &sample]).1), found, "the same at any time");
        for key in found {
            assert!(seen.insert(key.clone()), "{key} is in two samples");
        }
    }
    assert_eq!(seen.len(), 60);
    let (code, all) = json(&lab, &[]);
    assert_eq!((code, keys(&all)), (6, seen), "{all:#}");
    assert!(all["sample"].is_null() && all["of"].is_null(), "{all:#}");
}

#[test]
fn one_turned_byte_is_found_in_its_sample_and_named() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 40, 5000, 2);
    lab.copy().expect_code(0);
    let victim = lab.target().join("d000/f000023");
    let mut bytes = std::fs::read(&victim).unwrap();
    bytes[4999] ^= 0x80;
    std::fs::write(&victim, bytes).unwrap();
    let mut codes = Vec::new();
    for n in 1..=3 {
        let done = lab.run(["verify", "--sample", &format!("{n}/3")]);
        done.expect_words(&[&format!("sample {n}/3: "), " of 40 done transfers"]);
        if done.code == 6 {
            done.expect_words(&["mismatch at target, d000/f000023: holds other bytes than were written"]);
        }
        codes.push(done.code);
    }
    codes.sort_unstable();
    assert_eq!(codes, [0, 0, 6]);
    // Whatever is gone, or cannot be read, is not proven either.
    std::fs::remove_file(&victim).unwrap();
    lab.run(["verify"])
        .expect_code(6)
        .expect_words(&["d000/f000023: is missing", "39 verified, 1 mismatched"]);
}

#[test]
fn a_sample_that_is_none_is_refused() {
    let lab = Lab::new();
    for bad in ["", "3", "0/3", "4/3", "1/0", "a/b", "1/1000000", "1/3/5", "-1/3"] {
        let sample = format!("--sample={bad}");
        lab.run(["verify", &sample]).expect_code(2).expect_words(&["--sample"]);
    }
}
