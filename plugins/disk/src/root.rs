//! The root directory of a target, and the only way below it: `openat2` that stays beneath and follows no symlink.
//!
//! Every path of a key goes through [`Root::open`]; nothing in this crate joins a key to a path string (threats 12 and 13).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::{Errno, Result};
use twinhaul_backend_abi::{Code, Error};

use crate::fail::root_failed;
use crate::node::Node;

const INSIDE: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);
/// A rename elsewhere can make the kernel unsure whether a path stayed beneath (EAGAIN); so often it is asked again.
const RESOLVE_TRIES_MAX: u32 = 16;

/// See the module.
#[derive(Debug)]
pub(crate) struct Root {
    fd: OwnedFd,
    /// As it was when opened.
    pub(crate) node: Node,
    /// Resolved, absolute.
    pub(crate) location: Vec<u8>,
}

impl Root {
    /// Opens the directory at `path`, which may lead through symlinks: the user wrote it.
    pub(crate) fn at(path: &Path) -> std::result::Result<Self, Error> {
        let shown = path.as_os_str().as_bytes();
        let wrong = |e| root_failed("open the directory", shown, e);
        let fd = openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(wrong)?;
        let node = Node::of(&fd).map_err(wrong)?;
        let location = std::fs::canonicalize(path)
            .map_err(|e| Error::io("find the place of the directory", &e))?
            .into_os_string();
        let root = Self { fd, node, location: location.as_bytes().to_vec() };
        match root.open(b"", OFlags::PATH, Mode::empty()) {
            Ok(_) => Ok(root),
            Err(Errno::NOSYS | Errno::PERM) => Err(Error::new(
                Code::Unsupported,
                "openat2 is not there: Linux 5.6 or newer is needed, or a container forbids it",
            )),
            Err(e) => Err(wrong(e)),
        }
    }

    /// The whole path of `key` on this machine, for people (washed).
    pub(crate) fn place(&self, key: &[u8]) -> String {
        twinhaul_units::text::show_place(&self.location, key)
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Opens what is at `path` (empty = the root), beneath, without following a symlink.
    pub(crate) fn open(&self, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        let path = if path.is_empty() { b"." } else { path };
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mut tries = 0;
        loop {
            match openat2(&self.fd, path, flags, mode, INSIDE) {
                Err(Errno::AGAIN | Errno::INTR) if tries < RESOLVE_TRIES_MAX => tries += 1,
                other => return other,
            }
        }
    }

    /// A directory that can be read, synced and changed.
    pub(crate) fn dir(&self, path: &[u8]) -> Result<OwnedFd> {
        self.open(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
    }

    /// A handle to the node itself, of whatever kind; opening it has no effect on a device or FIFO.
    pub(crate) fn handle(&self, path: &[u8]) -> Result<OwnedFd> {
        self.open(path, OFlags::PATH, Mode::empty())
    }
}

/// Parent (empty = the root) and last component of a key.
pub(crate) fn split(key: &[u8]) -> (&[u8], &[u8]) {
    match key.iter().rposition(|b| *b == b'/') {
        Some(at) => (&key[..at], &key[at + 1..]),
        None => (b"", key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_split_at_their_last_slash() {
        assert_eq!(split(b"a"), (&b""[..], &b"a"[..]));
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
    }
}
