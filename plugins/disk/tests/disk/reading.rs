//! Reading: ranges, past the page cache, holes, and what is not a file.

use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::Duration;

use crate::common::{OP, Place, key, pattern, publish, put, read, store, sync};
use twinhaul_backend_abi::{Buf, Caps, Code, Kind, ReadOptions, Reader, Target, Writer};

#[test]
fn ranges_and_ends_are_exact() {
    let place = Place::new();
    let bytes = pattern(300_000);
    store(&place.target, &put("f", "run/1/1/1"), &bytes).unwrap();
    for (offset, len) in [
        (0, None),
        (1, None),
        (299_999, None),
        (300_000, None),
        (999_999, None),
        (7, Some(100_000)),
        (299_990, Some(100)),
        (5, Some(0)),
    ] {
        for uncached in [false, true] {
            let options = ReadOptions { offset, len, uncached };
            let from = (offset as usize).min(bytes.len());
            let to = len.map_or(bytes.len(), |len| (from + len as usize).min(bytes.len()));
            assert!(read(&place.target, "f", options).unwrap() == bytes[from..to], "{options:?}");
        }
    }
}

#[test]
fn reading_back_past_the_cache_gives_the_same_bytes_also_at_odd_sizes() {
    let place = Place::with(", \"direct_above\": 0");
    for (i, len) in
        [0usize, 1, 4095, 4096, 4097, 1 << 20, (1 << 20) + 1, (2 << 20) + 4095].into_iter().enumerate()
    {
        let (name, bytes) = (format!("f{i}"), pattern(len));
        store(&place.target, &put(&name, &format!("run/{i}/1/1")), &bytes).unwrap();
        for uncached in [false, true] {
            let options = ReadOptions { uncached, ..ReadOptions::default() };
            assert!(
                read(&place.target, &name, options).unwrap() == bytes,
                "{len} bytes, uncached {uncached}"
            );
        }
        // Also into a buffer that happens to be aligned.
        let mut space = vec![0u8; (4 << 20) + 4096];
        let skip = space.as_ptr().align_offset(4096);
        let (mut reader, stat) = place.target.reader_open(&OP, &key(&name), ReadOptions::default()).unwrap();
        assert_eq!(stat.size, len as u64);
        let mut got = 0;
        loop {
            let n = reader.read(&OP, &mut space[skip + got..skip + got + (1 << 20)]).unwrap();
            if n == 0 {
                break;
            }
            got += n;
        }
        assert!(space[skip..skip + got] == bytes, "{len} bytes, aligned");
    }
}

#[test]
fn a_tmpfs_is_read_back_too() {
    // Older kernels refuse O_DIRECT there.
    let Ok(dir) = tempfile::tempdir_in("/dev/shm") else {
        println!("not tried: no /dev/shm");
        return;
    };
    let (target, _) = crate::common::open(dir.path(), ", \"direct_above\": 1").unwrap();
    let bytes = pattern(1_234_567);
    store(&target, &put("f", "run/1/1/1"), &bytes).unwrap();
    assert!(read(&target, "f", ReadOptions { uncached: true, ..ReadOptions::default() }).unwrap() == bytes);
}

#[test]
fn a_fifo_never_holds_a_thread() {
    let place = Place::new();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.path("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    std::fs::create_dir(place.path("dir")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
    let (done, opened) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for name in ["fifo", "dir", "socket"] {
            let e = read(&place.target, name, ReadOptions::default()).unwrap_err();
            done.send((name, e.code, place.target.stat(&OP, &key(name)).unwrap().kind)).unwrap();
        }
    });
    for (name, kind) in [("fifo", Kind::Other), ("dir", Kind::Directory), ("socket", Kind::Other)] {
        // Long enough for any machine; a blocked open would never answer.
        let answer = opened.recv_timeout(Duration::from_mins(1)).expect("opening blocks");
        assert_eq!(answer, (name, Code::WrongKind, kind));
    }
}

