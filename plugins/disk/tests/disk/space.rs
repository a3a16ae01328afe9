//! Space, probes and file systems that say no. Needs root for a small tmpfs.

use std::path::Path;
use std::process::Command;

use crate::common::{OP, Place, is_root, node, open, pattern, publish, put, seal, store, sync};
use twinhaul_backend_abi::{Attrs, Buf, Code, Health, Kind, Target, Writer};

/// A small file system, gone at the end.
struct Mounted(tempfile::TempDir);

impl Mounted {
    fn tmpfs(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let done = is_root()
            && Command::new("mount")
                .args(["-t", "tmpfs", "-o", options, "tmpfs"])
                .arg(dir.path())
                .status()
                .is_ok_and(|s| s.success());
        if !done {
            println!("not tried: no tmpfs can be mounted here");
        }
        done.then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_found_before_the_bytes_are_written() {
    let Some(disk) = Mounted::tmpfs("size=1m") else { return };
    let (target, _) = open(disk.path(), "").unwrap();
    let mut known = put("known", "run/1/1/1");
    known.size_hint = Some(4 << 20);
    let (mut writer, _) = target.writer_open(&OP, &known).unwrap();
    let e = writer.write(&OP, &Buf::of(&pattern(4096))).unwrap_err();
    assert_eq!((e.code, e.errno), (Code::NoSpace, 28), "{e}");
    assert!(e.message.starts_with("reserve space for known: "), "{e}");
    writer.abort(&OP).unwrap();
    // Without a hint it is found when it is full; afterwards the space is there again.
    let e = seal(&target, &put("unknown", "run/2/1/1"), &pattern(4 << 20)).unwrap_err();
    assert_eq!(e.code, Code::NoSpace, "{e}");
    assert!(target.probe(&OP).unwrap().free_bytes.unwrap() < 4096);
    assert!(target.discard(&OP, twinhaul_backend_abi::Private::Attempt("run/2/1/1")).unwrap());
    store(&target, &put("small", "run/3/1/1"), &pattern(500_000)).unwrap();
}

#[test]
fn a_write_that_failed_for_space_can_be_repeated() {
    let Some(disk) = Mounted::tmpfs("size=1m") else { return };
    let (target, _) = open(disk.path(), "").unwrap();
    std::fs::write(disk.path().join("ballast"), pattern(700_000)).unwrap();
    let (bytes, put) = (pattern(600_000), put("f", "run/1/1/1"));
    let (mut writer, info) = target.writer_open(&OP, &put).unwrap();
    writer.write(&OP, &Buf::of(&bytes[..100_000])).unwrap();
    let e = writer.write(&OP, &Buf::of(&bytes[100_000..])).unwrap_err();
    assert!(e.code == Code::NoSpace && !e.is_poisoned(), "{e}");
    std::fs::remove_file(disk.path().join("ballast")).unwrap();
    writer.write(&OP, &Buf::of(&bytes[100_000..])).unwrap();
    writer.seal(&OP).unwrap();
    publish(&target, &put, &info.reference).unwrap();
    assert!(std::fs::read(disk.path().join("f")).unwrap() == bytes);
}

#[test]
fn a_disk_that_becomes_read_only_says_so() {
    let Some(disk) = Mounted::tmpfs("size=1m") else { return };
    let (target, _) = open(disk.path(), "").unwrap();
    let wanted = put("f", "run/1/1/1");
    let (reference, _) = seal(&target, &wanted, b"x").unwrap();
    // Its descriptor is kept open for writing until the barrier.
    sync(&target, &reference).unwrap();
    let done = Command::new("mount").args(["-o", "remount,ro"]).arg(disk.path()).status().unwrap();
    if !done.success() {
        println!("not tried: cannot remount");
        return;
    }
    let directory = node("d", "run/2/1/1", Attrs::of(Kind::Directory));
    for e in [
        target.writer_open(&OP, &put("g", "run/3/1/1")).unwrap_err(),
        publish(&target, &wanted, &reference).unwrap_err(),
        target.put_node(&OP, &directory, None).unwrap_err(),
    ] {
        assert_eq!((e.code, e.errno), (Code::Denied, 30), "{e}");
        assert!(e.message.contains("read-only"), "{e}");
    }
    let probe = target.probe(&OP).unwrap();
    assert!(probe.read_only);
    assert_eq!((probe.medium.as_str(), probe.root_fs), ("tmpfs", false));
}

#[test]
fn names_on_another_file_system_are_refused_in_words() {
    let place = Place::new();
    let Some(disk) = Mounted::tmpfs("size=1m") else { return };
    std::fs::create_dir(place.path("sub")).unwrap();
    let bound = Command::new("mount").arg("--bind").args([disk.path(), &place.path("sub")]).status().unwrap();
    if !bound.success() {
        println!("not tried: cannot bind a mount");
        return;
    }
    let put = put("sub/f", "run/1/1/1");
    let (reference, _) = seal(&place.target, &put, b"x").unwrap();
    let e = publish(&place.target, &put, &reference);
    let _ = Command::new("umount").arg("-l").arg(place.path("sub")).status();
    let e = e.unwrap_err();
    assert_eq!(e.code, Code::Unsupported, "{e}");
    assert!(e.message.contains("another file system"), "{e}");
}

#[test]
fn a_probe_tells_space_device_and_place() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;
    let place = Place::new();
    let probe = place.target.probe(&OP).unwrap();
    let meta = std::fs::metadata(place.dir.path()).unwrap();
    assert_eq!(probe.health, Health::Good, "{}", probe.message);
    assert_eq!(probe.device, Some(meta.dev()));
    assert_eq!(probe.root_fs, std::fs::metadata("/").unwrap().dev() == meta.dev());
    assert_eq!(probe.location, std::fs::canonicalize(place.dir.path()).unwrap().as_os_str().as_bytes());
    assert!(probe.total_bytes >= probe.free_bytes && probe.free_bytes > Some(0));
    assert!(!probe.medium.is_empty() && !probe.bare_mount_point && !probe.read_only);
    let status = place.target.status(&OP).unwrap();
    assert!(status.starts_with('{') && status.contains("\"attempts_open\":0"), "{status}");
    // The directory is taken away: the target says so instead of writing into nowhere.
    std::fs::rename(place.dir.path(), place.dir.path().with_extension("away")).unwrap();
    assert_eq!(place.target.probe(&OP).unwrap().health, Health::Bad);
    std::fs::rename(place.dir.path().with_extension("away"), place.dir.path()).unwrap();
}

#[test]
fn a_root_is_made_only_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("a/b");
    assert_eq!(open(&root, "").unwrap_err().code, Code::NotFound);
    open(&root, ", \"create\": true").unwrap();
    assert!(root.is_dir());
    std::fs::write(dir.path().join("file"), "").unwrap();
    assert_eq!(open(&dir.path().join("file"), "").unwrap_err().code, Code::WrongKind);
    assert_eq!(open(&root, ", \"rot\": 1").unwrap_err().code, Code::InvalidConfig);
}
