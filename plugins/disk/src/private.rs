//! The private directory of a run: `.twinhaul/<run>`, made at the first write, removed by the last sweep.
//!
//! Another peer's sweep may remove it between any two steps, so whoever needs it makes it again, a bounded number of times. A private
//! directory that others may write to is refused: what lies there is published without a further look.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, openat, unlinkat};
use rustix::io::{Errno, Result};

use crate::names::{PRIVATE, Temp};
use crate::node::Node;
use crate::volume::Volume;
use twinhaul_backend_abi::Kind;

/// Times the directory is looked for, or made again, when it vanishes (measured: 8 were too few against a sweep in a loop).
const TRIES_MAX: u32 = 64;
/// Tries without a pause; after them the other process gets the time to finish its sweep.
const HASTY_TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(1);
const OTHERS_WRITE: u32 = 0o022;
/// Owner of everything on a server that squashes root.
const NOBODY: u32 = 65_534;

/// The directory in which the latest private object was made: looked up by path for each, it costs as much as the object.
#[derive(Debug, Default)]
pub(crate) struct LatestDir(Mutex<Option<(String, Arc<OwnedFd>)>>);

impl LatestDir {
    fn of(&self, run: &str) -> Option<Arc<OwnedFd>> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.as_ref().filter(|(of, _)| of == run).map(|(_, dir)| Arc::clone(dir))
    }

    fn set(&self, latest: Option<(String, Arc<OwnedFd>)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = latest;
    }
}

impl Volume {
    /// A private object was not where it should be: the directory is looked up again.
    pub(crate) fn forget_run_dir(&self) {
        self.latest_dir.set(None);
    }

    /// Opens `.twinhaul/<run>`.
    pub(crate) fn run_dir(&self, temp: &Temp) -> Result<OwnedFd> {
        self.safe(&Node::named(self.root.fd(), PRIVATE)?)?;
        let dir = self.root.dir(&[PRIVATE, b"/", temp.run.as_bytes()].concat())?;
        self.safe(&Node::of(&dir)?)?;
        Ok(dir)
    }

    fn safe(&self, node: &Node) -> Result<()> {
        if node.kind != Kind::Directory {
            return Err(if node.kind == Kind::Symlink { Errno::LOOP } else { Errno::NOTDIR });
        }
        let foreign_rules = !self.medium.can(twinhaul_backend_abi::Caps::OWNERS);
        let ours = [self.euid, self.root.node.uid, NOBODY].contains(&node.uid);
        if foreign_rules || (ours && node.mode & OTHERS_WRITE == 0) { Ok(()) } else { Err(Errno::PERM) }
    }

    /// Does `f` in the directory of `temp`, which is made if needed, and made again if it vanishes meanwhile (ENOENT).
    /// EAGAIN: it vanished every time.
    pub(crate) fn in_run_dir<T>(&self, temp: &Temp, f: impl Fn(BorrowedFd<'_>) -> Result<T>) -> Result<T> {
        self.with_run_dir(temp, f).map(|(answer, _)| answer)
    }

    /// As [`Self::in_run_dir`], with the directory in which it was done.
    fn with_run_dir<T>(&self, temp: &Temp, f: impl Fn(BorrowedFd<'_>) -> Result<T>) -> Result<(T, OwnedFd)> {
        let mut tries = 0;
        loop {
            let dir = match self.run_dir(temp) {
                Err(Errno::NOENT) => self.make_run_dir(temp),
                there => there,
            };
            match dir.and_then(|dir| Ok((f(dir.as_fd())?, dir))) {
                Err(Errno::NOENT) if tries < TRIES_MAX => {
                    tries += 1;
                    if tries > HASTY_TRIES {
                        std::thread::sleep(PAUSE);
                    }
                }
                // Another time it may be there.
                Err(Errno::NOENT) => return Err(Errno::AGAIN),
                answer => return answer,
            }
        }
    }

    /// Makes both levels and opens the inner one through the outer: looked for by path again, a sweep would have the time to remove
    /// them. ENOENT: one vanished all the same.
    fn make_run_dir(&self, temp: &Temp) -> Result<OwnedFd> {
        let there = |made| match made {
            Err(Errno::EXIST) => Ok(()),
            other => other,
        };
        let root = self.root.fd();
        there(self.thaw.writing(root, b"", || mkdirat(root, PRIVATE, Mode::RWXU)))?;
        let outer = self.root.dir(PRIVATE)?;
        there(mkdirat(&outer, &temp.run, Mode::RWXU))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = openat(&outer, &temp.run, flags, Mode::empty())?;
        self.safe(&Node::of(&outer)?)?;
        self.safe(&Node::of(&dir)?)?;
        Ok(dir)
    }

    /// A new private file: nobody else can have it open, nothing was there before (`O_EXCL`).
    pub(crate) fn make_temp(&self, temp: &Temp) -> Result<OwnedFd> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let make = |dir: BorrowedFd<'_>| openat(dir, &temp.name, flags, Mode::RUSR | Mode::WUSR);
        if let Some(dir) = self.latest_dir.of(&temp.run) {
            match make(dir.as_fd()) {
                // A sweep removed it.
                Err(Errno::NOENT) => self.latest_dir.set(None),
                answer => return answer,
            }
        }
        let (file, dir) = self.with_run_dir(temp, make)?;
        self.latest_dir.set(Some((temp.run.clone(), Arc::new(dir))));
        Ok(file)
    }

    /// Whether there was something to remove.
    pub(crate) fn remove_temp(&self, temp: &Temp) -> Result<bool> {
        match self.run_dir(temp).and_then(|dir| unlinkat(&dir, &temp.name, AtFlags::empty())) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(e) => Err(e),
        }
    }
}
