//! Given-up transfers, as the ledger has them: which, and why.

use crate::Clean;
use serde::{Deserialize, Serialize};
use twinhaul_wire::QueueRow;

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
}
