//! The only place of this crate that reads a clock. The cores get a [`Moment`]; events get wall time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use twinhaul_units::Moment;

/// Time since the peer started, and the wall clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock {
    /// Monotonic; never goes back, whatever the wall clock does (faults.md 32).
    pub(crate) fn now(&self) -> Moment {
        Moment(u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The instant of a moment, for timers.
    pub(crate) fn instant(&self, at: Moment) -> Instant {
        self.origin + std::time::Duration::from_micros(at.0)
    }

    /// Milliseconds since this clock began.
    pub(crate) fn ms(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Milliseconds since the epoch, for people; never used to decide anything.
pub fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}
