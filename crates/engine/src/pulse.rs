//! A peer's sign of life beside the link: the time of its lock file, renewed while its driver turns.
//!
//! What the link says is heard sooner. This says that a peer lives which the link does not reach: nobody takes over a living peer
//! because a socket broke (faults.md 25). Only that the time changes counts, never what it is. Entry points: [`keep`], [`look`].

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Turns of the driver.
#[derive(Debug, Default)]
pub(crate) struct Pulse(AtomicU64);

impl Pulse {
    pub(crate) fn turns(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a look at it told: only whether two of them differ says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beat(i64, i64);

fn path(run_dir: &Path, name: &str) -> PathBuf {
    run_dir.join(format!("{name}.lock"))
}

/// Renews it every `every` in which the driver turned, until the driver is gone.
pub(crate) fn keep(run_dir: &Path, name: &str, pulse: &Weak<Pulse>, every: Duration) {
    let path = path(run_dir, name);
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let now = Timestamps { last_access: now, last_modification: now };
    let mut before = None;
    while let Some(turned) = pulse.upgrade().map(|pulse| pulse.0.load(Ordering::Relaxed)) {
        if before.replace(turned) != Some(turned) {
            // Without it only the link speaks for this peer.
            let _ = utimensat(CWD, &path, &now, AtFlags::SYMLINK_NOFOLLOW);
        }
        std::thread::sleep(every);
    }
}

/// The last renewal of the peer `name`; `None`: it cannot be seen.
pub(crate) fn look(run_dir: &Path, name: &str) -> Option<Beat> {
    let meta = std::fs::symlink_metadata(path(run_dir, name)).ok()?;
    Some(Beat(meta.mtime(), meta.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn it_beats_while_the_driver_turns_and_ends_with_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(path(dir.path(), "alpha"), "").unwrap();
        let pulse = Arc::new(Pulse::default());
        let (weak, run_dir) = (Arc::downgrade(&pulse), dir.path().to_owned());
        let every = Duration::from_millis(10);
        let kept = std::thread::spawn(move || keep(&run_dir, "alpha", &weak, every));
        let beat = || look(dir.path(), "alpha").unwrap();
        let until_it_beats = |from: Beat| {
            while beat() == from {
                pulse.turns();
                std::thread::sleep(every);
            }
            beat()
        };
        let second = until_it_beats(until_it_beats(beat()));
        // The driver stands still: what it had begun may still be written.
        std::thread::sleep(every * 5);
        let third = beat();
        std::thread::sleep(every * 5);
        assert_eq!(beat(), third);
        assert_ne!(until_it_beats(third), second);
        drop(pulse);
        kept.join().unwrap();
    }
}
