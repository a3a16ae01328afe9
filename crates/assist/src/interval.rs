//! Intervals of transfer ids: what queues, assignments and loads are made of.

use twinhaul_units::{Epoch, LotId, TransferId};

/// Transfers `first..=last` of one lot, not started. One with `first > last` is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    pub first: TransferId,
    pub last: TransferId,
    pub lot: LotId,
    /// The fencing number under which the lot is owned.
    pub epoch: Epoch,
}

impl Interval {
    /// Number of transfers.
    pub const fn count(&self) -> u64 {
        if self.first.0 > self.last.0 { 0 } else { self.last.0 - self.first.0 + 1 }
    }

    pub const fn contains(&self, id: TransferId) -> bool {
        self.first.0 <= id.0 && id.0 <= self.last.0
    }

    /// The ids `first..=last` of the same lot.
    pub(crate) const fn part(&self, first: u64, last: u64) -> Self {
        Self { first: TransferId(first), last: TransferId(last), lot: self.lot, epoch: self.epoch }
    }

    /// Whether `next` follows without a gap in the same lot under the same epoch.
    pub(crate) const fn meets(&self, next: &Self) -> bool {
        self.lot.0 == next.lot.0
            && self.epoch.0 == next.epoch.0
            && self.last.0.saturating_add(1) == next.first.0
    }
}

/// One transfer and the fencing number to work on it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    pub id: TransferId,
    pub lot: LotId,
    pub epoch: Epoch,
}

/// Number of transfers in all of `intervals`.
pub(crate) fn count(intervals: &[Interval]) -> u64 {
    intervals.iter().map(Interval::count).fold(0, u64::saturating_add)
}
