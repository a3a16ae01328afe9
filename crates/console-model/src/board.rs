//! What is known of the run: both peers, the supervisor's view, events. Freezing clones it, so it holds nothing that
//! an operator is doing (that is [`crate::ui`]).

mod failed;
pub mod pane;
pub mod past;
mod problems;
pub mod progress;
mod stood;
pub mod storage;
mod stored;

pub use failed::{FAILED_MAX, Failed, FailedRow};
pub use pane::{LinkState, Pane, Standing};
pub use past::{Past, PastPeer};
pub use progress::Progress;
pub use stood::Stood;
pub use storage::Storage;
pub use stored::{STORED_MAX, StoredRow};

use crate::{Names, forecast::Forecasts, ring::Ring};
use past::Told;
use std::time::Duration;
use twinhaul_units::{Moment, PeerId, Rate};
use twinhaul_wire::{
    AssignWhy, Assisted, Event, EventKind, InFlight, RatioMove, RunSnapshot, RunState, Wait,
};

/// Lines that the log remembers.
pub const EVENTS_MAX: usize = 10_000;
/// Assistance messages remembered.
pub const TIMELINE_MAX: usize = 2_000;

/// The same control told twice within this time is one control.
const RETOLD_WITHIN_MS: u64 = 2_000;

/// The run as far as the console knows it.
#[derive(Clone, Debug)]
pub struct Board {
    pub names: Names,
    pub panes: [Pane; 2],
    pub run: Option<RunSnapshot>,
    /// When the supervisor was last heard.
    pub run_heard: Option<Moment>,
    pub run_link: LinkState,
    pub events: Ring<Event>,
    /// Of the events those that tell the assistance.
    pub timeline: Ring<Event>,
    /// Events taken so far.
    pub events_taken: u64,
    /// The ledger tells the events; those from sockets would be doubles.
    pub from_ledger: bool,
    /// Greatest part done so far: the bar never goes back.
    pub(crate) part_max: f64,
    /// What was forecast of the end so far.
    pub forecasts: Forecasts,
    /// The ledger's figures, once it was read.
    pub past: Option<Past>,
    /// Given-up transfers, once they were looked at.
    pub failed: Option<Failed>,
    /// What the events told of each peer.
    pub(crate) told: [Told; 2],
    /// The ledger's events say that the run has ended, and when.
    ended_in_ledger: Option<(RunState, u64)>,
    started_in_ledger: Option<u64>,
    stood: Stood,
}

impl Board {
    pub(crate) fn new(names: Names) -> Self {
        Self {
            names,
            panes: [Pane::default(), Pane::default()],
            run: None,
            run_heard: None,
            run_link: LinkState::Connecting,
            events: Ring::new(EVENTS_MAX),
            timeline: Ring::new(TIMELINE_MAX),
            events_taken: 0,
            from_ledger: false,
            part_max: 0.0,
            forecasts: Forecasts::default(),
            past: None,
            failed: None,
            told: [Told::default(), Told::default()],
            ended_in_ledger: None,
            started_in_ledger: None,
            stood: Stood::default(),
        }
    }

    /// Whether both peers and the supervisor have told themselves.
    pub fn heard_all(&self) -> bool {
        self.run.is_some() && self.panes.iter().all(|pane| pane.heard.is_some())
    }

    pub fn pane(&self, peer: PeerId) -> &Pane {
        &self.panes[peer.index()]
    }

    /// Takes one event into the log and, where it belongs, into the timeline.
    pub(crate) fn take(&mut self, event: Event) {
        self.events_taken += 1;
        self.stood.take(event.at_ms, &event.kind);
        match &event.kind {
            EventKind::RunStarted { .. } => {
                self.started_in_ledger = Some(event.at_ms);
                self.ended_in_ledger = None;
            }
            EventKind::Joined { .. } => self.ended_in_ledger = None,
            EventKind::TakenOver { from, fenced, .. } => {
                if let Some(peer) = self.names.id(from) {
                    self.panes[peer.index()].taken_over(*fenced);
                }
            }
            EventKind::RunEnded { state, .. } => {
                let state = RunState::from_words(state).unwrap_or(RunState::Stopped);
                self.ended_in_ledger = Some((state, event.at_ms));
            }
            _ => {}
        }
        if let Some(peer) = event.peer.as_deref().and_then(|name| self.names.id(name)) {
            self.told[peer.index()].take(event.at_ms, &event.kind);
        }
        if self.retold(&event) {
            return;
        }
        if tells_assistance(&event.kind) {
            self.timeline.push(event.clone());
        }
        self.events.push(event);
    }

