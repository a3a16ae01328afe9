//! The drill itself, a few trials of it: `cargo xtask drill` does all of them.
//!
//! Only situations that mount nothing: these tests stand in nobody's name space.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails; what was drawn is told"
)]

use rustix::process::Signal;
use std::process::Stdio;
use twinhaul_tests::drill::Drill;
use twinhaul_tests::product::run::CONDITION_WAIT_MAX;
use twinhaul_tests::product::{Lab, poll, processes};
use twinhaul_tests::seed::Rng;

#[test]
fn what_was_brought_about_is_named_and_nothing_healthy_is_called_a_fault() {
    let seed = Rng::announced("drill").next_u64();
    let drill = Drill { seed, trials: 3, at_once: 3, only: Some("killed".to_owned()) };
    let score = drill.run(&|line| eprintln!("{line}"));
    assert!(score.is_good(), "{score}");
}

/// Whoever leaves a drill early is told so, and nothing is left behind: no process, and no files.
#[test]
fn a_drill_that_is_left_ends_with_everything_it_made() {
    let mut lab = Lab::new();
    let place = lab.path("temporary");
    std::fs::create_dir(&place).unwrap();
    lab.set_env("TMPDIR", &place);
    let mut command = lab.command();
    command.args(["demo", "drill", "--headless", "--seed", "7"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let under_way = poll(CONDITION_WAIT_MAX, || {
        let peers = processes::of(lab.state()).into_iter().filter(|p| p.kind().starts_with("peer"));
        (peers.count() == 2).then_some(())
    });
    assert!(under_way.is_some(), "no peers");
    processes::signal(child.id(), Signal::INT);
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(said.contains("drill: nothing had happened yet"), "{said}");
    assert!(said.contains("twinhaul demo drill --seed 7"), "{said}");
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0, "files are left");
    assert!(processes::of(lab.state()).is_empty(), "processes are left");
}
