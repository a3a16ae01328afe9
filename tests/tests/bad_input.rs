//! What can be wrong before or while data moves: each case with its exit code and with a message that says what, where
//! and why. Nothing here may leave a half object or a silent success.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

#[path = "bad_input/places.rs"]
mod places;
#[path = "bad_input/profiles.rs"]
mod profiles;
#[path = "bad_input/surprises.rs"]
mod surprises;
