//! Processes: frozen, killed, crashing, gone.

use super::stage::{Group, Stage, peer, pick, under_way};
use super::{Situation, fault, shimmed};
use crate::product::run::{CONDITION_WAIT_MAX, Run};
use crate::product::{Lab, poll, processes};
use crate::seed::Rng;
use crate::shim;
use rustix::process::Signal;
use std::time::Duration;
use twinhaul_diagnose::Cause;

pub(super) const ALL: &[Situation] = &[
    fault("one peer stopped by a signal", 0, &[Cause::PeerFrozen], stopped),
    fault("both peers stopped by a signal", 0, &[Cause::PeerFrozen], both_stopped),
    fault("a peer in a frozen control group", 0, &[Cause::PeerFrozen], frozen_group),
    fault("a peer killed again and again", 0, &[Cause::PeerRestarting], killed),
    fault("a peer that crashes again and again", 0, &[Cause::BackendCrashing], crashing),
    fault("the supervisor killed", 0, &[Cause::SupervisorGone], supervisor_killed),
    fault("the supervisor stopped", 0, &[Cause::SupervisorSilent], supervisor_stopped),
    fault("everybody killed", 0, &[Cause::RunNotRunning], all_killed),
    fault("the supervisor and one peer killed", 0, &[Cause::PeerDead], peer_dead),
    shimmed(fault("two living peers that cannot reach each other", 12, &[Cause::LinkDown], cut)),
];

fn pid(run: &Run<'_>, peer: &str) -> u32 {
    poll(CONDITION_WAIT_MAX, || run.pid(peer)).expect("a peer under way has a process")
}

fn stopped(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let run = under_way(lab, rng);
    processes::signal(pid(&run, peer(rng)), Signal::STOP);
    Some(Stage::new(&run))
}

fn both_stopped(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let run = under_way(lab, rng);
    for name in ["alpha", "beta"] {
        run.freeze(pid(&run, name));
    }
    Some(Stage::new(&run))
}

fn frozen_group(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let run = under_way(lab, rng);
    let pid = pid(&run, peer(rng));
    let group =
        Group::holding("freezer", &[pid], &[("freezer.state", "FROZEN")], ("freezer.state", "THAWED"))?;
    Some(Stage::new(&run).with(group))
}

/// Ends a peer three times, as fast as it comes back.
fn thrice(lab: &Lab, rng: &mut Rng, signals: &[Signal]) -> Stage {
    let run = under_way(lab, rng);
    let name = peer(rng);
    let signal = signals[usize::try_from(rng.below(signals.len() as u64)).unwrap_or(0)];
    let mut before = 0;
    for _ in 0..3 {
        before =
            poll(CONDITION_WAIT_MAX, || run.pid(name).filter(|pid| *pid != before)).expect("it comes back");
        processes::signal(before, signal);
        // The first of these meets the handler for stacks that are too small, which gives it back to the kernel.
        if matches!(signal, Signal::SEGV | Signal::BUS) {
            std::thread::sleep(Duration::from_millis(20));
            processes::signal(before, signal);
        }
    }
    Stage::new(&run)
}

fn killed(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    Some(thrice(lab, rng, &[Signal::KILL]))
}

fn crashing(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    Some(thrice(lab, rng, &[Signal::ABORT, Signal::SEGV, Signal::BUS]))
}

fn supervisor(lab: &Lab) -> u32 {
    processes::of(lab.state()).into_iter().find(|p| p.kind() == "supervise").expect("a supervisor").pid
}

fn supervisor_killed(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let run = under_way(lab, rng);
    processes::kill(supervisor(lab));
    Some(Stage::new(&run))
}

fn supervisor_stopped(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let run = under_way(lab, rng);
    processes::signal(supervisor(lab), Signal::STOP);
    Some(Stage::new(&run))
}

fn all_killed(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let run = under_way(lab, rng);
    let mut who = ["alpha", "beta"];
    who.rotate_left(usize::from(pick(rng, &["this", "that"]) == "that"));
    let pids = who.map(|name| pid(&run, name));
    processes::kill(supervisor(lab));
    pids.into_iter().for_each(processes::kill);
    Some(Stage::new(&run))
}

fn peer_dead(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let run = under_way(lab, rng);
    let pid = pid(&run, peer(rng));
    processes::kill(supervisor(lab));
    processes::kill(pid);
    Some(Stage::new(&run))
}

fn cut(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let run = under_way(lab, rng);
    shim::cut(lab, ["alpha", "beta"].map(|name| pid(&run, name)))?;
    Some(Stage::new(&run))
}
