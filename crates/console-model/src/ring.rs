//! Bounded memories: a list that forgets its oldest item, and a history of one sample a second.
//!
//! Items keep their number for life, so that a selection stays on its item while others come and go.

use std::collections::VecDeque;
use twinhaul_units::Moment;

/// The newest `max` items. An item's id is its number since the start.
#[derive(Clone, Debug)]
pub struct Ring<T> {
    items: VecDeque<T>,
    first: u64,
    max: usize,
}

impl<T> Ring<T> {
    pub const fn new(max: usize) -> Self {
        Self { items: VecDeque::new(), first: 0, max }
    }

    pub fn push(&mut self, item: T) {
        if self.items.len() >= self.max {
            self.items.pop_front();
            self.first += 1;
        }
        self.items.push_back(item);
    }

    pub fn clear(&mut self) {
        self.first += self.items.len() as u64;
        self.items.clear();
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Items forgotten or cleared so far.
    pub const fn forgotten(&self) -> u64 {
        self.first
    }

    pub fn get(&self, index: usize) -> Option<&T> {
        self.items.get(index)
    }

    pub fn last(&self) -> Option<&T> {
        self.items.back()
    }

    /// The id of the item at `index`.
    pub const fn id(&self, index: usize) -> u64 {
        self.first + index as u64
    }

    /// Where the item `id` is now; `None` when it was forgotten.
    pub fn index(&self, id: u64) -> Option<usize> {
        usize::try_from(id.checked_sub(self.first)?).ok().filter(|i| *i < self.items.len())
    }

    /// The item `id`; `None` when it was forgotten.
    pub fn by_id(&self, id: u64) -> Option<&T> {
        self.get(self.index(id)?)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.items.iter()
    }
}

/// Seconds that a [`Samples`] remembers.
pub const SAMPLES_MAX: usize = 600;

/// One value a second, newest last; `None` for a second in which nothing was heard.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    values: VecDeque<Option<u64>>,
    /// The second (since the start) of the newest value.
    second: u64,
}

impl Samples {
    /// Sets the value of the second that `now` is in.
    pub fn set(&mut self, now: Moment, value: u64) {
        self.advance(now);
        if let Some(newest) = self.values.back_mut() {
            *newest = Some(value);
        }
    }

    /// Lets time pass without a value.
    pub fn advance(&mut self, now: Moment) {
        let second = now.0 / 1_000_000;
        if self.values.is_empty() {
            self.second = second;
            self.values.push_back(None);
        }
        let gap = usize::try_from(second.saturating_sub(self.second)).unwrap_or(usize::MAX).min(SAMPLES_MAX);
        self.values.extend(std::iter::repeat_n(None, gap));
        self.second = self.second.max(second);
        while self.values.len() > SAMPLES_MAX {
            self.values.pop_front();
        }
    }

    /// Fills in what was before everything that is remembered: values by their second, which may be below 0.
    pub(crate) fn fill_in(&mut self, now: Moment, past: &[(i128, u64)]) {
        self.advance(now);
        let newest = i128::from(self.second);
        // What was heard here is known better; before the first of it, nothing was.
        let heard = self.values.iter().position(Option::is_some).map_or(0, |first| self.values.len() - first);
        for (second, value) in past {
            let Ok(ago) = usize::try_from(newest - second) else { continue };
            if ago < heard || ago >= SAMPLES_MAX {
                continue;
            }
            while self.values.len() <= ago {
                self.values.push_front(None);
            }
            let at = self.values.len() - 1 - ago;
            self.values[at] = Some(*value);
        }
    }

    /// The value `ago` seconds before the newest one.
    pub fn ago(&self, ago: usize) -> Option<u64> {
        let index = self.values.len().checked_sub(ago + 1)?;
        self.values.get(index).copied().flatten()
    }

    /// Seconds remembered.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The last `seconds` seconds in `columns` means, oldest first; `None` where nothing is known.
    pub fn columns(&self, seconds: usize, columns: usize) -> Vec<Option<f64>> {
        (0..columns)
            .map(|column| {
                let from = seconds * (columns - column - 1) / columns;
                let to = (seconds * (columns - column) / columns).max(from + 1);
                let known: Vec<u64> = (from..to).filter_map(|ago| self.ago(ago)).collect();
                (!known.is_empty()).then(|| known.iter().map(|v| *v as f64).sum::<f64>() / known.len() as f64)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_forgets_its_oldest_and_keeps_numbers() {
        let mut ring = Ring::new(3);
        (0..5).for_each(|n| ring.push(n));
        assert_eq!((ring.len(), ring.forgotten()), (3, 2));
        assert_eq!(
            (ring.index(1), ring.index(2), ring.index(4), ring.index(5)),
            (None, Some(0), Some(2), None)
        );
        ring.clear();
        ring.push(9);
        assert_eq!((ring.index(4), ring.index(5)), (None, Some(0)));
    }

    #[test]
    fn samples_are_bounded_and_leave_gaps() {
        let mut samples = Samples::default();
        samples.set(Moment(1_000_000), 7);
        samples.set(Moment(1_900_000), 8);
        samples.set(Moment(4_000_000), 9);
        assert_eq!((0..4).map(|n| samples.ago(n)).collect::<Vec<_>>(), [Some(9), None, None, Some(8)]);
        samples.set(Moment(u64::MAX), 1);
        assert_eq!(samples.len(), SAMPLES_MAX);
    }

    #[test]
    fn the_past_is_filled_in_before_what_was_heard() {
        let mut samples = Samples::default();
        samples.set(Moment(1_000_000), 7);
        samples.advance(Moment(3_000_000));
        samples.fill_in(Moment(3_000_000), &[(-2, 1), (-2, 2), (0, 3), (1, 4), (2, 5), (9, 6), (-700, 8)]);
        // Its own seconds stay as they are, also those in which nothing was heard.
        assert_eq!(
            (0..6).map(|ago| samples.ago(ago)).collect::<Vec<_>>(),
            [None, None, Some(7), Some(3), None, Some(2)]
        );
        assert_eq!(samples.len(), 6);
        let mut fresh = Samples::default();
        fresh.fill_in(Moment(500_000), &[(-599, 1), (-600, 2), (0, 3)]);
        assert_eq!((fresh.len(), fresh.ago(0), fresh.ago(599)), (SAMPLES_MAX, Some(3), Some(1)));
        fresh.set(Moment(1_500_000), 9);
        assert_eq!((fresh.len(), fresh.ago(0), fresh.ago(1)), (SAMPLES_MAX, Some(9), Some(3)));
    }

    #[test]
    fn columns_are_means() {
        let mut samples = Samples::default();
        for second in 0..4u64 {
            samples.set(Moment(second * 1_000_000), second * 10);
        }
        assert_eq!(samples.columns(4, 2), [Some(5.0), Some(25.0)]);
        assert_eq!(samples.columns(8, 4), [None, None, Some(5.0), Some(25.0)]);
        assert_eq!(samples.columns(0, 2).len(), 2);
    }
}
