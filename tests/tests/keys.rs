//! Every action by its key: in a real console on a real run, in a real terminal, each key of the registry is pressed, and what
//! it does is seen on the screen. And keys of one's own: the file, its mistakes, its verbs, the same walk with all keys moved.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

#[path = "keys/file.rs"]
mod file;
#[path = "keys/screen.rs"]
mod screen;
#[path = "keys/table.rs"]
mod table;
#[path = "keys/walk.rs"]
mod walk;
