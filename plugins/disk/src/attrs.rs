//! Attributes: read from a node, and given to one, with an answer about what was not kept.
//!
//! Order: owner, extended attributes, mode, times. (A read-only mode would forbid its owner to set extended attributes, a
//! change of owner clears setuid, and everything moves the times.) Setuid and setgid are kept only together with the owner they speak for
//! (threat 14). Entry points: [`apply`], [`apply_to_symlink`], [`read`].

pub(crate) mod xattrs;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, chownat, fchmod, fchown, futimens, utimensat,
};
use rustix::io::{Errno, Result};
use twinhaul_backend_abi::{Attrs, Kind, Lost};

use crate::node::{Node, is_beyond};
use crate::volume::Volume;

const SET_ID: u32 = 0o6000;
const OWNER_WRITES: u32 = 0o200;
const NANOS: i64 = 1_000_000_000;

/// Gives `want` to the file or directory behind `fd` (not `O_PATH`).
///
/// # Errors
/// Only those of the medium (EIO, EROFS, ENOSPC…); what is forbidden or cannot be kept is an answer.
pub(crate) fn apply(volume: &Volume, fd: BorrowedFd<'_>, want: &Attrs) -> Result<Lost> {
    let before = Node::of(fd)?;
    let mut lost = own(fd, &before, want)?;
    if !want.xattrs.is_empty() {
        lost |= give_xattrs(volume, fd, &before, want)?;
    }
    let mode = wanted_mode(want, !lost.contains(Lost::OWNER));
    if let Some(mode) = mode {
        tolerate(fchmod(fd, Mode::from_raw_mode(mode)), Lost::MODE, &mut lost)?;
    }
    if let Some(at) = want.mtime_ns {
        tolerate(futimens(fd, &times(at)), Lost::MTIME, &mut lost)?;
    }
    // What was accepted and then not kept (setgid of a foreign group, coarse times) shows only now.
    let after = Node::of(fd)?;
    if want.mode.is_some_and(|m| m & 0o7777 != after.mode) {
        lost |= Lost::MODE;
    }
    Ok(lost | mtime_lost(volume, want, &after))
}

/// Gives `want` to the symlink `name` in `dir`: owner and times are all a symlink has.
pub(crate) fn apply_to_symlink(volume: &Volume, dir: impl AsFd, name: &[u8], want: &Attrs) -> Result<Lost> {
    let dir = dir.as_fd();
    let before = Node::named(dir, name)?;
    let chown = |uid, gid| chownat(dir, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW);
    let mut lost = own_with(&before, want, chown, || Node::named(dir, name))?;
    if let Some(at) = want.mtime_ns {
        tolerate(utimensat(dir, name, &times(at), AtFlags::SYMLINK_NOFOLLOW), Lost::MTIME, &mut lost)?;
    }
    if !want.xattrs.is_empty() {
        lost |= Lost::XATTR;
    }
    Ok(lost | mtime_lost(volume, want, &Node::named(dir, name)?))
}

fn mtime_lost(volume: &Volume, want: &Attrs, after: &Node) -> Lost {
    let precision = volume.medium.mtime_precision_ns();
    match want.mtime_ns {
        Some(at) if is_beyond(at) => Lost::MTIME,
        Some(at) if at.abs_diff(after.mtime_ns) >= precision => Lost::MTIME,
        _ => Lost::NONE,
    }
}

/// A refusal is a loss, everything else an error.
fn tolerate(done: Result<()>, what: Lost, lost: &mut Lost) -> Result<()> {
    match done {
        Err(Errno::PERM | Errno::ACCESS | Errno::INVAL | Errno::NOTSUP | Errno::OVERFLOW) => {
            *lost |= what;
            Ok(())
        }
        other => other,
    }
}

fn own(fd: BorrowedFd<'_>, before: &Node, want: &Attrs) -> Result<Lost> {
    own_with(before, want, |uid, gid| fchown(fd, uid, gid), || Node::of(fd))
}

