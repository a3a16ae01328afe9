//! Two peers over one library: one drive is never two peers', two drives both stream.

use crate::set::{down, json, library, up};
use std::collections::BTreeSet;
use std::time::Duration;
use twinhaul_tests::product::run::assert_conserved;
use twinhaul_tests::product::{Lab, Run, poll};
use twinhaul_tests::{same, tree};
use twinhaul_wire::WaitReason;

/// Who holds a drive now, with what: (drive, pid, cartridge).
fn holders(lab: &Lab) -> Vec<(u64, u64, String)> {
    let held = |d: &serde_json::Value| {
        let cartridge = d["cartridge"].as_str().unwrap_or_default().to_owned();
        Some((d["drive"].as_u64()?, d["pid"].as_u64()?, cartridge))
    };
    json(lab, &["ls"])["drives"].as_array().unwrap().iter().filter_map(held).collect()
}

#[test]
fn one_drive_is_shared_and_both_make_progress() {
    let lab = Lab::new();
    tree::lognormal(&lab.source(), 160, 60_000, 1.0, 3);
    library(&lab, 1, 12, 16);
    // Without assistance each has to write what is its own.
    let profile = up(&lab, ", close_bytes: 1 MiB, turn: 200 ms", ", limit: 2 MiB/s");
    let text = std::fs::read_to_string(&profile).unwrap();
    std::fs::write(&profile, format!("{text}assistance: {{ policy: none }}\n")).unwrap();
    let run = Run::start(&lab, &profile);
    let (mut pids, mut waited) = (BTreeSet::new(), false);
    let ended =
        poll(Duration::from_mins(3), || {
            let now = holders(&lab);
            assert!(now.len() <= 1, "{now:?}");
            pids.extend(now.iter().map(|(_, pid, _)| *pid));
            let status = run.status();
            waited |=
                status.peers.values().flat_map(|p| &p.in_flight).filter_map(|f| f.wait.as_ref()).any(|w| {
                    matches!(w.reason, WaitReason::Drive | WaitReason::Cartridge | WaitReason::Mount)
                });
            assert!(
                status.problems.iter().all(|p| p.kind != "stall"),
                "a wait for a drive is no stall: {status:#?}"
            );
            status.state.ended().then_some(())
        });
    assert!(ended.is_some());
    run.wait().expect_code(0);
    assert_eq!(pids.len(), 2, "both have had the drive: {pids:?}");
    assert!(waited, "who waited for the drive was never seen to");
    let status = run.status();
    assert_conserved(&status);
    assert!(status.peers.values().all(|p| p.done.transfers > 0), "{status:#?}");
    lab.run_profile(&down(&lab)).expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

#[test]
fn with_two_drives_both_peers_stream_at_once() {
    let lab = Lab::new();
    for (name, seed) in [("a", 1), ("b", 2)] {
        std::fs::create_dir_all(lab.source()).unwrap();
        tree::file(&lab.source().join(name), 12 << 20, seed);
    }
    library(&lab, 2, 6, 32);
    let run = Run::start(&lab, &up(&lab, "", ", limit: 3 MiB/s"));
    let both = poll(Duration::from_mins(1), || {
        let now = holders(&lab);
        let pids: BTreeSet<u64> = now.iter().map(|(_, pid, _)| *pid).collect();
        let cartridges: BTreeSet<&str> = now.iter().map(|(_, _, c)| c.as_str()).collect();
        (pids.len() == 2 && cartridges.len() == 2).then_some(())
    });
    assert!(both.is_some(), "{:?}", holders(&lab));
    // And bytes move in both.
    run.until("both copy", |s| s.peers.values().all(|p| p.in_flight.iter().any(|f| f.done > 0)));
    run.wait().expect_code(0);
    lab.run_profile(&down(&lab)).expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}
