//! File systems that answer with an error in the middle of a run: a quota, a medium that fails, NFS that loses a reply
//! (faults.md 15 to 18, 21). Through FUSE, so that the errors come out of the very system calls of the product.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

#[path = "media/ledger.rs"]
mod ledger;
#[path = "media/source.rs"]
mod source;
#[path = "media/target.rs"]
mod target;
