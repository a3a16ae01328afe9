//! Attributes and nodes without bytes: kept, or said to be lost; never dropped in silence.

use twinhaul_backend_abi::{Attrs, Caps, Code, Kind, Lost, Put, WriteMode};

use super::fixture::refused;
use super::{CaseFn, Fixture, Stop, Verdict, check};

pub(super) const CASES: &[(&str, CaseFn)] = &[
    ("mode and mtime", mode_and_mtime),
    ("owner", owner),
    ("extended attributes", xattrs),
    ("attributes of an open object", reader_attrs),
    ("directories", directories),
    ("attributes of directories", directory_attrs),
    ("symlinks", symlinks),
    ("hard links", hard_links),
];

/// Nanoseconds that a coarser clock cannot hold.
const MTIME: i64 = 1_600_000_000_123_456_789;

/// Attributes of a visible node; from stat where the target has no `get_attrs`.
fn attrs_of(f: &Fixture, key: &twinhaul_units::Key) -> Verdict<Attrs> {
    match f.target.get_attrs(&f.op, Some(key)) {
        Err(e) if e.code() == Code::Unsupported => {
            let stat = f.target.stat(&f.op, key)?;
            Ok(Attrs { kind: stat.kind, mode: stat.mode, mtime_ns: stat.mtime_ns, ..Attrs::default() })
        }
        answer => Ok(answer?),
    }
}

fn close_enough(f: &Fixture, found: Option<i64>, wanted: i64) -> bool {
    let precision = i64::try_from(f.limits.mtime_precision_ns).unwrap_or(i64::MAX).max(1);
    found.is_some_and(|found| found.abs_diff(wanted) < precision.unsigned_abs())
}

/// Mode and mtime arrived, or are among what was lost.
fn kept_or_lost(f: &Fixture, found: &Attrs, mode: u32, mtime: i64, lost: Lost) -> Verdict {
    let (got_mode, got_time) = (found.mode, found.mtime_ns);
    let text = |m: Option<u32>| m.map_or_else(|| "none".to_owned(), |m| format!("{m:04o}"));
    check!(
        lost.contains(Lost::MODE) || got_mode.map(|m| m & 0o7777) == Some(mode),
        "mode {mode:04o} became {}, and nobody said so",
        text(got_mode)
    );
    check!(
        lost.contains(Lost::MTIME) || close_enough(f, got_time, mtime),
        "mtime {mtime} became {got_time:?}, and nobody said so"
    );
    if f.caps.contains(Caps::POSIX_METADATA) {
        check!(
            !lost.contains(Lost::MODE) && !lost.contains(Lost::MTIME),
            "mode and mtime are claimed and were lost"
        );
    }
    Ok(())
}

fn mode_and_mtime(f: &Fixture) -> Verdict {
    let mut put = f.put("attrs")?;
    put.attrs = Some(Attrs { mode: Some(0o640), mtime_ns: Some(MTIME), ..Attrs::default() });
    let stored = f.store(&put, b"x")?;
    kept_or_lost(f, &attrs_of(f, &put.key)?, 0o640, MTIME, stored.lost)?;
    f.needs(Caps::POSIX_METADATA, "mode and mtime")
}

fn owner(f: &Fixture) -> Verdict {
    let me = rustix::process::geteuid();
    // Root can give files away; others keep what they have, which must still be told.
    let (uid, gid) =
        if me.is_root() { (54_321, 54_322) } else { (me.as_raw(), rustix::process::getegid().as_raw()) };
    let mut put = f.put("owned")?;
    put.attrs = Some(Attrs { uid: Some(uid), gid: Some(gid), ..Attrs::default() });
    let stored = f.store(&put, b"x")?;
    let found = attrs_of(f, &put.key)?;
    let kept = (found.uid, found.gid) == (Some(uid), Some(gid));
    check!(kept || stored.lost.contains(Lost::OWNER), "the owner is gone, and nobody said so");
    f.needs(Caps::OWNERS, "owners")?;
    check!(kept, "owners are claimed and were not kept");
    Ok(())
}

fn xattrs(f: &Fixture) -> Verdict {
    let mut put = f.put("xattrs")?;
    let wanted =
        vec![("user.colour".to_owned(), b"blue".to_vec()), ("user.raw".to_owned(), vec![0, 255, 10])];
    put.attrs = Some(Attrs { xattrs: wanted.clone(), ..Attrs::default() });
    let stored = f.store(&put, b"x")?;
    let found = attrs_of(f, &put.key)?;
    let kept = wanted.iter().all(|x| found.xattrs.contains(x));
    check!(kept || stored.lost.contains(Lost::XATTR), "extended attributes are gone, and nobody said so");
    f.needs(Caps::XATTRS, "extended attributes")?;
    // A file system without them may say so for this file, whatever the backend can do elsewhere.
    check!(kept || stored.lost.contains(Lost::XATTR), "extended attributes are claimed and were not kept");
    Ok(())
}

fn reader_attrs(f: &Fixture) -> Verdict {
    f.needs(Caps::READ, "read")?;
    let put = f.put("open")?;
    f.store(&put, b"twelve bytes")?;
    let (mut reader, stat) =
        f.target.reader_open(&f.op, &put.key, twinhaul_backend_abi::ReadOptions::default())?;
    check!(stat.size == 12, "opening a reader says {} bytes of 12", stat.size);
    let before = reader.attrs(&f.op)?;
    check!(
        before.kind == Kind::File && before.size == Some(12),
        "an open object says {:?} bytes of 12",
        before.size
    );
    let mut buf = [0u8; 100];
    while reader.read(&f.op, &mut buf)? > 0 {}
    let after = reader.attrs(&f.op)?;
    let identity = |a: &Attrs| (a.dev, a.ino, a.size, a.mtime_ns, a.ctime_ns);
    check!(identity(&before) == identity(&after), "an object that nobody touched changed while it was read");
    Ok(())
}

