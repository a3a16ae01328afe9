//! A lot, or a piece of one, as the ledger says that it is owned and not started.

use crate::{Interval, Sizes};
use twinhaul_units::Bytes;

/// What one load names, with all that the policy must know of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoadedLot {
    pub interval: Interval,
    /// The target's number in its run; a lot never crosses a target.
    pub target: u16,
    pub sizes: Sizes,
    /// The target can take one object from two peers, and both peers reach it: ranges of it can be lent.
    pub shared_ranges: bool,
}

impl LoadedLot {
    /// As planned.
    pub fn bytes(&self) -> Bytes {
        self.sizes.bytes(self.interval.first, self.interval.last)
    }
}

/// Of unknown size, and not to be cut into ranges.
impl From<Interval> for LoadedLot {
    fn from(interval: Interval) -> Self {
        Self { interval, target: 0, sizes: Sizes::unknown(), shared_ranges: false }
    }
}