fn extents(place: &Place, name: &str) -> Vec<(u64, u64)> {
    let (mut reader, _) = place.target.reader_open(&OP, &key(name), ReadOptions::default()).unwrap();
    let mut found = Vec::new();
    reader
        .extents(&OP, &mut |offset, len| {
            found.push((offset, len));
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    found
}

const MIB: u64 = 1 << 20;

/// 64 MiB with 4 KiB of data at 0 and at 32 MiB.
fn sparse(place: &Place, name: &str) {
    let put = put(name, &format!("run/{name}/1/1"));
    let (mut writer, info) = place.target.writer_open(&OP, &put).unwrap();
    for at in [0, 32 * MIB] {
        writer.write_at(&OP, at, &Buf::of(&pattern(4096))).unwrap();
    }
    writer.set_len(&OP, 64 * MIB).unwrap();
    writer.seal(&OP).unwrap();
    sync(&place.target, &info.reference).unwrap();
    publish(&place.target, &put, &info.reference).unwrap();
}

#[test]
fn holes_stay_holes() {
    let place = Place::new();
    assert!(place.limits.caps.contains(Caps::SPARSE));
    sparse(&place, "sparse");
    let meta = std::fs::metadata(place.path("sparse")).unwrap();
    assert_eq!(meta.len(), 64 * MIB);
    assert!(meta.blocks() * 512 < MIB, "{} blocks", meta.blocks());
    assert_eq!(extents(&place, "sparse"), [(0, 4096), (32 * MIB, 4096)]);
    let back =
        read(&place.target, "sparse", ReadOptions { offset: 32 * MIB - 1, len: Some(4098), uncached: true })
            .unwrap();
    assert_eq!(back, [&[0], pattern(4096).as_slice(), &[0]].concat());
}

#[test]
fn copies_in_the_kernel_keep_holes_and_ranges() {
    let place = Place::new();
    sparse(&place, "from");
    let put = put("to", "run/1/1/1");
    let (reader, _) = place.target.reader_open(&OP, &key("from"), ReadOptions::default()).unwrap();
    assert!(reader.fd().is_some());
    let source = std::fs::File::open(place.path("from")).unwrap();
    let (mut writer, info) = place.target.writer_open(&OP, &put).unwrap();
    let fd = std::os::fd::AsFd::as_fd(&source);
    writer.copy_fd(&OP, fd, 0, 40 * MIB).unwrap();
    writer.copy_fd(&OP, fd, 40 * MIB, 24 * MIB).unwrap();
    let e = writer.copy_fd(&OP, fd, 60 * MIB, 5 * MIB).unwrap_err();
    assert_eq!(e.code, Code::Precondition, "{e}");
    writer.seal(&OP).unwrap();
    publish(&place.target, &put, &info.reference).unwrap();
    let meta = std::fs::metadata(place.path("to")).unwrap();
    assert_eq!(meta.len(), 64 * MIB);
    assert!(meta.blocks() * 512 < MIB, "{} blocks", meta.blocks());
    assert!(std::fs::read(place.path("from")).unwrap() == std::fs::read(place.path("to")).unwrap());
}

#[test]
fn a_change_while_reading_shows_in_the_attributes_of_the_open_object() {
    let place = Place::new();
    store(&place.target, &put("f", "run/1/1/1"), b"before").unwrap();
    let (mut reader, _) = place.target.reader_open(&OP, &key("f"), ReadOptions::default()).unwrap();
    let before = reader.attrs(&OP).unwrap();
    assert_eq!(reader.attrs(&OP).unwrap(), before);
    let file = std::fs::File::options().write(true).open(place.path("f")).unwrap();
    file.write_all_at(b"longer than before", 0).unwrap();
    let after = reader.attrs(&OP).unwrap();
    assert_ne!((before.size, before.ctime_ns), (after.size, after.ctime_ns));
    // Replaced: the open object is still the old one.
    std::fs::write(place.path("g"), "other").unwrap();
    std::fs::rename(place.path("g"), place.path("f")).unwrap();
    assert_eq!(reader.attrs(&OP).unwrap().ino, after.ino);
    assert_ne!(place.target.get_attrs(&OP, Some(&key("f"))).unwrap().ino, after.ino);
}
