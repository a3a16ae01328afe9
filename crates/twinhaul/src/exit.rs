//! Exit codes (architecture.md 7) and the one way in which a verb fails: what, where, why, and the next command.

use std::fmt;

/// Complete and verified as asked.
pub(crate) const COMPLETE: u8 = 0;
pub(crate) const OTHER: u8 = 1;
/// Usage or profile; also what a guard refuses before anything moves.
pub(crate) const USAGE: u8 = 2;
/// Finished with failed transfers.
pub(crate) const FAILED_TRANSFERS: u8 = 3;
/// Source or target not found.
pub(crate) const NOT_FOUND: u8 = 4;
/// Temporary: try again.
pub(crate) const TEMPORARY: u8 = 5;
pub(crate) const MISMATCH: u8 = 6;
pub(crate) const TIME_LIMIT: u8 = 10;
pub(crate) const HELD: u8 = 11;
pub(crate) const INTERRUPTED: u8 = 130;
pub(crate) const TERMINATED: u8 = 143;

/// Why a verb ended without success.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    /// Already sanitised where parts of it came from outside.
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(USAGE, text)
    }

    pub(crate) fn other(what: &str, why: impl fmt::Display) -> Self {
        Self::new(OTHER, format!("{what}: {}", twinhaul_units::text::show(&why.to_string())))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}
