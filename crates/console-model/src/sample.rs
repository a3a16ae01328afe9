//! Sample runs: planning, mid-run, stalled, failed, finished; and a driver that types keys. For tests only.

pub(crate) mod slowing;
mod tape;

pub use slowing::{slowed, slowing};
pub use tape::tape;

use crate::board::{FailedRow, LinkState};
use crate::{Chord, Clean, Effect, Model, Msg, Press, Setup, To, WallClock, update};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use twinhaul_units::{Moment, PeerId};
use twinhaul_wire::{
    AssignWhy, Assisted, Event, EventKind, InFlight, KeyText, Link, LotIds, PeerSnapshot, PeerState, Phase,
    Problem, QueueRow, QueueSize, Rates, RatioMove, Rule, RunSnapshot, RunState, Slots, Supervised,
    TargetSnapshot, Totals, Wait, WaitReason,
};

/// 2026-11-22 10:12:36 UTC.
pub const WALL_MS: u64 = 1_795_342_356_000;
/// The sample runs are this old.
pub const UP: Duration = Duration::from_secs(6_729);
const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// An empty model of the run `wan-bulk-3` with alpha and beta, connected, at 80x24.
pub fn model() -> Model {
    let mut model = Model::new(Setup {
        run: "wan-bulk-3".into(),
        names: ["alpha".into(), "beta".into()],
        read_only: false,
        exit_when_done: false,
        clock: WallClock { zero_ms: WALL_MS, offset_s: 3600 },
        size: (80, 24),
    });
    for to in [To::Peer(PeerId::First), To::Peer(PeerId::Second), To::Supervisor] {
        tell(&mut model, Msg::Link(to, LinkState::Up));
    }
    model
}

/// Applies a message a moment after the last one.
pub fn tell(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let now = model.now;
    update(model, msg, now)
}

/// Types keys as a person would: each is drawn, and seen, before the next.
pub fn drive(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for chord in Chord::parse_all(keys) {
        let now = model.now + Duration::from_millis(300);
        effects.extend(update(model, Msg::Key(Press { chord, repeat: false }), now));
        update(model, Msg::Drawn, now);
    }
    effects
}

/// Samples are plain JSON.
fn clean<T: Serialize + DeserializeOwned>(raw: T) -> Clean<T> {
    Clean::new(raw).unwrap_or_else(|| unreachable!("samples are plain JSON"))
}

/// A snapshot message.
pub fn peer_msg(peer: PeerId, snapshot: &PeerSnapshot) -> Msg {
    Msg::Peer(peer, Box::new(clean(snapshot.clone())))
}

/// A run message.
pub fn run_msg(run: &RunSnapshot) -> Msg {
    Msg::Run(Box::new(clean(run.clone())))
}

/// An event `s` seconds after the start of the sample.
pub fn event(seq: u64, at_s: f64, peer: Option<&str>, kind: EventKind) -> Event {
    let at_ms = WALL_MS.saturating_add_signed((at_s * 1000.0) as i64);
    Event { seq, at_ms, peer: peer.map(Into::into), incarnation: 1, kind }
}

/// The first `count` given-up transfers, every other one for want of a permission.
pub fn given_up(count: u64) -> Msg {
    let row = |id: u64| FailedRow {
        row: QueueRow {
            id,
            key: KeyText::from_bytes(format!("dir/file-{id}").as_bytes()),
            target: "vault".into(),
            bytes: id << 20,
            attempts: 0,
        },
        peer: "beta".into(),
        error: if id.is_multiple_of(2) { "permission denied".into() } else { "no such file".into() },
        attempts: 5,
    };
    Msg::Failed { rows: (1..=count).map(|id| clean(row(id))).collect(), more: false }
}

fn flight(slot: u32, id: u64, key: &str, bytes: u64, part: u64, rate: u64) -> InFlight {
    InFlight {
        id,
        slot,
        key: KeyText { key: key.into(), key_b64: None },
        target: "vault".into(),
        phase: Phase::Copy,
        bytes,
        done: bytes / 100 * part,
        rate,
        age_ms: 47_000,
        attempts: 1,
        wait: None,
        ranges: Vec::new(),
    }
}

