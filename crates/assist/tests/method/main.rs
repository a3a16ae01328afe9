//! The method from outside: golden traces of the claims, the rules that keep it safe, random interleavings of two
//! cores over a test ledger, and what is learned over many runs in virtual time.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unchecked_time_subtraction,
    reason = "helpers of tests fail as tests do, and print the figures that were learned"
)]

mod ahead;
mod claims;
mod controls;
mod desk;
mod durable;
mod inherited;
mod learning;
mod ledger;
mod lent;
mod pair;
mod portion;
mod safety;
mod standby;
mod suspicion;
mod virtual_time;
mod weighed;
