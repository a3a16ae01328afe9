//! Given-up transfers, as the ledger has them: which, and why.

use super::Board;
use crate::Clean;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use twinhaul_wire::{Event, EventKind, QueueRow};

/// Given-up transfers that the console holds at most; of more it shows the first ones and says so.
pub const FAILED_MAX: usize = 1_000;

/// A transfer that was given up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRow {
    #[serde(flatten)]
    pub row: QueueRow,
    /// Who gave it up; empty where that is not known.
    pub peer: String,
    /// Why; the first error of the last attempts.
    pub error: String,
    pub attempts: u32,
}

/// The first given-up transfers, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failed {
    pub rows: Vec<FailedRow>,
    /// There are more than [`FAILED_MAX`].
    pub more: bool,
}

impl Failed {
    pub(crate) fn new(rows: Vec<Clean<FailedRow>>, more: bool) -> Self {
        Self { rows: rows.into_iter().map(Clean::into_inner).collect(), more }
    }

    pub(crate) fn holds(&self, id: u64) -> bool {
        self.rows.iter().any(|row| row.row.id == id)
    }
}

impl Board {
    /// The last words about every transfer that is given up now, newest first. What a retry took back is not among them: the
    /// ledger says which those are, and where it was not read, the peers say how many.
    pub fn given_up(&self) -> Vec<&Event> {
        let heard = self.panes.iter().all(|pane| pane.snapshot.is_some());
        let most = if heard { self.progress().failed } else { u64::MAX };
        let known = self.failed.as_ref().filter(|page| !page.more);
        let still = |id: u64| known.is_none_or(|page| page.holds(id));
        let mut met = BTreeSet::new();
        let last = |event: &&Event| match event.kind {
            EventKind::Failed { id, .. } => met.insert(id) && still(id),
            _ => false,
        };
        self.events.iter().rev().filter(last).take(usize::try_from(most).unwrap_or(usize::MAX)).collect()
    }

    /// Their ids.
    pub(crate) fn given_up_ids(&self) -> BTreeSet<u64> {
        let id = |event: &Event| match event.kind {
            EventKind::Failed { id, .. } => Some(id),
            _ => None,
        };
        self.given_up().into_iter().filter_map(id).collect()
    }
}