/// alpha, one third of the way.
pub fn alpha() -> PeerSnapshot {
    let keys = ["climate/2024/q1/part-01204", "genomics/run88/part-01221", "video/raw/cam2/part-01238"];
    let next = |i: usize| QueueRow {
        id: 50_000 + i as u64,
        key: KeyText { key: format!("{}-{i}", keys[i % 3]), key_b64: None },
        target: "vault".into(),
        bytes: [18 * GIB, GIB + 100 * MIB, 96 * GIB][i % 3],
        attempts: 0,
    };
    PeerSnapshot {
        run: "wan-bulk-3".into(),
        peer: "alpha".into(),
        incarnation: 1,
        pid: 41_220,
        at_ms: WALL_MS,
        state: PeerState::Running,
        policy: "learning".into(),
        ratio: 0.5,
        increment: 0.05,
        minimum: 0,
        portion: 602.0,
        queue: QueueSize { transfers: 1_204, bytes: 8_612 * GIB },
        in_flight: vec![
            flight(0, 48_213, "climate/2024/q1/tas_day_EC-Earth3_0417.nc", 18 * GIB + 400 * MIB, 3, 62 * MIB),
            flight(1, 48_220, "climate/2024/q1/pr_day_EC-Earth3_0418.nc", 18 * GIB + 100 * MIB, 16, 93 * MIB),
            flight(2, 48_227, "genomics/run88/lane3/S112_R1.fastq.gz", 41 * GIB, 29, 124 * MIB),
            flight(3, 48_234, "genomics/run88/lane3/S112_R2.fastq.gz", 41 * GIB + 200 * MIB, 42, 155 * MIB),
            flight(4, 48_241, "video/raw/cam2/0009.mxf", 96 * GIB + 700 * MIB, 55, 186 * MIB),
        ],
        done: QueueSize { transfers: 3_912, bytes: 7_311 * GIB },
        verified: QueueSize { transfers: 3_912, bytes: 7_311 * GIB },
        rate: Rates { now: 814 * MIB, one_min: 790 * MIB, average: 700 * MIB },
        slots: Slots { used: 5, max: 6 },
        last_progress_ms: Some(120),
        assisted: Assisted {
            asked: 70,
            needed: 44,
            not_needed: 26,
            transfers: 1_802,
            bytes: 3_100 * GIB,
            ..Assisted::default()
        },
        was_assisted: Assisted {
            asked: 49,
            needed: 27,
            not_needed: 22,
            transfers: 630,
            bytes: 900 * GIB,
            ..Assisted::default()
        },
        link: Link { up: true, incarnation: 1, heard_ms_ago: Some(80), rtt_us: Some(310), ..Link::default() },
        idle_ms: 41_000,
        up_ms: 6_729_000,
        next_up: (0..10).map(next).collect(),
        targets: vec![TargetSnapshot {
            name: "vault".into(),
            backend: "disk".into(),
            state: "ok".into(),
            free_bytes: Some(41_000 * GIB),
            total_bytes: Some(90_000 * GIB),
        }],
        ..PeerSnapshot::default()
    }
}

/// beta, with more to do and a higher ratio.
pub fn beta() -> PeerSnapshot {
    PeerSnapshot {
        peer: "beta".into(),
        pid: 41_221,
        ratio: 0.65,
        portion: 1_935.05,
        ratio_moves: vec![
            RatioMove { at_ms: WALL_MS - 9_000, old: 0.5, new: 0.55, rule: Rule::R61 },
            RatioMove { at_ms: WALL_MS - 6_000, old: 0.55, new: 0.6, rule: Rule::R61 },
            RatioMove { at_ms: WALL_MS - 4_000, old: 0.6, new: 0.65, rule: Rule::R61 },
        ],
        queue: QueueSize { transfers: 2_977, bytes: 9_425 * GIB },
        in_flight: vec![
            flight(0, 48_248, "video/raw/cam2/0010.mxf", 97 * GIB, 68, 131 * MIB),
            flight(1, 48_255, "home/u1042/thesis/final/figs.tar", 2 * GIB + 200 * MIB, 81, 248 * MIB),
            InFlight {
                phase: Phase::Verify,
                ..flight(2, 48_262, "seismic/line7/shot-00812.segy", 640 * MIB, 94, 279 * MIB)
            },
        ],
        done: QueueSize { transfers: 2_488, bytes: 5_079 * GIB },
        rate: Rates { now: 216 * MIB, one_min: 230 * MIB, average: 250 * MIB },
        slots: Slots { used: 3, max: 6 },
        limit: Some(250 * MIB),
        assisted: Assisted {
            asked: 49,
            needed: 27,
            not_needed: 22,
            transfers: 630,
            bytes: 900 * GIB,
            ..Assisted::default()
        },
        was_assisted: Assisted {
            asked: 70,
            needed: 44,
            not_needed: 26,
            transfers: 1_802,
            bytes: 3_100 * GIB,
            ..Assisted::default()
        },
        ..alpha()
    }
}

