//! Recalls: in the order of the medium, each cartridge mounted once, as the plan said; what is damaged is named, the rest comes.

use crate::set::{down, file_of, json, library, mounts, tape, up};
use std::os::unix::fs::FileExt as _;
use twinhaul_tests::product::Lab;
use twinhaul_tests::{same, tree};

/// A thousand objects scattered over five cartridges and more: nothing is mounted twice.
#[test]
fn a_recall_mounts_each_cartridge_once_as_planned() {
    let lab = Lab::new();
    tree::lognormal(&lab.source(), 1000, 15_000, 0.5, 7);
    library(&lab, 2, 12, 4);
    lab.run_profile(&up(&lab, "", "")).expect_code(0);
    let before = mounts(&lab);
    assert!(before.values().filter(|n| **n > 0).count() >= 5, "{before:?}");
    let profile = down(&lab);
    let text = std::fs::read_to_string(&profile).unwrap();
    // Assistance moves what is queued, and with it a cartridge that both then need.
    std::fs::write(&profile, format!("{text}assistance: {{ policy: none }}\n")).unwrap();
    let plan = |more: &[&str]| {
        let done = lab.run([&["plan", profile.to_str().unwrap()][..], more].concat());
        done.expect_code(0);
        done.stdout
    };
    let said = plan(&[]);
    assert!(said.contains("alpha mounts A0000") && said.contains("beta mounts A0000"), "{said}");
    let planned: serde_json::Value = serde_json::from_str(&plan(&["--json"])).unwrap();
    assert_eq!(mounts(&lab), before, "a plan mounts nothing");
    lab.run_profile(&profile).expect_code(0);
    let after = mounts(&lab);
    let order = planned["media"]["order"].as_array().unwrap();
    assert_eq!(planned["media"]["mounts"], order.len());
    let transfers: u64 = order.iter().map(|m| m["transfers"].as_u64().unwrap()).sum();
    assert_eq!(transfers, 1000);
    let mut twice = 0;
    for (barcode, now) in &after {
        let steps: Vec<_> = order.iter().filter(|m| m["medium"] == barcode.as_str()).collect();
        let mounted = now - before[barcode];
        // Where the shares are divided, the end of one object may lie on the other peer's cartridge: the plan says so.
        let ends = steps.iter().filter(|m| m["transfers"] == 0).count();
        twice += ends;
        let wanted = (steps.len() - ends) as u64..=steps.len() as u64;
        assert!(steps.len() - ends <= 1 && wanted.contains(&mounted), "{barcode}: {mounted} mounts: {said}");
    }
    assert!(twice <= 1, "{said}");
    same::assert_same(&lab.source(), &lab.target());
}

/// One byte of one object is flipped on a cartridge: `verify` and the recall name that object; everything else comes back.
#[test]
fn a_flipped_byte_is_named_by_object_and_the_rest_recalls() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 60, 4000, 5);
    let hurt = "damaged-one";
    tree::file(&lab.source().join(hurt), 100_000, 9);
    library(&lab, 2, 4, 8);
    lab.run_profile(&up(&lab, "", "")).expect_code(0);
    let needle = std::fs::read(lab.source().join(hurt)).unwrap();
    let (path, at) = ["A00001L8", "A00002L8", "A00003L8", "A00004L8"]
        .into_iter()
        .find_map(|barcode| {
            let path = file_of(&lab, barcode);
            let bytes = std::fs::read(&path).unwrap();
            let at = bytes.windows(64).position(|w| w == &needle[..64])?;
            Some((path, at as u64))
        })
        .expect("the object is on some cartridge");
    let file = std::fs::File::options().read(true).write(true).open(&path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at + 10).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at + 10).unwrap();
    // As a medium rots: nobody has written.
    file.set_modified(modified).unwrap();
    let verified = tape(&lab, &["verify"]);
    verified.expect_code(6);
    assert!(verified.stdout.contains(&format!("damaged: {hurt}")), "{verified}");
    assert_eq!(verified.stdout.matches("damaged: ").count(), 1, "{verified}");
    let shown = json(&lab, &["ls"]);
    assert!(shown["cartridges"].as_array().unwrap().iter().any(|c| c["state"] == "suspect"), "{shown}");
    let recalled = lab.run_profile(&down(&lab));
    recalled.expect_code(3).expect_words(&[hurt, "not those that were written"]);
    assert!(!lab.target().join(hurt).exists());
    std::fs::remove_file(lab.source().join(hurt)).unwrap();
    same::assert_same(&lab.source(), &lab.target());
}
