//! What comes back is what was sent, also when a peer is killed and when the catalogue is lost.

use crate::set::{down, library, tape, up};
use twinhaul_tests::product::run::assert_conserved;
use twinhaul_tests::product::{Lab, Run};
use twinhaul_tests::same;
use twinhaul_tests::tree::{self, hostile};
use twinhaul_wire::status::Status;

/// Tape keeps no holes, and says so by leaving out the capability; everything else is exact.
fn assert_same_but_holes(lab: &Lab) {
    let mut found = same::differences(&lab.source(), &lab.target());
    found.retain(|d| !d.what.contains("holes were filled"));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_suite_of_promises_passes() {
    let lab = Lab::new();
    let config = format!(
        "{{\"library\":{:?},\"create\":true,\"capacity\":\"256 MiB\"}}",
        lab.path("library").to_str().unwrap()
    );
    let done = lab.run(["backends", "conformance", "tape", "--config", &config]);
    done.expect_code(0).expect_words(&["0 failed"]);
}

#[test]
fn a_hostile_tree_goes_to_tape_and_comes_back_exactly() {
    let lab = Lab::new();
    // Tape keeps no holes: they are zeros there, and the sparse file is no larger than the point needs.
    let sizes =
        hostile::Sizes { sparse_bytes: 32 << 20, sparse_data_bytes: 4 << 20, ..hostile::Sizes::USUAL };
    hostile::make(&lab.source(), sizes);
    library(&lab, 2, 20, 32);
    lab.run_profile(&up(&lab, "", "")).expect_code(0);
    // Nothing of it is left to do, and nothing is written twice.
    lab.run_profile(&up(&lab, "", "")).expect_code(0).expect_words(&["done 0 "]);
    tape(&lab, &["verify"]).expect_code(0).expect_words(&["0 damaged"]);
    lab.run_profile(&down(&lab)).expect_code(0);
    assert_same_but_holes(&lab);
    // The catalogue is lost, the cartridges are enough.
    for file in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
        let _ = std::fs::remove_file(lab.path("library").join(file));
    }
    tape(&lab, &["rebuild"]).expect_code(0).expect_words(&["0 problems"]);
    std::fs::rename(lab.target(), lab.path("first")).unwrap();
    lab.run_profile(&down(&lab)).expect_code(0);
    assert_same_but_holes(&lab);
}

/// One drive for both: a peer is killed while it holds it, the other goes on, and the result is exact.
#[test]
fn a_peer_that_is_killed_at_the_drive_costs_nothing_but_time() {
    let lab = Lab::new();
    tree::lognormal(&lab.source(), 300, 60_000, 1.0, 3);
    library(&lab, 1, 12, 16);
    let profile = up(&lab, ", close_bytes: 2 MiB, turn: 200 ms", ", limit: 6 MiB/s");
    let run = Run::start(&lab, &profile);
    run.until("a quarter is done", |s: &Status| {
        s.done.transfers * 4 >= s.totals.transfers && s.done.transfers > 0
    });
    for peer in ["alpha", "beta"] {
        if let Some(pid) =
            run.pid(peer).and_then(|p| i32::try_from(p).ok()).and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        let before = run.status().done.transfers;
        run.until("it goes on", |s: &Status| {
            s.done.transfers > before || s.done.transfers == s.totals.transfers
        });
    }
    run.wait().expect_code(0);
    let status = run.status();
    assert_conserved(&status);
    tape(&lab, &["verify"]).expect_code(0).expect_words(&["0 damaged"]);
    lab.run_profile(&down(&lab)).expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}
