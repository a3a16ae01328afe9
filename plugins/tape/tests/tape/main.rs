//! The tape backend: what lies on cartridges, read by our own code and by other people's tools.
//!
//! Tools that are missing are named on the screen; with `CI=true` that is a failure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the whole crate is tests; helpers stand outside of test functions"
)]

mod child;
mod common;
mod drives;
mod foreign;
mod made;
mod medium;
mod on_tape;
mod recovery;
mod spanning;
mod tools;
mod two_phase;
mod verbs;
