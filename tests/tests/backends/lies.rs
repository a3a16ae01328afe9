//! Something else arrives than was given to be written, and the library says that all is well (faults.md 35).

use crate::stage::lab;
use twinhaul_tests::faulty::Fault;
use twinhaul_tests::product::Profile;
use twinhaul_tests::product::end::examine;
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

/// What is wrong each time is given up by name; nobody says that it arrived.
#[test]
fn what_comes_out_wrong_each_time_is_given_up_by_name() {
    for fault in [Fault::Flip, Fault::Short] {
        let (lab, backend, profile) = lab();
        let run = lab.start(&Profile { verify: "read-back".into(), ..profile });
        run.until_under_way();
        backend.set(fault);
        run.until("some are given up", |s| s.failed.transfers > 2);
        backend.clear();
        run.wait().expect_code(3);
        let status = run.status();
        assert_eq!(status.done.transfers + status.failed.transfers, 96, "{status:#?}");
        let failed = run.report();
        eprintln!("{failed:#}");
        let names = std::process::Command::new("diff")
            .arg("-rq")
            .arg(lab.source())
            .arg(lab.target())
            .output()
            .unwrap();
        eprintln!("{}", String::from_utf8_lossy(&names.stdout));
        eprintln!("{}", run.verb("verify", &[]));
    }
}
