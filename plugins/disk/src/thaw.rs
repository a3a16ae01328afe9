//! Read-only directories of our own that must take new names are opened for writing and closed again later.
//!
//! A source may hold directories without write permission. Finishing gives their copies the same mode, so that a second run, when
//! not root, could add nothing. Only the owner's write bit is added, only to directories of this user, never to the root, and
//! [`Thaw::restore`] (at `publish_sync` and at close) takes it away again. After a crash, finishing does.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{Mode, fchmod};
use rustix::io::{Errno, Result};

use crate::node::{Id, Node};
use crate::root::Root;

/// Directories that are remembered; a further one is closed again at once.
const THAWED_MAX: usize = 4096;
const OWNER_WRITES: u32 = 0o200;

/// Path and former mode.
type Former = (Vec<u8>, u32);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Thaw {
    dirs: Mutex<HashMap<Id, Former>>,
}

impl Thaw {
    /// Does `f`, which changes names in `dir` (at `path`); once more with the directory made writable if that is what it lacks.
    pub(crate) fn writing<T>(&self, dir: impl AsFd, path: &[u8], f: impl Fn() -> Result<T>) -> Result<T> {
        let dir = dir.as_fd();
        match f() {
            Err(Errno::ACCESS) => match self.open(dir, path)? {
                None => Err(Errno::ACCESS),
                Some((mode, remembered)) => {
                    let answer = f();
                    if !remembered {
                        fchmod(dir, Mode::from_raw_mode(mode))?;
                    }
                    answer
                }
            },
            other => other,
        }
    }

    /// The former mode, and whether it is remembered; `None` = not ours to change, or writable anyway.
    fn open(&self, dir: BorrowedFd<'_>, path: &[u8]) -> Result<Option<(u32, bool)>> {
        let node = Node::of(dir)?;
        // The root is the operator's: whoever made it read-only meant it.
        let root = path.is_empty();
        if root || node.uid != rustix::process::geteuid().as_raw() || node.mode & OWNER_WRITES != 0 {
            return Ok(None);
        }
        let mut dirs = self.dirs.lock().unwrap_or_else(PoisonError::into_inner);
        fchmod(dir, Mode::from_raw_mode(node.mode | OWNER_WRITES))?;
        let room = dirs.len() < THAWED_MAX || dirs.contains_key(&node.id());
        if room {
            dirs.entry(node.id()).or_insert_with(|| (path.to_vec(), node.mode));
        }
        Ok(Some((node.mode, room)))
    }

    /// Its mode was set on purpose.
    pub(crate) fn forget(&self, id: Id) {
        self.dirs.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Gives every directory its former mode, unless someone else has changed it meanwhile.
    pub(crate) fn restore(&self, root: &Root) {
        let mut dirs = self.dirs.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, (path, mode)) in dirs.drain() {
            let Ok(dir) = root.dir(&path) else { continue };
            if Node::of(&dir).is_ok_and(|now| now.id() == id && now.mode == mode | OWNER_WRITES) {
                // A directory that cannot be closed again stays as writable as its owner may make it; finishing sets its mode.
                let _ = fchmod(&dir, Mode::from_raw_mode(mode));
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.dirs.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
