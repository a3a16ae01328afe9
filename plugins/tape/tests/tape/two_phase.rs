//! The commit point: an object is done when its data set's tapemark and the catalogue are durable, and not before.

use twinhaul_backend_abi::{Buf, Code, Private, Target, Writer};

use crate::common::{
    OP, Place, cartridge, names, publish, put, read, sized, status, store, store_group, sync, write,
};
use crate::made::pattern;
use crate::tools;

#[test]
fn sealed_objects_settle_and_share_a_data_set() {
    let place = Place::new("");
    let t = place.open();
    let puts: Vec<_> = (0..20).map(|i| sized(format!("d/{i}"), &format!("r/{i}/1/a1"), 1000 + i)).collect();
    for (i, p) in puts.iter().enumerate() {
        write(&t, p, &pattern(1000 + i, i as u64)).unwrap();
    }
    assert_eq!(status(&t)["settling"], 20);
    assert_eq!(publish(&t, &puts[3]).unwrap_err().code, Code::InvalidArg, "not durable, so not published");
    let attempts: Vec<&str> = puts.iter().map(|p| p.attempt_id.as_str()).collect();
    assert!(sync(&t, &attempts).iter().all(Result::is_ok));
    assert_eq!(
        (status(&t)["settling"].clone(), cartridge(&t, "A00001L8")["data_sets"].clone()),
        (0.into(), 1.into())
    );
    assert!(names(&t, Some("d")).is_empty(), "durable, and still private");
    for (i, p) in puts.iter().enumerate() {
        assert_eq!(publish(&t, p).unwrap().size, 1000 + i as u64);
        assert!(read(&t, format!("d/{i}")).unwrap() == pattern(1000 + i, i as u64));
    }
    assert_eq!(names(&t, Some("d")).len(), 20);
}

#[test]
fn a_discard_is_for_ever_wherever_the_object_is() {
    let place = Place::new("");
    let (t, other) = (place.open(), place.open());
    // Open, settling, durable; each discarded by the other process's target.
    let open = sized("open", "r/1/1/a1", 5);
    let (mut writer, _) = t.writer_open(&OP, &open).unwrap();
    writer.write(&OP, &Buf::of(b"12345")).unwrap();
    let settling = sized("settling", "r/2/1/a1", 8);
    write(&t, &settling, b"settling").unwrap();
    for id in ["r/1/1/a1", "r/2/1/a1"] {
        assert!(other.discard(&OP, Private::Attempt(id)).unwrap());
        assert!(!other.discard(&OP, Private::Attempt(id)).unwrap());
    }
    let _ = writer.seal(&OP);
    drop(writer);
    let durable = sized("durable", "r/3/1/a1", 7);
    write(&t, &durable, b"durable").unwrap();
    assert!(sync(&t, &["r/3/1/a1"])[0].is_ok());
    assert!(other.discard(&OP, Private::Ref(b"r/3/1/a1")).unwrap());
    for p in [&open, &settling, &durable] {
        assert_eq!(publish(&t, p).unwrap_err().code, Code::NotFound);
    }
    assert!(names(&t, None).is_empty());
}

#[test]
fn large_objects_stream_and_small_ones_wait_for_the_tape() {
    let place = Place::new("");
    let t = place.open();
    let big = sized("big", "r/1/1/a1", 3 << 20);
    let (mut writer, _) = t.writer_open(&OP, &big).unwrap();
    let bytes = pattern(3 << 20, 1);
    writer.write(&OP, &Buf::of(&bytes[..2 << 20])).unwrap();
    std::thread::scope(|s| {
        let small = s.spawn(|| write(&t, &sized("small", "r/2/1/a1", 3), b"abc"));
        writer.write(&OP, &Buf::of(&bytes[2 << 20..])).unwrap();
        writer.seal(&OP).unwrap();
        drop(writer);
        small.join().unwrap().unwrap();
    });
    assert!(sync(&t, &["r/1/1/a1", "r/2/1/a1"]).iter().all(Result::is_ok));
    publish(&t, &big).unwrap();
    assert!(read(&t, "big").unwrap() == bytes);
}

#[test]
fn a_source_that_changes_its_size_makes_no_object() {
    let place = Place::new("");
    let t = place.open();
    store(&t, &sized("before", "r/0/1/a1", 4), b"kept").unwrap();
    let (mut shorter, _) = t.writer_open(&OP, &sized("s", "r/1/1/a1", 4 << 20)).unwrap();
    shorter.write(&OP, &Buf::of(&pattern(2 << 20, 1))).unwrap();
    let e = shorter.seal(&OP).unwrap_err();
    assert!(e.code == Code::Precondition && e.is_retryable(), "{e}");
    shorter.abort(&OP).unwrap();
    drop(shorter);
    // In a data set with another object: padded and void.
    write(&t, &sized("with", "r/2/1/a1", 4), b"with").unwrap();
    let (mut longer, _) = t.writer_open(&OP, &sized("l", "r/3/1/a1", 2 << 20)).unwrap();
    longer.write(&OP, &Buf::of(&pattern(2 << 20, 1))).unwrap();
    let e = longer.write(&OP, &Buf::of(b"x")).unwrap_err();
    assert!(e.code == Code::Precondition && e.is_retryable(), "{e}");
    longer.abort(&OP).unwrap();
    drop(longer);
    assert!(sync(&t, &["r/2/1/a1"])[0].is_ok());
    publish(&t, &sized("with", "r/2/1/a1", 4)).unwrap();
    assert_eq!(read(&t, "with").unwrap(), b"with");
    assert_eq!(names(&t, None), ["before", "with"]);
    // What is void on tape is skipped by number, not by luck: tar reads over it.
    if tools::all(&["hetget", "tar"]) {
        let dir = place.dir.path();
        let tape = place.cartridge("A00001L8");
        tools::text(dir, "hetget", &[tape.to_str().unwrap(), "set.tar", "2"]);
        let listed = tools::text(dir, "tar", &["tf", "set.tar"]);
        assert_eq!(
            listed.lines().collect::<Vec<_>>(),
            ["with", "l", ".twinhaul/TWINHAUL.F0000003.jsonl"],
            "{listed}"
        );
    }
}

