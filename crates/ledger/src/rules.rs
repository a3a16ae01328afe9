//! Checks that need no store: the same for every kind of ledger, made before a transaction begins.
//!
//! Entry points: [`check_wave`], [`joined`], [`check_group`], [`cut`]. Nothing here reads or changes anything.

pub(crate) mod checkpoints;
pub(crate) mod lending;

use crate::{
    BATCH_MAX, ERROR_BYTES_MAX, Interval, LedgerError, NAMES_MAX, NewEvent, NewLot, NodeKind, Planned,
    Result, RunState,
};
use twinhaul_wire::EventKind;

pub(crate) fn bad<T>(why: impl Into<String>) -> Result<T> {
    Err(LedgerError::BadPlan(why.into()))
}

/// The event that the end of a run writes: how many were done, skipped and failed.
pub(crate) fn run_ended(state: RunState, [done, skipped, failed]: [u64; 3], at_ms: u64) -> NewEvent {
    let kind = EventKind::RunEnded { state: state.words().to_owned(), done, skipped, failed };
    NewEvent { at_ms, peer: None, incarnation: 0, kind }
}

/// What no 63-bit signed integer holds is refused by every store, because SQLite must.
pub(crate) fn fits(what: &'static str, value: u64) -> Result<u64> {
    if i64::try_from(value).is_ok() { Ok(value) } else { Err(LedgerError::TooLarge { what, value }) }
}

/// A wave and its lots (store.md 2): ids dense, numbers small enough, names only where they belong; lots in order,
/// without gap or overlap, each with one target (invariant S4). Returns the first and the last id.
pub(crate) fn check_wave(transfers: &[Planned], new: &[NewLot]) -> Result<(u64, u64)> {
    let (first, last) = check_transfers(transfers)?;
    let mut next = first;
    for lot in new {
        let (from, to) = (lot.first.0, lot.last.0);
        if from != next || to < from || to > last {
            return bad(format!("lot {from}..={to} does not follow at {next}"));
        }
        let part = &transfers[(from - first) as usize..=(to - first) as usize];
        if let Some(stray) = part.iter().find(|t| t.target != lot.target) {
            return bad(format!("transfer {} goes to another target than its lot", stray.id));
        }
        next = to + 1;
    }
    if next == last + 1 { Ok((first, last)) } else { bad(format!("no lot holds transfer {next}")) }
}

fn check_transfers(transfers: &[Planned]) -> Result<(u64, u64)> {
    if transfers.len() > BATCH_MAX {
        return Err(LedgerError::TooMany { what: "transfers in a wave", max: BATCH_MAX as u64 });
    }
    let (Some(first), Some(last)) = (transfers.first(), transfers.last()) else {
        return bad("the wave is empty");
    };
    let ids = (fits("an id", first.id.0)?, fits("an id", last.id.0)?);
    for (transfer, id) in transfers.iter().zip(first.id.0..) {
        if transfer.id.0 != id {
            return bad(format!("id {} stands where {id} should", transfer.id));
        }
        if transfer.key.is_empty() {
            return bad(format!("transfer {id} has no key"));
        }
        fits("a size", transfer.size)?;
        if transfer.names.len() > NAMES_MAX {
            return Err(LedgerError::TooMany { what: "names of a hard-link group", max: NAMES_MAX as u64 });
        }
        if !transfer.names.is_empty() && transfer.kind != NodeKind::HardLinkGroup {
            return bad(format!("transfer {id} has further names but is no hard-link group"));
        }
    }
    Ok(ids)
}

/// A group of single transfers is bounded.
pub(crate) fn check_group(n: usize) -> Result<()> {
    if n > BATCH_MAX {
        return Err(LedgerError::TooMany { what: "transfers in a group", max: BATCH_MAX as u64 });
    }
    Ok(())
}

/// In id order, neighbours of one lot and epoch made one.
pub(crate) fn joined(intervals: &[Interval]) -> Vec<Interval> {
    let mut sorted = intervals.to_vec();
    sorted.sort_unstable_by_key(|i| i.first);
    let mut joined: Vec<Interval> = Vec::with_capacity(sorted.len());
    for next in sorted {
        match joined.last_mut() {
            Some(open)
                if (open.lot, open.epoch) == (next.lot, next.epoch)
                    && open.count() > 0
                    && open.last.0.checked_add(1) == Some(next.first.0) =>
            {
                open.last = next.last;
            }
            _ => joined.push(next),
        }
    }
    joined
}

/// At most [`ERROR_BYTES_MAX`] bytes, whole characters.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(ERROR_BYTES_MAX)]
}
