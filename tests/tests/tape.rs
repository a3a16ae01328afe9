//! Disk to tape to disk, by two peers over one library, on the real binaries.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

#[path = "tape/bad.rs"]
mod bad;
#[path = "tape/drives.rs"]
mod drives;
#[path = "tape/exact.rs"]
mod exact;
#[path = "tape/operator.rs"]
mod operator;
#[path = "tape/others.rs"]
mod others;
#[path = "tape/recall.rs"]
mod recall;
#[path = "tape/set.rs"]
mod set;
