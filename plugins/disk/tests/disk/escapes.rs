//! Nothing outside the root is read, written or removed, whatever lies below it (threats 12 to 14).

use std::os::unix::fs::symlink;

use rustix::fs::{CWD, RenameFlags};

use crate::common::{OP, Place, StopAtEnd, key, node, over, publish, put, read, seal};
use twinhaul_backend_abi::{Attrs, Code, Kind, ListRequest, ReadOptions, Target, Wanted};

/// A root beside a directory that must stay as it is, with ways out.
fn place_with_ways_out() -> (Place, tempfile::TempDir) {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let place = Place::new();
    symlink(outside.path(), place.path("evil")).unwrap();
    symlink("/etc", place.path("etc")).unwrap();
    std::fs::create_dir(place.path("in")).unwrap();
    symlink("../in", place.path("in/loop")).unwrap();
    symlink(outside.path().join("secret"), place.path("out")).unwrap();
    (place, outside)
}

#[test]
fn no_call_leaves_the_root_through_a_symlink() {
    let (place, outside) = place_with_ways_out();
    let t = &place.target;
    for way in ["evil/secret", "etc/passwd", "in/loop/x", "evil/new/deep"] {
        let (k, p) = (key(way), over(put(way, "run/1/1/1")));
        let list = t.list(
            &OP,
            &ListRequest { prefix: Some(&k), continuation: b"", want: Wanted::All, max_entries: 0 },
            &mut |_, _| panic!("listed"),
        );
        let (reference, _) = seal(t, &p, b"overwritten").unwrap();
        let dir = over(node(way, "run/2/1/1", Attrs::of(Kind::Directory)));
        let link = Attrs { link_target: Some(b"x".to_vec()), ..Attrs::of(Kind::Symlink) };
        for (what, e) in [
            ("stat", t.stat(&OP, &k).unwrap_err()),
            ("read", read(t, way, ReadOptions::default()).unwrap_err()),
            ("list", list.unwrap_err()),
            ("get_attrs", t.get_attrs(&OP, Some(&k)).unwrap_err()),
            (
                "set_attrs",
                t.set_attrs(&OP, Some(&k), &Attrs { mode: Some(0o777), ..Attrs::default() }).unwrap_err(),
            ),
            ("directory", t.put_node(&OP, &dir, None).unwrap_err()),
            ("symlink", t.put_node(&OP, &over(node(way, "run/3/1/1", link)), None).unwrap_err()),
            ("hard link from", t.put_node(&OP, &put("new", "run/4/1/1"), Some(&k)).unwrap_err()),
            ("hard link to", t.put_node(&OP, &over(put(way, "run/5/1/1")), Some(&key("in"))).unwrap_err()),
            ("remove", t.remove(&OP, std::slice::from_ref(&k)).unwrap().remove(0).unwrap_err()),
            ("publish", publish(t, &p, &reference).unwrap_err()),
        ] {
            assert_eq!(e.code, Code::Denied, "{what} {way}: {e}");
            assert!(e.message.contains("symlink"), "{what} {way}: {e}");
        }
        t.discard(&OP, twinhaul_backend_abi::Private::Ref(&reference)).unwrap();
    }
    let names: Vec<_> = std::fs::read_dir(outside.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["secret"]);
    assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"secret");
}

#[test]
fn a_symlink_itself_is_seen_but_never_read_through() {
    let (place, _outside) = place_with_ways_out();
    assert_eq!(place.target.stat(&OP, &key("out")).unwrap().kind, Kind::Symlink);
    let e = read(&place.target, "out", ReadOptions::default()).unwrap_err();
    assert_eq!(e.code, Code::WrongKind, "{e}");
}

#[test]
fn the_private_directory_is_out_of_reach_and_not_trusted_when_planted() {
    let (place, outside) = place_with_ways_out();
    let t = &place.target;
    for reserved in [".twinhaul", ".twinhaul/run/x"] {
        assert_eq!(t.writer_open(&OP, &put(reserved, "run/1/1/1")).unwrap_err().code, Code::InvalidArg);
        assert_eq!(t.stat(&OP, &key(reserved)).unwrap_err().code, Code::InvalidArg);
        assert_eq!(t.remove(&OP, &[key(reserved)]).unwrap()[0].as_ref().unwrap_err().code, Code::InvalidArg);
    }
    symlink(outside.path(), place.path(".twinhaul")).unwrap();
    assert_eq!(t.writer_open(&OP, &put("f", "run/1/1/1")).unwrap_err().code, Code::Denied);
    std::fs::remove_file(place.path(".twinhaul")).unwrap();
    std::fs::create_dir(place.path(".twinhaul")).unwrap();
    let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o777);
    std::fs::set_permissions(place.path(".twinhaul"), open).unwrap();
    assert_eq!(t.writer_open(&OP, &put("f", "run/1/1/1")).unwrap_err().code, Code::Denied);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn swapping_a_directory_for_a_symlink_never_writes_outside() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let outside = tempfile::tempdir().unwrap();
    let place = Place::new();
    // A level deeper than what is swapped, where refusing to follow the last component would not help.
    std::fs::create_dir_all(place.path("d/s")).unwrap();
    std::fs::create_dir(outside.path().join("s")).unwrap();
    symlink(outside.path(), place.path("x")).unwrap();
    let stop = AtomicBool::new(false);
    let swap = || {
        let (d, x) = (place.path("d"), place.path("x"));
        rustix::fs::renameat_with(CWD, &d, CWD, &x, RenameFlags::EXCHANGE).unwrap();
    };
    let stored = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                swap();
            }
        });
        let _stop = StopAtEnd(&stop);
        let mut stored = 0;
        for i in 0..3000 {
            let attempt = format!("run/{i}/1/1");
            let put = put(format!("d/s/f{i}"), &attempt);
            let (reference, _) = seal(&place.target, &put, b"x").unwrap();
            match publish(&place.target, &put, &reference) {
                Ok(_) => stored += 1,
                Err(e) => assert!(matches!(e.code, Code::Denied | Code::WrongKind), "{e}"),
            }
            place.target.discard(&OP, twinhaul_backend_abi::Private::Ref(&reference)).unwrap();
        }
        stored
    });
    if place.path("d").symlink_metadata().unwrap().is_symlink() {
        swap();
    }
    assert_eq!(std::fs::read_dir(outside.path().join("s")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(place.path("d/s")).unwrap().count(), stored);
}
