//! What happened, as one number that names a run, and as lines for a person if wanted.

use crate::chance::Fnv;
use std::fmt::Write as _;
use std::hash::Hasher as _;
use twinhaul_units::PeerId;

/// Lines kept of one run; later ones are dropped, and counted.
pub(crate) const LINES_MAX: usize = 200_000;

/// What happened, with a number so that its hash is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Start = 1,
    StartRange,
    Done,
    RangeDone,
    Send,
    Assigned,
    Refused,
    Fenced,
    Speed,
    Lost,
    Joined,
    Split,
    Abandon,
    Settled,
    Report,
    Circle,
}

#[derive(Debug, Default)]
pub(crate) struct Trace {
    hash: Fnv,
    lines: Option<Vec<String>>,
    dropped: u64,
}

impl Trace {
    /// `readable`: with lines.
    pub(crate) fn new(readable: bool) -> Self {
        Self { lines: readable.then(Vec::new), ..Self::default() }
    }

    /// Notes that `mark` happened at `peer`, with numbers that belong to it and words that a person reads.
    pub(crate) fn note(
        &mut self,
        now_ns: u64,
        peer: PeerId,
        mark: Mark,
        numbers: &[u64],
        words: impl FnOnce() -> String,
    ) {
        self.hash.write_u64(now_ns);
        self.hash.write_u64((mark as u64) << 1 | peer.index() as u64);
        for n in numbers {
            self.hash.write_u64(*n);
        }
        let Some(lines) = &mut self.lines else { return };
        if lines.len() >= LINES_MAX {
            self.dropped += 1;
            return;
        }
        let name = if peer == PeerId::First { "fast" } else { "slow" };
        let mut line = String::new();
        let _ = write!(line, "{:>14.6} s  {name}  {}", now_ns as f64 / 1e9, words());
        lines.push(line);
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash.0
    }

    /// The lines, in order.
    pub(crate) fn into_lines(self) -> Vec<String> {
        let mut lines = self.lines.unwrap_or_default();
        if self.dropped > 0 {
            lines.push(format!("… and {} lines more", self.dropped));
        }
        lines
    }
}
