//! `twinhaul bundle` on real runs: what is in it, that no secret is, that it replays, and that the run is not touched.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

#[path = "bundle/bad.rs"]
mod bad;
#[path = "bundle/inside.rs"]
mod inside;
#[path = "bundle/itself.rs"]
mod itself;
#[path = "bundle/replayed.rs"]
mod replayed;
#[path = "bundle/secrets.rs"]
mod secrets;
#[path = "bundle/stage.rs"]
mod stage;
