//! A run that is under way, what `diagnose --json` says of it, and the page that a person reads.

use twinhaul_diagnose::{Cause, Diagnosis, Finding, Standing, Verdict};
use twinhaul_tests::product::run::{CONDITION_WAIT_MAX, Run};
use twinhaul_tests::product::{Lab, Profile, poll};
use twinhaul_tests::{same, tree};

/// Columns of the page.
const COLUMNS: usize = 80;

/// 16 MiB in 256 files; with the limits of the profile half a minute if nobody does anything.
pub(crate) fn slow(lab: &Lab) -> Profile {
    tree::small_files(&lab.source(), 256, 64 * 1024, 3);
    let mut profile = Profile::new("trouble", &lab.source(), &lab.target()).limits("256 KiB/s", "256 KiB/s");
    // Each keeps what it has, so that what is done to one peer meets its own work.
    profile.policy = "none".into();
    profile
}

/// The first diagnosis whose first finding is this one.
#[track_caller]
pub(crate) fn until_first(run: &Run<'_>, what: &str, cause: Cause) -> (Diagnosis, Finding) {
    let mut last = None;
    let found = poll(CONDITION_WAIT_MAX, || {
        let d = run.diagnosis();
        let first = d.findings.first().filter(|f| f.cause == cause).cloned();
        last = Some(d.clone());
        first.map(|f| (d, f))
    });
    found.unwrap_or_else(|| panic!("not within {CONDITION_WAIT_MAX:?}: {what}: {cause:?} first\n{last:#?}"))
}

/// The page that a person reads; it fits its columns, but for commands, which are never broken.
pub(crate) fn page(run: &Run<'_>) -> String {
    let done = run.verb("diagnose", &[]);
    done.expect_code(0);
    let is_command = |line: &str| line.trim_start().starts_with("twinhaul ") || line.contains("undo: ");
    for line in done.stdout.lines().filter(|line| !is_command(line)) {
        assert!(line.chars().count() <= COLUMNS, "{line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    done.stdout
}

/// No finding that is a fault.
#[track_caller]
pub(crate) fn assert_no_fault(d: &Diagnosis) {
    assert!(d.findings.iter().all(|f| f.standing != Standing::Trouble), "{d:#?}");
    assert!(!matches!(d.verdict, Verdict::Trouble | Verdict::NotKnown), "{d:#?}");
}

/// Lifts the limits and expects an exact end, and nothing wrong with it.
pub(crate) fn let_it_end(run: &Run<'_>) {
    // One that is done cannot be told; then there is nothing to lift.
    run.verb("limit", &["none"]);
    run.wait().expect_code(0);
    same::assert_same(&run.lab().source(), &run.lab().target());
    let d = run.diagnosis();
    assert_eq!((d.verdict, d.findings.len()), (Verdict::NothingWrong, 0), "{d:#?}");
}
