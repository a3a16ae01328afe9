//! A run looked at again: the frames of its recording, in the order of their times, into the same reducer.
//!
//! The recording stays as it is read, bytes and an index; a frame becomes a message when its time has come. Going back is
//! beginning anew and going on to that time, which the reducer makes exact.

use crate::Recording;
use std::io::Read as _;
use std::time::{Duration, Instant};
use twinhaul_console_model::board::pane::STALE_AFTER;
use twinhaul_console_model::{Clean, LinkState, Model, Msg, To, update};
use twinhaul_units::{Moment, PeerId};
use twinhaul_wire::{EventKind, Frame, RunSnapshot, decode};

/// Bytes of a recording that are read at most: those that a run writes are smaller.
pub const RECORDING_BYTES_MAX: u64 = 256 << 20;
/// Shortest time between two problems that are jumped to.
const APART_MS: u64 = 2_000;

/// A line of the recording.
#[derive(Clone, Copy, Debug)]
struct Line {
    at_ms: u64,
    from: usize,
    to: usize,
}

/// A recording, and how far it was played.
#[derive(Debug)]
pub(crate) struct Player {
    bytes: Vec<u8>,
    lines: Vec<Line>,
    next: usize,
    /// The run as its supervisor first told it: its id, and the peers' names.
    pub(crate) run: RunSnapshot,
    /// When something went wrong.
    trouble: Vec<u64>,
    /// The time that is shown, since the beginning.
    pub(crate) now: Moment,
    /// When time last went on, while it is played.
    ticked: Option<Instant>,
}

impl Player {
    /// # Errors
    /// In words: the file cannot be read, or is no recording.
    pub(crate) fn open(recording: Recording) -> Result<Self, String> {
        if let Some(bytes) = recording.bytes {
            return Self::of(bytes);
        }
        let file = std::fs::File::open(&recording.path).map_err(|e| e.to_string())?;
        let mut bytes = Vec::new();
        file.take(RECORDING_BYTES_MAX).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        Self::of(bytes)
    }

    fn of(bytes: Vec<u8>) -> Result<Self, String> {
        let (mut lines, mut run, mut trouble, mut from) = (Vec::new(), None, Vec::new(), 0);
        let mut stalled = false;
        for text in bytes.split_inclusive(|b| *b == b'\n') {
            let to = from + text.len();
            // The last line may be half written; one that cannot be read is one frame less.
            let at_ms = match decode(text) {
                Ok(Frame::Snapshot(s)) => {
                    let now = s.problems.iter().any(|p| p.kind == "stall");
                    if now && !stalled {
                        trouble.push(s.at_ms);
                    }
                    stalled = now;
                    Some(s.at_ms)
                }
                Ok(Frame::Event(event)) => {
                    if is_trouble(&event.kind) {
                        trouble.push(event.at_ms);
                    }
                    Some(event.at_ms)
                }
                Ok(Frame::Run(snapshot)) => {
                    let at_ms = snapshot.at_ms;
                    run.get_or_insert(*snapshot);
                    Some(at_ms)
                }
                _ => None,
            };
            lines.extend(at_ms.map(|at_ms| Line { at_ms, from, to }));
            from = to;
        }
        let run = run.ok_or("it is no recording of a run: no frame of a supervisor is in it")?;
        // Events come from the ledger, up to a second after the snapshots of the same moment.
        lines.sort_by_key(|line| line.at_ms);
        trouble.sort_unstable();
        trouble.dedup_by(|later, earlier| later.abs_diff(*earlier) < APART_MS);
        Ok(Self { bytes, lines, next: 0, run, trouble, now: Moment::ZERO, ticked: None })
    }

    pub(crate) fn start_ms(&self) -> u64 {
        self.lines.first().map_or(0, |line| line.at_ms)
    }

    pub(crate) fn end_ms(&self) -> u64 {
        self.lines.last().map_or(0, |line| line.at_ms)
    }

