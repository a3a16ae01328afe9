//! Every failpoint at either peer, killed there and frozen there past the lease: `cargo xtask soak kill --failpoints` does the
//! same, and one case alone with `--at`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use twinhaul_tests::sweep::{self, Case};

/// Labs side by side: they mostly wait.
const AT_ONCE: usize = 4;

fn pass(peer: &str) {
    let mut cases = Case::all();
    cases.retain(|case| case.peer == peer);
    let passed = sweep::pass(cases, AT_ONCE);
    eprintln!("{passed}");
    assert!(passed.cases > 0 && passed.failed.is_empty(), "{passed}");
}

#[test]
fn whatever_happens_to_alpha_at_a_durable_step_the_run_ends_exact() {
    pass("alpha");
}

#[test]
fn whatever_happens_to_beta_at_a_durable_step_the_run_ends_exact() {
    pass("beta");
}
