//! The other peer's place: whether a process sits there, and making sure that a fenced one does not.
//!
//! A peer holds the lock of its place from before it joins until it is gone, however it goes (faults.md 1). So: first
//! read the ledger's incarnation, then find the lock free, and that incarnation's process is dead for certain. The
//! lock is only looked at, never kept. Entry points: [`is_empty`], [`watch`], [`end_fenced`].

use crate::driver::DriverEvent;
use crate::pulse::{self, Beat};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use twinhaul_ledger::{PeerRow, View, process};
use twinhaul_units::{Incarnation, PeerId};

/// Between two looks at the lock: a dead peer is noticed within this.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A fenced process that wakes ends by itself; it gets this long before it is killed.
const WAKES_WITHIN: Duration = Duration::from_secs(1);
/// A killed process is gone within this, unless it hangs in the kernel.
const DIES_WITHIN: Duration = Duration::from_secs(10);
const DEATH_POLL: Duration = Duration::from_millis(20);

/// What was seen of the other peer's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its current one in the ledger, read before the lock was looked at.
    pub incarnation: Incarnation,
    /// A process took this incarnation; `false`: nobody has, since the start of the run or since a take-over.
    pub joined: bool,
    /// No process sits there.
    pub empty: bool,
    /// Its last sign of life beside the link.
    pub beat: Option<Beat>,
}

/// Whether no process holds the lock of `name`. A lock that cannot be looked at counts as held: nobody is taken over
/// for want of a file descriptor.
pub(crate) fn is_empty(run_dir: &Path, name: &str) -> bool {
    let path = run_dir.join(format!("{name}.lock"));
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::open(&path, flags, Mode::empty()) {
        // Closing it frees it again; a peer that starts just now tries for longer than that.
        Ok(lock) => rustix::fs::flock(&lock, FlockOperation::NonBlockingLockShared).is_ok(),
        Err(Errno::NOENT) => true,
        Err(_) => false,
    }
}

/// Tells the driver whatever changes at the other's place, until the driver is gone.
pub(crate) fn watch(
    view: &View,
    run_dir: &Path,
    name: &str,
    other: PeerId,
    driver: &mpsc::Sender<DriverEvent>,
) {
    let mut last = None;
    loop {
        // A ledger that cannot be read is told by those who need it.
        if let Ok(row) = row(view, other) {
            let seen = Seen {
                incarnation: row.incarnation,
                joined: is_joined(&row),
                empty: is_empty(run_dir, name),
                beat: pulse::look(run_dir, name),
            };
            if last.replace(seen) != Some(seen) && driver.blocking_send(DriverEvent::Place(seen)).is_err() {
                return;
            }
        }
        if driver.is_closed() {
            return;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn row(view: &View, peer: PeerId) -> twinhaul_ledger::Result<PeerRow> {
    let [first, second] = view.peers()?;
    Ok(if peer == PeerId::First { first } else { second })
}

fn is_joined(row: &PeerRow) -> bool {
    row.process.is_some() && row.joined == row.incarnation
}

/// What has become of the process that was fenced last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fenced {
    /// None is left.
    Gone,
    /// It had to be killed.
    Killed { pid: u32 },
    /// It could not be shown to be that process, or it does not die.
    Remains { pid: u32 },
}

/// Where to look for a fenced process.
#[derive(Clone, Debug)]
pub(crate) struct Whereabouts {
    pub run_dir: PathBuf,
    pub name: String,
    pub peer: PeerId,
}

/// Makes sure that no process of a fenced incarnation of the other peer is left that could still write.
///
/// # Errors
/// The ledger's.
pub(crate) fn end_fenced(view: &View, at: &Whereabouts) -> twinhaul_ledger::Result<Fenced> {
    let begun = Instant::now();
    let mut killed = None;
    loop {
        let row = row(view, at.peer)?;
        let Some(fenced) = row.process.as_ref().filter(|_| row.joined < row.incarnation) else {
            return Ok(killed.map_or(Fenced::Gone, |pid| Fenced::Killed { pid }));
        };
        // The lock is the kernel's word, the pid only a name: either may say that it is gone.
        if is_empty(&at.run_dir, &at.name) || !process::is_alive(fenced) {
            return Ok(killed.map_or(Fenced::Gone, |pid| Fenced::Killed { pid }));
        }
        let waited = begun.elapsed();
        if waited >= WAKES_WITHIN && killed.is_none() {
            if process::end(fenced) {
                killed = Some(fenced.pid);
            } else if process::is_alive(fenced) {
                return Ok(Fenced::Remains { pid: fenced.pid });
            }
        }
        if waited >= DIES_WITHIN {
            return Ok(Fenced::Remains { pid: fenced.pid });
        }
        std::thread::sleep(DEATH_POLL);
    }
}