    /// The time so long after the beginning; the end, where that is later.
    pub(crate) fn after(&self, after: Duration) -> u64 {
        let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        self.start_ms().saturating_add(ms).min(self.end_ms())
    }

    /// When the next frame comes that was not shown; the end, after the last.
    pub(crate) fn next_ms(&self) -> u64 {
        self.lines.get(self.next).map_or(self.end_ms(), |line| line.at_ms)
    }

    fn now_ms(&self) -> u64 {
        self.start_ms() + self.now.0 / 1000
    }

    /// Goes on as much as time did, `speed` times as fast; only while it is played.
    pub(crate) fn tick(&mut self, model: &mut Model) {
        let Some(replay) = model.replay else { return };
        // Time in which it was held does not count.
        let before = if replay.playing { self.ticked.replace(Instant::now()) } else { self.ticked.take() };
        let passed =
            before.filter(|_| replay.playing).map_or(Duration::ZERO, |at| at.elapsed()) * replay.speed;
        if passed > Duration::ZERO {
            self.go_to(model, self.now_ms() + u64::try_from(passed.as_millis()).unwrap_or(0));
        }
    }

    /// Shows the run as it was at this time.
    pub(crate) fn go_to(&mut self, model: &mut Model, at_ms: u64) {
        let at_ms = at_ms.clamp(self.start_ms(), self.end_ms());
        if at_ms < self.now_ms() || self.next == 0 {
            self.next = 0;
            self.now = Moment::ZERO;
            update(model, Msg::Rewound, self.now);
            for to in [To::Peer(PeerId::First), To::Peer(PeerId::Second), To::Supervisor] {
                update(model, Msg::Link(to, LinkState::Up), self.now);
            }
        }
        while let Some(line) = self.lines.get(self.next).filter(|line| line.at_ms <= at_ms) {
            self.now = Moment((line.at_ms - self.start_ms()) * 1000);
            let frame = decode(&self.bytes[line.from..line.to]).ok();
            self.next += 1;
            if let Some(msg) = frame.and_then(|frame| self.message(frame)) {
                if let Msg::Peer(peer, _) = &msg {
                    model.live.panes[peer.index()].stale_after = stale_after(line.from);
                }
                update(model, msg, self.now);
            }
        }
        self.now = Moment((at_ms - self.start_ms()) * 1000);
        update(model, Msg::Tick, self.now);
        if let Some(replay) = &mut model.replay {
            replay.at = self.now;
            replay.playing &= at_ms < self.end_ms();
        }
    }

    /// The next time at which something went wrong, or the one before; the end, or the beginning, where there is none.
    pub(crate) fn trouble(&self, now: u64, forward: bool) -> u64 {
        if forward {
            self.trouble.iter().copied().find(|at| *at > now).unwrap_or(self.end_ms())
        } else {
            // One that was just jumped to is not the one before.
            let before = now.saturating_sub(APART_MS / 2);
            self.trouble.iter().rev().copied().find(|at| *at < before).unwrap_or(self.start_ms())
        }
    }

    fn message(&self, frame: Frame) -> Option<Msg> {
        match frame {
            Frame::Snapshot(snapshot) => {
                let index = self.run.order.iter().position(|name| *name == snapshot.peer)?;
                let peer = PeerId::from_index(index)?;
                Some(Msg::Peer(peer, Box::new(Clean::new(*snapshot)?)))
            }
            Frame::Run(run) => Some(Msg::Run(Box::new(Clean::new(*run)?))),
            Frame::Event(event) => Some(Msg::Event(Clean::new(event)?)),
            _ => None,
        }
    }
}

/// How long a peer may be silent in a recording, at this byte of it: the fuller the file, the rarer the snapshots in it (the
/// supervisor halves their number every 8 MiB).
fn stale_after(from: usize) -> Duration {
    const STEP_BYTES: usize = 8 << 20;
    const EVERY: Duration = Duration::from_secs(1);
    STALE_AFTER + EVERY * (2 << (from / STEP_BYTES).min(16))
}

