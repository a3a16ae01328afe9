//! Signals of a headless run: the first Ctrl-C drains, the second stops; TERM stops; USR1 prints the status.

use crate::exit::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Set by signals, read by the loop that watches a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    interrupts: Arc<AtomicUsize>,
    terminate: Arc<AtomicBool>,
    status: Arc<AtomicBool>,
}

impl Signals {
    /// From now on these signals do not end the process.
    pub(crate) fn install() -> Result<Self, Failure> {
        let signals = Self::default();
        let fail = |e: std::io::Error| Failure::other("installing signal handlers", e);
        let interrupts = Arc::clone(&signals.interrupts);
        let mut watched = signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT]).map_err(fail)?;
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                for _ in watched.forever() {
                    interrupts.fetch_add(1, Ordering::SeqCst);
                }
            })
            .map_err(fail)?;
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&signals.terminate)).map_err(fail)?;
        }
        signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&signals.status))
            .map_err(fail)?;
        Ok(signals)
    }

    pub(crate) fn interrupts(&self) -> usize {
        self.interrupts.load(Ordering::SeqCst)
    }

    pub(crate) fn terminated(&self) -> bool {
        self.terminate.load(Ordering::SeqCst)
    }

    /// Whether the status was asked for since the last call.
    pub(crate) fn take_status(&self) -> bool {
        self.status.swap(false, Ordering::SeqCst)
    }
}
