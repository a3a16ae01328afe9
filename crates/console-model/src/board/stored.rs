//! Transfers as the ledger has them, whatever became of them.

use serde::{Deserialize, Serialize};
use twinhaul_wire::QueueRow;

/// Transfers of one moment of the assistance that are read at most.
pub const STORED_MAX: usize = 200;

/// One transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRow {
    #[serde(flatten)]
    pub row: QueueRow,
    /// "queued", "settling", "done", "skipped", "given up".
    pub state: String,
    pub attempts: u32,
}
