//! What goes into the ledger and comes out of it, the same for every store.
//!
//! Plain data: no SQL, no files, no clock (milliseconds since the epoch are passed in as `*_ms`). Targets and sources
//! are numbers: the index of the profile's target or source by name order.

mod checkpoints;
mod moves;
mod plan;
mod ranges;
mod report;
mod work;

pub use checkpoints::{Checkpoint, NewCheckpoint};
pub use moves::{
    Assign, AssignOutcome, Assigned, Joined, Loaded, LotCursor, Owned, Process, Refused, Remembered, Stopped,
    TakeOver, TakeOverOutcome, TakenOver,
};
pub use plan::{NewLot, NewRun, NodeKind, Planned, PlannedDirectory};
pub use ranges::{
    Chain, FinishedRange, HeldRange, Holding, Lent, LoadedRanges, RangeCursor, RangeCut, RangeEnd, RangeRow,
    SharedObject, Version,
};
pub use report::{
    Counter, Counters, Detail, DirectoryCursor, DirectoryRow, Found, LotRow, NewEvent, PeerRow, QueueAt,
    RunRow, Totals,
};
pub use work::{Authorise, Outcome, Reopen, Row, Settled, State, Unsettled};
