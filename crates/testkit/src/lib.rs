//! What tests of several crates share: a terminal that is looked at from outside, and engines that only speak.

pub mod fake_engine;
pub mod pty;
