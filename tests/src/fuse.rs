//! A file system that fails when it is told to: a directory passed through FUSE, whose answers to writes, reads, syncs, renames and
//! opens a test chooses.
//!
//! It is mounted in the name space of whoever calls: a test first asks `needs::may_mount`, so that nothing stays when it is killed.
//!
//! Real errors, met by the product where it meets them in life: in its system calls. Entry points: [`Fuse::over`] mounts it,
//! [`Fuse::fail`] and [`Fuse::fall_silent`] say what is answered, [`Fuse::heal`] ends it, [`Fuse::fired`] counts what was.

mod pass;

use crate::needs;
use fuser::{BackgroundSession, Config, MountOption, ReplyWrite};
use pass::PassThrough;
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

/// What is asked of the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Read,
    /// Also space that is reserved.
    Write,
    Sync,
    /// Answers so after it was done, as NFS does when a reply is lost.
    Rename,
    Open,
}

/// What is answered, and when.
#[derive(Clone, Debug)]
pub struct Fault {
    pub call: Call,
    pub errno: Errno,
    /// Of a read: only when it touches this byte or one behind it.
    pub from: u64,
    /// Only of files whose own size is this; `None`: of all.
    pub size: Option<u64>,
    /// So many times; `None`: until it is healed.
    pub times: Option<u32>,
}

impl Fault {
    /// Of all files, until it is healed.
    pub const fn of(call: Call, errno: Errno) -> Self {
        Self { call, errno, from: 0, size: None, times: None }
    }

    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

#[derive(Debug, Default)]
struct Plan {
    faults: Vec<Fault>,
    fired: u32,
    /// Whether writes are answered at all.
    silent: bool,
    held: Vec<ReplyWrite>,
}

/// What is to fail, shared with the file system.
#[derive(Clone, Debug, Default)]
struct Faults(Arc<Mutex<Plan>>);

impl Faults {
    fn with<T>(&self, change: impl FnOnce(&mut Plan) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps the answer to a write, if there is none now.
    fn hold(&self, reply: ReplyWrite) -> Option<ReplyWrite> {
        self.with(|plan| {
            if !plan.silent {
                return Some(reply);
            }
            plan.held.push(reply);
            None
        })
    }

    /// What is answered to a call that touches bytes up to `end` of a file of `size`; `None`: the truth.
    fn meet(&self, call: Call, end: u64, size: u64) -> Option<Errno> {
        self.with(|plan| {
            let hit = plan.faults.iter_mut().find(|f| {
                f.call == call && end >= f.from && f.size.is_none_or(|s| s == size) && f.times != Some(0)
            })?;
            hit.times = hit.times.map(|n| n - 1);
            let errno = hit.errno;
            plan.fired += 1;
            Some(errno)
        })
    }
}

/// A mounted one; unmounted when dropped.
#[derive(Debug)]
pub struct Fuse {
    at: PathBuf,
    faults: Faults,
    _session: BackgroundSession,
}

impl Fuse {
    /// Mounts it at `at` over the directory `below`; both are made. `None`: this machine allows no such mount, which is said for
    /// `suite`.
    ///
    /// # Panics
    /// When the directories cannot be made.
    pub fn over(suite: &str, at: &Path, below: &Path) -> Option<Self> {
        for directory in [at, below] {
            std::fs::create_dir_all(directory).expect("a directory to mount");
        }
        let faults = Faults::default();
        let mut config = Config::default();
        config.mount_options =
            vec![MountOption::FSName("twinhaul-test".into()), MountOption::DefaultPermissions];
        let files = PassThrough::new(below, faults.clone()).expect("the directory below");
        match fuser::spawn_mount(files, at, &config) {
            Ok(session) => Some(Self { at: at.to_owned(), faults, _session: session }),
            Err(e) => {
                needs::skip(suite, &format!("no file system can be mounted through FUSE here: {e}"));
                None
            }
        }
    }

    pub fn fail(&self, fault: Fault) {
        self.faults.with(|plan| plan.faults.push(fault));
    }

    /// Writes get no answer from now on.
    pub fn fall_silent(&self) {
        self.faults.with(|plan| plan.silent = true);
    }

    /// Writes that wait for their answer.
    pub fn held(&self) -> usize {
        self.faults.with(|plan| plan.held.len())
    }

    /// It answers from now on, and with the truth. Who waited for an answer hears that the call is to be made again.
    pub fn heal(&self) {
        let held = self.faults.with(|plan| {
            plan.faults.clear();
            plan.silent = false;
            std::mem::take(&mut plan.held)
        });
        for reply in held {
            reply.error(fuser::Errno::EINTR);
        }
    }

    /// How many calls were answered with a fault.
    pub fn fired(&self) -> u32 {
        self.faults.with(|plan| plan.fired)
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        self.heal();
        // Processes of a test that failed may still have files open there.
        let _ = Command::new("umount").arg("-l").arg(&self.at).output();
    }
}