fn node(f: &Fixture, name: &str, kind: Kind) -> Verdict<Put> {
    let mut put = f.put(name)?;
    put.attrs = Some(Attrs::of(kind));
    Ok(put)
}

fn directories(f: &Fixture) -> Verdict {
    f.needs(Caps::DIRECTORIES, "directories")?;
    let put = node(f, "parent/empty", Kind::Directory)?;
    f.target.put_node(&f.op, &put, None)?;
    // Again, by the other peer: a directory that is there is fine.
    f.other.put_node(&f.op, &put, None)?;
    let found = attrs_of(f, &put.key)?;
    check!(found.kind == Kind::Directory, "a directory became {:?}", found.kind);
    if f.caps.contains(Caps::LIST) {
        let listed = f.list(Some(&f.key("parent")?), 0)?;
        check!(listed.iter().any(|e| e.key == put.key.as_bytes()), "an empty directory is not listed");
        check!(f.list(Some(&put.key), 0)?.is_empty(), "an empty directory has entries");
    }
    f.store(&f.put("parent/empty/now-not")?, b"x")?;
    if f.caps.contains(Caps::READ) {
        let answer = f.target.reader_open(&f.op, &put.key, twinhaul_backend_abi::ReadOptions::default());
        let code = refused(answer, "reading a directory")?;
        check!(code == Code::WrongKind, "reading a directory: {code} instead of another kind of node");
    }
    Ok(())
}

fn directory_attrs(f: &Fixture) -> Verdict {
    f.needs(Caps::DIRECTORIES, "directories")?;
    let put = node(f, "dated", Kind::Directory)?;
    f.target.put_node(&f.op, &put, None)?;
    f.store(&f.put("dated/child")?, b"x")?;
    let wanted = Attrs { mode: Some(0o750), mtime_ns: Some(MTIME), ..Attrs::of(Kind::Directory) };
    let lost = f.target.set_attrs(&f.op, Some(&put.key), &wanted)?;
    let again = f.target.set_attrs(&f.op, Some(&put.key), &wanted)?;
    check!(lost == again, "setting attributes twice loses other things the second time");
    kept_or_lost(f, &attrs_of(f, &put.key)?, 0o750, MTIME, lost)
}

fn symlinks(f: &Fixture) -> Verdict {
    f.needs(Caps::SYMLINKS, "symlinks")?;
    for (name, to) in
        [("relative", &b"../some/where"[..]), ("dangling", b"/not there"), ("bytes", b"in\xff\xfevalid\n")]
    {
        let mut put = node(f, name, Kind::Symlink)?;
        put.attrs = Some(Attrs { link_target: Some(to.to_vec()), ..Attrs::of(Kind::Symlink) });
        f.target.put_node(&f.op, &put, None)?;
        let found = attrs_of(f, &put.key)?;
        check!(found.kind == Kind::Symlink, "symlink {name} became {:?}", found.kind);
        check!(found.link_target.as_deref() == Some(to), "symlink {name} points elsewhere");
        let again = refused(f.target.put_node(&f.op, &put, None), "making a symlink that is there")?;
        check!(again == Code::Exists, "making a symlink that is there: {again} instead of exists already");
    }
    // Never followed: neither to read nor to write.
    let inside = f.put("target")?;
    f.store(&inside, b"untouched")?;
    let mut link = node(f, "link", Kind::Symlink)?;
    link.attrs = Some(Attrs { link_target: Some(b"target".to_vec()), ..Attrs::of(Kind::Symlink) });
    f.target.put_node(&f.op, &link, None)?;
    if f.caps.contains(Caps::READ) {
        let answer = f.target.reader_open(&f.op, &link.key, twinhaul_backend_abi::ReadOptions::default());
        let code = refused(answer, "reading through a symlink")?;
        check!(code == Code::WrongKind, "reading through a symlink: {code} instead of another kind of node");
    }
    if f.caps.contains(Caps::OVERWRITE) {
        let mut over = f.put("link")?;
        over.mode = WriteMode::Overwrite;
        f.store(&over, b"replaces the link")?;
        f.holds(&inside.key, b"untouched")?;
    }
    Ok(())
}

fn hard_links(f: &Fixture) -> Verdict {
    f.needs(Caps::HARD_LINKS, "hard links")?;
    let first = f.put("first")?;
    f.store(&first, b"one object, two names")?;
    let second = node(f, "sub/second", Kind::File)?;
    let lost = f.target.put_node(&f.op, &second, Some(&first.key))?;
    f.holds(&second.key, b"one object, two names")?;
    let (a, b) = (attrs_of(f, &first.key)?, attrs_of(f, &second.key)?);
    if lost.contains(Lost::LINKS) {
        return Err(Stop::Fail("hard links are claimed and were lost".to_owned()));
    }
    if let (Some(x), Some(y)) = (a.ino, b.ino) {
        check!(x == y && a.dev == b.dev, "two names of one object are two objects");
    }
    check!(a.nlink.is_none_or(|n| n == 2), "an object with two names has {:?}", a.nlink);
    let missing = refused(
        f.target.put_node(&f.op, &node(f, "third", Kind::File)?, Some(&f.key("nothing")?)),
        "linking to nothing",
    )?;
    check!(missing == Code::NotFound, "linking to nothing: {missing} instead of not found");
    Ok(())
}
