//! How many bytes the transfers of an interval hold, without a row for each: cumulative bytes at some ids, straight
//! lines between them (store.md 2, the prefix index of bytes).
//!
//! Planned sizes never change, so this is plain data: cheap to clone, equal and hashed by content. A guess between two
//! points is a guess; what a started transfer really holds, `Event::Began` says.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use twinhaul_units::{Bytes, TransferId};

/// Cumulative bytes at some ids; see the module.
#[derive(Clone, Debug, Default)]
pub struct Sizes {
    /// (id, bytes of all transfers before it), both ascending. Fewer than two: nothing is known.
    points: Arc<[(u64, u64)]>,
}

impl Sizes {
    /// Nothing is known: every interval counts 0 bytes.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// The size of every transfer from `first` on.
    pub fn exact(first: TransferId, sizes: &[u64]) -> Self {
        let mut before = 0u64;
        let mut points = Vec::with_capacity(sizes.len() + 1);
        points.push((first.0, 0));
        for (id, size) in (first.0..).zip(sizes) {
            before = before.saturating_add(*size);
            points.push((id.saturating_add(1), before));
        }
        Self { points: points.into() }
    }

    /// From (id, bytes of all transfers before it, counted from anywhere). Points that go back are left out.
    pub fn from_points(points: Vec<(TransferId, Bytes)>) -> Self {
        let mut kept: Vec<(u64, u64)> = Vec::with_capacity(points.len());
        for (TransferId(id), Bytes(before)) in points {
            if kept.last().is_none_or(|last| last.0 < id && last.1 <= before) {
                kept.push((id, before));
            }
        }
        Self { points: kept.into() }
    }

    pub fn is_unknown(&self) -> bool {
        self.points.len() < 2
    }

    /// Bytes of the transfers `first..=last`; what lies outside the points counts nothing.
    pub fn bytes(&self, first: TransferId, last: TransferId) -> Bytes {
        if first > last {
            return Bytes::ZERO;
        }
        Bytes(self.before(last.0.saturating_add(1)) - self.before(first.0))
    }

    /// How many transfers of `first..=last`, from its head, hold at most `bytes`; never more than there are.
    pub fn head_for(&self, first: TransferId, last: TransferId, bytes: Bytes) -> u64 {
        if first > last {
            return 0;
        }
        let limit = self.before(first.0).saturating_add(bytes.0);
        let (mut low, mut high) = (0, last.0 - first.0 + 1);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if self.before(first.0 + middle) <= limit {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }

    /// As [`Self::head_for`], from the tail.
    pub fn tail_for(&self, first: TransferId, last: TransferId, bytes: Bytes) -> u64 {
        if first > last {
            return 0;
        }
        let end = self.before(last.0.saturating_add(1));
        let limit = end.saturating_sub(bytes.0);
        let (mut low, mut high) = (0, last.0 - first.0 + 1);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if self.before(last.0 + 1 - middle) >= limit {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }

    /// Bytes of all transfers before `id`.
    fn before(&self, id: u64) -> u64 {
        let Some((first, last)) = self.points.first().zip(self.points.last()) else { return 0 };
        let at = self.points.partition_point(|(at, _)| *at <= id);
        let Some(from) = at.checked_sub(1).map(|i| self.points[i]) else { return first.1 };
        let Some(to) = self.points.get(at) else { return last.1 };
        let part = u128::from(to.1 - from.1) * u128::from(id - from.0) / u128::from(to.0 - from.0);
        from.1 + part as u64
    }
}

impl PartialEq for Sizes {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.points, &other.points) || self.points == other.points
    }
}

impl Eq for Sizes {}

impl Hash for Sizes {
    fn hash<H: Hasher>(&self, h: &mut H) {
        self.points.hash(h);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: fn(u64) -> TransferId = TransferId;

    #[test]
    fn exact_sizes_are_exact() {
        let sizes = Sizes::exact(ID(10), &[50, 30, 20]);
        assert_eq!(sizes.bytes(ID(10), ID(12)), Bytes(100));
        assert_eq!(sizes.bytes(ID(11), ID(11)), Bytes(30));
        assert_eq!(sizes.bytes(ID(12), ID(11)), Bytes(0));
        assert_eq!(
            (sizes.head_for(ID(10), ID(12), Bytes(79)), sizes.head_for(ID(10), ID(12), Bytes(80))),
            (1, 2)
        );
        assert_eq!(
            (sizes.tail_for(ID(10), ID(12), Bytes(49)), sizes.tail_for(ID(10), ID(12), Bytes(50))),
            (1, 2)
        );
    }

    #[test]
    fn between_two_points_is_a_straight_line() {
        let sizes = Sizes::from_points(vec![(ID(0), Bytes(1000)), (ID(10), Bytes(2000)), (ID(5), Bytes(9))]);
        assert_eq!(sizes.bytes(ID(0), ID(4)), Bytes(500));
        assert_eq!(sizes.bytes(ID(0), ID(99)), Bytes(1000));
        assert_eq!(sizes.head_for(ID(2), ID(9), Bytes(300)), 3);
    }

    #[test]
    fn the_unknown_counts_nothing() {
        let sizes = Sizes::unknown();
        assert!(sizes.is_unknown());
        assert_eq!(sizes.bytes(ID(0), ID(u64::MAX)), Bytes(0));
        assert_eq!(sizes.head_for(ID(0), ID(9), Bytes(0)), 10);
    }

    proptest! {
        #[test]
        fn heads_and_tails_fit_and_one_more_would_not(
            sizes in proptest::collection::vec(0u64..1000, 1..40), bytes in 0u64..20_000,
        ) {
            let last = ID(6 + sizes.len() as u64);
            let table = Sizes::exact(ID(7), &sizes);
            let head = table.head_for(ID(7), last, Bytes(bytes)) as usize;
            prop_assert!(sizes[..head].iter().sum::<u64>() <= bytes);
            prop_assert!(head == sizes.len() || sizes[..=head].iter().sum::<u64>() > bytes);
            let tail = sizes.len() - table.tail_for(ID(7), last, Bytes(bytes)) as usize;
            prop_assert!(sizes[tail..].iter().sum::<u64>() <= bytes);
            prop_assert!(tail == 0 || sizes[tail - 1..].iter().sum::<u64>() > bytes);
        }
    }
}
