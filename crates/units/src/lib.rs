//! The nouns and numbers every room shares: bytes, rates, ratios, ids, moments, keys, and how they print.
//!
//! No dependencies, no I/O, no clock. Whatever a person reads or types (sizes, rates, shares, durations) is
//! printed and parsed here and nowhere else, and every text from outside passes through [`text::show`].

pub mod amount;
pub mod bytes;
pub mod dial;
pub mod ids;
pub mod key;
pub mod moment;
pub mod rate;
pub mod ratio;
pub mod span;
pub mod text;
pub mod transfers;

pub use amount::Amount;
pub use bytes::Bytes;
pub use dial::{Dial, Turned};
pub use ids::{Epoch, Incarnation, LotId, PeerId, TransferId};
pub use key::{Key, KeyError};
pub use moment::Moment;
pub use rate::Rate;
pub use ratio::{RATIO_MAX, RATIO_MIN, Ratio, Share};
pub use span::Span;
pub use transfers::Transfers;

/// Why a written quantity was refused; completes "failed to read …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What a correct value looks like, for the message.
    pub expected: &'static str,
    /// What was found, as written.
    pub found: String,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected {}, found \"{}\"", self.expected, text::show(&self.found))
    }
}

impl std::error::Error for ParseError {}

/// Splits "16 MiB/s" into 16.0 and "MiB/s".
fn number_and_unit(s: &str) -> Option<(f64, &str)> {
    let s = s.trim();
    let end = s.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(s.len());
    let number: f64 = s[..end].replace('_', "").parse().ok()?;
    (number.is_finite() && number >= 0.0).then(|| (number, s[end..].trim()))
}
