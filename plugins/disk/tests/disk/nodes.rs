//! Directories, symlinks, further names, removal.

use std::os::unix::fs::MetadataExt;

use crate::common::{OP, Place, key, node, over, put, store};
use twinhaul_backend_abi::{Attrs, Code, Kind, Lost, Target};

fn directory() -> Attrs {
    Attrs { mode: Some(0o750), mtime_ns: Some(1), ..Attrs::of(Kind::Directory) }
}

fn symlink_to(target: &[u8]) -> Attrs {
    Attrs { link_target: Some(target.to_vec()), mtime_ns: Some(-7_000_000_001), ..Attrs::of(Kind::Symlink) }
}

#[test]
fn empty_directories_are_made_and_made_again() {
    let place = Place::new();
    let put = node("a/b/empty", "run/1/1/1", directory());
    assert_eq!(place.target.put_node(&OP, &put, None).unwrap(), Lost::NONE);
    let got = place.target.get_attrs(&OP, Some(&put.key)).unwrap();
    assert_eq!((got.kind, got.mode, got.mtime_ns), (Kind::Directory, Some(0o750), Some(1)));
    assert_eq!(place.target.put_node(&OP, &put, None).unwrap(), Lost::NONE, "it exists already");
    // One that its owner cannot fill gets its mode only when it is finished.
    let frozen = node("frozen", "run/2/1/1", Attrs { mode: Some(0o555), ..directory() });
    place.target.put_node(&OP, &frozen, None).unwrap();
    assert_eq!(place.target.get_attrs(&OP, Some(&frozen.key)).unwrap().mode, Some(0o755));
    place.target.publish_sync(&OP).unwrap();
}

#[test]
fn a_directory_replaces_a_file_only_when_told_to() {
    let place = Place::new();
    std::fs::write(place.path("f"), "x").unwrap();
    let put = node("f", "run/1/1/1", directory());
    assert_eq!(place.target.put_node(&OP, &put, None).unwrap_err().code, Code::Exists);
    place.target.put_node(&OP, &over(put), None).unwrap();
    assert!(place.path("f").is_dir());
    std::fs::write(place.path("g"), "x").unwrap();
    let below = node("g/h", "run/2/1/1", directory());
    let e = place.target.put_node(&OP, &over(below), None).unwrap_err();
    assert_eq!(e.code, Code::WrongKind);
    let whole = format!("{} is not a directory", place.path("g").display());
    assert!(e.message.contains(&whole), "{e}");
}

#[test]
fn symlinks_keep_any_target_and_their_time() {
    let place = Place::new();
    let long = vec![b'x'; 4095];
    for (i, target) in [&b"a"[..], b"/etc/passwd", b"../../..", b"\xff\xfe\x1b[2J\n", b"no such/thing", &long]
        .into_iter()
        .enumerate()
    {
        let put = node(&format!("d/l{i}"), &format!("run/{i}/1/1"), symlink_to(target));
        assert_eq!(place.target.put_node(&OP, &put, None).unwrap(), Lost::NONE);
        let got = place.target.get_attrs(&OP, Some(&put.key)).unwrap();
        assert_eq!((got.kind, got.mtime_ns), (Kind::Symlink, Some(-7_000_000_001)));
        assert_eq!(got.link_target.unwrap(), target);
        assert_eq!(place.target.put_node(&OP, &put, None).unwrap_err().code, Code::Exists);
        place.target.put_node(&OP, &over(put), None).unwrap();
    }
    for bad in [&b""[..], b"a\0b"] {
        let put = node("bad", "run/bad/1/1", symlink_to(bad));
        assert_eq!(place.target.put_node(&OP, &put, None).unwrap_err().code, Code::InvalidArg);
    }
    assert_eq!(std::fs::read_dir(place.path(".twinhaul/run")).unwrap().count(), 0, "nothing private is left");
}

#[test]
fn a_symlink_goes_over_a_file_but_not_over_a_directory() {
    let place = Place::new();
    std::fs::write(place.path("f"), "x").unwrap();
    std::fs::create_dir(place.path("d")).unwrap();
    place.target.put_node(&OP, &over(node("f", "run/1/1/1", symlink_to(b"t"))), None).unwrap();
    assert_eq!(std::fs::read_link(place.path("f")).unwrap().to_str(), Some("t"));
    let e = place.target.put_node(&OP, &over(node("d", "run/2/1/1", symlink_to(b"t"))), None).unwrap_err();
    assert_eq!(e.code, Code::WrongKind);
    assert!(place.path("d").is_dir());
}

#[test]
fn further_names_share_one_inode() {
    let place = Place::new();
    store(&place.target, &put("first", "run/1/1/1"), b"x").unwrap();
    let first = key("first");
    let link = |put| place.target.put_node(&OP, &put, Some(&first));
    assert_eq!(link(put("a/second", "run/1/1/1")).unwrap(), Lost::NONE);
    assert_eq!(link(put("a/second", "run/1/1/1")).unwrap(), Lost::NONE, "the same name of the same object");
    let ino = |name| std::fs::metadata(place.path(name)).unwrap().ino();
    assert_eq!(ino("first"), ino("a/second"));
    assert_eq!(place.target.get_attrs(&OP, Some(&first)).unwrap().nlink, Some(2));
    std::fs::write(place.path("other"), "y").unwrap();
    assert_eq!(link(put("other", "run/1/1/1")).unwrap_err().code, Code::Exists);
    link(over(put("other", "run/1/1/1"))).unwrap();
    assert_eq!(ino("first"), ino("other"));
    link(over(put("other", "run/1/1/1"))).unwrap();
    std::fs::create_dir(place.path("d")).unwrap();
    assert_eq!(link(over(put("d", "run/1/1/1"))).unwrap_err().code, Code::WrongKind);
    let e = place.target.put_node(&OP, &put("z", "run/1/1/1"), Some(&key("missing"))).unwrap_err();
    assert_eq!(e.code, Code::NotFound);
    assert_eq!(std::fs::read_dir(place.path(".twinhaul/run")).unwrap().count(), 0, "nothing private is left");
    place.target.publish_sync(&OP).unwrap();
}

#[test]
fn all_kinds_are_removed_but_full_directories() {
    let place = Place::new();
    store(&place.target, &put("d/f", "run/1/1/1"), b"x").unwrap();
    std::fs::create_dir(place.path("empty")).unwrap();
    std::os::unix::fs::symlink("d", place.path("link")).unwrap();
    let keys = ["d", "empty", "link", "missing", "d/f", "d"].map(key);
    let answers = place.target.remove(&OP, &keys).unwrap();
    let codes: Vec<_> = answers.iter().map(|a| a.as_ref().err().map(|e| e.code)).collect();
    assert_eq!(codes, [Some(Code::Exists), None, None, Some(Code::NotFound), None, None]);
    place.target.publish_sync(&OP).unwrap();
    assert!(!place.path("d").exists() && place.path("link").symlink_metadata().is_err());
}

#[test]
fn a_node_is_a_directory_or_a_symlink() {
    let place = Place::new();
    for kind in [Kind::File, Kind::Other, Kind::Prefix] {
        let e = place.target.put_node(&OP, &node("n", "run/1/1/1", Attrs::of(kind)), None).unwrap_err();
        assert_eq!(e.code, Code::InvalidArg);
    }
    assert_eq!(place.target.put_node(&OP, &put("n", "run/1/1/1"), None).unwrap_err().code, Code::InvalidArg);
}
