//! Disk to object stores and back, by two peers against real servers: exact, also when a peer is killed, when replies are lost, and
//! when a server misbehaves; and other people's clients see the same bytes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

#[path = "cloud/any.rs"]
mod any;
#[path = "cloud/cost.rs"]
mod cost;
#[path = "cloud/faults.rs"]
mod faults;
#[path = "cloud/input.rs"]
mod input;
#[path = "cloud/runs.rs"]
mod runs;
#[path = "cloud/services.rs"]
mod services;
#[path = "cloud/stage.rs"]
mod stage;
#[path = "cloud/storm.rs"]
mod storm;