    /// Forgets the events, because all of them will be told again.
    pub(crate) fn forget_events(&mut self) {
        self.events.clear();
        self.timeline.clear();
        self.events_taken = 0;
        self.told = [Told::default(), Told::default()];
        self.stood = Stood::default();
    }

    /// A control that its giver and its peer both told: the screen shows it once.
    fn retold(&self, event: &Event) -> bool {
        let (EventKind::Control { command, by, .. }, Some(last)) = (&event.kind, self.timeline.last()) else {
            return false;
        };
        let earlier = (command, by);
        let same = matches!(&last.kind, EventKind::Control { command, by, .. } if (command, by) == earlier);
        same && event.at_ms.abs_diff(last.at_ms) < RETOLD_WITHIN_MS
    }

    /// The state the run ended in; `None` while it goes on. A connected supervisor knows better than the ledger's
    /// past, which may hold the end of an earlier session.
    pub fn ended(&self) -> Option<RunState> {
        match &self.run {
            Some(run) if run.state.ended() => Some(run.state),
            Some(_) if self.run_link.is_up() => None,
            _ => {
                let told = self.ended_in_ledger.map(|(state, _)| state);
                // Peers that outlived their supervisor end the run without an event of its end.
                told.or_else(|| self.past.as_ref().map(|past| past.state).filter(|state| state.ended()))
            }
        }
    }

    /// When the run ended, if that is known.
    pub fn ended_at_ms(&self) -> Option<u64> {
        self.ended()?;
        let told = self.run.as_ref().and_then(|run| run.ended_at_ms);
        let last = || self.events.last().map(|event| event.at_ms);
        told.or_else(|| self.ended_in_ledger.map(|(_, at_ms)| at_ms)).or_else(last)
    }

    /// Exit code of an ended run (architecture.md 7).
    pub fn exit(&self) -> i32 {
        let by_state = match self.ended() {
            Some(RunState::Complete) => 0,
            Some(RunState::Failed) => 3,
            _ => 143,
        };
        self.run.as_ref().and_then(|run| run.exit).unwrap_or(by_state)
    }

    pub fn started_at_ms(&self) -> Option<u64> {
        self.run.as_ref().map(|run| run.started_at_ms).filter(|ms| *ms > 0).or(self.started_in_ledger)
    }

    /// When nobody worked on the run.
    pub fn stood(&self) -> Stood {
        self.stood
    }

    /// From the run's start until its end, or until `now_ms`, without the time in which it stood; `None` before its start
    /// is known.
    pub(crate) fn worked(&self, now_ms: u64) -> Option<Duration> {
        let until_ms = self.ended_at_ms().unwrap_or(now_ms);
        let all = Duration::from_millis(until_ms.saturating_sub(self.started_at_ms()?));
        Some(all.saturating_sub(self.stood.until(until_ms)))
    }

    /// Bytes a second of `peer` while the run worked. A later incarnation's own average says nothing of what the earlier ones did.
    pub fn average(&self, peer: PeerId, now_ms: u64) -> Rate {
        let Some(s) = &self.pane(peer).snapshot else { return Rate(0) };
        let worked = self.worked(now_ms).filter(|worked| s.incarnation > 1 && !worked.is_zero());
        worked
            .map_or(Rate(s.rate.average), |worked| Rate((s.done.bytes as f64 / worked.as_secs_f64()) as u64))
    }

    /// Whether a problem says that `peer` makes no progress, or a transfer of it waits beyond its budget.
    pub fn stalled(&self, peer: PeerId, transfer: Option<u64>) -> bool {
        let snapshot = self.pane(peer).snapshot.as_ref();
        let own = snapshot.into_iter().flat_map(|s| &s.problems);
        let runs = self.run.iter().flat_map(|run| &run.problems);
        let named = runs.filter(|p| p.peer.as_deref() == Some(self.names.name(peer)));
        let late = |f: &InFlight| Some(f.id) == transfer && f.wait.as_ref().is_some_and(Wait::is_stall);
        own.chain(named).any(|p| p.kind == "stall" && (transfer.is_none() || p.transfer == transfer))
            || snapshot.is_some_and(|s| s.in_flight.iter().any(late))
    }

