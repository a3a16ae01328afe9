//! The queue for drives, between processes: each waiter has a file, which it locks and which dies with it.
//!
//! Older tickets go first, but one whose cartridge is in another's hands does not hold up those behind it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::lock::{Held, holder, try_hold};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A place in the queue; given up when dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    path: PathBuf,
    name: String,
    held: Held,
}

impl Ticket {
    pub(crate) fn take(dir: &Path, who: &str, wants: &str) -> io::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let pid = std::process::id();
        let name = format!("{now:020}-{pid}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let path = dir.join(&name);
        let held = try_hold(&path)?.ok_or_else(|| io::Error::from(io::ErrorKind::WouldBlock))?;
        let ticket = Self { path, name, held };
        ticket.say(who, wants, false);
        Ok(ticket)
    }

    /// `blocked`: a free drive would not help.
    pub(crate) fn say(&self, who: &str, wants: &str, blocked: bool) {
        self.held.say(&json!({"pid": std::process::id(), "who": who, "wants": wants, "blocked": blocked}));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether a free drive would not help this waiter: its cartridge is in another's hands.
pub(crate) fn is_blocked(ticket: &Value) -> bool {
    ticket["blocked"].as_bool() == Some(true)
}

/// The waiters, oldest first; those before `mine` if it is given. Tickets of the dead are removed.
pub(crate) fn waiting(dir: &Path, mine: Option<&Ticket>) -> Vec<Value> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<_> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort_unstable();
    let mut found = Vec::new();
    for name in names {
        if mine.is_some_and(|m| *name >= *m.name) {
            break;
        }
        let path = dir.join(&name);
        match holder(&path) {
            Some(says) => found.push(says),
            None => drop(fs::remove_file(&path)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_queue_and_vanish() {
        let dir = tempfile::tempdir().unwrap();
        let wants = |all: &[Value]| all.iter().map(|t| t["wants"].to_string()).collect::<Vec<_>>();
        let first = Ticket::take(dir.path(), "a", "one").unwrap();
        let second = Ticket::take(dir.path(), "b", "two").unwrap();
        assert_eq!(wants(&waiting(dir.path(), None)), ["\"one\"", "\"two\""]);
        assert_eq!(wants(&waiting(dir.path(), Some(&second))), ["\"one\""]);
        assert!(waiting(dir.path(), Some(&first)).is_empty());
        first.say("a", "one", true);
        assert!(waiting(dir.path(), Some(&second)).iter().all(is_blocked));
        drop(first);
        assert_eq!(waiting(dir.path(), None).len(), 1);
        // Left by a process that died: nobody holds its lock.
        fs::write(dir.path().join("00000000000000000001-1-0"), "{}").unwrap();
        assert_eq!(waiting(dir.path(), None).len(), 1);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