/// What an operator would have wanted to see.
const fn is_trouble(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Failed { .. }
            | EventKind::ProblemBegan { .. }
            | EventKind::Suspected { .. }
            | EventKind::TakenOver { .. }
            | EventKind::Exited { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_console_model::{Setup, WallClock};
    use twinhaul_wire::{Event, PeerSnapshot, QueueSize, encode};

    const START: u64 = 1_000_000;

    fn recording() -> Vec<u8> {
        let run = RunSnapshot {
            run: "wan-3".into(),
            order: vec!["alpha".into(), "beta".into()],
            at_ms: START,
            ..RunSnapshot::default()
        };
        let mut frames = vec![Frame::Run(Box::new(run))];
        for s in 1..=60 {
            for peer in ["alpha", "beta"] {
                let done = QueueSize { transfers: s, bytes: s };
                let snapshot = PeerSnapshot {
                    peer: peer.into(),
                    at_ms: START + s * 1000,
                    done,
                    ..PeerSnapshot::default()
                };
                frames.push(Frame::Snapshot(Box::new(snapshot)));
            }
        }
        for (seq, at_s) in [(1, 20), (2, 21), (3, 40)] {
            let kind = EventKind::Exited { process: "beta".into(), words: "x".into(), restart_in_ms: None };
            let at_ms = START + at_s * 1000;
            // Written late, as events are.
            frames.push(Frame::Event(Event { seq, at_ms, peer: Some("beta".into()), incarnation: 1, kind }));
        }
        let mut bytes: Vec<u8> = frames.iter().flat_map(|f| encode(f).unwrap()).collect();
        bytes.extend_from_slice(b"{\"snapshot\":{\"half");
        bytes
    }

    fn model(player: &Player) -> Model {
        let mut model = Model::new(Setup {
            run: player.run.run.clone(),
            names: ["alpha".into(), "beta".into()],
            read_only: true,
            exit_when_done: false,
            clock: WallClock { zero_ms: player.start_ms(), offset_s: 0 },
            size: (80, 24),
        });
        model.replay = Some(twinhaul_console_model::Replay::new(Duration::from_millis(
            player.end_ms() - player.start_ms(),
        )));
        model
    }

    fn done(model: &Model) -> (u64, usize) {
        (
            model.live.pane(PeerId::First).snapshot.as_ref().map_or(0, |s| s.done.transfers),
            model.live.events.len(),
        )
    }

    #[test]
    fn any_time_is_shown_as_it_was_forwards_and_back() {
        let mut player = Player::of(recording()).unwrap();
        let mut model = model(&player);
        let mut at = |model: &mut Model, s: u64| {
            player.go_to(model, START + s * 1000);
            done(model)
        };
        assert_eq!(at(&mut model, 30), (30, 2));
        assert_eq!(at(&mut model, 10), (10, 0), "what came later is not known yet");
        assert_eq!(at(&mut model, 45), (45, 3));
        assert_eq!(at(&mut model, 1_000), (60, 3), "no later than the end");
        assert!(!model.replay.unwrap().playing);
    }

    #[test]
    fn trouble_is_jumped_to_once_for_each() {
        let mut player = Player::of(recording()).unwrap();
        let mut model = model(&player);
        let mut to = |model: &mut Model, forward| {
            let at = player.trouble(player.now_ms(), forward);
            player.go_to(model, at);
            (at - START) / 1000
        };
        assert_eq!(
            [true, true, true, false, false, false].map(|f| to(&mut model, f)),
            [20, 40, 60, 40, 20, 0]
        );
    }

    #[test]
    fn what_is_no_recording_says_so() {
        assert!(Player::of(b"hello\n".to_vec()).unwrap_err().contains("no recording"));
        assert!(Player::of(Vec::new()).is_err());
    }
}
