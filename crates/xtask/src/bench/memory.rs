//! The peak memory of processes that come and go, ours and all they start, also those that have gone into sessions of their own.
//!
//! The kernel keeps each process's high-water mark; it is read every few milliseconds, because with the process it is gone. What
//! is missed is only what a process grew in its last moments. Files that a process maps count as its memory, as for the kernel
//! they are: of `b3sum` that is nearly all. Who belongs to us is told by parents: [`super::measure`] has made
//! this process the parent of every orphan below it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A look costs well under a millisecond: 300 names of `/proc`, and a file of each process of ours.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Peaks of resident memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Peaks {
    /// The largest of any one process.
    pub(super) any: u64,
    /// Those of all processes added up: more than was ever used at one time, or as much.
    pub(super) all: u64,
}

/// Looks on in a thread of its own until it is ended.
#[derive(Debug)]
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Family>,
}

impl Watch {
    pub(super) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut family = Family::new();
            while !told.load(Ordering::Relaxed) {
                family.look();
                thread::sleep(BETWEEN_LOOKS);
            }
            family
        });
        Self { stop, thread }
    }

    pub(super) fn end(self) -> Result<Peaks, String> {
        self.stop.store(true, Ordering::Relaxed);
        let family = self.thread.join().map_err(|_| "the thread that watches memory died".to_owned())?;
        let any = family.ours.values().copied().max().unwrap_or(0);
        Ok(Peaks { any, all: family.ours.values().sum() })
    }
}

#[derive(Debug)]
struct Family {
    me: u32,
    exe: Option<PathBuf>,
    /// Every process that was ever seen to be ours, with its peak in bytes.
    ours: BTreeMap<u32, u64>,
    /// Living processes of others: judged once, when they are first seen.
    strangers: BTreeSet<u32>,
}

impl Family {
    fn new() -> Self {
        let exe = fs::read_link("/proc/self/exe").ok();
        Self { me: std::process::id(), exe, ours: BTreeMap::new(), strangers: BTreeSet::new() }
    }

    fn look(&mut self) {
        let living = processes();
        self.strangers.retain(|pid| living.contains(pid));
        // Parents first, as far as numbers tell: a child seen before its parent would be taken for a stranger's.
        for pid in &living {
            if self.ours.contains_key(pid) || self.strangers.contains(pid) || *pid == self.me {
                continue;
            }
            match parent(*pid) {
                Some(parent) if parent == self.me || self.ours.contains_key(&parent) => {
                    self.ours.insert(*pid, 0);
                }
                Some(_) => {
                    self.strangers.insert(*pid);
                }
                None => {}
            }
        }
        for (pid, peak) in self.ours.iter_mut().filter(|(pid, _)| living.contains(pid)) {
            // Between fork and exec a child still is this program: its memory is ours, not that of what it will be.
            if fs::read_link(format!("/proc/{pid}/exe")).ok() != self.exe {
                *peak = (*peak).max(high_water(*pid).unwrap_or(0));
            }
        }
    }
}

fn processes() -> BTreeSet<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    super::measure::after_name(&stat)?.nth(1)?.parse().ok()
}

fn high_water(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_parent_and_a_high_water_mark() {
        let me = std::process::id();
        assert!(processes().contains(&me));
        assert!(parent(me).is_some_and(|p| p > 0));
        assert!(high_water(me).is_some_and(|bytes| bytes > 100_000));
    }
}
