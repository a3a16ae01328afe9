//! Backends that go wrong in the middle of a run: they crash, hang, eat memory, write something else than they were given, panic
//! (faults.md 33 to 36, threats 8 and 9). Only the peer that was in the call is lost; the result is exact, or it is said what is not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

#[path = "backends/crashes.rs"]
mod crashes;
#[path = "backends/hangs.rs"]
mod hangs;
#[path = "backends/lies.rs"]
mod lies;
#[path = "backends/panics.rs"]
mod panics;
#[path = "backends/stage.rs"]
mod stage;
