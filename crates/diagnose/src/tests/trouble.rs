//! Each fault, spoilt into a healthy run: the right cause first, and never an offer that throws work away without being sure.

use super::sample::{
    alpha, both, deaths, event, flight, healthy, probed, problem, process, silent, state, still, supervised,
    wait, waits,
};
use super::{Spoil, first, of};
use crate::{
    Cause, Confidence, Evidence, FrozenGroup, MemoryLimit, Pressure, ProcessFacts, Standing, Verdict, Writer,
};
use twinhaul_wire::{EventKind, WaitReason};

fn retry(e: &mut Evidence, error: &str) {
    let kind =
        EventKind::Retry { id: 100, key: flight(0).key, error: error.into(), attempts: 1, in_ms: 1000 };
    e.events.push(event(4000, Some("alpha"), kind));
}

fn failed(e: &mut Evidence, error: &str) {
    let kind = EventKind::Failed { id: 7, key: flight(0).key, error: error.into(), attempts: 3 };
    e.events.push(event(4000, Some("alpha"), kind));
    alpha(e).failed.transfers = 1;
}

fn thread(e: &mut Evidence, name: &str, state: char) {
    let threads = &mut e.peers[0].process.as_mut().unwrap().threads;
    let thread = threads.iter_mut().find(|t| t.name == name).unwrap();
    (thread.state, thread.wchan) = (Some(state), "jbd2_log_wait_commit".into());
}

fn dead(e: &mut Evidence, words: &str) {
    let of = supervised(e, "alpha");
    (of.pid, of.state) = (None, words.into());
    (e.peers[0].process, e.peers[0].answered) = (None, Some(false));
}

fn group(kills: u64) -> MemoryLimit {
    MemoryLimit { path: "/sys/fs/cgroup/box".into(), limit_bytes: 64 << 20, used_bytes: None, kills }
}

