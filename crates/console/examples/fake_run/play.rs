//! A run that is only played: queues, slots, rates and the method's rule in small, enough to look real on a screen.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};
use twinhaul_units::{Bytes, PeerId, Ratio};
use twinhaul_wire::{
    AssignWhy, Assisted, Command, CommandResult, Event, EventKind, InFlight, KeyText, Link, PeerSnapshot,
    PeerState, Phase, Preview, Problem, QueueRow, QueueSize, Rates, RatioMove, Refusal, Request, Rule,
    RunSnapshot, RunState, Slots, Supervised, TargetSnapshot, Totals, Wait, WaitReason,
};

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

    /// The rule of the method, for `peer` as the one who completes.
    fn assist(&mut self, peer: PeerId) {
        let (me, other) = (peer.index(), peer.other().index());
        let p = &self.peers[me];
        let idle = p.slots.iter().filter(|s| s.is_none()).count() as u32;
        if idle == 0 || !p.queue.is_empty() || p.paused || self.stopping {
            return;
        }
        if self.peers[other].queue.is_empty() && self.peers[other].slots.iter().all(Option::is_none) {
            return;
        }
        if p.in_episode && self.t - p.asked_at < ASK_AGAIN_S {
            return;
        }
        let begins = !p.in_episode;
        if begins && p.last == Last::HelpedMe {
            self.ratio(peer, -0.05, if me == 0 { Rule::R62 } else { Rule::R72 });
        }
        self.asks += 1;
        let ask_id = self.asks;
        self.peers[me].in_episode = true;
        self.peers[me].asked_at = self.t;
        self.peers[me].got.asked += 1;
        self.peers[other].gave.asked += 1;
        let rate = self.peers[me].rate as u64;
        self.tell(Some(peer), EventKind::Ask { ask_id, idle_slots: idle, rate, queued: 0 });
        if begins && self.peers[other].last == Last::HelpedMe {
            self.ratio(peer.other(), 0.05, if other == 0 { Rule::R71 } else { Rule::R61 });
        }
        self.answer(peer, ask_id);
    }

    fn answer(&mut self, asker: PeerId, ask_id: u64) {
        let (me, other) = (asker.index(), asker.other().index());
        let queued = self.peers[other].queue.len() as u64;
        let ratio = self.peers[other].ratio;
        let portion = ratio * queued as f64;
        let minimum = self.minimum;
        if portion <= minimum as f64 {
            self.peers[me].got.not_needed += 1;
            self.peers[other].gave.not_needed += 1;
            (self.peers[me].last, self.peers[other].last) = (Last::None, Last::None);
            self.tell(
                Some(asker),
                EventKind::NotNeeded { ask_id, ratio, portion, minimum, queued, rtt_us: 420 },
            );
            return;
        }
        let count = (portion as u64).max(1);
        let bytes = self.hand_over(asker.other(), count, AssignWhy::Assistance);
        for assisted in [&mut self.peers[me].got, &mut self.peers[other].gave] {
            assisted.needed += 1;
            assisted.transfers += count;
            assisted.bytes += bytes;
        }
        (self.peers[me].last, self.peers[other].last) = (Last::IHelped, Last::HelpedMe);
        self.peers[me].in_episode = false;
        self.needed += 1;
        self.tell(
            Some(asker),
            EventKind::Needed { ask_id, count, bytes, ratio, portion, minimum, queued, rtt_us: 25_300 },
        );
        let [a, b] = NAMES;
        match (self.needed, asker) {
            (1, _) => self.say(&format!("{a} is done. It asks. {b} gives half.")),
            (2, PeerId::First) => self.say("Back already: half was too little."),
            (3, PeerId::First) => self.say("Learning: more each time."),
            (_, PeerId::Second) => {
                let text = format!(
                    "The arrow turns: {b} had given too much, and now helps {a}. No key was pressed."
                );
                self.say(&text);
            }
            _ => {}
        }
    }

    fn hand_over(&mut self, from: PeerId, count: u64, why: AssignWhy) -> u64 {
        let giver = &mut self.peers[from.index()];
        let keep = giver.queue.len().saturating_sub(count as usize);
        let portion = giver.queue.split_off(keep);
        let bytes = portion.iter().map(|f| f.bytes as u64).sum();
        self.peers[from.other().index()].queue.extend(portion);
        let to = NAMES[from.other().index()].to_owned();
        let op = self.events.len() as u64;
        self.tell(Some(from), EventKind::Assigned { op, to, count, bytes, why });
        bytes
    }

    fn ratio(&mut self, peer: PeerId, by: f64, rule: Rule) {
        let p = &mut self.peers[peer.index()];
        let old = p.ratio;
        p.ratio = Ratio::clamped(old + by).get();
        let new = p.ratio;
        p.moves.push(RatioMove { at_ms: now_ms(), old, new, rule });
        self.tell(Some(peer), EventKind::Ratio { old, new, rule });
    }

    fn story(&mut self) {
        if self.scene != Scene::Demo {
            return;
        }
        if self.story == 0 && self.needed >= 3 {
            self.story = 1;
            self.throttle(128.0 / 1024.0, "128 KiB/s", "Now we hurt alpha. Watch who asks.");
        } else if self.story == 1 && self.needed >= 6 {
            self.story = 2;
            self.throttle(16.0, "16 MiB/s", "The throttle is lifted.");
        }
    }

    fn throttle(&mut self, mib: f64, words: &str, say: &str) {
        self.peers[0].limit = mib * MIB;
        let command = format!("twinhaul limit {RUN} --peer alpha '{words}'");
        self.tell(None, EventKind::Control { command, by: "story".into(), result: "limited".into() });
        self.say(say);
    }

    pub(crate) fn control(&mut self, peer: Option<PeerId>, request: &Request) -> CommandResult {
        let refused = |why: &str| CommandResult::Refused(Refusal { why: why.into(), next: String::new() });
        let Some(peer) = peer else {
            return match request.command {
                Command::Stop { drain } => {
                    self.stopping = true;
                    if !drain {
                        self.peers.iter_mut().flat_map(|p| &mut p.slots).for_each(|slot| *slot = None);
                    }
                    CommandResult::Done("both peers end".into())
                }
                _ => refused("the supervisor only stops"),
            };
        };
        let me = peer.index();
        let what = match request.command {
            Command::Pause => {
                self.peers[me].paused = true;
                "paused".to_owned()
            }
            Command::Resume => {
                self.peers[me].paused = false;
                "resumed".to_owned()
            }
            Command::Ratio { value } => {
                let old = self.peers[me].ratio;
                self.ratio(peer, value - old, Rule::Operator);
                format!("ratio {old:.2} to {value:.2}")
            }
            Command::Limit { rate } => {
                self.peers[me].limit = rate.map_or(812.0 * MIB, |r| r as f64);
                self.peers[me].limited = rate.is_some();
                "limited".to_owned()
            }
            Command::Rebalance { keep, dry_run } => {
                return self.rebalance(peer, keep, dry_run, AssignWhy::Rebalance);
            }
            Command::Drain { dry_run } => return self.rebalance(peer, 0.0, dry_run, AssignWhy::Drain),
            _ => return refused("not in this play"),
        };
        let command = request.command.verb(RUN, Some(NAMES[me]));
        self.tell(Some(peer), EventKind::Control { command, by: request.by.clone(), result: what.clone() });
        CommandResult::Done(what)
    }

    fn rebalance(&mut self, peer: PeerId, keep: f64, dry_run: bool, why: AssignWhy) -> CommandResult {
        let size = |p: &Peer| QueueSize {
            transfers: p.queue.len() as u64,
            bytes: p.queue.iter().map(|f| f.bytes as u64).sum(),
        };
        let now = [size(&self.peers[peer.index()]), size(&self.peers[peer.other().index()])];
        let wanted = (now[0].bytes as f64 - keep * (now[0].bytes + now[1].bytes) as f64).max(0.0);
        let mut transfers = 0;
        let mut bytes = 0;
        for file in self.peers[peer.index()].queue.iter().rev() {
            if bytes as f64 >= wanted {
                break;
            }
            transfers += 1;
            bytes += file.bytes as u64;
        }
        if transfers == 0 {
            let why = "it has less than that share".into();
            return CommandResult::Refused(Refusal { why, next: String::new() });
        }
        if !dry_run {
            self.hand_over(peer, transfers, why);
            return CommandResult::Done(format!("{} hands over {transfers} transfers", NAMES[peer.index()]));
        }
        let less = |q: QueueSize| QueueSize { transfers: q.transfers - transfers, bytes: q.bytes - bytes };
        let more = |q: QueueSize| QueueSize { transfers: q.transfers + transfers, bytes: q.bytes + bytes };
        let after = [less(now[0]), more(now[1])];
        let rates = [self.peers[peer.index()].one_min, self.peers[peer.other().index()].one_min];
        let eta = |q: [QueueSize; 2]| {
            let ends = [q[0].bytes as f64 / rates[0], q[1].bytes as f64 / rates[1]];
            Some(ends[0].max(ends[1])).filter(|s| s.is_finite())
        };
        CommandResult::Preview(Preview {
            from: NAMES[peer.index()].into(),
            to: NAMES[peer.other().index()].into(),
            transfers,
            bytes,
            now,
            after,
            eta_now_s: eta(now),
            eta_after_s: eta(after),
        })
    }

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
        let wait = |reason, detail: String, s: f64| Wait { reason, detail, age_ms: (s * 1000.0) as u64 };
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
            exit: self.ended.map(|_| if self.stopping { 143 } else { 0 }),
        }
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
    }
}
