//! Something else arrives than was given to be written, and the library says that all is well (faults.md 35).

use crate::stage::lab;
use twinhaul_tests::faulty::Fault;
use twinhaul_tests::product::Profile;
use twinhaul_tests::product::end::examine;
use twinhaul_tests::same;
use twinhaul_wire::EventKind;

/// One write of alpha goes wrong; `words` are why its transfer is done again, and everything is exact.
fn lies_once(fault: Fault, verify: &str, words: &str) {
    let (lab, backend, profile) = lab();
    let run = lab.start(&Profile { verify: verify.into(), ..profile });
    run.until_under_way();
    backend.set_once_for("alpha", fault);
    run.wait().expect_code(0);
    assert_eq!(backend.fired().len(), 1);
    let again: Vec<String> = run
        .kinds()
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::Retry { error, .. } => Some(error),
            _ => None,
        })
        .collect();
    assert!(again.len() == 1 && again[0].contains(words), "{again:?}");
    examine(&run);
}

#[test]
fn a_byte_that_is_turned_round_on_its_way_is_found_and_written_again() {
    lies_once(Fault::Flip, "read-back", "holds other bytes than were written");
}

#[test]
fn a_short_write_that_is_said_to_be_whole_is_found_also_when_nothing_is_read_back() {
    for verify in ["none", "hash", "read-back"] {
        lies_once(Fault::Short, verify, "holds 65535 bytes of 65536 that were written");
    }
}

/// What is wrong each time is given up by name; nobody says that it arrived, and the next run does not take it for the same.
#[test]
fn what_comes_out_wrong_each_time_is_given_up_by_name_and_copied_by_the_next_run() {
    for fault in [Fault::Flip, Fault::Short] {
        let (lab, backend, profile) = lab();
        let profile = Profile { verify: "read-back".into(), ..profile };
        let run = lab.start(&profile);
        run.until_under_way();
        backend.set(fault);
        run.until("some are given up", |s| s.failed.transfers > 2);
        backend.clear();
        run.wait().expect_code(3);
        let status = run.status();
        assert_eq!(status.done.transfers + status.failed.transfers, 96, "{status:#?}");
        assert_eq!(status.verified, status.done, "{status:#?}");
        let wrong = same::differences(&lab.source(), &lab.target());
        assert!(!wrong.is_empty(), "the library lied");
        let report = std::fs::read_to_string(run.report()["failed"].as_str().unwrap()).unwrap();
        for file in &wrong {
            let name = String::from_utf8(file.path.clone()).unwrap();
            assert!(report.contains(&name), "{name} is wrong and not in the list:\n{report}");
        }
        let next = lab.start(&profile);
        next.wait().expect_code(0);
        same::assert_same(&lab.source(), &lab.target());
    }
}
