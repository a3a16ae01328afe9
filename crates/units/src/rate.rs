//! Bytes per second.

use crate::{Bytes, ParseError, bytes};
use std::fmt;

/// A rate in bytes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u64);

impl Rate {
    /// Reads "16 MiB/s"; the "/s" must be there, so that a size is never taken for a rate.
    ///
    /// # Errors
    /// When the text is not a size followed by "/s", or is zero: a limit of nothing is a pause.
    pub fn parse(s: &str) -> Result<Self, ParseError> {
        let fail = || ParseError { expected: "a rate such as 16 MiB/s", found: s.to_owned() };
        let size = s.trim().strip_suffix("/s").ok_or_else(fail)?;
        match Bytes::parse(size) {
            Ok(Bytes(0)) | Err(_) => Err(fail()),
            Ok(Bytes(n)) => Ok(Self(n)),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit) = bytes::scaled(self.0 as f64);
        bytes::three_figures(f, value, &format!("{unit}/s"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        assert_eq!(Rate::parse("16 MiB/s"), Ok(Rate(16 << 20)));
        assert_eq!(Rate(1_310_720).to_string(), "1.25 MiB/s");
        assert!(Rate::parse("16 MiB").is_err());
        assert!(Rate::parse("0 MiB/s").is_err());
    }
}
