//! A transfer whose window is open while no peer tells of it any more: what became of it, from the ledger.

use crate::Model;
use crate::board::StoredRow;
use crate::ui::{Layer, Subject};

/// The one to look for; none in a recording, which has no ledger, and none while the view is frozen.
pub(super) fn id(model: &Model) -> Option<u64> {
    let open = model.ui.layers.iter().rev().find_map(|layer| match layer {
        Layer::Detail { subject: Subject::Transfer(id), .. } => Some(*id),
        _ => None,
    });
    let told = |id: u64| model.board().flight(id).is_some() || model.ui.queued(id).is_some();
    open.filter(|id| model.replay.is_none() && model.frozen.is_none() && !told(*id))
}

pub(super) fn found(model: &mut Model, rows: &[StoredRow]) {
    let Some(id) = id(model) else { return };
    if let Some(row) = rows.iter().find(|row| row.row.id == id) {
        model.ui.gone = Some(row.clone());
    }
}

/// What was read is of a window that is no longer open.
pub(super) fn forget(model: &mut Model) {
    let of = model.ui.gone.as_ref().map(|row| row.row.id);
    if of.is_some() && of != id(model) && model.frozen.is_none() {
        model.ui.gone = None;
    }
}
