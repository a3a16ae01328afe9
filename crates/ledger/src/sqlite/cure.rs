//! The cure for a writer that was stopped inside its transaction: nobody else could ever write again (store.md 4.2,
//! faults.md 24).
//!
//! Whoever has waited for a while looks for the holder of the write lock, makes sure who it is, and kills it; its
//! transaction is then as if it had never been. It must never kill a process that runs, that is not this program, or
//! that does not hold the lock of this very ledger. Entry point: [`Cure::look`], called while waiting.

use crate::{Stopped, files, process};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A writer holds the lock for milliseconds; on a slow disk it waits there, but it is not stopped.
const LOOK_AFTER: Duration = Duration::from_secs(2);
/// Between two looks; both must find the same process stopped.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Processes that were killed and not yet told.
const TOLD_MAX: usize = 16;

/// What was killed and nobody has asked for yet.
pub(super) type Told = Arc<Mutex<Vec<Stopped>>>;

/// One connection's patience with whoever holds the lock.
#[derive(Debug)]
pub(super) struct Cure {
    path: PathBuf,
    looked: Option<Instant>,
    suspect: Option<Suspect>,
    told: Told,
}

/// A process, so that another one with its pid is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Suspect {
    pid: u32,
    /// Field 22 of `/proc/<pid>/stat`.
    started: u64,
}

impl Cure {
    pub(super) fn new(path: &Path, told: Told) -> Self {
        Self { path: path.to_owned(), looked: None, suspect: None, told }
    }

    /// The lock is taken, and has been for `waited`; looks at its holder now and then.
    pub(super) fn look(&mut self, waited: Duration) {
        if waited < LOOK_AFTER {
            self.suspect = None;
            return;
        }
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
        let stopped = self.stopped_holder();
        match stopped {
            Some(suspect) if self.suspect == stopped => self.end(suspect),
            _ => self.suspect = stopped,
        }
    }

    /// The holder of this ledger's lock, if it is this program and stopped.
    fn stopped_holder(&self) -> Option<Suspect> {
        let pid = files::lock_holder(&self.path).ok().flatten()?;
        let stat = process::stat(pid)?;
        let meant = stat.is_stopped() && process::is_this_program(pid);
        meant.then_some(Suspect { pid, started: stat.started })
    }

    fn end(&mut self, suspect: Suspect) {
        self.suspect = None;
        if !process::end_if(suspect.pid, || self.stopped_holder() == Some(suspect)) {
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD_MAX {
            told.push(Stopped { pid: suspect.pid });
        }
    }
}
