//! The durable truth of one run: which transfers there are, who owns them, and which are done.
//!
//! One [`Store`] per process and thread writes (peers, planner, supervisor), a [`View`] only reads (console, report).
//! Every change is one short transaction that is durable when the call returns, and that a fenced process cannot make
//! (store.md, invariants S3 to S8, S11). Nothing here grows with the number of transfers in memory; messages between
//! the peers are only wake-ups. Blocking: no runtime, no threads, and a clock only to limit the wait for the lock.

#![allow(clippy::doc_markdown, reason = "SQLite and PostgreSQL are names, not code")]

mod error;
mod files;
mod limits;
pub mod process;
mod rules;
mod sim;
mod sqlite;
mod store;
mod types;
pub mod view;

pub use error::{LedgerError, Result};
pub use limits::{
    ASSIGN_INTERVALS_MAX, BATCH_MAX, BUSY_MAX, CHAINS_MAX, CHECKPOINT_CHAINS_MAX, CUTS_MAX, ERROR_BYTES_MAX,
    EVENTS_MAX, FIND_SCAN_MAX, LOTS_COMPACT, LOTS_MAX, NAMES_MAX, OPERATIONS_MAX, PAGE_MAX, RANGE_ALIGN,
    RANGES_MAX, REFERENCE_BYTES_MAX, RESERVE_BYTES, ROWS_MAX, VIOLATIONS_MAX, WAL_BYTES_ALARM,
};
pub use sim::{Sim, SimStore, SimView};
pub use sqlite::{SCHEMA_VERSION, SqliteStore, SqliteView, sqlite_version};
pub use store::{Store, lock_holder};
pub use twinhaul_assist::{ByteRange, Interval};
pub use twinhaul_wire::{AssignWhy, RunState};
pub use types::{
    Assign, AssignOutcome, Assigned, Authorise, Chain, Checkpoint, Counter, Counters, Detail,
    DirectoryCursor, DirectoryRow, FinishedRange, Found, HeldRange, Holding, Joined, Lent, Loaded,
    LoadedRanges, LotCursor, LotRow, NewCheckpoint, NewEvent, NewLot, NewRun, NodeKind, Outcome, Owned,
    PeerRow, Planned, PlannedDirectory, Process, QueueAt, RangeCursor, RangeCut, RangeEnd, RangeRow, Refused,
    Remembered, Reopen, Row, RunRow, Settled, SharedObject, State, Stopped, TakeOver, TakeOverOutcome,
    TakenOver, Totals, Unsettled, Version,
};
pub use view::{Manifest, View};