/// Owner and group; a group that may be given although the owner may not is given.
fn own_with(
    before: &Node,
    want: &Attrs,
    chown: impl Fn(Option<Uid>, Option<Gid>) -> Result<()>,
    after: impl Fn() -> Result<Node>,
) -> Result<Lost> {
    let uid = want.uid.filter(|uid| *uid != before.uid);
    let gid = want.gid.filter(|gid| *gid != before.gid);
    if uid.is_none() && gid.is_none() {
        return Ok(Lost::NONE);
    }
    // The highest number means "leave as it is" to chown(2), so no file can belong to it.
    if uid == Some(u32::MAX) || gid == Some(u32::MAX) {
        return Ok(Lost::OWNER);
    }
    let mut lost = Lost::NONE;
    let group = gid.map(Gid::from_raw);
    tolerate(chown(uid.map(Uid::from_raw), group), Lost::OWNER, &mut lost)?;
    if !lost.is_empty() && uid.is_some() && group.is_some() {
        tolerate(chown(None, group), Lost::OWNER, &mut lost)?;
    }
    let now = after()?;
    let kept = want.uid.is_none_or(|uid| uid == now.uid) && want.gid.is_none_or(|gid| gid == now.gid);
    Ok(if kept { Lost::NONE } else { Lost::OWNER })
}

/// Without setuid and setgid unless the owner they speak for is known and was kept.
fn wanted_mode(want: &Attrs, owner_kept: bool) -> Option<u32> {
    let mode = want.mode? & 0o7777;
    let known = want.uid.is_some() && want.gid.is_some();
    // On a directory setgid is about inheritance, and gives no one rights.
    let harmless = want.kind == Kind::Directory;
    Some(if (known && owner_kept) || harmless { mode } else { mode & !SET_ID })
}

fn give_xattrs(volume: &Volume, fd: BorrowedFd<'_>, before: &Node, want: &Attrs) -> Result<Lost> {
    if !volume.xattrs {
        return Ok(Lost::XATTR);
    }
    let frozen = before.mode & OWNER_WRITES == 0 && before.uid == volume.euid;
    if frozen {
        fchmod(fd, Mode::from_raw_mode(before.mode | OWNER_WRITES))?;
    }
    let kept = xattrs::give(fd, &want.xattrs);
    if frozen {
        fchmod(fd, Mode::from_raw_mode(before.mode))?;
    }
    Ok(if kept? { Lost::NONE } else { Lost::XATTR })
}

/// Access time as it is. Times before 1970 count down from it, their nanoseconds up.
fn times(mtime_ns: i64) -> Timestamps {
    let last_modification =
        Timespec { tv_sec: mtime_ns.div_euclid(NANOS), tv_nsec: mtime_ns.rem_euclid(NANOS) };
    Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification }
}

/// All attributes of the node behind a handle (`O_PATH` is enough).
pub(crate) fn read(volume: &Volume, handle: &OwnedFd, node: &Node) -> Result<Attrs> {
    let mut attrs = node.attrs();
    match node.kind {
        Kind::Symlink => attrs.link_target = Some(link_target(handle, b"")?),
        Kind::File | Kind::Directory if volume.xattrs => attrs.xattrs = xattrs::of_handle(handle)?,
        _ => {}
    }
    Ok(attrs)
}

/// Of the symlink `name` in `dir`; an empty name is the symlink behind the handle itself.
pub(crate) fn link_target(dir: impl AsFd, name: &[u8]) -> Result<Vec<u8>> {
    rustix::fs::readlinkat(dir, name, Vec::new()).map(std::ffi::CString::into_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_are_split_downwards() {
        let t = times(-1).last_modification;
        assert_eq!((t.tv_sec, t.tv_nsec), (-1, 999_999_999));
        let t = times(-1_500_000_000).last_modification;
        assert_eq!((t.tv_sec, t.tv_nsec), (-2, 500_000_000));
    }

    #[test]
    fn set_id_bits_follow_their_owner() {
        let mut want = Attrs { mode: Some(0o4755), uid: Some(1), gid: Some(1), ..Attrs::default() };
        assert_eq!(wanted_mode(&want, true), Some(0o4755));
        assert_eq!(wanted_mode(&want, false), Some(0o755));
        want.uid = None;
        assert_eq!(wanted_mode(&want, true), Some(0o755));
        want = Attrs { mode: Some(0o2775), ..Attrs::of(Kind::Directory) };
        assert_eq!(wanted_mode(&want, false), Some(0o2775));
    }
}
