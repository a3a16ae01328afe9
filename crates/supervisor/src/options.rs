//! What a supervisor is told, and the trait through which it reaches the durable history of the run.
//!
//! The supervisor never opens the ledger; the binary implements [`Record`] over it. Calls happen on a thread of their own,
//! so a slow ledger never holds up the control socket.

use std::{ffi::OsString, fmt, path::PathBuf, time::Duration};
use twinhaul_wire::{Chaos, Event, EventKind, RunState, Totals, Weather};

/// The durable history of a run. All calls come from one thread, in order.
pub trait Record: Send {
    /// Keeps an event of the supervisor; `peer` is the one it happened at. Returns its number in the run, if the ledger
    /// took it.
    fn event(&mut self, at_ms: u64, peer: Option<&str>, kind: &EventKind) -> Option<u64>;
    /// The history after the event number `after`, at most `most` events; `None` when the ledger does not answer.
    fn events(&mut self, after: u64, most: usize) -> Option<Vec<Event>>;
    /// What was discovered; `None` when the ledger does not answer.
    fn totals(&mut self) -> Option<Totals>;
    /// What the ledger says of the run: `Complete` and `Failed` are set by the peer that finished it.
    fn run_state(&mut self) -> Option<RunState>;
    /// Tells the ledger the state of the run; its end writes `RunEnded` there. Never called to replace `Complete` or
    /// `Failed`.
    fn set_run_state(&mut self, state: RunState, at_ms: u64);
}

/// A process to start, and to start again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// "alpha", "planner": its lock, socket and log are called like this.
    pub name: String,
    pub kind: ChildKind,
    /// Program and arguments: `[exe, "peer", run_dir, "--name", "alpha"]`.
    pub argv: Vec<OsString>,
}

/// What a child is to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildKind {
    Planner,
    Peer,
}

/// What makes a bundle of the evidence, once in a run, when something goes wrong for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundler {
    /// Program and arguments; `--why WORDS` follows, and `--if-trouble` when it is to look for itself and end with code 5
    /// when nothing is wrong.
    pub argv: Vec<OsString>,
    /// What it makes. One that is there is not made again.
    pub file: PathBuf,
}

/// A step of a demo's story (demo.md): fires by event, not by clock.
#[derive(Clone, Debug, PartialEq)]
pub struct StoryStep {
    /// Fires at this.
    pub when: StoryWhen,
    /// Then waits so long.
    pub wait: Duration,
    /// Then does this to this peer.
    pub act: Option<(String, StoryAct)>,
    /// And says this.
    pub say: String,
}

/// What a step waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StoryWhen {
    /// So many asks of the run, both directions together, were answered "assistance needed".
    Assistance(u64),
    /// So many ranges of transfers in flight were lent.
    Ranges(u64),
    /// This part (0..=1) of all bytes is done.
    Done(f64),
    /// A peer took over what the other had.
    TakenOver,
    /// A peer came back, as a new incarnation.
    Returned,
    /// A server asked a peer to slow down.
    RateLimited,
}

/// What a step does to its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoryAct {
    /// Bandwidth in bytes a second; `None` lifts the limit.
    Limit(Option<u64>),
    Chaos(Chaos),
}

/// What the weather at a demonstration's store can be, and where the store reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sky {
    pub file: PathBuf,
    pub fair: Weather,
    pub storm: Weather,
}

/// The limits of a supervisor's patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From its start until a peer's socket answers Hello; a peer of this supervisor that does not is ended and started again.
    pub ready_max: Duration,
    /// From a stop (not a drain) until SIGTERM.
    pub grace: Duration,
    /// From SIGTERM until SIGKILL.
    pub kill_after: Duration,
    /// Until a peer has answered a forwarded command.
    pub answer_max: Duration,
    /// Without a word from a peer that was ready, until that is a problem on the screen.
    pub silent_max: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ready_max: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            kill_after: Duration::from_secs(5),
            answer_max: Duration::from_secs(5),
            silent_max: Duration::from_secs(5),
        }
    }
}

/// A run to supervise.
pub struct Options {
    /// 0700 and this user's; holds locks, sockets, logs, the recording.
    pub run_dir: PathBuf,
    /// The run's id.
    pub run: String,
    /// The profile's name.
    pub name: String,
    pub policy: String,
    /// Captions are derived and shown only in a demo.
    pub demo: bool,
    /// The directory whose files the demonstration made; `None`: there is none, and nobody writes into it.
    pub demo_source: Option<PathBuf>,
    /// The weather at the demonstration's store; `None`: it has none.
    pub demo_sky: Option<Sky>,
    pub started_at_ms: u64,
    /// The planner; `None` when the plan is whole already (a resumed run).
    pub planner: Option<Child>,
    /// The first and the second peer.
    pub peers: [Child; 2],
    pub story: Vec<StoryStep>,
    /// `None`: no bundle is made.
    pub bundler: Option<Bundler>,
    pub timing: Timing,
    pub record: Box<dyn Record>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("run", &self.run)
            .field("planner", &self.planner)
            .field("peers", &self.peers)
            .finish_non_exhaustive()
    }
}
