//! A healthy run of two peers, to be spoilt by the tests.

use crate::{Evidence, LedgerFacts, PeerEvidence, Pressure, Probes, ProcessFacts, Space, ThreadFacts};
use std::collections::BTreeMap;
use twinhaul_wire::{
    Event, EventKind, InFlight, KeyText, Link, PeerSnapshot, PeerState, Phase, Problem, QueueSize, Rates,
    RunSnapshot, RunState, Slots, Supervised, TargetSnapshot, Totals, Wait, WaitReason,
};

/// Milliseconds since the epoch; the moment of every test.
pub(super) const NOW: u64 = 1_800_000_000_000;
pub(super) const MIB: u64 = 1 << 20;
/// What counts as a large transfer.
pub(super) const HUGE: u64 = 64 * MIB;
/// When both peers joined.
const UP_MS: u64 = 600_000;

pub(super) fn flight(slot: u32) -> InFlight {
    InFlight {
        id: 100 + u64::from(slot),
        slot,
        key: KeyText::from_bytes(format!("dir/file-{slot}").as_bytes()),
        target: "vault".into(),
        phase: Phase::Copy,
        bytes: 16 * MIB,
        done: 4 * MIB,
        rate: 5 * MIB,
        age_ms: 900,
        attempts: 1,
        wait: None,
        ranges: Vec::new(),
    }
}

pub(super) fn wait(reason: WaitReason, detail: &str, age_ms: u64) -> Wait {
    let budget_ms = match reason {
        WaitReason::SourceRead | WaitReason::TargetWrite | WaitReason::TargetOpen => Some(10_000),
        WaitReason::Mount | WaitReason::Locate => Some(300_000),
        WaitReason::Drive => Some(900_000),
        WaitReason::Ledger => Some(60_000),
        _ => None,
    };
    Wait { budget_ms, ..Wait::new(reason, detail, age_ms) }
}

fn peer(name: &str, pid: u32) -> PeerSnapshot {
    PeerSnapshot {
        run: "wan-3".into(),
        peer: name.into(),
        incarnation: 2,
        pid,
        at_ms: NOW - 40,
        state: PeerState::Running,
        policy: "balanced".into(),
        ratio: 0.5,
        portion: 200.0,
        queue: QueueSize { transfers: 400, bytes: 400 * 16 * MIB },
        in_flight: (0..4).map(flight).collect(),
        done: QueueSize { transfers: 1000, bytes: 1000 * 16 * MIB },
        rate: Rates { now: 20 * MIB, one_min: 21 * MIB, average: 20 * MIB },
        slots: Slots { used: 4, max: 4 },
        last_progress_ms: Some(20),
        link: Link { up: true, heard_ms_ago: Some(300), rtt_us: Some(400), ..Link::default() },
        up_ms: UP_MS,
        targets: vec![TargetSnapshot {
            name: "vault".into(),
            backend: "disk".into(),
            state: "ok".into(),
            ..TargetSnapshot::default()
        }],
        ..PeerSnapshot::default()
    }
}

pub(super) fn process(pid: u32) -> ProcessFacts {
    let thread = |name: &str| ThreadFacts { name: name.into(), state: Some('S'), ..ThreadFacts::default() };
    ProcessFacts {
        pid,
        exists: true,
        state: Some('S'),
        cpu: Some(0.4),
        cpu_wait: Some(0.1),
        throttled: None,
        watched_ms: 300,
        frozen: None,
        groups_known: true,
        memory: None,
        threads: ["ledger", "committer", "slot-0", "write-0"].map(thread).to_vec(),
    }
}

pub(super) fn event(ago_ms: u64, peer: Option<&str>, kind: EventKind) -> Event {
    Event { seq: 0, at_ms: NOW - ago_ms, peer: peer.map(str::to_owned), incarnation: 2, kind }
}

pub(super) fn problem(kind: &str, text: &str, next: &str) -> Problem {
    Problem {
        kind: kind.into(),
        peer: Some("alpha".into()),
        target: Some("vault".into()),
        since_ms: NOW - 9000,
        text: text.into(),
        next: next.into(),
        ..Problem::default()
    }
}

