//! Two processes that both think they are alpha: the newer incarnation wins (faults.md 10).

use crate::stage::{ended_with, examine, lab, profile, tree};
use std::process::Stdio;
use twinhaul_tests::product::processes;

/// The lock keeps a second copy out.
#[test]
fn a_second_copy_of_a_living_peer_is_refused() {
    let lab = lab("");
    tree(&lab, 100);
    let run = lab.start(&profile(&lab, "learning"));
    run.until_under_way();
    let run_dir = lab.state().join("runs").join(&run.id);
    let second = lab.run(["peer".as_ref(), run_dir.as_os_str(), "--name".as_ref(), "alpha".as_ref()]);
    second.expect_code(11).expect_words(&["alpha", "held"]);
    run.wait().expect_code(0);
    examine(&run);
}

/// Somebody removed the lock file, so both copies hold "the" lock: the ledger decides.
#[test]
fn of_two_copies_the_newer_wins_and_the_older_ends_with_75() {
    let lab = lab("");
    tree(&lab, 200);
    let run = lab.start(&profile(&lab, "learning"));
    let before = run.until_under_way();
    let run_dir = lab.state().join("runs").join(&run.id);
    std::fs::remove_file(run_dir.join("alpha.lock")).unwrap();
    let mut second = lab.command();
    second.arg("peer").arg(&run_dir).args(["--name", "alpha"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut second = second.spawn().unwrap();
    run.until_event("the older one is told", ended_with("alpha", "75"));
    let newer = run.until("the newer one is alpha", |s| {
        s.state.ended() || s.peers["alpha"].incarnation > before.peers["alpha"].incarnation
    });
    eprintln!("alpha: {:?}", newer.peers["alpha"].pid);
    run.verb("limit", &["none"]);
    run.wait().expect_code(0);
    let code = second.wait().unwrap().code();
    assert_eq!(code, Some(0), "the newer one went on to the end");
    examine(&run);
    assert!(processes::of(lab.state()).is_empty(), "{:?}", processes::of(lab.state()));
}
