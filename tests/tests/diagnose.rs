//! `twinhaul diagnose` on real processes: each situation is brought about for real, and the right cause must come first; what only
//! looks odd must not be called a fault.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

#[path = "diagnose/asked.rs"]
mod asked;
#[path = "diagnose/cloud.rs"]
mod cloud;
#[path = "diagnose/dead.rs"]
mod dead;
#[path = "diagnose/frozen.rs"]
mod frozen;
#[path = "diagnose/healthy.rs"]
mod healthy;
#[path = "diagnose/places.rs"]
mod places;
#[path = "diagnose/retried.rs"]
mod retried;
#[path = "diagnose/stage.rs"]
mod stage;