/// The supervisor's view of the run.
pub fn run() -> RunSnapshot {
    let peer = |pid| Supervised { pid: Some(pid), state: "running".into(), ..Supervised::default() };
    RunSnapshot {
        run: "wan-bulk-3".into(),
        name: "wan-bulk".into(),
        pid: 41_200,
        at_ms: WALL_MS,
        state: RunState::Running,
        policy: "learning".into(),
        started_at_ms: WALL_MS - UP.as_millis() as u64,
        totals: Totals { transfers: 10_589, bytes: 30_848 * GIB, growing: false },
        peers: [("alpha".to_owned(), peer(41_220)), ("beta".to_owned(), peer(41_221))].into(),
        order: vec!["alpha".into(), "beta".into()],
        ..RunSnapshot::default()
    }
}

/// Events of the last minute.
pub fn events() -> Vec<Event> {
    let (a, b) = (Some("alpha"), Some("beta"));
    let kinds = [
        (-6_729.0, None, EventKind::RunStarted { name: "wan-bulk".into(), policy: "learning".into() }),
        (-30.798, a, EventKind::Ask { ask_id: 118, idle_slots: 1, rate: 812 * MIB, queued: 0 }),
        (-30.793, b, EventKind::Ratio { old: 0.60, new: 0.65, rule: Rule::R61 }),
        (
            -30.625,
            b,
            EventKind::Assigned {
                op: 71,
                to: "alpha".into(),
                count: 48,
                bytes: 300 * GIB,
                why: AssignWhy::Assistance,
                lots: vec![LotIds { first: 48_241, last: 48_255 }, LotIds { first: 50_003, last: 50_035 }],
            },
        ),
        (
            -30.600,
            a,
            EventKind::Needed {
                ask_id: 118,
                op: 71,
                count: 48,
                bytes: 300 * GIB,
                ratio: 0.65,
                portion: 48.1,
                minimum: 1,
                queued: 74,
                rtt_us: 25_000,
            },
        ),
        (-10.0, b, EventKind::Warning { text: "target vault: fsync took 1.2 s".into() }),
        (-3.902, b, EventKind::Ask { ask_id: 119, idle_slots: 1, rate: 790 * MIB, queued: 0 }),
        (
            -3.888,
            b,
            EventKind::NotNeeded {
                ask_id: 119,
                ratio: 0.5,
                portion: 0.5,
                minimum: 1,
                queued: 1,
                rtt_us: 400,
            },
        ),
        (
            -1.0,
            None,
            EventKind::Control {
                command: "twinhaul limit wan-bulk-3 --peer beta '250 MiB/s'".into(),
                by: "verb".into(),
                result: "limited".into(),
            },
        ),
    ];
    (1..).zip(kinds).map(|(seq, (at, peer, kind))| event(seq, at, peer, kind)).collect()
}

/// A model in the middle of its run, with six minutes of rates behind it.
pub fn mid_run() -> Model {
    let mut model = model();
    for second in 0..360u64 {
        let wave = |phase: u64| (((second + phase) as f64 / 23.0).sin() + 1.3) / 2.3;
        let now = Moment(second * 1_000_000);
        model.live.panes[0].rates.set(now, (900.0 * MIB as f64 * wave(0)) as u64);
        model.live.panes[1].rates.set(now, (240.0 * MIB as f64 * wave(40)) as u64);
    }
    model.clock.zero_ms = WALL_MS - 360_000;
    model.now = Moment(360_000_000);
    refresh(&mut model, &alpha(), &beta(), &run());
    for event in events() {
        tell(&mut model, Msg::Event(clean(event)));
    }
    model
}

