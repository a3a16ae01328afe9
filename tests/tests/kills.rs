//! Runs under random fire, on the real binaries: peers, supervisor and consoles killed and frozen at random moments;
//! afterwards every object is read again.
//!
//! Some ten blows in the usual tests; `TWINHAUL_KILLS=100` for a hundred, `cargo xtask soak kill` for thousands. The seed
//! is printed, and `TWINHAUL_SEED` repeats it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use twinhaul_failpoint as failpoint;
use twinhaul_tests::product::end::examine;
use twinhaul_tests::product::run::{CONDITION_WAIT_MAX, Run, assert_conserved};
use twinhaul_tests::product::{Lab, Profile, poll, processes};
use twinhaul_tests::seed::Rng;
use twinhaul_tests::siege::Campaign;
use twinhaul_tests::tree;
use twinhaul_wire::EventKind;

fn wanted() -> usize {
    std::env::var("TWINHAUL_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(16)
}

#[test]
fn whoever_is_killed_or_frozen_every_object_is_exact() {
    let mut rng = Rng::announced("kills");
    let seed = rng.next_u64() >> 32;
    let campaign = Campaign { hits: wanted(), hits_per_run: 8, minutes: None, seed, at_once: 2, runs: None };
    let outcome = campaign.run();
    eprintln!("{outcome}");
    assert!(outcome.is_clean(), "{outcome}");
}

/// Small files for the groups, some larger ones to be hit in the middle, one that takes seconds.
fn profile(lab: &Lab) -> Profile {
    tree::small_files(&lab.source().join("small"), 400, 3000, 1);
    tree::lognormal(&lab.source().join("mixed"), 80, 40_000, 1.5, 2);
    tree::file(&lab.source().join("large"), 12 << 20, 3);
    std::fs::hard_link(lab.source().join("large"), lab.source().join("linked")).unwrap();
    Profile::new("kills", &lab.source(), &lab.target()).limits("3 MiB/s", "2 MiB/s")
}

fn killed_exits(run: &Run<'_>) -> usize {
    run.kinds()
        .iter()
        .filter(|k| matches!(k, EventKind::Exited { words, .. } if words.contains("KILL")))
        .count()
}

/// What a kill looks like in the history: its end in words, and what the next life dealt with.
#[test]
fn both_peers_killed_at_once_come_back_and_say_so() {
    let lab = Lab::new();
    let run = lab.start(&profile(&lab));
    let before = run.until_under_way();
    for peer in before.peers.values() {
        processes::kill(peer.pid.expect("a peer under way has a process"));
    }
    run.until("both are back", |s| {
        let is_back = |name: &String| s.peers[name].incarnation > before.peers[name].incarnation;
        s.state.ended() || s.peers.iter().all(|(name, p)| p.pid.is_some() && is_back(name))
    });
    run.verb("limit", &["none"]);
    run.wait().expect_code(0);
    examine(&run);
    assert!(killed_exits(&run) >= 2, "each kill is told in words: {:#?}", run.kinds());
    let recovered = run.kinds().iter().any(|k| matches!(k, EventKind::Recovered { .. }));
    assert!(recovered, "a new incarnation deals with what the former left: {:#?}", run.kinds());
}

/// The console and the verbs are clients: without the supervisor the peers finish what they own.
#[test]
fn a_killed_supervisor_does_not_take_the_data_with_it() {
    let lab = Lab::new();
    let run = lab.start(&profile(&lab));
    run.until_under_way();
    let supervisor = processes::of(lab.state()).into_iter().find(|p| p.kind() == "supervise");
    processes::kill(supervisor.expect("a supervisor").pid);
    let gone = poll(CONDITION_WAIT_MAX, || processes::of(lab.state()).is_empty().then_some(()));
    assert!(gone.is_some(), "the peers end by themselves: {:?}", processes::of(lab.state()));
    lab.run(["run", "--resume", &run.id, "--headless"]).expect_code(0);
    examine(&run);
}

/// Skips are recorded in groups, far ahead of any slot: whoever dies before or after one of them has left nothing out.
#[test]
fn peers_killed_in_a_run_that_only_skips_leave_nothing_out() {
    const FILES: usize = 3000;
    let mut lab = Lab::new();
    tree::small_files(&lab.source(), FILES, 10, 1);
    lab.copy().expect_code(0);
    let marks = lab.path("marks");
    std::fs::create_dir(&marks).expect("a directory for marks");
    lab.set_env(failpoint::DIRECTORY, &marks);
    lab.set_env(failpoint::SPECS, "alpha/settling:kill:1,beta/settled:kill:1");
    lab.copy().expect_code(0);
    assert!(std::fs::read_dir(&marks).expect("the marks").count() > 0, "nobody was killed");
    let status = lab.newest_status();
    assert_conserved(&status);
    let ends = (status.skipped.transfers, status.done.transfers, status.failed.transfers);
    assert_eq!(ends, (FILES as u64, 0, 0));
}