#[test]
fn objects_of_unknown_size_are_spooled() {
    let place = Place::new("");
    let t = place.open();
    let bytes = pattern(5 << 20, 9);
    store(&t, &put("unknown", "r/1/1/a1"), &bytes).unwrap();
    assert!(read(&t, "unknown").unwrap() == bytes);
    store(&t, &put("tiny", "r/2/1/a1"), b"").unwrap();
    assert_eq!(read(&t, "tiny").unwrap(), b"");
}

#[test]
fn what_a_former_life_left_is_swept_and_its_names_survive() {
    let place = Place::new("");
    {
        let t = place.open();
        store_group(&t, "one", &[("a".to_owned(), b"1".to_vec()), ("b/c".to_owned(), b"2".to_vec())]);
        write(&t, &sized("left", "two/7/1/a1", 4), b"left").unwrap();
        drop(t.writer_open(&OP, &sized("open", "two/8/1/a1", 4)).unwrap());
    }
    let t = place.open();
    let mut found = Vec::new();
    t.sweep(&OP, "two/", true, &mut |id| {
        found.push(String::from_utf8_lossy(id).into_owned());
        twinhaul_backend_abi::Flow::Continue(())
    })
    .unwrap();
    assert_eq!(found, ["two/7/1/a1", "two/8/1/a1"]);
    assert_eq!(
        (names(&t, None), names(&t, Some("b"))),
        (vec!["a".to_owned(), "b".to_owned()], vec!["b/c".to_owned()])
    );
    assert_eq!(read(&t, "b/c").unwrap(), b"2");
}

/// A medium that is full fails everything since the last tapemark, and nothing before it.
#[test]
fn an_error_fails_all_that_was_sealed_since_the_last_tapemark() {
    let place = Place::new("\"capacity\":\"1 GiB\"");
    store(&place.open(), &sized("durable", "r/0/1/a1", 7), b"durable").unwrap();
    let cartridges = place.root().join("cartridges");
    let kept = std::fs::read(place.cartridge("A00001L8")).unwrap();
    let Some(_disk) = SmallDisk::over(&cartridges, 8 << 20) else { return };
    let t = place.open();
    let small: Vec<_> = (1..5).map(|i| sized(format!("s{i}"), &format!("r/{i}/1/a1"), 1000)).collect();
    for p in &small {
        write(&t, p, &pattern(1000, 3)).unwrap();
    }
    let e = write(&t, &sized("big", "r/9/1/a1", 20 << 20), &pattern(20 << 20, 1)).unwrap_err();
    assert_eq!(e.code, Code::NoSpace, "{e}");
    let attempts: Vec<&str> = small.iter().map(|p| p.attempt_id.as_str()).collect();
    for answer in sync(&t, &attempts) {
        assert_eq!(answer.unwrap_err().code, Code::NoSpace, "what the medium took is not known");
    }
    // The data set is cut off; what was durable is untouched, and there is room again.
    assert_eq!(std::fs::read(place.cartridge("A00001L8")).unwrap(), kept);
    for p in &small {
        assert!(t.discard(&OP, Private::Attempt(&p.attempt_id)).unwrap());
        store(&t, p, &pattern(1000, 3)).unwrap();
    }
    assert_eq!(read(&t, "durable").unwrap(), b"durable");
    assert_eq!(read(&t, "s4").unwrap(), pattern(1000, 3));
}

/// A tmpfs over a directory, with what was in it; needs root.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn over(dir: &std::path::Path, bytes: u64) -> Option<Self> {
        let files: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|f| f.unwrap().path())
            .map(|p| (p.file_name().unwrap().to_owned(), std::fs::read(&p).unwrap(), p.metadata().unwrap()))
            .collect();
        let size = format!("size={bytes}");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(dir)
            .status()
            .is_ok_and(|s| s.success());
        if !mounted {
            println!("not tried: a full disk needs root, to mount one");
            return None;
        }
        for (name, bytes, meta) in files {
            let path = dir.join(name);
            std::fs::write(&path, bytes).unwrap();
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(meta.modified().unwrap()).unwrap();
        }
        Some(Self(dir.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
