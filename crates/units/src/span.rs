//! Durations as people read and write them.

use crate::{ParseError, number_and_unit};
use std::fmt;
use std::time::Duration;

/// A duration that prints as `25 ms`, `3.8 s`, `1:52`, `1:52:09` or `3d 04:11`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// Reads "0.5 s", "250 ms", "2 min", "1 h".
    ///
    /// # Errors
    /// When the number or the unit is not known.
    pub fn parse(s: &str) -> Result<Self, ParseError> {
        let fail =
            || ParseError { expected: "a duration such as 250 ms, 0.5 s, 2 min or 1 h", found: s.to_owned() };
        let (number, unit) = number_and_unit(s).ok_or_else(fail)?;
        let seconds = match unit {
            "ms" => number / 1000.0,
            "s" => number,
            "m" | "min" => number * 60.0,
            "h" => number * 3600.0,
            "d" => number * 86_400.0,
            _ => return Err(fail()),
        };
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| fail())
    }
}

/// A clock reading for the console's header and the demo's table: `0:39.6`, `1:52:09`.
pub fn clock_tenths(d: Duration) -> String {
    let tenths = d.as_millis() / 100;
    let (s, t) = (tenths / 10, tenths % 10);
    if s < 3600 {
        format!("{}:{:02}.{t}", s / 60, s % 60)
    } else {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let d = self.0;
        let s = d.as_secs();
        let text = if d < Duration::from_millis(1) {
            format!("{} us", d.as_micros())
        } else if s == 0 {
            format!("{} ms", d.as_millis())
        } else if s < 60 {
            format!("{:.1} s", d.as_secs_f64())
        } else if s < 3600 {
            format!("{}:{:02}", s / 60, s % 60)
        } else if s < 86_400 {
            format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
        } else {
            format!("{}d {:02}:{:02}", s / 86_400, s / 3600 % 24, s / 60 % 60)
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_by_length() {
        for (ms, text) in [
            (0, "0 us"),
            (25, "25 ms"),
            (3_800, "3.8 s"),
            (112_000, "1:52"),
            (6_729_000, "1:52:09"),
            (274_260_000, "3d 04:11"),
        ] {
            assert_eq!(Span(Duration::from_millis(ms)).to_string(), text);
        }
        assert_eq!(clock_tenths(Duration::from_millis(39_640)), "0:39.6");
    }

    #[test]
    fn reads_units() {
        assert_eq!(Span::parse("0.5 s").unwrap().0, Duration::from_millis(500));
        assert!(Span::parse("5").is_err());
        assert!(Span::parse("5 years").is_err());
    }
}
