//! Take-over between real processes: a peer that is frozen, gone for good, or stopped at the worst moment is taken over,
//! its stale writes count nothing, and the history tells it in order (faults.md 10, 22 to 25, 32, 33).
//!
//! Heartbeats are short here so that nobody waits for a real lease; everything else is as a user has it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

#[path = "takeover/clock.rs"]
mod clock;
#[path = "takeover/frozen.rs"]
mod frozen;
#[path = "takeover/gone.rs"]
mod gone;
#[path = "takeover/lent.rs"]
mod lent;
#[path = "takeover/linkless.rs"]
mod linkless;
#[path = "takeover/places.rs"]
mod places;
#[path = "takeover/stage.rs"]
mod stage;
