//! A queue searched in the ledger, page by page: a filter's rows, and the place of one transfer. However long the queue is,
//! one look reads a bounded number of rows and keeps only what was found.

use twinhaul_console_model::lists::Queued;
use twinhaul_console_model::{FOUND_MAX, PlaceOf, Search};
use twinhaul_ledger::view::{LedgerError, PAGE_MAX, QueueAt, State, View};
use twinhaul_units::{PeerId, TransferId};
use twinhaul_wire::QueueRow;

/// Rows that one look reads at most.
pub const SEARCH_ROWS: u64 = 50_000;

/// What one look found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Searched {
    /// Each with its place in the queue.
    pub rows: Vec<(u64, QueueRow)>,
    /// Rows looked at since the search began.
    pub looked: u64,
    /// The last of them.
    pub after: Option<u64>,
    /// The end was reached, or as much was found as is kept.
    pub ended: bool,
}

pub(super) fn search(view: &View, targets: &[String], search: &Search) -> Result<Searched, LedgerError> {
    let planned = view.queue_len(search.peer)?.transfers;
    let started = planned.saturating_sub(search.queued.unwrap_or(planned));
    let mut out = Searched { looked: search.looked, after: search.after, ..Searched::default() };
    let most = search.looked.saturating_add(SEARCH_ROWS);
    let mut at = match search.after.map(TransferId) {
        Some(id) if view.queue_place(search.peer, id)?.is_some() => QueueAt::After(id),
        // It has started or is the other's now: about there, so that rows may be met twice or, near there, not at all.
        _ => QueueAt::Offset(started.saturating_add(search.looked)),
    };
    while out.looked < most {
        let page = view.queue_page(search.peer, at, PAGE_MAX)?;
        for row in page.iter().map(|row| super::queue_row(targets, row)) {
            let id = row.id;
            if search.filter.keeps(&Queued(&row)) {
                out.rows.push((out.looked, row));
            }
            out.looked += 1;
            out.after = Some(id);
            at = QueueAt::After(TransferId(id));
            if search.found + out.rows.len() >= FOUND_MAX {
                out.ended = true;
                return Ok(out);
            }
        }
        // What moves meanwhile may be seen twice, and the search must end all the same.
        if page.len() < PAGE_MAX || out.looked > planned {
            out.ended = true;
            break;
        }
    }
    Ok(out)
}

pub(super) fn place(
    view: &View,
    names: &[String],
    peer: PeerId,
    id: u64,
    queued: Option<u64>,
) -> Result<PlaceOf, LedgerError> {
    let name = |peer: PeerId| names.get(peer.index()).cloned().unwrap_or_default();
    let transfer = TransferId(id);
    if let Some(place) = view.queue_place(peer, transfer)? {
        let planned = view.queue_len(peer)?.transfers;
        let started = planned.saturating_sub(queued.unwrap_or(planned));
        return Ok(PlaceOf::Row(place.saturating_sub(started)));
    }
    if view.queue_place(peer.other(), transfer)?.is_some() {
        return Ok(PlaceOf::Elsewhere(format!("transfer {id} is {}'s", name(peer.other()))));
    }
    let words = match view.transfer(transfer)?.map(|detail| detail.state) {
        None => format!("there is no transfer {id}"),
        Some(State::Planned) => format!("transfer {id} is not queued any more"),
        Some(State::Authorised) => format!("transfer {id} is settling"),
        Some(State::Failed) => format!("transfer {id} was given up: panel 9"),
        Some(state) => format!("transfer {id} is {}", state.words()),
    };
    Ok(PlaceOf::Elsewhere(words))
}
