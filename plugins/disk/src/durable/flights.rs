//! What is known about attempts on their way: the descriptor that wrote them, and whether a failed barrier may have hit them.
//!
//! Syncing with the writer's own descriptor is the only way to be told every write error of its object; a few are kept open
//! for that. Bounded: whoever is not remembered is distrusted after the first failed barrier.

use std::collections::{HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Attempts that are remembered.
const FLIGHTS_MAX: usize = 65_536;
/// Sealed objects whose descriptor stays open until their barrier; the oldest is closed first.
const OPEN_MAX: usize = 64;

#[derive(Debug, Default)]
struct State {
    /// Barriers that failed.
    failures: u64,
    /// `failures` when the attempt was opened.
    opened: HashMap<Vec<u8>, u64>,
    sealed: VecDeque<(Vec<u8>, OwnedFd)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<State>);

impl Flights {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn opened(&self, reference: &[u8]) {
        let mut state = self.state();
        if state.opened.len() < FLIGHTS_MAX {
            let failures = state.failures;
            state.opened.insert(reference.to_vec(), failures);
        }
    }

    pub(crate) fn sealed(&self, reference: &[u8], file: OwnedFd) {
        let mut state = self.state();
        state.sealed.push_back((reference.to_vec(), file));
        let oldest = if state.sealed.len() > OPEN_MAX { state.sealed.pop_front() } else { None };
        drop(state);
        // Closing may wait for the medium (NFS): not under the lock.
        drop(oldest);
    }

    /// The descriptor that wrote it.
    pub(crate) fn take(&self, reference: &[u8]) -> Option<OwnedFd> {
        let mut state = self.state();
        let at = state.sealed.iter().position(|(r, _)| r == reference)?;
        state.sealed.remove(at).map(|(_, file)| file)
    }

    /// Published, discarded or aborted.
    pub(crate) fn forget(&self, reference: &[u8]) {
        drop(self.take(reference));
        self.state().opened.remove(reference);
    }

    /// A barrier failed: whatever is open or sealed now may have lost bytes.
    pub(crate) fn distrust(&self) {
        self.state().failures += 1;
    }

    pub(crate) fn is_trusted(&self, reference: &[u8]) -> bool {
        let state = self.state();
        state.failures == state.opened.get(reference).copied().unwrap_or(0)
    }

    /// Attempts on their way.
    pub(crate) fn len(&self) -> usize {
        self.state().opened.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_open_during_a_failed_barrier_is_distrusted_for_ever() {
        let flights = Flights::default();
        flights.opened(b"before");
        assert!(flights.is_trusted(b"before") && flights.is_trusted(b"unknown"));
        flights.distrust();
        flights.opened(b"after");
        assert!(!flights.is_trusted(b"before") && !flights.is_trusted(b"unknown"));
        assert!(flights.is_trusted(b"after"));
        flights.forget(b"after");
        assert!(!flights.is_trusted(b"after"));
    }

    #[test]
    fn descriptors_are_bounded_and_given_back_once() {
        let flights = Flights::default();
        let file = || OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        for i in 0..=OPEN_MAX {
            flights.sealed(format!("{i}").as_bytes(), file());
        }
        assert!(flights.take(b"0").is_none(), "the oldest was closed");
        assert!(flights.take(b"1").is_some());
        assert!(flights.take(b"1").is_none());
    }
}