/// New snapshots of all three.
pub fn refresh(model: &mut Model, alpha: &PeerSnapshot, beta: &PeerSnapshot, run: &RunSnapshot) {
    tell(model, peer_msg(PeerId::First, alpha));
    tell(model, peer_msg(PeerId::Second, beta));
    tell(model, run_msg(run));
}

/// beta has a transfer that makes no progress.
pub fn stalled() -> Model {
    let mut model = mid_run();
    let mut beta = beta();
    let wait = Wait {
        budget_ms: Some(10_000),
        place: "vault".into(),
        ..Wait::new(WaitReason::TargetWrite, "/mnt/vault", 47_000)
    };
    beta.in_flight[0].wait = Some(wait);
    beta.in_flight[0].rate = 0;
    beta.problems.push(Problem {
        kind: "stall".into(),
        peer: Some("beta".into()),
        target: Some("vault".into()),
        transfer: Some(48_248),
        since_ms: WALL_MS - 47_000,
        text: "video/raw/cam2/0010.mxf: no byte written to vault for 47 s".into(),
        next: "twinhaul diagnose wan-bulk-3".into(),
    });
    refresh(&mut model, &alpha(), &beta, &run());
    model
}

/// The walk goes on; little is known.
pub fn planning() -> Model {
    let mut model = model();
    let fresh = |full: PeerSnapshot| PeerSnapshot {
        state: PeerState::Starting,
        queue: QueueSize::default(),
        in_flight: Vec::new(),
        done: QueueSize::default(),
        verified: QueueSize::default(),
        rate: Rates::default(),
        slots: Slots { used: 0, max: 6 },
        assisted: Assisted::default(),
        was_assisted: Assisted::default(),
        ratio: 0.5,
        portion: 0.0,
        ratio_moves: Vec::new(),
        next_up: Vec::new(),
        up_ms: 900,
        ..full
    };
    let started_at_ms = WALL_MS - 4_000;
    let totals = Totals { transfers: 2_048, bytes: 512 * GIB, growing: true };
    let run = RunSnapshot { totals, started_at_ms, ..run() };
    refresh(&mut model, &fresh(alpha()), &fresh(beta()), &run);
    let kind = EventKind::Planned { wave: 1, transfers: 2_048, bytes: 512 * GIB, growing: true };
    let event = event(2, -0.5, None, kind);
    tell(&mut model, Msg::Event(clean(event)));
    model
}

fn end(state: RunState, failed: u64) -> Model {
    let mut model = mid_run();
    let finish = |s: PeerSnapshot, files: u64, failed: u64| PeerSnapshot {
        state: PeerState::Finished,
        queue: QueueSize::default(),
        in_flight: Vec::new(),
        done: QueueSize { transfers: files - failed, bytes: files * 3 * GIB },
        verified: QueueSize { transfers: files - failed, bytes: files * 3 * GIB },
        failed: QueueSize { transfers: failed, bytes: failed * 3 * GIB },
        rate: Rates { now: 0, one_min: 0, average: 700 * MIB },
        portion: 0.0,
        next_up: Vec::new(),
        ..s
    };
    let run = RunSnapshot {
        state,
        ended_at_ms: Some(WALL_MS),
        exit: Some(if failed > 0 { 3 } else { 0 }),
        totals: Totals { transfers: 10_589, bytes: 10_589 * 3 * GIB, growing: false },
        ..run()
    };
    refresh(&mut model, &finish(alpha(), 6_589, failed), &finish(beta(), 4_000, 0), &run);
    model
}

/// All done, verified as asked.
pub fn finished() -> Model {
    end(RunState::Complete, 0)
}

/// Ended with given-up transfers.
pub fn failed() -> Model {
    let mut model = end(RunState::Failed, 3);
    let key = KeyText { key: "video/raw/cam2/0013.mxf".into(), key_b64: None };
    let kind = EventKind::Failed { id: 48_300, key, error: "permission denied".into(), attempts: 5 };
    let event = event(20, -2.0, Some("alpha"), kind);
    tell(&mut model, Msg::Event(clean(event)));
    model
}
