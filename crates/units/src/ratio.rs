//! The ratio of the method (claims 4.1, 5.1): the share of its own queue that an owner hands over when asked.

use crate::{ParseError, number_and_unit};
use std::fmt;

/// Smallest ratio; unclamped ratios were seen to reach 0, and then nothing is ever handed over again.
pub const RATIO_MIN: f64 = 0.05;
/// Largest ratio.
pub const RATIO_MAX: f64 = 0.95;

/// A ratio inside its clamp [`RATIO_MIN`]..=[`RATIO_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Ratio(f64);

impl Ratio {
    /// The ratio nearest to `value` inside the clamp; not-a-number becomes the default 0.5.
    pub fn clamped(value: f64) -> Self {
        if value.is_nan() { Self::default() } else { Self(value.clamp(RATIO_MIN, RATIO_MAX)) }
    }

    /// The ratio as a plain number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Reads "0.65" or "65 %".
    ///
    /// # Errors
    /// When it is not a number inside the clamp.
    pub fn parse(s: &str) -> Result<Self, ParseError> {
        let fail = || ParseError { expected: "a ratio from 0.05 to 0.95", found: s.to_owned() };
        let value = match number_and_unit(s).ok_or_else(fail)? {
            (n, "") => n,
            (n, "%") => n / 100.0,
            _ => return Err(fail()),
        };
        if (RATIO_MIN..=RATIO_MAX).contains(&value) { Ok(Self(value)) } else { Err(fail()) }
    }
}

impl Default for Ratio {
    fn default() -> Self {
        Self(0.5)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.2}", self.0))
    }
}

/// A part of a whole from 0 to 1, written as "15 %" or "0.15": the initial split, the aim of a rebalance.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// `None` outside 0..=1.
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// The share as a plain number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Reads "15 %" or "0.15".
    ///
    /// # Errors
    /// When it is not a number from 0 to 1 or a percentage from 0 to 100.
    pub fn parse(s: &str) -> Result<Self, ParseError> {
        let fail = || ParseError { expected: "a share such as 15 % or 0.15", found: s.to_owned() };
        let value = match number_and_unit(s).ok_or_else(fail)? {
            (n, "") => n,
            (n, "%") => n / 100.0,
            _ => return Err(fail()),
        };
        Self::new(value).ok_or_else(fail)
    }

    /// As a person types it: "75" is 75 %, too.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn typed(s: &str) -> Result<Self, ParseError> {
        let is_percentage = s.trim().parse::<f64>().is_ok_and(|n| n > 1.0);
        if is_percentage { Self::parse(&format!("{s} %")) } else { Self::parse(s) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.0} %", self.0 * 100.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_typed_with_or_without_its_sign() {
        for text in ["75", "75 %", "0.75", " 75"] {
            assert_eq!(Share::typed(text).map(Share::get), Ok(0.75), "{text}");
        }
        assert_eq!(Share::typed("1").map(Share::get), Ok(1.0));
        assert!(Share::typed("101").is_err() && Share::typed("half").is_err());
    }

    #[test]
    fn stays_in_its_clamp() {
        assert!((Ratio::clamped(7.0).get() - RATIO_MAX).abs() < 1e-9);
        assert!((Ratio::clamped(-7.0).get() - RATIO_MIN).abs() < 1e-9);
        assert!((Ratio::clamped(f64::NAN).get() - 0.5).abs() < 1e-9);
        assert!(Ratio::parse("0.99").is_err());
        assert_eq!(Ratio::parse("65 %").unwrap().to_string(), "0.65");
    }

    #[test]
    fn share_reads_both_forms() {
        assert_eq!(Share::parse("15 %"), Share::parse("0.15"));
        assert!(Share::parse("150 %").is_err());
    }
}
