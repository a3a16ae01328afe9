//! The disk backend through the traits of the interface, on real files.
//!
//! What needs root, another user or a mount says so on the screen when it cannot be tried.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the whole crate is tests; helpers stand outside of test functions"
)]

mod attributes;
mod batches;
mod common;
mod escapes;
mod listing;
mod names;
mod nodes;
mod reading;
mod space;
mod sweeping;
mod two_phase;
mod users;
