//! The host against real shared libraries, built here with the C compiler: a good one, liars, and hostile ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests and their helpers")]

mod calls;
mod conformance;
mod hostile;
mod notes;
mod support;
mod trust;
