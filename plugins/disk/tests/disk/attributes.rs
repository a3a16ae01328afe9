//! Attributes are kept to the nanosecond, or said to be lost.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::common::{OP, Place, is_root, key, node, put, read, store};
use twinhaul_backend_abi::{Attrs, Caps, Kind, Lost, ReadOptions, Reader, Target};

fn plain() -> Attrs {
    Attrs { mode: Some(0o640), mtime_ns: Some(1_234_567_890_123_456_789), ..Attrs::default() }
}

#[test]
fn times_and_modes_are_exact_also_before_1970() {
    let place = Place::new();
    for (i, at) in [0, 1, -1, -1_500_000_001, 1_234_567_890_123_456_789, 4_102_444_800_000_000_001]
        .into_iter()
        .enumerate()
    {
        let name = format!("f{i}");
        let want = Attrs { mtime_ns: Some(at), mode: Some(0o400 + i as u32), ..Attrs::default() };
        let lost = store(&place.target, &node(&name, &format!("run/{i}/1/1"), want), b"x").unwrap();
        assert_eq!(lost, Lost::NONE, "mtime {at}");
        let got = place.target.get_attrs(&OP, Some(&key(&name))).unwrap();
        assert_eq!((got.mtime_ns, got.mode, got.kind), (Some(at), Some(0o400 + i as u32), Kind::File));
        let meta = std::fs::metadata(place.path(&name)).unwrap();
        assert_eq!(i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec()), i128::from(at));
        let (mut reader, stat) = place.target.reader_open(&OP, &key(&name), ReadOptions::default()).unwrap();
        assert_eq!((stat.mtime_ns, reader.attrs(&OP).unwrap()), (Some(at), got));
    }
}

#[test]
fn a_time_that_the_file_system_cannot_hold_is_a_loss_not_a_lie() {
    let place = Place::new();
    let want = Attrs { mtime_ns: Some(i64::MIN + 1), ..plain() };
    let lost = store(&place.target, &node("f", "run/1/1/1", want), b"x").unwrap();
    let got = place.target.get_attrs(&OP, Some(&key("f"))).unwrap().mtime_ns;
    assert_eq!(lost.contains(Lost::MTIME), got != Some(i64::MIN + 1));
}

#[test]
fn extended_attributes_come_and_go() {
    let place = Place::new();
    if !place.limits.caps.contains(Caps::XATTRS) {
        println!("not tried: this file system keeps no extended attributes");
        return;
    }
    let wanted = vec![
        ("user.empty".to_owned(), Vec::new()),
        ("user.large".to_owned(), vec![7; 2000]),
        ("user.name".to_owned(), b"\x00\xff bytes".to_vec()),
    ];
    let sorted = |mut xattrs: Vec<(String, Vec<u8>)>| {
        xattrs.sort();
        xattrs
    };
    // A read-only mode must not stand in the way.
    let want = Attrs { xattrs: wanted.clone(), mode: Some(0o400), ..plain() };
    assert_eq!(store(&place.target, &node("f", "run/1/1/1", want), b"x").unwrap(), Lost::NONE);
    assert_eq!(sorted(place.target.get_attrs(&OP, Some(&key("f"))).unwrap().xattrs), wanted);
    let (mut reader, _) = place.target.reader_open(&OP, &key("f"), ReadOptions::default()).unwrap();
    assert_eq!(sorted(reader.attrs(&OP).unwrap().xattrs), wanted);
    // Others than user.* are never set.
    let foreign = Attrs { xattrs: vec![("trusted.x".to_owned(), vec![1])], ..plain() };
    assert_eq!(store(&place.target, &node("g", "run/2/1/1", foreign), b"x").unwrap(), Lost::XATTR);
    // More than fits beside the inode.
    let huge = Attrs { xattrs: vec![("user.huge".to_owned(), vec![1; 65_536])], ..plain() };
    let lost = store(&place.target, &node("h", "run/3/1/1", huge), b"x").unwrap();
    let kept = place.target.get_attrs(&OP, Some(&key("h"))).unwrap().xattrs.len() == 1;
    assert_eq!(lost == Lost::XATTR, !kept);
}

#[test]
fn extended_attributes_are_off_when_they_are_not_wanted() {
    let place = Place::with(", \"xattrs\": false");
    assert!(!place.limits.caps.contains(Caps::XATTRS));
    let want = Attrs { xattrs: vec![("user.a".to_owned(), vec![1])], ..plain() };
    assert_eq!(store(&place.target, &node("f", "run/1/1/1", want), b"x").unwrap(), Lost::XATTR);
    assert!(place.target.get_attrs(&OP, Some(&key("f"))).unwrap().xattrs.is_empty());
}

#[test]
fn setuid_stays_only_with_its_owner() {
    let place = Place::new();
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let set_id = |uid, gid| Attrs { mode: Some(0o6755), uid, gid, ..Attrs::default() };
    let own = set_id(Some(uid), Some(gid));
    assert_eq!(store(&place.target, &node("own", "run/1/1/1", own), b"x").unwrap(), Lost::NONE);
    assert_eq!(std::fs::metadata(place.path("own")).unwrap().permissions().mode() & 0o7777, 0o6755);
    let unknown = set_id(None, None);
    assert_eq!(store(&place.target, &node("unknown", "run/2/1/1", unknown), b"x").unwrap(), Lost::MODE);
    assert_eq!(std::fs::metadata(place.path("unknown")).unwrap().permissions().mode() & 0o7777, 0o755);
}

#[test]
fn root_keeps_owners() {
    if !is_root() {
        println!("not tried: not root");
        return;
    }
    let place = Place::new();
    assert!(place.limits.caps.contains(Caps::OWNERS));
    let want = Attrs { uid: Some(12_345), gid: Some(54_321), mode: Some(0o4711), ..plain() };
    assert_eq!(store(&place.target, &node("f", "run/1/1/1", want), b"x").unwrap(), Lost::NONE);
    let meta = std::fs::metadata(place.path("f")).unwrap();
    assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o7777), (12_345, 54_321, 0o4711));
}

#[test]
fn an_object_without_attributes_has_the_mode_of_any_new_file() {
    let place = Place::new();
    std::fs::write(place.path("like"), "").unwrap();
    store(&place.target, &put("f", "run/1/1/1"), b"x").unwrap();
    let mode = |name| std::fs::metadata(place.path(name)).unwrap().permissions().mode();
    assert_eq!(mode("f"), mode("like"));
}

#[test]
fn finishing_sets_directories_the_root_and_symlinks() {
    let place = Place::new();
    store(&place.target, &put("d/f", "run/1/1/1"), b"x").unwrap();
    std::os::unix::fs::symlink("nowhere", place.path("link")).unwrap();
    for name in [Some("d"), Some("d/f"), Some("link"), None] {
        let (name, want) =
            (name.map(key), Attrs { mode: Some(0o750), mtime_ns: Some(-42), ..Attrs::default() });
        assert_eq!(place.target.set_attrs(&OP, name.as_ref(), &want).unwrap(), Lost::NONE, "{name:?}");
        let got = place.target.get_attrs(&OP, name.as_ref()).unwrap();
        assert_eq!(got.mtime_ns, Some(-42), "{name:?}");
        if got.kind != Kind::Symlink {
            assert_eq!(got.mode, Some(0o750), "{name:?}");
        }
    }
    place.target.publish_sync(&OP).unwrap();
    assert_eq!(place.target.get_attrs(&OP, Some(&key("link"))).unwrap().link_target.unwrap(), b"nowhere");
    assert_eq!(read(&place.target, "d/f", ReadOptions::default()).unwrap(), b"x");
}