/// With a look at the processes.
const PROBED: &[(&str, Spoil, Cause)] = &[
    ("stopped by a signal", |e| (silent(e, 9000), state(e, 'T')).0, Cause::PeerFrozen),
    ("stopped a moment ago", |e| state(e, 'T'), Cause::PeerFrozen),
    ("traced", |e| (silent(e, 9000), state(e, 't')).0, Cause::PeerFrozen),
    (
        "a frozen control group",
        |e| {
            silent(e, 9000);
            e.peers[0].process.as_mut().unwrap().frozen = Some(FrozenGroup::default());
        },
        Cause::PeerFrozen,
    ),
    (
        "a quota of next to nothing",
        |e| {
            let process = e.peers[0].process.as_mut().unwrap();
            (process.cpu, process.throttled) = (Some(0.02), Some(2.5));
        },
        Cause::CpuStarved,
    ),
    (
        "a machine on which it never got a processor",
        |e| {
            e.probes.cpu = Some(Pressure { some: 96.0, full: 0.0 });
            let process = e.peers[0].process.as_mut().unwrap();
            (process.cpu, process.cpu_wait) = (Some(0.06), Some(1.8));
        },
        Cause::CpuStarved,
    ),
    ("silent and alive", |e| silent(e, 9000), Cause::PeerSilent),
    (
        "killed again and again",
        |e| {
            deaths(e, 4, "alpha was killed by signal 9 (KILL)");
            dead(e, "restarting in 2 s");
        },
        Cause::PeerRestarting,
    ),
    (
        "killed for a call that hangs",
        |e| deaths(e, 1, "alpha was killed by signal 9 (KILL): a call to vault had not come back after 30 s"),
        Cause::BackendHung,
    ),
    (
        "killed for want of memory in its group",
        |e| {
            deaths(e, 1, "alpha was killed by signal 9 (KILL)");
            dead(e, "restarting in 1 s");
            e.supervisor = Some(ProcessFacts { memory: Some(group(1)), ..ProcessFacts::default() });
        },
        Cause::MemoryPressure,
    ),
    (
        "killed in a group that was short of memory long ago",
        |e| {
            deaths(e, 4, "alpha was killed by signal 9 (KILL)");
            dead(e, "restarting in 2 s");
            let room = MemoryLimit { used_bytes: Some(10 << 20), ..group(9) };
            e.supervisor = Some(ProcessFacts { memory: Some(room), ..ProcessFacts::default() });
        },
        Cause::PeerRestarting,
    ),
    (
        "killed more often than its group was out of memory",
        |e| {
            deaths(e, 4, "alpha was killed by signal 9 (KILL)");
            dead(e, "restarting in 2 s");
            e.supervisor = Some(ProcessFacts { memory: Some(group(1)), ..ProcessFacts::default() });
        },
        Cause::PeerRestarting,
    ),
    (
        "given up",
        |e| {
            deaths(e, 6, "alpha ended with code 1: an error");
            dead(e, "gave up after 5 restarts");
        },
        Cause::PeerRestarting,
    ),
    (
        "a library that crashes",
        |e| {
            deaths(e, 4, "alpha was killed by signal 11 (SEGV)");
            dead(e, "restarting in 2 s");
        },
        Cause::BackendCrashing,
    ),
    (
        "dead",
        |e| {
            deaths(e, 1, "alpha ended with code 74: ledger I/O error");
            dead(e, "ended with code 74");
        },
        Cause::PeerDead,
    ),
    (
        "no supervisor",
        |e| {
            e.supervised = Some(false);
            e.snapshot = None;
        },
        Cause::SupervisorGone,
    ),
    (
        "a supervisor that is stopped",
        |e| {
            e.snapshot = None;
            let mut stopped = process(40);
            stopped.state = Some('T');
            e.supervisor = Some(stopped);
        },
        Cause::SupervisorSilent,
    ),
    (
        "nobody",
        |e| {
            e.supervised = Some(false);
            e.snapshot = None;
            for peer in &mut e.peers {
                (peer.answered, peer.snapshot) = (Some(false), None);
                peer.process.as_mut().unwrap().exists = false;
            }
        },
        Cause::RunNotRunning,
    ),
    (
        "a call in the kernel",
        |e| {
            waits(e, WaitReason::TargetWrite, "vault", 15_000);
            thread(e, "write-0", 'D');
        },
        Cause::TargetSlow,
    ),
    (
        "a call that hangs in its library",
        |e| waits(e, WaitReason::TargetWrite, "vault", 61_000),
        Cause::BackendHung,
    ),
    (
        "a ledger whose disk is slow",
        |e| {
            still(e, 20_000);
            thread(e, "ledger", 'D');
            e.probes.ledger.as_mut().unwrap().read_ms = Some(4000);
        },
        Cause::LedgerDiskSlow,
    ),
    (
        "a ledger that somebody holds",
        |e| {
            still(e, 20_000);
            let ledger = e.probes.ledger.as_mut().unwrap();
            (ledger.read_ms, ledger.writer) =
                (None, Some(Writer { pid: 41, name: "twinhaul".into(), ours: true }));
        },
        Cause::LedgerContended,
    ),
    (
        "a ledger that a stranger holds",
        |e| {
            let writer = Some(Writer { pid: 77, name: "sqlite3".into(), ours: false });
            e.probes.ledger.as_mut().unwrap().writer = writer;
        },
        Cause::LedgerContended,
    ),
    (
        "no processor",
        |e| {
            still(e, 20_000);
            e.probes.cpu = Some(Pressure { some: 96.0, full: 0.0 });
            e.peers[0].process.as_mut().unwrap().cpu_wait = Some(2.0);
        },
        Cause::CpuStarved,
    ),
    (
        "no memory",
        |e| {
            still(e, 20_000);
            e.probes.memory = Some(Pressure { some: 60.0, full: 40.0 });
        },
        Cause::MemoryPressure,
    ),
];

