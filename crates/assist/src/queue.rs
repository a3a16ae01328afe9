//! A queue of transfers that are not started, kept as intervals: the owner starts from the head (the lowest id),
//! assignments cut from the tail, and both cost what the number of intervals costs, not that of transfers.
//!
//! Intervals are in order and never overlap; neighbours of one lot and epoch are one interval.

use crate::{Interval, Unit, interval};
use std::collections::VecDeque;
use twinhaul_units::TransferId;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Queue {
    parts: VecDeque<Interval>,
    count: u64,
}

impl Queue {
    /// Number of transfers: the claims' "remaining number" (4.2, 5.2).
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn intervals(&self) -> impl DoubleEndedIterator<Item = &Interval> + '_ {
        self.parts.iter()
    }

    /// Number of intervals.
    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Adds what of `new` is not yet in the queue; returns how many transfers that were.
    pub(crate) fn insert(&mut self, new: Interval) -> u64 {
        let fresh = self.without_known(new);
        for part in &fresh {
            self.insert_disjoint(*part);
        }
        interval::count(&fresh)
    }

    /// The pieces of `new` that no part covers.
    fn without_known(&self, new: Interval) -> Vec<Interval> {
        let mut fresh = Vec::new();
        if new.count() == 0 {
            return fresh;
        }
        let mut from = new.first.0;
        let begin = self.parts.partition_point(|p| p.last < new.first);
        for known in self.parts.range(begin..).take_while(|p| p.first <= new.last) {
            if known.first.0 > from {
                fresh.push(new.part(from, known.first.0 - 1));
            }
            match known.last.0.checked_add(1) {
                Some(next) => from = next,
                None => return fresh,
            }
        }
        if from <= new.last.0 {
            fresh.push(new.part(from, new.last.0));
        }
        fresh
    }

    fn insert_disjoint(&mut self, mut new: Interval) {
        self.count += new.count();
        let mut at = self.parts.partition_point(|p| p.first < new.first);
        if let Some(next) = self.parts.get(at).copied()
            && new.meets(&next)
        {
            new.last = next.last;
            self.parts.remove(at);
        }
        if at > 0
            && let Some(before) = self.parts.get(at - 1).copied()
            && before.meets(&new)
        {
            at -= 1;
            new.first = before.first;
            self.parts.remove(at);
        }
        self.parts.insert(at, new);
    }

    /// The lowest transfer; it stays.
    pub(crate) fn head(&self) -> Option<Unit> {
        self.parts.front().map(|head| Unit { id: head.first, lot: head.lot, epoch: head.epoch })
    }

    /// The first or last transfer of the interval for which `rank` is the highest; it stays.
    pub(crate) fn best(&self, from_tail: bool, rank: impl Fn(&Interval) -> u64) -> Option<Unit> {
        // Of equal ones the lowest, or from the tail the highest.
        let order =
            |at: &usize| (self.parts.get(*at).map(&rank), if from_tail { *at } else { usize::MAX - at });
        let part = self.parts.get((0..self.parts.len()).max_by_key(order)?)?;
        let id = if from_tail { part.last } else { part.first };
        Some(Unit { id, lot: part.lot, epoch: part.epoch })
    }

    /// The intervals by falling `rank`; equal ones in order, or from the tail in reverse.
    pub(crate) fn ranked(&self, from_tail: bool, rank: impl Fn(&Interval) -> u64) -> Vec<Interval> {
        let mut ranked: Vec<(u64, Interval)> = self.parts.iter().map(|part| (rank(part), *part)).collect();
        if from_tail {
            ranked.reverse();
        }
        ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
        ranked.into_iter().map(|(_, part)| part).collect()
    }

    /// Takes a piece of one interval out.
    pub(crate) fn take(&mut self, piece: &Interval) {
        let Some(at) = self.parts.iter().position(|p| p.first <= piece.first && piece.last <= p.last) else {
            return;
        };
        let Some(part) = self.parts.remove(at) else { return };
        self.count -= piece.count();
        if part.last > piece.last {
            self.parts.insert(at, part.part(piece.last.0 + 1, part.last.0));
        }
        if part.first < piece.first {
            self.parts.insert(at, part.part(part.first.0, piece.first.0 - 1));
        }
    }

    /// Of these transfers those that are in the queue, in order and as few intervals as they make.
    pub(crate) fn those(&self, ids: &[TransferId]) -> Vec<Interval> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let mut found: Vec<Interval> = Vec::new();
        for id in ids {
            let at = self.parts.partition_point(|p| p.last < id);
            let Some(part) = self.parts.get(at).filter(|p| p.first <= id) else { continue };
            let one = part.part(id.0, id.0);
            match found.last_mut() {
                Some(last) if last.meets(&one) => last.last = id,
                _ => found.push(one),
            }
        }
        found
    }

    /// Cuts the last `n` transfers (or all, if there are fewer) out of the queue; in order.
    pub(crate) fn cut_tail(&mut self, n: u64) -> Vec<Interval> {
        let mut wanted = n.min(self.count);
        let mut cut = Vec::new();
        while wanted > 0 {
            let Some(tail) = self.parts.back_mut() else { break };
            let here = tail.count();
            let piece = if here <= wanted {
                let whole = *tail;
                self.parts.pop_back();
                whole
            } else {
                let piece = tail.part(tail.last.0 - wanted + 1, tail.last.0);
                tail.last.0 -= wanted;
                piece
            };
            wanted -= piece.count();
            self.count -= piece.count();
            cut.push(piece);
        }
        cut.reverse();
        cut
    }

    /// What [`Self::cut_tail`] would cut.
    pub(crate) fn tail(&self, n: u64) -> Vec<Interval> {
        self.clone().cut_tail(n)
    }

    /// Takes the ids `first..=last` of `gone` out where they are held under an older epoch; returns how many there
    /// were. Held under a newer one they came back since, and stay.
    pub(crate) fn remove(&mut self, gone: &Interval) -> u64 {
        let before = self.count;
        let mut kept = VecDeque::with_capacity(self.parts.len() + 1);
        for part in &self.parts {
            if part.last < gone.first || part.first > gone.last || part.epoch >= gone.epoch {
                kept.push_back(*part);
                continue;
            }
            if part.first < gone.first {
                kept.push_back(part.part(part.first.0, gone.first.0 - 1));
            }
            if part.last > gone.last {
                kept.push_back(part.part(gone.last.0 + 1, part.last.0));
            }
        }
        self.count = kept.iter().map(Interval::count).sum();
        self.parts = kept;
        before - self.count
    }

    /// Order, disjointness and the count, for the core's own assertions.
    pub(crate) fn is_sound(&self) -> bool {
        let ordered =
            self.parts.iter().zip(self.parts.iter().skip(1)).all(|(a, b)| a.last < b.first && !a.meets(b));
        ordered
            && self.parts.iter().all(|p| p.count() > 0)
            && self.count == self.parts.iter().map(Interval::count).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use twinhaul_units::{Epoch, LotId};

    fn lot(lot: u64, first: u64, last: u64) -> Interval {
        Interval { lot: LotId(lot), epoch: Epoch(1), first: TransferId(first), last: TransferId(last) }
    }

    fn newer(first: u64, last: u64) -> Interval {
        Interval { epoch: Epoch(2), ..lot(9, first, last) }
    }

    /// Takes out what `choose` names.
    fn out(q: &mut Queue, choose: impl Fn(&Queue) -> Option<Unit>) -> Option<Unit> {
        let unit = choose(q)?;
        q.take(&Interval::from(unit));
        Some(unit)
    }

    fn ids(parts: impl IntoIterator<Item = Interval>) -> Vec<u64> {
        parts.into_iter().flat_map(|p| p.first.0..=p.last.0).collect()
    }

    #[test]
    fn starts_at_the_head_and_is_cut_at_the_tail() {
        let mut q = Queue::default();
        q.insert(lot(2, 10, 19));
        q.insert(lot(1, 0, 9));
        assert_eq!(out(&mut q, Queue::head).map(|u| (u.id.0, u.lot.0)), Some((0, 1)));
        assert_eq!(q.cut_tail(13), vec![lot(1, 7, 9), lot(2, 10, 19)]);
        assert_eq!(q.count(), 6);
        assert_eq!(q.cut_tail(u64::MAX), vec![lot(1, 1, 6)]);
        assert!(q.is_empty() && q.head().is_none());
    }

    #[test]
    fn neighbours_of_one_lot_become_one_interval() {
        let mut q = Queue::default();
        for part in [lot(1, 6, 9), lot(1, 0, 2), lot(1, 3, 5), lot(2, 10, 11)] {
            q.insert(part);
        }
        assert_eq!(q.intervals().copied().collect::<Vec<_>>(), vec![lot(1, 0, 9), lot(2, 10, 11)]);
    }

    #[test]
    fn what_came_back_under_a_newer_epoch_stays() {
        let mut q = Queue::default();
        q.insert(lot(1, 0, 4));
        q.insert(Interval { epoch: Epoch(3), ..lot(4, 5, 9) });
        assert_eq!(q.remove(&newer(3, 9)), 2);
        assert_eq!(ids(q.intervals().copied()), [0, 1, 2, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn the_largest_id_overflows_nothing() {
        let mut q = Queue::default();
        assert_eq!(q.insert(lot(1, u64::MAX - 1, u64::MAX)), 2);
        assert_eq!(q.insert(lot(1, u64::MAX - 3, u64::MAX)), 2);
        assert_eq!(q.remove(&newer(0, u64::MAX)), 4);
        assert!(q.is_sound() && q.is_empty());
    }

    proptest! {
        /// Against a plain set of ids.
        #[test]
        fn behaves_as_a_set(steps in proptest::collection::vec((0u8..7, 0u64..60, 0u64..12), 0..60)) {
            let mut q = Queue::default();
            let mut set = BTreeSet::new();
            for (what, a, n) in steps {
                match what {
                    4 => {
                        let by_tail = out(&mut q, |q| q.best(true, |part| part.last.0));
                        prop_assert_eq!(by_tail.map(|u| u.id.0), set.pop_last());
                    }
                    5 => {
                        if let Some(best) = q.ranked(false, Interval::count).first().copied() {
                            prop_assert!(q.intervals().all(|part| part.count() <= best.count()));
                            let middle = best.part(best.first.0 + best.count() / 3, best.last.0 - best.count() / 4);
                            q.take(&middle);
                            set.retain(|id| !(middle.first.0..=middle.last.0).contains(id));
                        }
                    }
                    6 => {
                        // Every third of some, in any order, some of them twice.
                        let wanted: Vec<u64> = (a..a + 3 * n).rev().filter(|id| id % 3 != 1).chain([a]).collect();
                        let named: Vec<TransferId> = wanted.iter().copied().map(TransferId).collect();
                        let those = q.those(&named);
                        for part in &those {
                            q.take(part);
                        }
                        let expected: Vec<u64> = set.iter().copied().filter(|id| wanted.contains(id)).collect();
                        prop_assert_eq!(ids(those), expected);
                        set.retain(|id| !wanted.contains(id));
                    }
                    0 => {
                        let before = set.len();
                        set.extend(a..a + n);
                        let added = if n == 0 { 0 } else { q.insert(lot(a / 20, a, a + n - 1)) };
                        prop_assert_eq!(added as usize, set.len() - before);
                    }
                    1 => prop_assert_eq!(out(&mut q, Queue::head).map(|u| u.id.0), set.pop_first()),
                    2 => {
                        let cut = ids(q.cut_tail(n));
                        let mut expected: Vec<u64> = (0..n).filter_map(|_| set.pop_last()).collect();
                        expected.reverse();
                        prop_assert_eq!(cut, expected);
                    }
                    _ => {
                        let before = set.len();
                        set.retain(|id| !(a..=a + n).contains(id));
                        prop_assert_eq!(q.remove(&newer(a, a + n)) as usize, before - set.len());
                    }
                }
                prop_assert!(q.is_sound());
                prop_assert_eq!(ids(q.intervals().copied()), set.iter().copied().collect::<Vec<_>>());
            }
        }
    }
}
