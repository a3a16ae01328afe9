//! What whole-program tests need: trees with everything a file system can hold, an exact comparison, and a way to run
//! the product and look at it from outside.
//!
//! Nothing here reaches into the product's crates but for the words of its contracts (`wire`, `units`, `diagnose`): what a test
//! knows, it knows as a user does. Entry points: [`product::Lab`], [`tree`], [`same`], [`cloud`], [`faulty`], [`fuse`], [`needs`],
//! [`seed::Rng`]; [`power`] cuts the power in the middle of runs; [`siege`] and [`sweep`] are what `cargo xtask soak kill` does,
//! [`drill`] what `cargo xtask drill` does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests: a step that fails is a test that fails, and says so"
)]

pub mod cloud;
pub mod crowd;
pub mod drill;
pub mod faulty;
pub mod fuse;
pub mod mounts;
pub mod needs;
pub mod network;
pub mod power;
pub mod product;
pub mod same;
pub mod seed;
pub mod shim;
pub mod siege;
pub mod sweep;
pub mod tree;
pub mod workdir;
