//! Values on the command line, read by the same code as in a profile.

use twinhaul_units::{ParseError, Share, Span};

pub(crate) fn span(text: &str) -> Result<Span, ParseError> {
    Span::parse(text)
}

/// How often a simulated peer records its progress; `None`: never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checkpoint(pub(crate) Option<std::time::Duration>);

/// A span, or "none".
pub(crate) fn checkpoint(text: &str) -> Result<Checkpoint, String> {
    twinhaul_simulate::family::checkpoint(text).map(Checkpoint)
}

pub(crate) fn share(text: &str) -> Result<Share, ParseError> {
    Share::parse(text)
}

/// Seeds of one `--seed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seeds(pub(crate) std::ops::RangeInclusive<u64>);

/// "7" or "1-8".
pub(crate) fn seeds(text: &str) -> Result<Seeds, String> {
    let number = |t: &str| t.trim().parse::<u64>().map_err(|_| "expected a number, or two as 1-8".to_owned());
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (number(from)?, number(to)?);
    if from <= to { Ok(Seeds(from..=to)) } else { Err("the first seed is behind the last".to_owned()) }
}
