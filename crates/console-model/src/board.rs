//! What is known of the run: both peers, the supervisor's view, events. Freezing clones it, so it holds nothing that
//! an operator is doing (that is [`crate::ui`]).

pub mod pane;
pub mod progress;

pub use pane::{LinkState, Pane, Standing};
pub use progress::Progress;

use crate::{Names, ring::Ring};
use twinhaul_units::{Moment, PeerId};
use twinhaul_wire::{AssignWhy, Event, EventKind, InFlight, Problem, RunSnapshot, RunState};

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
    /// The ledger says that the run has ended.
    ended_in_ledger: Option<RunState>,
    started_in_ledger: Option<u64>,
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
            ended_in_ledger: None,
            started_in_ledger: None,
        }
    }

    pub fn pane(&self, peer: PeerId) -> &Pane {
        &self.panes[peer.index()]
    }

    /// Takes one event into the log and, where it belongs, into the timeline.
    pub(crate) fn take(&mut self, event: Event) {
        self.events_taken += 1;
        match &event.kind {
            EventKind::RunStarted { .. } => {
                self.started_in_ledger = Some(event.at_ms);
                self.ended_in_ledger = None;
            }
            EventKind::Joined { .. } => self.ended_in_ledger = None,
            EventKind::RunEnded { state, .. } => {
                self.ended_in_ledger = Some(match state.as_str() {
                    "complete" => RunState::Complete,
                    "failed" => RunState::Failed,
                    _ => RunState::Stopped,
                });
            }
            _ => {}
        }
        if tells_assistance(&event.kind) && !self.retold(&event) {
            self.timeline.push(event.clone());
        }
        self.events.push(event);
    }

    /// A control that its giver and its peer both told.
    fn retold(&self, event: &Event) -> bool {
        let (EventKind::Control { command, .. }, Some(last)) = (&event.kind, self.timeline.last()) else {
            return false;
        };
        let same = matches!(&last.kind, EventKind::Control { command: earlier, .. } if earlier == command);
        same && event.at_ms.abs_diff(last.at_ms) < RETOLD_WITHIN_MS
    }

    /// The state the run ended in; `None` while it goes on. A connected supervisor knows better than the ledger's
    /// past, which may hold the end of an earlier session.
    pub fn ended(&self) -> Option<RunState> {
        match &self.run {
            Some(run) if run.state.ended() => Some(run.state),
            Some(_) if self.run_link.is_up() => None,
            _ => self.ended_in_ledger,
        }
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

    /// Problems that the run and both peers report, each once.
    pub fn problems(&self) -> Vec<Problem> {
        let mut out: Vec<Problem> = Vec::new();
        let mut add = |problem: &Problem, at: Option<PeerId>| {
            let mut problem = problem.clone();
            problem.peer = problem.peer.or_else(|| at.map(|peer| self.names.name(peer).to_owned()));
            let known = |p: &Problem| {
                (&p.kind, &p.peer, p.transfer) == (&problem.kind, &problem.peer, problem.transfer)
            };
            if !out.iter().any(known) {
                out.push(problem);
            }
        };
        for peer in PeerId::BOTH {
            let snapshot = self.pane(peer).snapshot.as_ref();
            snapshot.into_iter().flat_map(|s| &s.problems).for_each(|p| add(p, Some(peer)));
        }
        self.run.iter().flat_map(|run| &run.problems).for_each(|p| add(p, None));
        out
    }

    /// Whether a problem says that `peer` (or one of its transfers) makes no progress.
    pub fn stalled(&self, peer: PeerId, transfer: Option<u64>) -> bool {
        let snapshot = self.pane(peer).snapshot.as_ref();
        let own = snapshot.into_iter().flat_map(|s| &s.problems);
        let runs = self.run.iter().flat_map(|run| &run.problems);
        let named = runs.filter(|p| p.peer.as_deref() == Some(self.names.name(peer)));
        own.chain(named).any(|p| p.kind == "stall" && (transfer.is_none() || p.transfer == transfer))
    }

    /// Transfers in slots: first peer first, by slot, so that a row stays where it is.
    pub fn flights(&self) -> Vec<(PeerId, &InFlight)> {
        let mut out = Vec::new();
        for peer in PeerId::BOTH {
            let flights =
                self.pane(peer).snapshot.as_ref().map(|s| s.in_flight.as_slice()).unwrap_or_default();
            let mut rows: Vec<(PeerId, &InFlight)> = flights.iter().map(|f| (peer, f)).collect();
            rows.sort_by_key(|(_, f)| (f.slot, f.id));
            out.extend(rows);
        }
        out
    }

    /// Slots of both peers.
    pub fn slots_max(&self) -> u32 {
        self.panes.iter().filter_map(|p| p.snapshot.as_ref()).map(|s| s.slots.max).sum()
    }

    /// Asks, answers "assistance needed" and answers "no assistance needed", both directions together.
    pub fn asks(&self) -> (u64, u64, u64) {
        let told = self.panes.iter().filter_map(|p| p.snapshot.as_ref()).map(|s| s.assisted);
        told.fold((0, 0, 0), |sum, a| (sum.0 + a.asked, sum.1 + a.needed, sum.2 + a.not_needed))
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
    if let EventKind::Assigned { why, .. } = kind {
        return *why != AssignWhy::Assistance;
    }
    matches!(
        kind,
        EventKind::Ask { .. }
            | EventKind::Needed { .. }
            | EventKind::NotNeeded { .. }
            | EventKind::Ratio { .. }
            | EventKind::Control { .. }
    )
}
