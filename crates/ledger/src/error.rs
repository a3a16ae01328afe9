//! Everything that can go wrong with the ledger, and the exit code of a process that meets it (architecture.md 7).

use crate::State;
use std::path::PathBuf;
use twinhaul_units::{Epoch, Incarnation, PeerId, TransferId};

/// Short for results of this crate.
pub type Result<T, E = LedgerError> = std::result::Result<T, E>;

/// Why a ledger operation failed; a fragment that completes "failed to …: ". Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process has taken this peer's place (invariant S7).
    #[error("fenced: peer {} is now at incarnation {current}, this process is incarnation {mine}", .peer.index() + 1)]
    Fenced { peer: PeerId, mine: Incarnation, current: Incarnation },
    /// The transfer's lot has another owner or epoch than the peer believes.
    #[error("fenced: transfer {id} is owned by peer {} at epoch {current}, not at epoch {epoch} by this one", .owner.index() + 1)]
    LotFenced { id: TransferId, epoch: Epoch, current: Epoch, owner: PeerId },
    /// Done and skipped are final (invariant S3); failed is, until it is reopened.
    #[error("transfer {id} is already {}", .state.words())]
    Settled { id: TransferId, state: State },
    #[error("transfer {id} is not in the ledger")]
    Unknown { id: TransferId },
    /// A wave or its lots break a rule of store.md 2.
    #[error("the plan is not sound: {0}")]
    BadPlan(String),
    /// A batch or a number above its limit.
    #[error("too many {what}: at most {max}")]
    TooMany { what: &'static str, max: u64 },
    /// A number that does not fit 63 bits.
    #[error("{what} is too large: {value}")]
    TooLarge { what: &'static str, value: u64 },
    /// `SQLITE_FULL`. The reserve was given back, so that an orderly stop can still be recorded (store.md 4.6).
    #[error("no space left for the ledger at {}{}", .path.display(), if *.reserve_released { " (its reserve was released)" } else { "" })]
    NoSpace { path: PathBuf, reserve_released: bool },
    /// A read, write or fsync failed. Never retried (store.md 4.6).
    #[error("I/O error on the ledger at {}: {message}", .path.display())]
    Io { path: PathBuf, message: String },
    /// `quick_check`, or SQLite while reading.
    #[error("the ledger at {} is damaged: {message}", .path.display())]
    Corrupt { path: PathBuf, message: String },
    /// Deleted, moved or replaced while it was open (faults.md 43).
    #[error("the ledger at {} was deleted or replaced while it was open", .path.display())]
    Lost { path: PathBuf },
    /// The write lock was not free within [`crate::BUSY_MAX`].
    #[error("the ledger is locked by {} for longer than {waited_s} s", .holder.map_or_else(|| "another connection".to_owned(), |p| format!("process {p}")))]
    Busy { holder: Option<u32>, waited_s: u64 },
    /// Locks and shared memory cannot be trusted there (store.md 4.4).
    #[error("{} is on {kind}, where two processes cannot share a ledger safely: put the state directory on a local disk, or use `coordination: postgres`", .path.display())]
    SharedFileSystem { path: PathBuf, kind: &'static str },
    /// Written by another version of this program.
    #[error("the ledger at {} has schema version {found}, this program reads version {wanted}: use the program that wrote it", .path.display())]
    Schema { path: PathBuf, found: i64, wanted: i64 },
    #[error("{} is not a ledger", .path.display())]
    NotALedger { path: PathBuf },
    #[error("a ledger already exists at {}", .path.display())]
    Exists { path: PathBuf },
    #[error("there is no ledger at {}", .path.display())]
    NotFound { path: PathBuf },
    /// store.md 4.1.
    #[error("SQLite {found} can corrupt a ledger with two writers: 3.51.3 or later is needed")]
    Library { found: &'static str },
    /// A value in the ledger that this program never writes.
    #[error("the ledger holds {what} that this program does not know: {value}")]
    Value { what: &'static str, value: String },
    /// The number of an assignment used for a take-over, or the reverse.
    #[error("this operation number was used for {found}")]
    Operation { found: &'static str },
    #[error("an event or result could not be read or written as JSON")]
    Json(#[from] serde_json::Error),
    /// What SQLite said, when it is none of the above.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl LedgerError {
    /// The exit code of a process that ends because of this (architecture.md 7).
    pub const fn exit_code(&self) -> i32 {
        match self {
            Self::Fenced { .. } | Self::LotFenced { .. } => 75,
            Self::NoSpace { .. } => 28,
            Self::Io { .. } | Self::Corrupt { .. } | Self::Lost { .. } | Self::Value { .. } => 74,
            Self::Busy { .. } => 5,
            Self::NotFound { .. } => 4,
            Self::SharedFileSystem { .. } | Self::Schema { .. } | Self::NotALedger { .. } => 2,
            Self::Library { .. } => 7,
            _ => 1,
        }
    }

    /// Whether this process may write no more, whoever it is.
    pub const fn fenced(&self) -> bool {
        matches!(self, Self::Fenced { .. } | Self::LotFenced { .. })
    }
}