/// From snapshots and the history alone.
const TOLD: &[(&str, Spoil, Cause)] = &[
    (
        "a full target",
        |e| {
            waits(e, WaitReason::Space, "vault", 9000);
            alpha(e).problems.push(problem(
                "target_full",
                "target vault has no space left: write to vault: x",
                "make room",
            ));
        },
        Cause::TargetFull,
    ),
    (
        "a target that is gone",
        |e| {
            alpha(e).problems.push(problem(
                "target_offline",
                "target vault cannot be reached: x",
                "bring it back",
            ));
        },
        Cause::TargetGone,
    ),
    (
        "credentials",
        |e| {
            alpha(e).problems.push(problem(
                "target_locked",
                "target vault refuses the credentials: x",
                "renew",
            ));
        },
        Cause::Credentials,
    ),
    (
        "a server that slows us down",
        |e| {
            alpha(e).problems.push(problem("rate_limit", "vault: the server asks to slow down", ""));
        },
        Cause::TargetRateLimiting,
    ),
    ("the same, call by call", |e| waits(e, WaitReason::RateLimit, "503", 3000), Cause::TargetRateLimiting),
    (
        "no scratch cartridge",
        |e| {
            waits(e, WaitReason::Cartridge, "no cartridge with room in pool default: insert one", 9000);
            let text = "vault: no cartridge with room in pool default: insert one";
            alpha(e).problems.push(problem("cartridge", text, "twinhaul tape import --library /l"));
        },
        Cause::NoScratchCartridge,
    ),
    (
        "a cartridge that is out",
        |e| {
            alpha(e).problems.push(problem(
                "cartridge",
                "vault: insert cartridge A1: it is exported",
                "twinhaul tape import A1",
            ));
        },
        Cause::CartridgeMissing,
    ),
    ("a slow target", |e| waits(e, WaitReason::TargetWrite, "vault", 15_000), Cause::TargetSlow),
    (
        "a group that does not settle",
        |e| alpha(e).settling_wait = Some(wait(WaitReason::TargetWrite, "", 15_000)),
        Cause::TargetSlow,
    ),
    ("a slow source", |e| waits(e, WaitReason::SourceRead, "projects", 15_000), Cause::SourceSlow),
    (
        "a target that became slow",
        |e| {
            waits(e, WaitReason::TargetWrite, "vault", 2000);
            alpha(e).rate.now = 1000;
        },
        Cause::TargetSlow,
    ),
    (
        "another run's cartridge, without end",
        |e| waits(e, WaitReason::Cartridge, "cartridge A1 is in use by beta", 1_000_000),
        Cause::DriveBusy,
    ),
    ("a mount without end", |e| waits(e, WaitReason::Mount, "drive 1", 400_000), Cause::MountTooLong),
    ("a changing source", |e| retry(e, "source changed while it was read: its size"), Cause::SourceChanging),
    (
        "no permission",
        |e| failed(e, "read from projects: disk: reader_open: permission denied: x"),
        Cause::Permission,
    ),
    (
        "a server that never answers",
        |e| retry(e, "write to vault: cloud: publish docs/readme: no answer within 60 s"),
        Cause::TargetSlow,
    ),
    (
        "a source server that never answers",
        |e| retry(e, "read from projects: cloud: reader_read: no answer within 60 s"),
        Cause::SourceSlow,
    ),
    ("other failures", |e| failed(e, "read from projects: disk: input/output error"), Cause::TransfersFail),
    (
        "a link that is down",
        |e| both(e).for_each(|s| (s.link.up, s.link.heard_ms_ago) = (false, Some(20_000))),
        Cause::LinkDown,
    ),
    ("silence", |e| silent(e, 9000), Cause::PeerSilent),
    ("a stall without a reason", |e| still(e, 47_000), Cause::StalledNotKnown),
];

#[test]
fn each_fault_is_found_first() {
    let probed = PROBED.iter().map(|row| (row, probed()));
    let told = TOLD.iter().flat_map(|row| [(row, healthy()), (row, super::sample::probed())]);
    for ((what, spoil, cause), evidence) in probed.chain(told) {
        let d = of(evidence, *spoil);
        // Threads that wait in no device make of a call that lasts long one that hangs; a table row says which.
        assert_eq!(first(&d).cause, *cause, "{what}: {d:#?}");
        assert_eq!((first(&d).standing, d.verdict), (Standing::Trouble, Verdict::Trouble), "{what}: {d:#?}");
        let f = first(&d);
        assert!(
            !f.evidence.is_empty() || *cause == Cause::RunNotRunning || *cause == Cause::SupervisorGone,
            "{what}: {d:#?}"
        );
        assert!(f.evidence.is_sorted_by_key(|note| note.at_ms), "newest last: {d:#?}");
        assert!(!f.ruled_out.iter().any(|r| r.cause == *cause), "{what} is found and ruled out: {d:#?}");
        for offer in f.offers.iter().filter(|o| o.danger) {
            assert_ne!(f.confidence, Confidence::Possible, "{what}: {offer:?} on a guess");
        }
    }
}
