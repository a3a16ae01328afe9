//! Bad input, each with its message, and nothing overwritten.

use crate::set::{cartridges, file_of, library, library_of, tape, up};
use std::path::Path;
use twinhaul_tests::product::Lab;
use twinhaul_tests::tree;

/// A library of two cartridges, the first with data: the second comes later, or the peers might write to that one.
fn written() -> Lab {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 20, 2000, 1);
    library(&lab, 1, 1, 8);
    lab.run_profile(&up(&lab, "", "")).expect_code(0);
    tape(&lab, &["init", "--add", "1", "--capacity", "8 MiB"]).expect_code(0);
    lab
}

fn state_of(lab: &Lab, barcode: &str) -> (String, String) {
    let all = cartridges(lab);
    let one = all.iter().find(|c| c["barcode"] == barcode).unwrap();
    (one["state"].as_str().unwrap().to_owned(), one["reason"].as_str().unwrap().to_owned())
}

/// Puts `bytes` in the slot of a cartridge that has data, and reads it: the message, and the bytes are still there.
fn met(bytes: &[u8], words: &str) {
    let lab = written();
    let path = file_of(&lab, "A00001L8");
    std::fs::write(&path, bytes).unwrap();
    let done = tape(&lab, &["verify", "A00001L8"]);
    assert!(done.code != 0, "{done}");
    let said = format!("{}{}", done.stdout, done.stderr);
    assert!(said.contains("A00001L8") && said.contains(words), "{words}\n{done}");
    assert!(std::fs::read(&path).unwrap() == bytes, "{words}: it was overwritten");
    // A run that writes goes round it.
    tree::small_files(&lab.source().join("more"), 5, 2000, 2);
    lab.run_profile(&up(&lab, "", "")).expect_code(0);
    assert!(std::fs::read(&path).unwrap() == bytes, "{words}: it was written to");
    tape(&lab, &["label", "A00001L8"]).expect_code(1).expect_words(&["--force"]);
    assert!(std::fs::read(&path).unwrap() == bytes, "{words}: it was labelled");
}

#[test]
fn a_foreign_file_in_a_slot() {
    met(&b"this is no tape at all ".repeat(5000), "it is no AWSTAPE file");
}

#[test]
fn a_cartridge_without_a_label() {
    // One block of data and two tapemarks: a tape, and not labelled.
    let mut bytes = vec![80, 0, 0, 0, 0xA0, 0];
    bytes.extend([b'x'; 80]);
    bytes.extend([0, 0, 80, 0, 0x40, 0, 0, 0, 0, 0, 0x40, 0]);
    met(&bytes, "it has no volume label");
}

#[test]
fn the_label_of_another_volume() {
    let other = Lab::new();
    tree::small_files(&other.source(), 20, 2000, 3);
    library_of(&other, 1, 1, "8 MiB", &["--prefix", "B"]);
    let bytes = std::fs::read(file_of(&other, "B00001L8")).unwrap();
    met(&bytes, "its label says B00001");
}

#[test]
fn a_truncated_cartridge_loses_nothing_more() {
    let lab = written();
    let whole = std::fs::read(file_of(&lab, "A00001L8")).unwrap();
    met(&whole[..whole.len() / 2], "readable up to byte");
}

#[test]
fn an_empty_file_in_a_slot() {
    met(b"", "its file is empty");
}

#[test]
fn what_is_write_protected_is_not_written_to() {
    let lab = written();
    let before = std::fs::read(file_of(&lab, "A00001L8")).unwrap();
    tape(&lab, &["protect", "A00001L8"]).expect_code(0).expect_words(&["write-protected"]);
    tree::small_files(&lab.source().join("more"), 5, 2000, 2);
    lab.run_profile(&up(&lab, "", "")).expect_code(0);
    tape(&lab, &["label", "A00001L8", "--force"]).expect_code(1).expect_words(&["write-protected"]);
    assert!(std::fs::read(file_of(&lab, "A00001L8")).unwrap() == before);
    tape(&lab, &["verify", "A00001L8"]).expect_code(0).expect_words(&["0 damaged"]);
}

#[test]
fn two_libraries_over_one_directory() {
    let lab = written();
    let before = std::fs::read(file_of(&lab, "A00001L8")).unwrap();
    tape(&lab, &["init"]).expect_code(1).expect_words(&["there is a tape library already"]);
    // Its papers are gone, its cartridges are there.
    let library = lab.path("library");
    std::fs::rename(library.join("library.json"), lab.path("kept.json")).unwrap();
    tape(&lab, &["init"]).expect_code(1).expect_words(&["its cartridges belong to another library"]);
    std::fs::rename(lab.path("kept.json"), library.join("library.json")).unwrap();
    let mut inside = lab.command();
    inside.args(["tape", "init", "--library"]).arg(library.join("cartridges"));
    lab.finish(inside).expect_code(1).expect_words(&["it lies within the tape library"]);
    assert!(std::fs::read(file_of(&lab, "A00001L8")).unwrap() == before);
    tape(&lab, &["verify"]).expect_code(0).expect_words(&["0 damaged"]);
}

#[test]
fn a_capacity_below_a_block() {
    let lab = Lab::new();
    let done = tape(&lab, &["init", "--capacity", "20 KiB"]);
    done.expect_code(2).expect_words(&["capacity", "not even a block fits"]);
    assert!(!lab.path("library").exists());
    library(&lab, 1, 1, 8);
    tape(&lab, &["init", "--add", "1", "--capacity", "20 KiB"]).expect_code(2).expect_words(&["block fits"]);
    assert_eq!(cartridges(&lab).len(), 1);
}

#[test]
fn barcodes_that_are_there_twice() {
    let lab = written();
    let path = file_of(&lab, "A00001L8");
    let before = std::fs::read(&path).unwrap();
    // Another medium with the same volume serial number, put into a slot by hand.
    let twin = file_of(&lab, "A00001L9");
    std::fs::copy(&path, &twin).unwrap();
    assert_eq!(
        state_of(&lab, "A00001L9"),
        ("quarantined".to_owned(), "cartridge A00001L8 has the same volume serial number".to_owned())
    );
    tape(&lab, &["import", "A00001L9"]).expect_code(1).expect_words(&["A00001L8 has the same volume serial"]);
    tape(&lab, &["label", "A00001L9", "--force"]).expect_code(1).expect_words(&["same volume serial"]);
    assert!(std::fs::read(&twin).unwrap() == before);
    // What nobody took in is forgotten when it is gone.
    std::fs::remove_file(&twin).unwrap();
    assert!(cartridges(&lab).iter().all(|c| c["barcode"] != "A00001L9"));
    let from = lab.path("outside.aws");
    std::fs::copy(&path, &from).unwrap();
    let taken = tape(&lab, &["import", "A00001L8", "--from", from.to_str().unwrap()]);
    taken.expect_code(1).expect_words(&["its slot holds a file already, and is not overwritten"]);
    for file in [&path, &from] {
        assert!(std::fs::read(file).unwrap() == before, "{}", file.display());
    }
    let all = tape(&lab, &["label", "A1"]);
    all.expect_code(2).expect_words(&["not a barcode"]);
    assert!(Path::new(&path).exists());
}
