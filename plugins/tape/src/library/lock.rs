//! Locks between processes: flock on a file that says who holds it. The kernel frees it when the holder dies.
//!
//! The cartridge itself is never locked, so that other people's tools can open it (tape-format.md 7.15).

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// Bytes of a holder's text that are read.
const TEXT_MAX: usize = 4096;
/// Texts are written in multiples of it.
const TEXT_STEP: usize = 512;
/// Looks at a text that is being written.
const LOOKS: u32 = 3;

/// A lock that this process holds; dropping frees it.
#[derive(Debug)]
pub(crate) struct Held {
    file: File,
    said: Mutex<String>,
}

impl Held {
    /// Says who holds it and what for. A hint for people: that it cannot be written is no error.
    pub(crate) fn say(&self, text: &Value) {
        let mut text = text.to_string();
        // Blanks behind it: a shorter text covers a longer one in a single write.
        text.push_str(&" ".repeat(text.len().next_multiple_of(TEXT_STEP) - text.len()));
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if *said == text {
            return;
        }
        let wrote = self.file.write_all_at(text.as_bytes(), 0);
        // At first it may hold what one left that was killed.
        if said.is_empty() || text.len() < said.len() {
            let _ = wrote.and_then(|()| self.file.set_len(text.len() as u64));
        }
        *said = text;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
    }
}

/// `None` = somebody else holds it.
pub(crate) fn try_hold(path: &Path) -> io::Result<Option<Held>> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Held { file, said: Mutex::default() })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

/// What the holder says; `None` = nobody holds it, or nothing can be read.
pub(crate) fn holder(path: &Path) -> Option<Value> {
    let file = File::open(path).ok()?;
    // For a moment this may keep a taker away; takers ask again.
    if file.try_lock_shared().is_ok() {
        return None;
    }
    let mut text = vec![0; TEXT_MAX];
    for _ in 0..LOOKS {
        let n = file.read_at(&mut text, 0).ok()?;
        if let Ok(says) = serde_json::from_slice(&text[..n]) {
            return Some(says);
        }
    }
    Some(Value::Null)
}

/// "pid 71 (run projects-3, peer a)" for people.
pub(crate) fn who(holder: &Value) -> String {
    let pid = holder["pid"].as_u64().map_or("somebody".to_owned(), |pid| format!("pid {pid}"));
    match holder["who"].as_str() {
        Some(who) if !who.is_empty() => format!("{pid} ({})", twinhaul_units::text::show(who)),
        _ => pid,
    }
}
