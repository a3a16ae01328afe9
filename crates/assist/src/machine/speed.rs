//! How fast this peer is: bytes a second, smoothed, from what the host measured.

use std::time::Duration;
use twinhaul_units::{Bytes, Moment, Rate};

/// Measurements closer together than this are one.
const MEASURE_EVERY: Duration = Duration::from_millis(50);

/// What was measured, and what follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Speed {
    mark: Option<(Moment, u64)>,
    rate: Option<u64>,
}

impl Speed {
    /// Takes the bytes moved so far.
    pub(super) fn measure(&mut self, now: Moment, moved: Bytes) {
        let Some((at, before)) = self.mark else {
            self.mark = Some((now, moved.0));
            return;
        };
        let passed = now.since(at);
        if passed < MEASURE_EVERY {
            return;
        }
        let fresh = u128::from(moved.0.saturating_sub(before)) * 1_000_000 / passed.as_micros().max(1);
        let fresh = u64::try_from(fresh).unwrap_or(u64::MAX);
        self.rate = Some(self.rate.map_or(fresh, |rate| rate - rate / 8 + fresh / 8));
        self.mark = Some((now, moved.0));
    }

    pub(super) const fn rate(&self) -> Rate {
        match self.rate {
            Some(rate) => Rate(rate),
            None => Rate(0),
        }
    }
}
