//! What was given up, was retried and is done is no trouble, also when nobody is there any more who says so.

use crate::stage::slow;
use std::path::PathBuf;
use twinhaul_diagnose::{Cause, Diagnosis, Finding};
use twinhaul_tests::product::run::CONDITION_WAIT_MAX;
use twinhaul_tests::product::{Lab, poll};

/// Directories that stand where files are to go.
fn in_the_way(lab: &Lab) -> Vec<PathBuf> {
    let all = (0..3).map(|n| lab.target().join(format!("d000/f{n:06}")));
    all.inspect(|way| std::fs::create_dir_all(way.join("old")).unwrap()).collect()
}

fn failures(d: &Diagnosis) -> Option<&Finding> {
    d.findings.iter().find(|f| f.cause == Cause::TransfersFail)
}

#[test]
fn failures_that_a_retry_took_back_are_not_told_after_a_stop() {
    let lab = Lab::new();
    let profile = slow(&lab);
    let ways = in_the_way(&lab);
    let run = lab.start(&profile);
    // The history is written a moment after the figures.
    let told = |d: &Diagnosis| failures(d).filter(|f| f.sentence.contains("3 transfers given up")).cloned();
    let first = poll(CONDITION_WAIT_MAX, || told(&run.diagnosis()));
    let first = first.unwrap_or_else(|| panic!("{:#?}", run.diagnosis()));
    // Whoever has to mend it is told where.
    let named =
        |way: &PathBuf| first.sentence.contains(&format!("a directory is in the way: {} ", way.display()));
    assert!(ways.iter().any(named), "{}", first.sentence);
    for way in &ways {
        std::fs::remove_dir_all(way).unwrap();
    }
    run.verb("retry", &[]).expect_code(0).expect_words(&["3 failed transfers queued again"]);
    run.until("they are done", |s| s.failed.transfers == 0 && ways.iter().all(|way| way.is_file()));
    run.verb("stop", &[]).expect_code(0);
    run.wait();
    let d = run.diagnosis();
    assert_eq!(failures(&d), None, "{d:#?}");
}
