//! `kill -9` of random peers at random moments, on the real binaries: afterwards every object is read again.
//!
//! Ten kills in the usual tests; `TWINHAUL_KILLS=100` for a hundred. The seed is printed, and `TWINHAUL_SEED` repeats it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use std::time::Duration;
use twinhaul_tests::product::run::{CONDITION_WAIT_MAX, Run, assert_conserved};
use twinhaul_tests::product::{Lab, Profile, poll, processes};
use twinhaul_tests::seed::Rng;
use twinhaul_tests::{same, tree};
use twinhaul_wire::EventKind;

/// In one run; then another begins, so that young and old runs are hit alike.
const KILLS_PER_RUN: usize = 4;

fn wanted() -> usize {
    std::env::var("TWINHAUL_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(10)
}

/// Small files for the groups, some larger ones to be hit in the middle, one that takes seconds.
fn profile(lab: &Lab, rng: &mut Rng) -> Profile {
    tree::small_files(&lab.source().join("small"), 600, 3000, rng.next_u64());
    tree::lognormal(&lab.source().join("mixed"), 120, 40_000, 1.5, rng.next_u64());
    tree::file(&lab.source().join("large"), 12 << 20, rng.next_u64());
    std::fs::hard_link(lab.source().join("large"), lab.source().join("linked")).unwrap();
    let mut profile = Profile::new("kills", &lab.source(), &lab.target()).limits("3 MiB/s", "2 MiB/s");
    profile.durability = ["each", "group", "group", "end"][rng.below(4) as usize].into();
    profile
}

/// Kills one peer and waits for its next incarnation; false when the run was over before the blow.
fn strike(run: &Run<'_>, rng: &mut Rng) -> bool {
    let peer = ["alpha", "beta"][rng.below(2) as usize];
    std::thread::sleep(Duration::from_millis(rng.below(700)));
    let before = run.status();
    let (Some(pid), false) = (before.peers.get(peer).and_then(|p| p.pid), before.state.ended()) else {
        return false;
    };
    let incarnation = before.peers[peer].incarnation;
    assert!(pid > 1 && incarnation > 0, "a peer that answers knows who it is: {:#?}", before.peers[peer]);
    processes::kill(pid);
    let back = poll(CONDITION_WAIT_MAX, || {
        let now = run.status();
        (now.state.ended() || now.peers[peer].incarnation > incarnation).then_some(now)
    });
    let back =
        back.unwrap_or_else(|| panic!("{peer} did not come back: {:#?}\n{:#?}", run.status(), run.events()));
    assert_conserved(&back);
    let after = back.peers[peer].incarnation;
    eprintln!("{}: killed {peer} (process {pid}, incarnation {incarnation}), back as {after}", run.id);
    after > incarnation
}

fn killed_exits(run: &Run<'_>) -> usize {
    run.kinds().iter().filter(|k| matches!(k, EventKind::Exited { words, .. } if words.contains("SIGKILL") || words.contains("killed"))).count()
}

/// Everything that must be true of a run that was struck and has ended.
fn examine(run: &Run<'_>, struck: usize) {
    let lab = run.lab();
    run.wait().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
    let status = run.status();
    assert_conserved(&status);
    assert_eq!(status.done.transfers, status.totals.transfers, "{status:#?}");
    assert!(!lab.target().join(".twinhaul").exists());
    run.verb("verify", &[]).expect_code(0);
    assert!(killed_exits(run) >= struck, "each kill is told in words: {:#?}", run.kinds());
    // A kill may hit a peer that is still recovering; the last incarnation always gets to its end.
    let recovered = run.kinds().iter().any(|k| matches!(k, EventKind::Recovered { .. }));
    assert!(
        recovered || struck == 0,
        "a new incarnation deals with what the former left: {:#?}",
        run.kinds()
    );
}

#[test]
fn killed_peers_come_back_and_every_object_is_exact() {
    let mut rng = Rng::announced("kills");
    let mut kills = 0;
    let mut runs = 0;
    while kills < wanted() {
        let lab = Lab::new();
        let profile = profile(&lab, &mut rng);
        let run = lab.start(&profile);
        runs += 1;
        let mut struck = 0;
        while struck < KILLS_PER_RUN && kills + struck < wanted() && strike(&run, &mut rng) {
            struck += 1;
        }
        run.verb("limit", &["none"]);
        examine(&run, struck);
        kills += struck;
        assert!(runs <= 20 + wanted(), "{runs} runs and only {kills} kills: the runs are over too soon");
    }
    eprintln!("kills: {kills} in {runs} runs: 0 missing, 0 half, 0 wrong");
}

#[test]
fn both_peers_killed_at_once_still_end_exact() {
    let mut rng = Rng::announced("both");
    let lab = Lab::new();
    let run = lab.start(&profile(&lab, &mut rng));
    let before = run.until_under_way();
    for peer in before.peers.values() {
        processes::kill(peer.pid.expect("a peer under way has a process"));
    }
    run.until("both are back", |s| {
        s.state.ended() || s.peers.iter().all(|(name, p)| p.incarnation > before.peers[name].incarnation)
    });
    run.verb("limit", &["none"]);
    examine(&run, 2);
}

/// The console and the verbs are clients: without the supervisor the peers finish what they own.
#[test]
fn a_killed_supervisor_does_not_take_the_data_with_it() {
    let mut rng = Rng::announced("supervisor");
    let lab = Lab::new();
    let run = lab.start(&profile(&lab, &mut rng));
    run.until_under_way();
    let supervisor = processes::of(lab.state()).into_iter().find(|p| p.kind() == "supervise");
    processes::kill(supervisor.expect("a supervisor").pid);
    let gone = poll(CONDITION_WAIT_MAX, || processes::of(lab.state()).is_empty().then_some(()));
    assert!(gone.is_some(), "the peers end by themselves: {:?}", processes::of(lab.state()));
    lab.run(["run", "--resume", &run.id, "--headless"]).expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
    assert_conserved(&run.status());
}
