//! The simulator from outside: what it ships, what it computes, and that a seed replays it bit by bit.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod by_hand;
mod families;
mod figures;
mod replay;

use twinhaul_simulate::{Scenario, shipped};

/// A shipped scenario by name.
fn scenario(name: &str) -> Scenario {
    let families = shipped().expect("the shipped families are good");
    let mut all = families.into_iter().flat_map(|f| f.scenarios);
    all.find(|s| s.name == name).unwrap_or_else(|| panic!("no scenario {name}"))
}