    /// Transfers and ranges in slots: first peer first, by slot, so that a row stays where it is; behind them what holds no
    /// slot because the rest of it is done elsewhere.
    pub fn flights(&self) -> Vec<(PeerId, &InFlight)> {
        let mut out = Vec::new();
        for peer in PeerId::BOTH {
            let Some(snapshot) = &self.pane(peer).snapshot else { continue };
            let mut rows: Vec<(PeerId, &InFlight)> = snapshot.in_flight.iter().map(|f| (peer, f)).collect();
            rows.sort_by_key(|(_, f)| (f.slot, f.id));
            out.extend(rows);
            out.extend(snapshot.awaiting.iter().map(|f| (peer, f)));
        }
        out
    }

    /// A transfer in flight; of one in parts, the row that knows of all of them.
    pub fn flight(&self, id: u64) -> Option<(PeerId, &InFlight)> {
        let rows = self.flights().into_iter().filter(|(_, f)| f.id == id);
        rows.rev().max_by_key(|(_, f)| f.ranges.len())
    }

    /// Slots of both peers.
    pub fn slots_max(&self) -> u32 {
        self.panes.iter().filter_map(|p| p.snapshot.as_ref()).map(|s| s.slots.max).sum()
    }

    /// Asks, answers "assistance needed" and answers "no assistance needed", both directions together.
    pub fn asks(&self) -> (u64, u64, u64) {
        PeerId::BOTH
            .map(|peer| self.assisted(peer))
            .into_iter()
            .fold((0, 0, 0), |sum, a| (sum.0 + a.asked, sum.1 + a.needed, sum.2 + a.not_needed))
    }

    /// What `peer` asked and took, over all its incarnations: the larger of its own count, which begins again with
    /// every incarnation, and what the events told, which begin where the ledger's last ones do.
    pub fn assisted(&self, peer: PeerId) -> Assisted {
        let own = self.pane(peer).snapshot.as_ref().map(|s| s.assisted).unwrap_or_default();
        let told = &self.told[peer.index()];
        Assisted {
            asked: own.asked.max(told.asked),
            needed: own.needed.max(told.needed),
            not_needed: own.not_needed.max(told.not_needed),
            transfers: own.transfers.max(told.transfers),
            bytes: own.bytes.max(told.bytes),
            ..own
        }
    }

    /// Ranges of transfers in flight that `peer` lent; as [`Self::assisted`].
    pub fn lent(&self, peer: PeerId) -> u64 {
        let own = self.pane(peer).snapshot.as_ref().map(|s| s.was_assisted.ranges).unwrap_or_default();
        own.max(self.told[peer.index()].lent)
    }

    /// Moves of `peer`'s ratio, oldest first, over all its incarnations.
    pub fn ratio_moves(&self, peer: PeerId) -> &[RatioMove] {
        let own = self.pane(peer).snapshot.as_ref().map(|s| s.ratio_moves.as_slice()).unwrap_or_default();
        let told = self.told[peer.index()].moves.as_slice();
        if told.len() > own.len() { told } else { own }
    }

    /// Whether the policy knows assistance at all.
    pub fn assists(&self) -> bool {
        let policy = |p: &Pane| p.snapshot.as_ref().map(|s| s.policy != "none");
        self.panes.iter().find_map(policy).unwrap_or(true)
    }
}

/// Whether an event belongs into the assistance timeline. An assignment of the assistance itself is told by its
/// answer; it is in the log with its operation number.
fn tells_assistance(kind: &EventKind) -> bool {
    match kind {
        EventKind::Assigned { why, .. } => return *why != AssignWhy::Assistance,
        // What a dialog asks moves nothing; the log keeps it.
        EventKind::Control { command, .. } => return !command.ends_with("--dry-run"),
        _ => {}
    }
    matches!(
        kind,
        EventKind::Ask { .. }
            | EventKind::Needed { .. }
            | EventKind::NotNeeded { .. }
            | EventKind::Ratio { .. }
            | EventKind::TakenOver { .. }
    )
}
