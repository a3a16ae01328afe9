//! What is known of the lots that were loaded: target, sizes, whether ranges of them can be lent.
//!
//! The queue knows intervals only; this page says what they hold. Entries never overlap, are kept by their first id,
//! and are forgotten when nothing of them is here any more.

use crate::{Interval, LoadedLot, Sizes};
use std::collections::BTreeMap;
use twinhaul_units::{Bytes, TransferId};

/// What is known of one loaded interval.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Page {
    last: u64,
    target: u16,
    sizes: Sizes,
    shared_ranges: bool,
}

/// What is known of one transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) bytes: u64,
    pub(crate) target: u16,
    pub(crate) shared_ranges: bool,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Book {
    pages: BTreeMap<u64, Page>,
}

impl Book {
    /// Notes a loaded lot; what was known of the same ids is replaced.
    pub(crate) fn note(&mut self, lot: &LoadedLot) {
        let (first, last) = (lot.interval.first.0, lot.interval.last.0);
        if first > last || (lot.sizes.is_unknown() && !lot.shared_ranges && lot.target == 0) {
            return;
        }
        self.forget(first, last);
        let page =
            Page { last, target: lot.target, sizes: lot.sizes.clone(), shared_ranges: lot.shared_ranges };
        self.pages.insert(first, page);
    }

    fn forget(&mut self, first: u64, last: u64) {
        let from = self.pages.range(..first).next_back().map_or(first, |(at, _)| *at);
        let hit: Vec<u64> =
            self.pages.range(from..=last).filter(|(_, page)| page.last >= first).map(|(at, _)| *at).collect();
        for at in hit {
            let Some(page) = self.pages.remove(&at) else { continue };
            if page.last > last && last < u64::MAX {
                self.pages.insert(last + 1, page.clone());
            }
            if at < first {
                self.pages.insert(at, Page { last: first - 1, ..page });
            }
        }
    }

    /// Forgets the pages of which `is_here` says that nothing is here.
    pub(crate) fn keep(&mut self, is_here: impl Fn(u64, u64) -> bool) {
        self.pages.retain(|first, page| is_here(*first, page.last));
    }

    pub(crate) fn len(&self) -> usize {
        self.pages.len()
    }

    /// The transfer as planned; nothing if no load said anything.
    pub(crate) fn transfer(&self, id: TransferId) -> Known {
        let Some((_, page)) = self.pages.range(..=id.0).next_back().filter(|(_, page)| page.last >= id.0)
        else {
            return Known::default();
        };
        Known { bytes: page.sizes.bytes(id, id).0, target: page.target, shared_ranges: page.shared_ranges }
    }

    /// For choosing among intervals that are each ordered largest first: the higher, the larger their first transfer,
    /// or with `small` the smaller their last one.
    pub(crate) fn end_rank(&self, interval: &Interval, small: bool) -> u64 {
        if small {
            u64::MAX - self.transfer(interval.last).bytes
        } else {
            self.transfer(interval.first).bytes
        }
    }

    /// Bytes of an interval, as planned.
    pub(crate) fn bytes(&self, interval: &Interval) -> Bytes {
        self.cover(interval).map(|(first, last, page)| page.sizes.bytes(first, last)).sum()
    }

    /// The pages that cover an interval, cut to it; what no page covers is left out.
    fn cover(&self, interval: &Interval) -> impl Iterator<Item = (TransferId, TransferId, &Page)> + '_ {
        let (first, last) = (interval.first.0, interval.last.0);
        let from = self.pages.range(..=first).next_back().map_or(first, |(at, _)| *at);
        let pages = (from <= last).then(|| self.pages.range(from..=last)).into_iter().flatten();
        pages
            .filter(move |(_, page)| page.last >= first)
            .map(move |(at, page)| (TransferId((*at).max(first)), TransferId(page.last.min(last)), page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_units::{Epoch, LotId};

    fn lot(first: u64, sizes: &[u64]) -> LoadedLot {
        let last = TransferId(first + sizes.len() as u64 - 1);
        let interval = Interval { first: TransferId(first), last, lot: LotId(1), epoch: Epoch(1) };
        LoadedLot { interval, target: 3, sizes: Sizes::exact(interval.first, sizes), shared_ranges: true }
    }

    #[test]
    fn a_later_load_replaces_what_it_covers() {
        let mut book = Book::default();
        book.note(&lot(0, &[10; 10]));
        book.note(&lot(3, &[99; 2]));
        assert_eq!(book.bytes(&lot(0, &[0; 10]).interval), Bytes(278));
        assert_eq!(book.transfer(TransferId(4)).bytes, 99);
        assert_eq!((book.transfer(TransferId(5)).bytes, book.transfer(TransferId(10)).bytes), (10, 0));
        assert_eq!(book.len(), 3);
        book.keep(|first, _| first >= 5);
        assert_eq!(book.len(), 1);
    }
}
