//! Seal, publish, discard: what is visible when, and who wins (store.md 3).

use std::os::unix::fs::PermissionsExt;

use crate::common::{OP, Place, key, open, over, pattern, publish, put, read, seal, store, sync};
use twinhaul_backend_abi::{Buf, Caps, Code, Private, ReadOptions, Target, Writer};

#[test]
fn an_object_is_private_until_it_is_published() {
    let place = Place::new();
    let put = put("a/b/file", "run/1/1/1");
    let (reference, _) = seal(&place.target, &put, b"bytes").unwrap();
    assert_eq!(place.target.stat(&OP, &put.key).unwrap_err().code, Code::NotFound);
    assert!(!place.path("a").exists(), "not even its directories");
    let private = std::fs::metadata(place.path(".twinhaul/run")).unwrap();
    assert_eq!(private.permissions().mode() & 0o777, 0o700);
    sync(&place.target, &reference).unwrap();
    let stat = publish(&place.target, &put, &reference).unwrap();
    assert_eq!(stat.size, 5);
    place.target.publish_sync(&OP).unwrap();
    assert_eq!(std::fs::read(place.path("a/b/file")).unwrap(), b"bytes");
    assert_eq!(place.target.stat(&OP, &put.key).unwrap(), stat);
}

#[test]
fn a_discarded_attempt_can_never_be_published() {
    let place = Place::new();
    let put = put("f", "run/1/1/1");
    let (reference, _) = seal(&place.target, &put, b"stale").unwrap();
    assert!(place.target.discard(&OP, Private::Attempt("run/1/1/1")).unwrap());
    assert!(!place.target.discard(&OP, Private::Ref(&reference)).unwrap(), "idempotent");
    assert_eq!(publish(&place.target, &put, &reference).unwrap_err().code, Code::NotFound);
    assert_eq!(sync(&place.target, &reference).unwrap_err().code, Code::NotFound);
    assert!(!place.path("f").exists());
}

#[test]
fn an_attempt_is_published_once_and_then_is_no_longer_there_to_discard() {
    let place = Place::new();
    let put = over(put("f", "run/1/1/1"));
    let (reference, _) = seal(&place.target, &put, b"x").unwrap();
    publish(&place.target, &put, &reference).unwrap();
    assert_eq!(publish(&place.target, &put, &reference).unwrap_err().code, Code::NotFound);
    assert!(!place.target.discard(&OP, Private::Ref(&reference)).unwrap());
    assert_eq!(std::fs::read(place.path("f")).unwrap(), b"x");
}

#[test]
fn publish_and_discard_of_two_processes_have_one_winner() {
    let place = Place::new();
    let (other, _) = open(place.dir.path(), "").unwrap();
    let (mut published, mut discarded) = (0, 0);
    for i in 0..200 {
        let attempt = format!("run/{i}/1/1");
        let put = put(format!("f{i}"), &attempt);
        let (reference, _) = seal(&place.target, &put, b"x").unwrap();
        let start = std::sync::Barrier::new(2);
        let (won, lost) = std::thread::scope(|scope| {
            let discard = scope.spawn(|| {
                start.wait();
                other.discard(&OP, Private::Attempt(&attempt)).unwrap()
            });
            start.wait();
            (publish(&place.target, &put, &reference).is_ok(), discard.join().unwrap())
        });
        assert!(won != lost, "exactly one of publish ({won}) and discard ({lost})");
        assert_eq!(place.path(&format!("f{i}")).exists(), won);
        published += u32::from(won);
        discarded += u32::from(lost);
    }
    assert_eq!(published + discarded, 200);
}

#[test]
fn a_taken_key_is_kept_unless_it_is_to_be_overwritten() {
    let place = Place::new();
    std::fs::write(place.path("f"), "old").unwrap();
    let new = put("f", "run/1/1/1");
    let (reference, _) = seal(&place.target, &new, b"new").unwrap();
    assert_eq!(publish(&place.target, &new, &reference).unwrap_err().code, Code::Exists);
    assert_eq!(std::fs::read(place.path("f")).unwrap(), b"old");
    // The private object stays, and can still go over it.
    publish(&place.target, &over(new), &reference).unwrap();
    assert_eq!(std::fs::read(place.path("f")).unwrap(), b"new");
}

#[test]
fn a_directory_in_the_way_is_never_replaced() {
    let place = Place::new();
    std::fs::create_dir(place.path("d")).unwrap();
    let wanted = put("d", "run/1/1/1");
    let (reference, _) = seal(&place.target, &wanted, b"x").unwrap();
    assert_eq!(publish(&place.target, &wanted, &reference).unwrap_err().code, Code::Exists);
    let e = publish(&place.target, &over(wanted), &reference).unwrap_err();
    assert_eq!(e.code, Code::WrongKind, "{e}");
    let whole = format!("{} is a directory, and is not replaced", place.path("d").display());
    assert!(e.message.contains(&whole), "{e}");
    assert!(place.path("d").is_dir());
}

