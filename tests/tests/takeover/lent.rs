//! A range that was lent, at a peer that cannot know what became of its home meanwhile.

use crate::stage::{examine, is_taken_over, lab, profile, stopped_by};
use rustix::process::Signal;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use twinhaul_tests::{product::processes, tree};

const SIZE: u64 = 48 << 20;

/// The files below `root`.
fn files(root: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Its home may have sealed and published it when these bytes come (S2): found by the model, where a second copy of the helper had
/// its place and the home had done its range. Here the helper stands before its first byte while the source is written to, and
/// nobody could tell it that its range is of no use any more.
#[test]
fn into_a_lent_range_go_no_bytes_of_another_version() {
    let spec = "beta/range_joined:freeze:1";
    let mut lab = lab(spec);
    // Neither misses the other before both stand still.
    lab.set_env(twinhaul_failpoint::HEARTBEAT_MS, "1000");
    let large = lab.source().join("large");
    tree::file(&large, SIZE, 5);
    let mut profile = profile(&lab, "balanced");
    profile.alpha.limit = Some("8 MiB/s".into());
    profile.beta.limit = Some("8 MiB/s".into());
    let run = lab.start(&profile);
    let home = run.until("alpha lives", |s| s.peers["alpha"].pid.is_some()).peers["alpha"].pid.unwrap();
    let helper = stopped_by(&lab, spec);
    run.freeze(home);
    let private = files(&lab.target().join(".twinhaul"));
    let object = private.iter().find(|path| fs::metadata(path).unwrap().len() > 0).expect("a private object");
    // What is discarded later can be read to its last byte.
    let object = File::open(object).unwrap();
    let newer: Vec<u8> = fs::read(&large).unwrap().into_iter().map(|byte| !byte).collect();
    File::options().write(true).open(&large).unwrap().write_all_at(&newer, 0).unwrap();
    processes::signal(helper, Signal::CONT);
    run.until_event("the silent home is taken over", is_taken_over("alpha"));
    assert_eq!(
        run.status().peers["beta"].pid,
        Some(helper),
        "it was never replaced, so it has looked at the source"
    );
    let mut bytes = vec![0; newer.len()];
    let mut len = 0;
    while let Ok(n @ 1..) = object.read_at(&mut bytes[len..], len as u64) {
        len += n;
    }
    let same = bytes[..len].chunks(4096).zip(newer.chunks(4096)).filter(|(there, new)| there == new).count();
    assert_eq!(same, 0, "pages of the newer version are in an object of the older one");
    processes::signal(home, Signal::CONT);
    run.verb("limit", &["none"]);
    run.wait().expect_code(0);
    examine(&run);
}
