//! What the played peers and their supervisor publish: snapshots and pages of a queue.

use super::{File, NAMES, Peer, Play, RUN, Scene, now_ms, row};
use twinhaul_units::{Bytes, PeerId};
use twinhaul_wire::{
    InFlight, KeyText, Link, PeerSnapshot, PeerState, Phase, Problem, QueueRow, QueueSize, Rates,
    RunSnapshot, RunState, Slots, Supervised, TargetSnapshot, Wait, WaitReason,
};

impl Play {
    pub(crate) fn page(&self, peer: PeerId, from: u64, limit: u32) -> (u64, Vec<QueueRow>) {
        let queue = &self.peers[peer.index()].queue;
        let rows = queue.iter().skip(from as usize).take(limit as usize).map(row).collect();
        (queue.len() as u64, rows)
    }

    pub(crate) fn snapshot(&self, peer: PeerId) -> PeerSnapshot {
        let p = &self.peers[peer.index()];
        let flights: Vec<InFlight> =
            (0..).zip(&p.slots).filter_map(|(i, s)| s.as_ref().map(|f| Self::flight(p, i, f))).collect();
        let queue = QueueSize {
            transfers: p.queue.len() as u64,
            bytes: p.queue.iter().map(|f| f.bytes as u64).sum(),
        };
        let problem = |f: &File| Problem {
            kind: "stall".into(),
            peer: Some(NAMES[peer.index()].into()),
            target: Some("vault".into()),
            transfer: Some(f.id),
            since_ms: now_ms() - (f.stuck * 1000.0) as u64,
            text: format!("{}: no byte written to vault for {:.0} s", f.key, f.stuck),
            next: format!("twinhaul diagnose {RUN}"),
        };
        let state = match () {
            () if self.ended.is_some() => PeerState::Finished,
            () if p.paused => PeerState::Paused,
            () if self.stopping => PeerState::Stopping,
            () if flights.is_empty() => PeerState::Idle,
            () => PeerState::Running,
        };
        PeerSnapshot {
            run: RUN.into(),
            peer: NAMES[peer.index()].into(),
            incarnation: 1,
            pid: 41_220 + peer.index() as u32,
            at_ms: now_ms(),
            state,
            paused_by: p.paused.then(|| "console".into()),
            policy: "learning".into(),
            ratio: p.ratio,
            increment: 0.05,
            minimum: self.minimum,
            portion: p.ratio * queue.transfers as f64,
            ratio_moves: p.moves.clone(),
            queue,
            in_flight: flights,
            done: p.done,
            verified: p.done,
            rate: Rates {
                now: p.rate as u64,
                one_min: p.one_min as u64,
                average: (p.moved / self.t.max(0.1)) as u64,
            },
            slots: Slots { used: p.slots.iter().flatten().count() as u32, max: p.slots.len() as u32 },
            last_progress_ms: Some(50),
            limit: p.limited.then_some(p.limit as u64),
            assisted: p.got,
            was_assisted: p.gave,
            link: Link {
                up: true,
                incarnation: 1,
                heard_ms_ago: Some(40),
                rtt_us: Some(300),
                ..Link::default()
            },
            idle_ms: (p.idle * 1000.0) as u64,
            up_ms: (self.t * 1000.0) as u64,
            next_up: p.queue.iter().take(12).map(row).collect(),
            targets: vec![TargetSnapshot {
                name: "vault".into(),
                backend: "disk".into(),
                state: "ok".into(),
                ..TargetSnapshot::default()
            }],
            problems: p
                .slots
                .iter()
                .flatten()
                .filter(|f| f.stuck > 5.0 && f.stuck < 60.0)
                .map(problem)
                .collect(),
            ..PeerSnapshot::default()
        }
    }

    fn flight(p: &Peer, slot: u32, file: &File) -> InFlight {
        let stuck = file.stuck > 1.0 && file.stuck < 60.0;
        let busy = p.slots.iter().flatten().count().max(1) as f64;
        let wait = |reason, detail: String, s: f64| Wait::new(reason, detail, (s * 1000.0) as u64);
        let wait = if stuck {
            Some(wait(WaitReason::TargetWrite, "/mnt/vault".into(), file.stuck))
        } else if p.limited {
            Some(wait(
                WaitReason::Throttle,
                format!("limit {}/s of this peer", Bytes(p.limit as u64)),
                file.age.min(0.9),
            ))
        } else {
            None
        };
        InFlight {
            id: file.id,
            slot,
            key: KeyText { key: file.key.clone(), key_b64: None },
            target: "vault".into(),
            phase: if file.done > file.bytes * 0.97 { Phase::Verify } else { Phase::Copy },
            bytes: file.bytes as u64,
            done: file.done as u64,
            rate: if stuck { 0 } else { (p.rate / busy) as u64 },
            age_ms: (file.age * 1000.0) as u64,
            attempts: 1,
            wait,
            ranges: Vec::new(),
        }
    }

    pub(crate) fn run(&self) -> RunSnapshot {
        let peer =
            |i: u32| Supervised { pid: Some(41_220 + i), state: "running".into(), ..Supervised::default() };
        RunSnapshot {
            run: RUN.into(),
            name: if self.scene == Scene::Demo { "demo" } else { "wan-bulk" }.into(),
            demo: self.scene == Scene::Demo,
            pid: 41_200,
            at_ms: now_ms(),
            state: match self.ended {
                None => RunState::Running,
                Some(_) if self.stopping => RunState::Stopped,
                Some(_) => RunState::Complete,
            },
            policy: "learning".into(),
            started_at_ms: self.started_ms,
            ended_at_ms: self.ended.map(|t| self.started_ms + (t * 1000.0) as u64),
            totals: self.totals,
            peers: [("alpha".to_owned(), peer(0)), ("beta".to_owned(), peer(1))].into(),
            order: NAMES.map(Into::into).to_vec(),
            caption: Some(self.caption.clone()).filter(|c| !c.is_empty()),
            problems: Vec::new(),
            wait: None,
            exit: self.ended.map(|_| if self.stopping { 143 } else { 0 }),
        }
    }
}
