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

impl From<Unit> for Interval {
    fn from(unit: Unit) -> Self {
        Self { first: unit.id, last: unit.id, lot: unit.lot, epoch: unit.epoch }
    }
}

/// `from` without what `known` covers under the same or a newer epoch: older knowledge hides nothing that came back.
pub(crate) fn without(from: &[Interval], known: &Interval) -> Vec<Interval> {
    let mut rest = Vec::with_capacity(from.len() + 1);
    for part in from {
        let apart = part.last < known.first || part.first > known.last;
        if known.count() == 0 || apart || known.epoch < part.epoch {
            rest.push(*part);
            continue;
        }
        if part.first < known.first {
            rest.push(part.part(part.first.0, known.first.0 - 1));
        }
        if part.last > known.last {
            rest.push(part.part(known.last.0 + 1, part.last.0));
        }
    }
    rest
}

/// Number of transfers in all of `intervals`.
pub(crate) fn count(intervals: &[Interval]) -> u64 {
    intervals.iter().map(Interval::count).fold(0, u64::saturating_add)
}
