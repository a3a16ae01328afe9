//! Which bytes of a transfer are done, where several work on it: disjoint intervals in order.

/// Done bytes of one transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cover(Vec<(u64, u64)>);

impl Cover {
    /// Adds `from..to`.
    pub(crate) fn add(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let (mut from, mut to) = (from, to);
        self.0.retain(|(a, b)| {
            let apart = *b < from || *a > to;
            if !apart {
                from = from.min(*a);
                to = to.max(*b);
            }
            apart
        });
        let at = self.0.partition_point(|(a, _)| *a < from);
        self.0.insert(at, (from, to));
    }

    /// Adds what another holds.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for (from, to) in &other.0 {
            self.add(*from, *to);
        }
    }

    /// Whether all of `from..to` is done.
    pub(crate) fn holds(&self, from: u64, to: u64) -> bool {
        from >= to || self.0.iter().any(|(a, b)| *a <= from && to <= *b)
    }

    /// What of `0..size` is not done, in order.
    pub(crate) fn gaps(&self, size: u64) -> Vec<(u64, u64)> {
        let mut gaps = Vec::new();
        let mut at = 0;
        for (from, to) in &self.0 {
            if at < *from {
                gaps.push((at, *from));
            }
            at = *to;
        }
        if at < size {
            gaps.push((at, size));
        }
        gaps
    }

    /// Where what is done at the end of `from..to` begins; `to` if its last byte is not done.
    pub(crate) fn tail(&self, from: u64, to: u64) -> u64 {
        self.0.iter().find(|(a, b)| *a < to && to <= *b).map_or(to, |(a, _)| (*a).max(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_a_whole() {
        let mut cover = Cover::default();
        cover.add(0, 10);
        cover.add(20, 30);
        assert!(!cover.holds(0, 30) && cover.holds(21, 29));
        assert_eq!((cover.tail(0, 30), cover.tail(25, 30), cover.tail(0, 31)), (20, 25, 31));
        assert_eq!(cover.gaps(35), [(10, 20), (30, 35)]);
        cover.add(8, 20);
        assert_eq!(cover.gaps(30), []);
        assert!(cover.holds(0, 30));
        assert_eq!(cover, Cover(vec![(0, 30)]));
    }
}
