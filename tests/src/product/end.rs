//! The end of a run, looked at from all sides: what every whole-program test expects of it, whatever was done to it.

use super::{poll, processes, run::Run, run::assert_conserved};
use crate::same;
use std::time::Duration;
use twinhaul_wire::RunState;

/// Processes of a run that is over are gone within this; a fenced one that wakes late needs a moment.
const GONE_WITHIN: Duration = Duration::from_secs(30);

/// Complete, exact to the last attribute, nothing private left, every sum right, verified.
///
/// # Panics
/// When something is not so.
#[track_caller]
pub fn examine(run: &Run<'_>) {
    let lab = run.lab();
    same::assert_same(&lab.source(), &lab.target());
    assert!(!lab.target().join(".twinhaul").exists(), "the private directory is still there");
    let status = run.status();
    assert_conserved(&status);
    assert_eq!(status.done.transfers, status.totals.transfers, "{status:#?}");
    assert_eq!(status.state, RunState::Complete, "{status:#?}");
    run.verb("verify", &[]).expect_code(0);
}

/// # Panics
/// When processes of the lab remain.
#[track_caller]
pub fn assert_nobody_is_left(run: &Run<'_>) {
    let state = run.lab().state();
    let gone = poll(GONE_WITHIN, || processes::of(state).is_empty().then_some(()));
    assert!(gone.is_some(), "processes are left: {:?}", processes::of(state));
}
