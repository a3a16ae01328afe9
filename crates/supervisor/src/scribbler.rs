//! Somebody who writes into files while they are copied: into a demonstration's own, on a thread of its own.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Between two lines.
const EVERY: Duration = Duration::from_millis(40);

/// Writes until it is dropped.
#[derive(Debug)]
pub(crate) struct Scribbler {
    keys: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
}

impl Scribbler {
    /// Into files below `source`.
    pub(crate) fn start(source: PathBuf) -> io::Result<Self> {
        let keys: Arc<Mutex<Vec<String>>> = Arc::default();
        let over = Arc::new(AtomicBool::new(false));
        let (theirs, ends) = (Arc::clone(&keys), Arc::clone(&over));
        let write = move || {
            while !ends.load(Ordering::Relaxed) {
                let now = theirs.lock().unwrap_or_else(PoisonError::into_inner).clone();
                for key in now {
                    let file = std::fs::OpenOptions::new().append(true).open(source.join(key));
                    // One that cannot be opened is not ours to write.
                    let _ = file.and_then(|mut file| file.write_all(b"one more line\n"));
                }
                std::thread::sleep(EVERY);
            }
        };
        std::thread::Builder::new().name("scribbler".into()).spawn(write)?;
        Ok(Self { keys, over })
    }

    /// These from now on.
    pub(crate) fn into(&self, keys: Vec<String>) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}

impl Drop for Scribbler {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
