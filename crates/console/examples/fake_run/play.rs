//! A run that is only played: queues, slots, rates and the method's rule in small, enough to look real on a screen.

#[path = "play/control.rs"]
mod control;
#[path = "play/method.rs"]
mod method;
#[path = "play/snapshot.rs"]
mod snapshot;

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};
use twinhaul_units::PeerId;
use twinhaul_wire::{Assisted, Event, EventKind, KeyText, QueueRow, QueueSize, RatioMove, Totals};

pub(crate) const NAMES: [&str; 2] = ["alpha", "beta"];
pub(crate) const RUN: &str = "wan-bulk-3";
const MIB: f64 = 1_048_576.0;
/// Seconds between two asks of one episode.
const ASK_AGAIN_S: f64 = 1.0;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scene {
    Demo,
    Big,
    Steady,
}

#[derive(Clone)]
struct File {
    id: u64,
    key: String,
    bytes: f64,
    done: f64,
    age: f64,
    stuck: f64,
}

/// Who assisted whom in the last episode, as one peer remembers it.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    None,
    HelpedMe,
    IHelped,
}

struct Peer {
    queue: VecDeque<File>,
    slots: Vec<Option<File>>,
    limit: f64,
    limited: bool,
    rate: f64,
    one_min: f64,
    moved: f64,
    ratio: f64,
    moves: Vec<RatioMove>,
    last: Last,
    asked_at: f64,
    in_episode: bool,
    paused: bool,
    done: QueueSize,
    gave: Assisted,
    got: Assisted,
    idle: f64,
}

pub(crate) struct Play {
    scene: Scene,
    peers: [Peer; 2],
    t: f64,
    seed: u64,
    pub(crate) events: Vec<Event>,
    started_ms: u64,
    asks: u64,
    needed: u64,
    totals: Totals,
    caption: String,
    story: u8,
    ended: Option<f64>,
    stopping: bool,
    minimum: u64,
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

impl Play {
    pub(crate) fn new(scene: Scene) -> Self {
        let mut play = Self {
            scene,
            peers: [peer(4), peer(4)],
            t: 0.0,
            seed: 7,
            events: Vec::new(),
            started_ms: now_ms(),
            asks: 0,
            needed: 0,
            totals: Totals::default(),
            caption: String::new(),
            story: 0,
            ended: None,
            stopping: false,
            minimum: if scene == Scene::Demo { 4 } else { 0 },
        };
        let (count, first, limits) = match scene {
            Scene::Demo => (3_200, 480, [16.0, 1.25]),
            Scene::Big | Scene::Steady => (10_581, 3_000, [812.0, 216.0]),
        };
        for id in 0..count {
            let file = play.file(id);
            play.totals.transfers += 1;
            play.totals.bytes += file.bytes as u64;
            play.peers[usize::from(id >= first)].queue.push_back(file);
        }
        if scene != Scene::Demo {
            play.peers = play.peers.map(|mut peer| {
                peer.slots = vec![None; 6];
                peer
            });
            play.peers[0].queue.truncate(500);
            play.totals.transfers -= 2_500;
            play.totals.bytes = play.peers.iter().flat_map(|p| &p.queue).map(|f| f.bytes as u64).sum();
        }
        for (peer, limit) in play.peers.iter_mut().zip(limits) {
            peer.limit = limit * MIB;
            peer.limited = scene == Scene::Demo;
        }
        play.tell(None, EventKind::RunStarted { name: "wan-bulk".into(), policy: "learning".into() });
        let totals = play.totals;
        play.tell(
            None,
            EventKind::Planned { wave: 1, transfers: totals.transfers, bytes: totals.bytes, growing: false },
        );
        for peer in PeerId::BOTH {
            play.tell(Some(peer), EventKind::Joined { pid: 41_220 + peer.index() as u32 });
        }
        play.say("Two engines. Each has its own queue.");
        play
    }

