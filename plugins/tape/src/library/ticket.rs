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
    since_ms: u64,
    held: Held,
}

/// What a waiter is heard to wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) who: &'a str,
    pub(crate) wants: &'a str,
    /// A free drive would not help: the cartridge is in another's hands, or not there.
    pub(crate) blocked: bool,
    /// What an operator has to type, if only an operator can help.
    pub(crate) next: Option<&'a str>,
}

impl Ticket {
    pub(crate) fn take(dir: &Path, wanted: Wanted<'_>) -> io::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let now = now.as_nanos();
        let pid = std::process::id();
        let name = format!("{now:020}-{pid}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let path = dir.join(&name);
        let held = try_hold(&path)?.ok_or_else(|| io::Error::from(io::ErrorKind::WouldBlock))?;
        let ticket = Self { path, name, since_ms, held };
        ticket.say(wanted);
        Ok(ticket)
    }

    pub(crate) fn say(&self, wanted: Wanted<'_>) {
        self.held.say(&json!({
            "pid": std::process::id(), "who": wanted.who, "wants": wanted.wants, "blocked": wanted.blocked,
            "next": wanted.next, "since_ms": self.since_ms,
        }));
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
        let wanted = |who, wants, blocked| Wanted { who, wants, blocked, next: None };
        let first = Ticket::take(dir.path(), wanted("a", "one", false)).unwrap();
        let second = Ticket::take(dir.path(), wanted("b", "two", false)).unwrap();
        assert_eq!(wants(&waiting(dir.path(), None)), ["\"one\"", "\"two\""]);
        assert_eq!(wants(&waiting(dir.path(), Some(&second))), ["\"one\""]);
        assert!(waiting(dir.path(), Some(&first)).is_empty());
        first.say(wanted("a", "one", true));
        assert!(waiting(dir.path(), Some(&second)).iter().all(is_blocked));
        drop(first);
        assert_eq!(waiting(dir.path(), None).len(), 1);
        // Left by a process that died: nobody holds its lock.
        fs::write(dir.path().join("00000000000000000001-1-0"), "{}").unwrap();
        assert_eq!(waiting(dir.path(), None).len(), 1);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
