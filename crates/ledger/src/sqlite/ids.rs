//! Inclusive intervals of ids as SQLite counts, and the blocks they lie in.

use super::number::bound;
use crate::Interval;

/// Transfers in one row of `block`.
pub(super) const BLOCK: i64 = 1024;

/// `first..=last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Ids {
    pub(super) fn of(interval: &Interval) -> Self {
        Self { first: bound(interval.first.0), last: bound(interval.last.0) }
    }

    pub(super) const fn len(self) -> i64 {
        if self.first > self.last { 0 } else { self.last - self.first + 1 }
    }

    /// `None` when empty.
    pub(super) fn some(self) -> Option<Self> {
        (self.first <= self.last).then_some(self)
    }

    /// The part of it in this block.
    pub(super) fn within(self, block: i64) -> Self {
        Self { first: self.first.max(block * BLOCK), last: self.last.min(block * BLOCK + BLOCK - 1) }
    }
}