/// Everything works.
pub(super) fn healthy() -> Evidence {
    let of = |pid| Supervised { pid: Some(pid), state: "running".into(), restarts: 0, last_exit: None };
    let run = RunSnapshot {
        run: "wan-3".into(),
        name: "wan".into(),
        pid: 40,
        at_ms: NOW - 50,
        state: RunState::Running,
        started_at_ms: NOW - UP_MS,
        totals: Totals { transfers: 3000, bytes: 3000 * 16 * MIB, growing: false },
        peers: BTreeMap::from([("alpha".to_owned(), of(41)), ("beta".to_owned(), of(42))]),
        order: vec!["alpha".into(), "beta".into()],
        ..RunSnapshot::default()
    };
    let mut e = Evidence::of_snapshots(&run, &[peer("alpha", 41), peer("beta", 42)], &[]);
    e.events = vec![
        event(UP_MS, None, EventKind::RunStarted { name: "wan".into(), policy: "balanced".into() }),
        event(UP_MS, Some("alpha"), EventKind::Joined { pid: 41 }),
        event(UP_MS, Some("beta"), EventKind::Joined { pid: 42 }),
    ];
    e
}

/// The same, with a look at the processes and the machine.
pub(super) fn probed() -> Evidence {
    let mut e = healthy();
    e.supervised = Some(true);
    for (peer, pid) in e.peers.iter_mut().zip([41, 42]) {
        peer.answered = Some(true);
        peer.process = Some(process(pid));
    }
    let quiet = Some(Pressure { some: 3.0, full: 0.5 });
    let space = Space {
        target: "vault".into(),
        path: "/mnt/vault".into(),
        free_bytes: Some(900 << 30),
        total_bytes: Some(1000 << 30),
        free_inodes: Some(1000),
        answered_ms: Some(1),
    };
    let ledger = Some(LedgerFacts { read_ms: Some(2), writer: None, free_bytes: Some(10 << 30) });
    e.probes = Probes { cpu: quiet, io: quiet, memory: quiet, spaces: vec![space], ledger };
    e
}

pub(super) fn alpha(e: &mut Evidence) -> &mut PeerSnapshot {
    e.peers[0].snapshot.as_mut().unwrap()
}

pub(super) fn both(e: &mut Evidence) -> impl Iterator<Item = &mut PeerSnapshot> {
    e.peers.iter_mut().filter_map(|p: &mut PeerEvidence| p.snapshot.as_mut())
}

/// Nothing moves at alpha, for so long.
pub(super) fn still(e: &mut Evidence, ms: u64) {
    let alpha = alpha(e);
    alpha.rate.now = 0;
    alpha.last_progress_ms = Some(ms);
}

/// Every transfer of alpha waits for this.
pub(super) fn waits(e: &mut Evidence, reason: WaitReason, detail: &str, age_ms: u64) {
    still(e, age_ms);
    for f in &mut alpha(e).in_flight {
        f.rate = 0;
        f.wait = Some(wait(reason, detail, age_ms));
    }
}

/// Alpha says nothing any more.
pub(super) fn silent(e: &mut Evidence, ms: u64) {
    alpha(e).at_ms = NOW - ms;
    if e.peers[0].answered.is_some() {
        e.peers[0].answered = Some(false);
    }
}

/// `n` deaths of alpha with these words, one every 4 s, the last 2 s ago.
pub(super) fn deaths(e: &mut Evidence, n: u64, words: &str) {
    for i in (0..n).rev() {
        let kind =
            EventKind::Exited { process: "alpha".into(), words: words.into(), restart_in_ms: Some(500) };
        e.events.push(event(2000 + i * 4000, Some("alpha"), kind));
    }
    let of = e.snapshot.as_mut().unwrap().peers.get_mut("alpha").unwrap();
    of.restarts = u32::try_from(n).unwrap();
    of.last_exit = Some(words.into());
}

pub(super) fn supervised<'a>(e: &'a mut Evidence, name: &str) -> &'a mut Supervised {
    e.snapshot.as_mut().unwrap().peers.get_mut(name).unwrap()
}

pub(super) fn control(e: &mut Evidence, ago_ms: u64, command: &str, by: &str) {
    let kind = EventKind::Control { command: command.into(), by: by.into(), result: "done".into() };
    e.events.push(event(ago_ms, Some("alpha"), kind));
}

/// The state of alpha's process.
pub(super) fn state(e: &mut Evidence, state: char) {
    e.peers[0].process.as_mut().unwrap().state = Some(state);
}
