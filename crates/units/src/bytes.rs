//! A number of bytes, printed in binary units and read in binary or decimal ones.

use crate::{ParseError, number_and_unit};
use std::fmt;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

const EXPECTED: &str = "a size such as 128 KiB, 4 MiB, 1.5 GiB or 1000";
const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

impl Bytes {
    pub const ZERO: Self = Self(0);

    /// `n` kibibytes.
    pub const fn kib(n: u64) -> Self {
        Self(n * 1024)
    }

    /// `n` mebibytes.
    pub const fn mib(n: u64) -> Self {
        Self(n * 1024 * 1024)
    }

    /// Reads "128 KiB", "1.5 GB", "1000" (bytes).
    ///
    /// # Errors
    /// When the number or the unit is not known, or the value does not fit 64 bits.
    pub fn parse(s: &str) -> Result<Self, ParseError> {
        let fail = || ParseError { expected: EXPECTED, found: s.to_owned() };
        let (number, unit) = number_and_unit(s).ok_or_else(fail)?;
        let factor = unit_factor(unit).ok_or_else(fail)?;
        let value = number * factor;
        if value >= 1.8e19 {
            return Err(fail());
        }
        Ok(Self(value.round() as u64))
    }
}

fn unit_factor(unit: &str) -> Option<f64> {
    let lower = unit.to_ascii_lowercase();
    let (letter, rest) = match lower.chars().next() {
        None => return Some(1.0),
        Some('b') if lower.len() == 1 => return Some(1.0),
        Some(letter) => (letter, &lower[1..]),
    };
    let power = 1 + u8::try_from("kmgtpe".find(letter)?).ok()?;
    match rest {
        "" | "i" | "ib" => Some(1024f64.powi(power.into())),
        "b" => Some(1000f64.powi(power.into())),
        _ => None,
    }
}

/// Prints with three significant figures: `0 B`, `128 KiB`, `1.25 GiB`.
pub(crate) fn scaled(value: f64) -> (f64, &'static str) {
    let mut value = value;
    let mut unit = 0;
    // 1023.5 would print as "1024 KiB"; go on to the next unit instead.
    while value >= 999.5 && unit + 1 < UNITS.len() && (unit > 0 || value >= 1024.0) {
        value /= 1024.0;
        unit += 1;
    }
    (value, UNITS[unit])
}

pub(crate) fn three_figures(f: &mut fmt::Formatter<'_>, value: f64, unit: &str) -> fmt::Result {
    let text = if unit == "B" || value >= 99.95 || value.fract() < f64::EPSILON {
        format!("{value:.0} {unit}")
    } else if value >= 9.995 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.2} {unit}")
    };
    f.pad(&text)
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit) = scaled(self.0 as f64);
        three_figures(f, value, unit)
    }
}

impl std::ops::Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::AddAssign for Bytes {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::ops::Sub for Bytes {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, |a, b| a + b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_three_figures() {
        for (n, text) in [
            (0, "0 B"),
            (1, "1 B"),
            (1000, "1000 B"),
            (1024, "1 KiB"),
            (131_072, "128 KiB"),
            (1_342_177_280, "1.25 GiB"),
            (10 * 1024 * 1024 + 600_000, "10.6 MiB"),
            (1_048_575, "1.00 MiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(Bytes(n).to_string(), text, "{n}");
        }
    }

    #[test]
    fn reads_what_people_write() {
        for (text, n) in [
            ("128 KiB", 131_072),
            ("128k", 131_072),
            ("1 kB", 1000),
            ("1.5GiB", 1_610_612_736),
            ("17", 17),
            ("17 B", 17),
            ("1_000", 1000),
        ] {
            assert_eq!(Bytes::parse(text), Ok(Bytes(n)), "{text}");
        }
        for bad in ["", "KiB", "-1", "1 QiB", "1 KiBs", "1e3", "99999999999 EiB"] {
            assert!(Bytes::parse(bad).is_err(), "{bad}");
        }
    }
}
