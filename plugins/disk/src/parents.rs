//! The directory in which a key's last component lives: opened, or made as far as it is missing.
//!
//! Made directories are `0755` less the umask; their own attributes come when finishing. What was made is remembered for
//! `publish_sync`, up to the first directory that was there before. A symlink or file on the way is an error that names it.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, mkdirat};
use rustix::io::Errno;
use twinhaul_backend_abi::{Code, Error, Kind, Result};

use crate::fail::{failed, mistake};
use crate::names::PRIVATE;
use crate::node::{Id, Node};
use crate::root::split;
use crate::volume::Volume;

/// Times missing parents are made again when somebody removes them meanwhile.
pub(crate) const TRIES_MAX: u32 = 8;
pub(crate) const MADE_MODE: Mode = Mode::from_raw_mode(0o755);

/// An open directory.
#[derive(Debug)]
pub(crate) struct Parent {
    pub(crate) fd: OwnedFd,
    /// Empty = the root.
    pub(crate) path: Vec<u8>,
    pub(crate) id: Id,
}

/// Keys below the private directory belong to this backend alone.
pub(crate) fn allowed(doing: &str, key: &[u8]) -> Result<()> {
    if key == PRIVATE || key.strip_prefix(PRIVATE).is_some_and(|rest| rest.first() == Some(&b'/')) {
        return Err(mistake(Code::InvalidArg, doing, key, "the name .twinhaul at the root is reserved"));
    }
    Ok(())
}

impl Volume {
    /// The directory of `key`, which is there.
    pub(crate) fn parent(&self, doing: &str, key: &[u8]) -> Result<Parent> {
        let path = split(key).0;
        allowed(doing, key)?;
        self.root.dir(path).and_then(|fd| parent(fd, path)).map_err(|e| self.blame(doing, key, e))
    }

    /// The directory of `key`, made if needed.
    pub(crate) fn parent_made(&self, doing: &str, key: &[u8]) -> Result<Parent> {
        let path = split(key).0;
        allowed(doing, key)?;
        let mut tries = 0;
        loop {
            match self.root.dir(path).and_then(|fd| parent(fd, path)) {
                Ok(parent) => return Ok(parent),
                Err(Errno::NOENT) if tries < TRIES_MAX => tries += 1,
                Err(e) => return Err(self.blame(doing, key, e)),
            }
            match self.make_missing(path) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(e) => return Err(self.blame(doing, key, e)),
            }
        }
    }

    /// From the deepest directory that is there downwards.
    fn make_missing(&self, path: &[u8]) -> rustix::io::Result<()> {
        let ends: Vec<usize> = (0..=path.len()).filter(|i| path.get(*i).is_none_or(|b| *b == b'/')).collect();
        let there = ends.iter().rposition(|end| self.root.dir(&path[..*end]).is_ok());
        let first = there.map_or(0, |i| i + 1);
        for end in &ends[first..] {
            let (above, name) = split(&path[..*end]);
            let dir = parent(self.root.dir(above)?, above)?;
            match self.thaw.writing(&dir.fd, above, || mkdirat(&dir.fd, name, MADE_MODE)) {
                Ok(()) | Err(Errno::EXIST) => self.touched.dir(dir.id, &dir.path),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Says which directory on the way to `key` is none, if that is what is wrong.
    pub(crate) fn blame(&self, doing: &str, key: &[u8], e: Errno) -> Error {
        if !matches!(e, Errno::LOOP | Errno::NOTDIR | Errno::EXIST) {
            return failed(doing, key, e);
        }
        for end in (0..key.len()).filter(|i| key[*i] == b'/') {
            let place = &key[..end];
            let what = match self.root.handle(place).and_then(Node::of).map(|n| n.kind) {
                Ok(Kind::Directory) => continue,
                Ok(Kind::Symlink) => (Code::Denied, "a symlink, and would leave the target's root"),
                Ok(_) => (Code::WrongKind, "not a directory"),
                Err(_) => break,
            };
            let why = format!("{} is {}", self.root.place(place), what.1);
            return Error { errno: e.raw_os_error(), ..mistake(what.0, doing, key, &why) };
        }
        failed(doing, key, e)
    }
}

fn parent(fd: OwnedFd, path: &[u8]) -> rustix::io::Result<Parent> {
    let id = Node::of(&fd)?.id();
    Ok(Parent { fd, path: path.to_vec(), id })
}
