//! Every bound of the ledger, by name.

use std::time::Duration;

/// Events kept; older ones are trimmed (faults.md, threat 18).
pub const EVENTS_MAX: u64 = 100_000;
/// Transfers in one wave or one batch of authorisations or outcomes.
pub const BATCH_MAX: usize = 1 << 17;
/// Rows in one page.
pub const PAGE_MAX: usize = 1000;
/// Rows in one call of `rows`.
pub const ROWS_MAX: usize = 65_536;
/// Transfers that one call of `find` looks at, so that it stays a short transaction (store.md 4.5).
pub const FIND_SCAN_MAX: u64 = 20_000;
/// Bytes of an error message that are kept.
pub const ERROR_BYTES_MAX: usize = 4096;
/// Further names of one hard-link group.
pub const NAMES_MAX: usize = 65_536;
/// Intervals in one assignment.
pub const ASSIGN_INTERVALS_MAX: usize = 4096;
/// Ranges begin and end on multiples of so many bytes, but for the end of their object: 256 BLAKE3 chunks (store.md 3).
pub const RANGE_ALIGN: u64 = 256 << 10;
/// Ranges in one assignment.
pub const CUTS_MAX: usize = 4096;
/// Ranges of a run at one moment; above it, assignments are refused.
pub const RANGES_MAX: u64 = 65_536;
/// Chaining values of one range: two for each level of the tree.
pub const CHAINS_MAX: usize = 128;
/// Chaining values of one checkpoint: those of many ranges.
pub const CHECKPOINT_CHAINS_MAX: usize = 1024;
/// Bytes of the reference of a shared private object.
pub const REFERENCE_BYTES_MAX: usize = 256;
/// Lots of a run; above it, assignments are refused.
pub const LOTS_MAX: u64 = 65_536;
/// Lots from which on settled neighbours are merged before an assignment.
pub const LOTS_COMPACT: u64 = 4096;
/// Results of operations kept for repeats, per incarnation.
pub const OPERATIONS_MAX: u64 = 1024;
/// Longest wait for the write lock.
pub const BUSY_MAX: Duration = Duration::from_secs(30);
/// Size of the write-ahead log at which somebody should be told: a reader stops checkpoints (store.md 4.5).
pub const WAL_BYTES_ALARM: u64 = 256 << 20;
/// Size of the reserve beside the ledger (store.md 4.6).
pub const RESERVE_BYTES: u64 = 64 << 20;
/// What `check_invariants` reports at most.
pub const VIOLATIONS_MAX: usize = 64;