#[test]
fn an_attempt_is_open_once() {
    let place = Place::new();
    let put = put("f", "run/1/1/1");
    let (mut writer, _) = place.target.writer_open(&OP, &put).unwrap();
    assert_eq!(place.target.writer_open(&OP, &put).unwrap_err().code, Code::Exists);
    writer.abort(&OP).unwrap();
    writer.abort(&OP).unwrap();
    assert!(place.target.writer_open(&OP, &put).is_ok());
}

#[test]
fn two_processes_write_ranges_of_one_object() {
    const HALF: usize = 256 << 10;
    let place = Place::new();
    assert!(place.limits.caps.contains(Caps::SHARED_RANGES.with(Caps::PARALLEL_RANGES)));
    let (other, _) = open(place.dir.path(), "").unwrap();
    let (bytes, put) = (pattern(2 * HALF), put("big", "run/1/1/1"));
    let (mut owner, info) = place.target.writer_open(&OP, &put).unwrap();
    let (guest, _) = other.writer_attach(&OP, &put, &info.reference).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| guest.write_at(&OP, HALF as u64, &Buf::of(&bytes[HALF..])).unwrap());
        owner.write_at(&OP, 0, &Buf::of(&bytes[..HALF])).unwrap();
    });
    let mut guest = guest;
    assert_eq!(guest.seal(&OP).unwrap_err().code, Code::InvalidArg);
    guest.abort(&OP).unwrap();
    owner.seal(&OP).unwrap();
    sync(&place.target, &info.reference).unwrap();
    publish(&place.target, &put, &info.reference).unwrap();
    assert_eq!(read(&place.target, "big", ReadOptions::default()).unwrap(), bytes);
    assert_eq!(other.writer_attach(&OP, &put, &info.reference).unwrap_err().code, Code::NotFound);
}

#[test]
fn groups_of_every_size_become_durable_together() {
    let place = Place::new();
    for n in [1usize, 2, 8, 9, 300] {
        let puts: Vec<_> =
            (0..n).map(|i| put(format!("{n}/{}/f{i}", i % 7), &format!("run/{n}-{i}/1/1"))).collect();
        let refs: Vec<_> = puts.iter().map(|p| seal(&place.target, p, p.key.as_bytes()).unwrap().0).collect();
        let mut refs: Vec<_> = refs.iter().map(Vec::as_slice).collect();
        place.target.discard(&OP, Private::Ref(refs[0])).unwrap();
        let answers = place.target.seal_sync(&OP, &refs).unwrap();
        assert_eq!(answers[0].as_ref().unwrap_err().code, Code::NotFound, "group of {n}");
        assert!(answers[1..].iter().all(Result::is_ok), "group of {n}");
        refs[0] = b"run/never/1/1";
        let answers = place.target.publish_batch(&OP, &puts, &refs).unwrap();
        assert_eq!(answers[0].as_ref().unwrap_err().code, Code::NotFound);
        assert!(answers[1..].iter().all(Result::is_ok), "group of {n}");
        place.target.publish_sync(&OP).unwrap();
        for put in &puts[1..] {
            assert_eq!(
                std::fs::read(place.path(std::str::from_utf8(put.key.as_bytes()).unwrap())).unwrap(),
                put.key.as_bytes()
            );
        }
    }
    // No refs: the barrier for all that was made so far.
    assert!(place.target.seal_sync(&OP, &[]).unwrap().is_empty());
}

#[test]
fn overwriting_a_symlink_replaces_it_and_leaves_what_it_points_to() {
    let place = Place::new();
    std::fs::write(place.path("aim"), "aim").unwrap();
    std::os::unix::fs::symlink("aim", place.path("link")).unwrap();
    store(&place.target, &over(put("link", "run/1/1/1")), b"new").unwrap();
    assert!(place.path("link").symlink_metadata().unwrap().is_file());
    assert_eq!(std::fs::read(place.path("aim")).unwrap(), b"aim");
    assert_eq!(place.target.stat(&OP, &key("link")).unwrap().size, 3);
}

#[test]
fn a_space_that_was_reserved_and_not_needed_is_given_back() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::new();
    let mut put = put("f", "run/1/1/1");
    put.size_hint = Some(8 << 20);
    let (reference, _) = seal(&place.target, &put, &pattern(100_000)).unwrap();
    publish(&place.target, &put, &reference).unwrap();
    let meta = std::fs::metadata(place.path("f")).unwrap();
    assert_eq!(meta.len(), 100_000);
    assert!(meta.blocks() * 512 < 1 << 20, "{} blocks", meta.blocks());
}
