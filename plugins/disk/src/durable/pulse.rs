//! How long making things durable takes: for whoever asks why nothing moves.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What the calls that make things durable took so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) calls: u64,
    pub(crate) last: Duration,
    pub(crate) longest: Duration,
    /// Calls that go on, and since when there is one at any time.
    pub(crate) now: u32,
    pub(crate) since: Option<Instant>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Pulse(Mutex<Taken>);

impl Pulse {
    /// Runs `work`, which makes something durable.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        self.with(|taken| {
            taken.now += 1;
            taken.since = taken.since.or(Some(begun));
        });
        let done = work();
        let took = begun.elapsed();
        self.with(|taken| {
            taken.calls += 1;
            taken.last = took;
            taken.longest = taken.longest.max(took);
            taken.now -= 1;
            taken.since = taken.since.filter(|_| taken.now > 0);
        });
        done
    }

    pub(crate) fn taken(&self) -> Taken {
        self.with(|taken| *taken)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Taken) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_and_the_one_that_goes_on_is_seen() {
        let pulse = Pulse::default();
        assert_eq!(pulse.taken(), Taken::default());
        let inside = pulse.during(|| {
            pulse.during(|| ());
            pulse.taken()
        });
        assert!(inside.since.is_some() && (inside.calls, inside.now) == (1, 1), "{inside:?}");
        let taken = pulse.taken();
        assert_eq!((taken.calls, taken.now, taken.since), (2, 0, None));
        assert!(taken.longest >= taken.last);
    }
}
