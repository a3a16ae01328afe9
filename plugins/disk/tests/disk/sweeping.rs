//! A finished run leaves nothing behind; a sweep touches only what is its run's.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::common::{OP, Place, StopAtEnd, node, open, publish, put, seal, store};
use twinhaul_backend_abi::{Attrs, Kind, Target, Writer};
use twinhaul_disk::DiskTarget;

fn sweep(t: &DiskTarget, prefix: &str, remove: bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    t.sweep(&OP, prefix, remove, &mut |attempt| {
        assert!(found.insert(String::from_utf8(attempt.to_vec()).unwrap()), "twice");
        ControlFlow::Continue(())
    })
    .unwrap();
    found
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

#[test]
fn nothing_is_made_before_the_first_write_and_nothing_is_left_after_the_sweep() {
    let place = Place::new();
    assert!(sweep(&place.target, "", true).is_empty());
    assert_eq!(std::fs::read_dir(place.dir.path()).unwrap().count(), 0);
    store(&place.target, &put("f", "run-1/1/1/1"), b"x").unwrap();
    assert!(place.path(".twinhaul").exists());
    assert!(sweep(&place.target, "run-1/", true).is_empty());
    assert!(!place.path(".twinhaul").exists());
    assert!(place.path("f").exists());
}

#[test]
fn attempts_are_told_by_prefix_and_removed_when_asked() {
    let place = Place::new();
    for attempt in ["r1/1/1/1", "r1/2/1/1", "r1/2/2/1", "r10/1/1/1", "../x", "."] {
        place.target.writer_open(&OP, &put("f", attempt)).unwrap();
    }
    let t = &place.target;
    assert_eq!(sweep(t, "", false), set(&["r1/1/1/1", "r1/2/1/1", "r1/2/2/1", "r10/1/1/1", "../x", "."]));
    assert_eq!(sweep(t, "r1/", false), set(&["r1/1/1/1", "r1/2/1/1", "r1/2/2/1"]));
    assert_eq!(sweep(t, "r1", false), set(&["r1/1/1/1", "r1/2/1/1", "r1/2/2/1", "r10/1/1/1"]));
    assert_eq!(sweep(t, "r1/2/", true), set(&["r1/2/1/1", "r1/2/2/1"]));
    assert_eq!(sweep(t, "r1/2/", true), set(&[]));
    assert_eq!(sweep(t, "r1/", true), set(&["r1/1/1/1"]));
    assert!(!place.path(".twinhaul/r1").exists() && place.path(".twinhaul/r10").exists());
    assert_eq!(sweep(t, "", true), set(&["r10/1/1/1", "../x", "."]));
    assert_eq!(std::fs::read_dir(place.dir.path()).unwrap().count(), 0);
}

#[test]
fn a_swept_attempt_cannot_be_published() {
    let place = Place::new();
    let put = put("f", "run/1/1/1");
    let (reference, _) = seal(&place.target, &put, b"x").unwrap();
    sweep(&place.target, "run/", true);
    assert!(publish(&place.target, &put, &reference).is_err());
}

#[test]
fn what_others_left_in_the_private_directory_stays() {
    let place = Place::new();
    seal(&place.target, &put("f", "run/1/1/1"), b"x").unwrap();
    std::fs::write(place.path(".twinhaul/run/.lock"), "").unwrap();
    assert_eq!(sweep(&place.target, "", true), set(&["run/1/1/1"]));
    assert!(place.path(".twinhaul/run/.lock").exists());
}

#[test]
fn writers_survive_the_sweeps_of_another_process() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let place = Place::new();
    let (other, _) = open(place.dir.path(), "").unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // It finds nothing of its run, and removes the directories whenever they are empty.
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                assert!(sweep(&other, "", true).iter().all(|a| a.starts_with("run/")));
            }
        });
        let _stop = StopAtEnd(&stop);
        for i in 0..500 {
            let link = Attrs { link_target: Some(b"t".to_vec()), ..Attrs::of(Kind::Symlink) };
            let attempt = format!("run/{i}/1/1");
            let (mut writer, _) = place.target.writer_open(&OP, &put(format!("f{i}"), &attempt)).unwrap();
            writer.abort(&OP).unwrap();
            // A node is made and renamed: a sweep in between removes it, which is an error, not a half-made link.
            let made = place.target.put_node(&OP, &node(&format!("l{i}"), &attempt, link), None);
            assert_eq!(made.is_ok(), place.path(&format!("l{i}")).symlink_metadata().is_ok(), "{made:?}");
        }
    });
}
