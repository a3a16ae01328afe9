//! Medians, and how far they can be trusted. No distribution is assumed: times of runs have long tails to one side.

/// An interval that holds the true median with the given probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Median {
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    /// The probability, 0 to 1: at least 0.95 where there are values enough for that (six), else what the whole range gives.
    pub(super) coverage: f64,
}

const COVERAGE_WANTED: f64 = 0.95;

/// `None` without values, and when one of them is not a number that can be sorted among the others.
pub(super) fn median(values: &[f64]) -> Option<Median> {
    if values.is_empty() || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let (rank, coverage) = rank(n);
    let value = f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]);
    Some(Median { value, low: sorted[rank - 1], high: sorted[n - rank], coverage })
}

/// The median of the ratios of pairs; `None` where one cannot be formed, as over a time that was too short to be seen.
pub(super) fn ratio(pairs: &[(f64, f64)]) -> Option<Median> {
    let ratios: Vec<f64> = pairs.iter().map(|(ours, theirs)| ours / theirs).collect();
    median(&ratios)
}

/// Which order statistics enclose the median: the `rank`-th from either end. Each value is below the median with probability
/// one half, so how many are is binomial, whatever the distribution.
fn rank(n: usize) -> (usize, f64) {
    // The probability that exactly `i` of the `n` are below: n over i, through 2^n.
    let mut term = 0.5f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let mut tail = 0.0;
    let mut best = None;
    for rank in 1..=n.div_ceil(2) {
        tail += term;
        let coverage = (1.0 - 2.0 * tail).max(0.0);
        if coverage < COVERAGE_WANTED {
            return best.unwrap_or((1, coverage));
        }
        best = Some((rank, coverage));
        term *= (n - rank + 1) as f64 / rank as f64;
    }
    best.unwrap_or((1, 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_nine_values_the_second_and_the_eighth_enclose_the_median() {
        let values = [9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0];
        let found = median(&values).unwrap();
        assert_eq!((found.value, found.low, found.high), (5.0, 2.0, 8.0));
        assert!((found.coverage - (1.0 - 20.0 / 512.0)).abs() < 1e-12);
    }

    #[test]
    fn ranks_are_those_of_the_tables() {
        for (n, wanted) in [(6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (20, 6), (25, 8), (100, 40)] {
            assert_eq!(rank(n).0, wanted, "{n}");
            assert!(rank(n).1 >= COVERAGE_WANTED);
        }
    }

    #[test]
    fn few_values_give_their_range_and_say_how_little_that_is() {
        let found = median(&[3.0, 1.0, 2.0]).unwrap();
        assert_eq!((found.value, found.low, found.high, found.coverage), (2.0, 1.0, 3.0, 0.75));
        assert_eq!(median(&[4.0]), Some(Median { value: 4.0, low: 4.0, high: 4.0, coverage: 0.0 }));
        assert_eq!(median(&[1.0, 2.0]), Some(Median { value: 1.5, low: 1.0, high: 2.0, coverage: 0.5 }));
        assert_eq!((median(&[]), median(&[1.0, f64::INFINITY])), (None, None));
    }

    #[test]
    fn the_ratio_is_that_of_the_pairs_and_not_of_the_medians() {
        let pairs = [(1.0, 1.0), (2.0, 1.0), (30.0, 10.0)];
        assert_eq!(ratio(&pairs), Some(Median { value: 2.0, low: 1.0, high: 3.0, coverage: 0.75 }));
        assert_eq!(ratio(&[]), None);
        assert_eq!(ratio(&[(1.0, 0.0)]), None);
    }
}
