//! Values on the command line, read by the same code as in a profile.

use twinhaul_units::{ParseError, Share, Span};

pub(crate) fn span(text: &str) -> Result<Span, ParseError> {
    Span::parse(text)
}

pub(crate) fn share(text: &str) -> Result<Share, ParseError> {
    Share::parse(text)
}