    fn random(&mut self) -> f64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) as f64 / (1u64 << 31) as f64
    }

    fn file(&mut self, id: u64) -> File {
        let r = self.random();
        let (key, mib) = match (self.scene, id % 5) {
            (Scene::Demo, _) => (format!("photos/2024/{:02}/IMG_{id:04}.jpg", id % 12 + 1), 0.1 + 0.05 * r),
            (_, 0) => {
                (format!("climate/2024/q{}/tas_day_EC-Earth3_{id:04}.nc", id % 4 + 1), 900.0 + 400.0 * r)
            }
            (_, 1) => (format!("genomics/run88/lane{}/S{id}_R1.fastq.gz", id % 8), 400.0 + 200.0 * r),
            (_, 2) => (format!("video/raw/cam{}/{id:05}.mxf", id % 3), 2_000.0 + 3_000.0 * r),
            (_, 3) => (format!("home/u{}/thesis/final/figs-{id}.tar", 1_000 + id % 77), 50.0 + 400.0 * r),
            _ => (format!("seismic/line{}/shot-{id:05}.segy", id % 9), 640.0),
        };
        File { id, key, bytes: mib * MIB, done: 0.0, age: 0.0, stuck: 0.0 }
    }

    fn tell(&mut self, peer: Option<PeerId>, kind: EventKind) {
        let seq = self.events.len() as u64 + 1;
        let peer = peer.map(|p| NAMES[p.index()].to_owned());
        self.events.push(Event { seq, at_ms: now_ms(), peer, incarnation: 1, kind });
    }

    fn say(&mut self, text: &str) {
        if self.scene == Scene::Demo {
            self.caption = text.into();
            self.tell(None, EventKind::Say { text: text.into() });
        }
    }

    /// Lets `dt` seconds pass.
    pub(crate) fn step(&mut self, dt: f64) {
        if self.ended.is_some() {
            return;
        }
        self.t += dt;
        if self.scene == Scene::Steady {
            return;
        }
        for peer in PeerId::BOTH {
            self.work(peer, dt);
        }
        for peer in PeerId::BOTH {
            self.assist(peer);
        }
        self.story();
        let empty = |p: &Peer| p.slots.iter().all(Option::is_none) && (p.queue.is_empty() || self.stopping);
        if self.peers.iter().all(empty) {
            self.ended = Some(self.t);
            let done = self.peers.iter().map(|p| p.done.transfers).sum();
            let state = if self.stopping { "stopped" } else { "complete" };
            self.tell(None, EventKind::RunEnded { state: state.into(), done, skipped: 0, failed: 0 });
        }
    }

    fn work(&mut self, peer: PeerId, dt: f64) {
        let jitter = 0.85 + 0.3 * self.random();
        let wave = 1.0 + 0.25 * (self.t / 11.0 + peer.index() as f64).sin();
        let stopping = self.stopping;
        let p = &mut self.peers[peer.index()];
        for slot in &mut p.slots {
            if slot.is_none() && !p.paused && !stopping {
                *slot = p.queue.pop_front();
            }
        }
        let busy = p.slots.iter().flatten().count();
        if busy < p.slots.len() && p.queue.is_empty() {
            p.idle += dt;
        }
        let wave = if p.limited { 1.0 } else { wave };
        let mut budget = if busy == 0 { 0.0 } else { p.limit * wave * jitter * dt };
        let share = budget / busy.max(1) as f64;
        let mut moved = 0.0;
        for slot in &mut p.slots {
            let Some(file) = slot else { continue };
            file.age += dt;
            // One transfer in the large run makes no progress for a while.
            if file.id % 397 == 396 && file.age > 4.0 && file.stuck < 60.0 {
                file.stuck += dt;
                continue;
            }
            let mut room = share.min(budget);
            while room > 0.0 {
                let take = room.min(file.bytes - file.done);
                file.done += take;
                moved += take;
                budget -= take;
                room -= take;
                if file.done < file.bytes - 0.5 {
                    break;
                }
                p.done.transfers += 1;
                p.done.bytes += file.bytes as u64;
                match p.queue.pop_front() {
                    Some(next) if !p.paused && !stopping => *file = next,
                    Some(next) => {
                        p.queue.push_front(next);
                        file.bytes = 0.0;
                        break;
                    }
                    None => {
                        file.bytes = 0.0;
                        break;
                    }
                }
            }
            if file.bytes == 0.0 {
                *slot = None;
            }
        }
        p.moved += moved;
        p.rate += (moved / dt - p.rate) * 0.08;
        p.one_min += (moved / dt - p.one_min) * if self.t < 20.0 { 0.03 } else { 0.004 };
    }
}

fn peer(slots: usize) -> Peer {
    Peer {
        queue: VecDeque::new(),
        slots: vec![None; slots],
        limit: 0.0,
        limited: false,
        rate: 0.0,
        one_min: 0.0,
        moved: 0.0,
        ratio: 0.5,
        moves: Vec::new(),
        last: Last::None,
        asked_at: 0.0,
        in_episode: false,
        paused: false,
        done: QueueSize::default(),
        gave: Assisted::default(),
        got: Assisted::default(),
        idle: 0.0,
    }
}

fn row(file: &File) -> QueueRow {
    QueueRow {
        id: file.id,
        key: KeyText { key: file.key.clone(), key_b64: None },
        target: "vault".into(),
        bytes: file.bytes as u64,
        attempts: 0,
    }
}
