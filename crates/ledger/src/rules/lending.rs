//! Which bytes of a transfer may be lent, and what that means for the ranges there are: the same for every store.
//!
//! The home has every byte that no range names. Nothing here reads or changes anything.

use crate::{
    Assign, CUTS_MAX, HeldRange, LedgerError, RANGE_ALIGN, REFERENCE_BYTES_MAX, RangeCut, Refused, Result,
};
use twinhaul_units::{Incarnation, PeerId};

/// A part of a transfer that its home lent, or that came back to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Range {
    /// Grows with every change of the holder.
    pub(crate) seq: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) holder: PeerId,
    pub(crate) incarnation: Incarnation,
    pub(crate) hedge: bool,
    pub(crate) done: bool,
}

impl Range {
    const fn meets(&self, cut: &RangeCut) -> bool {
        self.from < cut.to && cut.from < self.to
    }
}

/// What a cut means for the ranges there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By the home: new for the receiver; a range that the home held becomes shorter, or goes.
    Lend { shortened: Option<Range> },
    /// By a helper to the home: its range becomes shorter, or changes its holder.
    GiveBack { of: Range },
    /// A further copy, held by the receiver.
    Hedge,
}

/// What such a cut means, if the giver holds its bytes; `by_home`: the giver owns the transfer.
pub(crate) fn kind(rows: &[Range], assign: &Assign, cut: &RangeCut, by_home: bool) -> Option<Kind> {
    let meeting: Vec<&Range> = rows.iter().filter(|r| r.meets(cut)).collect();
    let mine = |r: &Range| r.holder == assign.from && r.incarnation == assign.from_incarnation && !r.done;
    if cut.hedge {
        // One copy beside the first; and nobody races against itself.
        let fine = meeting.iter().all(|r| !r.hedge && mine(r));
        let covered = by_home || meeting.iter().any(|r| r.from <= cut.from && cut.to <= r.to);
        return (fine && covered).then_some(Kind::Hedge);
    }
    match meeting.as_slice() {
        [] if by_home => Some(Kind::Lend { shortened: None }),
        [row] if mine(row) && row.from <= cut.from && cut.to <= row.to => match (by_home, row.hedge) {
            // What lies behind the cut is the home's without a row, like everything else of it.
            (true, false) => Some(Kind::Lend { shortened: Some(**row) }),
            (true, true) => None,
            (false, _) if row.to != cut.to => None,
            (false, _) => Some(Kind::GiveBack { of: **row }),
        },
        _ => None,
    }
}

/// The range that ends with `tail`, if this holder may hold the two apart. One that somebody races with stays whole: the
/// copies must cover the same bytes.
pub(crate) fn holds_apart(rows: &[Range], holder: (PeerId, Incarnation), tail: &HeldRange) -> Option<Range> {
    let meets = |r: &&Range| r.from < tail.to && tail.from < r.to;
    let mut meeting = rows.iter().filter(meets);
    let (of, nobody_else) = (meeting.next()?, meeting.next().is_none());
    let mine = (of.holder, of.incarnation) == holder && !of.done && !of.hedge && !tail.hedge;
    let inside = of.from < tail.from && tail.from < tail.to && tail.to == of.to;
    (mine && nobody_else && inside && tail.from.is_multiple_of(RANGE_ALIGN)).then_some(*of)
}

/// On boundaries, inside the object, with a reference.
pub(crate) fn well_cut(cut: &RangeCut) -> bool {
    let size = cut.object.version.size;
    let on_boundary = |at: u64| at.is_multiple_of(RANGE_ALIGN);
    on_boundary(cut.from)
        && (on_boundary(cut.to) || cut.to == size)
        && cut.from < cut.to
        && cut.to <= size
        && i64::try_from(size).is_ok()
        && !cut.object.reference.is_empty()
        && cut.object.reference.len() <= REFERENCE_BYTES_MAX
}

/// Two cuts of one assignment share bytes.
pub(crate) fn overlapping(cuts: &[RangeCut]) -> Option<Refused> {
    let mut sorted: Vec<&RangeCut> = cuts.iter().collect();
    sorted.sort_unstable_by_key(|c| (c.id, c.from));
    let pair = sorted.windows(2).find(|p| p[0].id == p[1].id && p[1].from < p[0].to)?;
    Some(Refused::RangeNotHeld { id: pair[0].id })
}

/// A batch of ranges.
pub(crate) fn check_number(n: usize) -> Result<()> {
    if n > CUTS_MAX {
        return Err(LedgerError::TooMany { what: "ranges in a batch", max: CUTS_MAX as u64 });
    }
    Ok(())
}
