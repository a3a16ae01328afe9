//! Exact decimal numbers for ratio and portion, so that 0.55 x 1236 is 679.8 on every machine, no error of rounding
//! gathers over many moves of a ratio, and a state of the core can be hashed by a model checker.

use std::fmt;
use twinhaul_units::{RATIO_MAX, RATIO_MIN, Ratio};

const ONE: u64 = 1_000_000;

/// A number in millionths: a ratio, or a ratio multiplied by a number of transfers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millionths(pub u64);

impl Millionths {
    pub const ZERO: Self = Self(0);
    pub(crate) const HALF: Self = Self(ONE / 2);

    /// The nearest number in millionths; what is negative or not a number becomes zero.
    pub fn from_f64(value: f64) -> Self {
        Self((value * ONE as f64).round() as u64)
    }

    /// The whole number `n`.
    pub(crate) const fn whole(n: u64) -> Self {
        Self(n.saturating_mul(ONE))
    }

    /// `part` / `whole`, at most 1; nothing of nothing is 0.
    pub(crate) fn quotient(part: u64, whole: u64) -> Self {
        let millionths = (u128::from(part) * u128::from(ONE)).checked_div(whole.into()).unwrap_or(0);
        Self(millionths.min(ONE.into()) as u64)
    }

    /// As a plain number.
    pub fn get(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    /// As a ratio, inside its clamp.
    pub fn ratio(self) -> Ratio {
        Ratio::clamped(self.get())
    }

    /// The whole part.
    pub const fn floor(self) -> u64 {
        self.0 / ONE
    }

    /// `self` x `n` (claims 4.2, 5.2).
    #[must_use]
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// This share of `n`, rounded down.
    pub(crate) fn share_of(self, n: u64) -> u64 {
        (u128::from(self.0) * u128::from(n) / u128::from(ONE)) as u64
    }

    /// Whether this is greater than the whole number `n` (claims 4.3, 5.3); exact.
    pub const fn exceeds(self, n: u64) -> bool {
        self.0 > n.saturating_mul(ONE)
    }

    /// `self` + `step`, at most the largest ratio (claims 6.1, 7.1).
    #[must_use]
    pub fn raised(self, step: Self) -> Self {
        Self(self.0.saturating_add(step.0)).clamped()
    }

    /// `self` - `step`, at least the smallest ratio (claims 6.2, 7.2).
    #[must_use]
    pub fn lowered(self, step: Self) -> Self {
        Self(self.0.saturating_sub(step.0)).clamped()
    }

    fn clamped(self) -> Self {
        self.clamp(Self::from_f64(RATIO_MIN), Self::from_f64(RATIO_MAX))
    }
}

impl From<Ratio> for Millionths {
    fn from(ratio: Ratio) -> Self {
        Self::from_f64(ratio.get())
    }
}

/// With two decimals, as ratios are shown.
impl fmt::Display for Millionths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.2}", self.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_exact() {
        for (ratio, n, portion, whole) in [
            (0.50, 2680, 1340.0, 1340),
            (0.55, 1236, 679.8, 679),
            (0.60, 505, 303.0, 303),
            (0.29, 100, 29.0, 29),
        ] {
            let x = Millionths::from_f64(ratio).times(n);
            assert_eq!((x.get().to_string(), x.floor()), (f64::to_string(&portion), whole));
        }
    }

    #[test]
    fn a_hundred_moves_up_and_down_end_where_they_began() {
        let step = Millionths::from_f64(0.05);
        let mut r = Millionths::from_f64(0.5);
        for _ in 0..100 {
            r = r.raised(step).raised(step).lowered(step).lowered(step);
        }
        assert_eq!(r, Millionths(500_000));
    }

    #[test]
    fn greater_is_strict() {
        assert!(!Millionths(4_000_000).exceeds(4));
        assert!(Millionths(4_000_001).exceeds(4));
        assert!(!Millionths(u64::MAX).exceeds(u64::MAX));
    }
}
