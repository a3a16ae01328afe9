//! The ledger and the machine.

use super::stage::{Frozen, Group, Stage, image, profile, under_way};
use super::{Situation, fault};
use crate::product::run::Run;
use crate::product::{Lab, Profile, processes};
use crate::seed::Rng;
use crate::tree;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use twinhaul_diagnose::Cause;

pub(super) const ALL: &[Situation] = &[
    fault("somebody else holds the ledger's lock", 5, &[Cause::LedgerContended], locked),
    fault("the ledger's file system is frozen", 12, &[Cause::LedgerDiskSlow], ledger_frozen),
    Situation { alone: true, ..fault("a crowd takes the processors", 20, &[Cause::CpuStarved], hogs) },
    fault("a peer that is given no processor time", 20, &[Cause::CpuStarved], no_quota),
    Situation {
        alone: true,
        ..fault("peers that are given next to no memory", 25, &[Cause::MemoryPressure], no_memory)
    },
];

/// A process that ends with the trial.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn other(program: &str, args: &[&str]) -> Option<Other> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().ok().map(Other)
}

fn ledger(lab: &Lab, run: &Run<'_>) -> PathBuf {
    lab.state().join("runs").join(&run.id).join("ledger.sqlite")
}

fn locked(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let run = under_way(lab, rng);
    let script = "import sqlite3, sys, time\nc = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)\n\
                  c.execute('begin immediate')\ntime.sleep(600)";
    let other = other("python3", &["-c", script, ledger(lab, &run).to_str()?])?;
    Some(Stage::new(&run).with(other))
}

fn ledger_frozen(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let profile = profile(lab, rng, 40);
    let mount = image(lab, lab.state(), 300)?;
    std::fs::set_permissions(lab.state(), Permissions::from_mode(0o700)).ok()?;
    let run = lab.start(&profile);
    run.until_under_way();
    let frozen = Frozen::new(lab.state())?;
    Some(Stage::new(&run).on(mount).with(frozen))
}

fn hogs(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    // More than enough work: what is left to do must not end before it is seen.
    tree::small_files(&lab.source(), 30_000, 1 + usize::try_from(rng.below(3000)).ok()?, rng.next_u64());
    let profile = lab.write_profile(&Profile::new("drill", &lab.source(), &lab.target()));
    let run = Run::start(lab, &profile);
    run.until("both work", |s| s.peers.values().all(|p| !p.in_flight.is_empty()) || s.state.ended());
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let mut stage = Stage::new(&run);
    // Each in a session of its own: the scheduler shares out between sessions first.
    for _ in 0..processors * (12 + usize::try_from(rng.below(6)).ok()?) {
        stage = stage.with(other("setsid", &["sh", "-c", "while :; do :; done"])?);
    }
    Some(stage)
}

/// A group of processes that is given next to no processor time.
fn no_quota(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let run = under_way(lab, rng);
    let all = processes::of(lab.state());
    let peers: Vec<u32> = all.iter().filter(|p| p.kind().starts_with("peer")).map(|p| p.pid).collect();
    let next_to_none = [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "1000")];
    let group = Group::holding("cpu", &peers, &next_to_none, ("cpu.cfs_quota_us", "-1"))?;
    run.verb("limit", &["none"]);
    Some(Stage::new(&run).with(group))
}

/// What an interpreter takes before it does anything.
const INTERPRETER: u64 = 7 << 20;

/// A container that is just large enough, until others in it take what is left: then the kernel ends the peers, because they are marked
/// as those that can be ended best (fault 46).
fn no_memory(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let group = Group::new("memory", &std::process::id().to_string(), ("memory.limit_in_bytes", "-1"))?;
    let path = lab.write_profile(&profile(lab, rng, 60));
    let mut command = lab.command_under(&group.head());
    command.arg("run").arg(path).arg("--detach");
    let done = lab.finish(command);
    done.expect_code(0);
    let run = Run::named(lab, done.stdout.trim());
    run.until_under_way();
    let most = (52 + rng.below(12)) << 20;
    if !group.set("memory.limit_in_bytes", &most.to_string()) {
        return None;
    }
    // Room is left for the supervisor and for one peer, and not for two. Several, so that each is smaller than a peer seems.
    let neighbours = 3;
    let each = (most - (14 << 20)) / neighbours - INTERPRETER;
    let script = "import sys, time\ntaken = b'x' * int(sys.argv[1])\ntime.sleep(600)";
    let mut stage = Stage::new(&run);
    for _ in 0..neighbours {
        let [shell, c, inside, at] = group.head();
        stage = stage.with(other(shell, &[c, inside, at, "python3", "-c", script, &each.to_string()])?);
    }
    Some(stage.with(group))
}
