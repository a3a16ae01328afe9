//! Events: the history of a run, for the console, the report and the replay. Kept in the ledger, trimmed.

use crate::{KeyText, RangeShown, Requests};
use serde::{Deserialize, Serialize};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Order in the run; given by the ledger.
    pub seq: u64,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// The peer it happened at; `None`: the planner, the supervisor, an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    #[serde(default)]
    pub incarnation: u64,
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The adjustment of claims 6 and 7 that moved a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// The first peer is back first: the second peer's ratio grows.
    #[serde(rename = "6.1")]
    R61,
    /// The first peer ran dry although it had been helped: its own ratio shrinks.
    #[serde(rename = "6.2")]
    R62,
    /// The second peer is back first: the first peer's ratio grows.
    #[serde(rename = "7.1")]
    R71,
    /// The second peer ran dry although it had been helped: its own ratio shrinks.
    #[serde(rename = "7.2")]
    R72,
    /// Set by an operator.
    #[serde(rename = "operator")]
    Operator,
}

impl Rule {
    /// As the screen writes it: "6.1".
    pub const fn name(self) -> &'static str {
        match self {
            Self::R61 => "6.1",
            Self::R62 => "6.2",
            Self::R71 => "7.1",
            Self::R72 => "7.2",
            Self::Operator => "operator",
        }
    }
}

/// Why transfers changed their owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignWhy {
    /// Claims 2.2.1, 3.2.2.
    Assistance,
    Rebalance,
    Drain,
    TakeOver,
}

/// Bytes `from..to` of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeName {
    pub id: u64,
    pub from: u64,
    pub to: u64,
}

/// Transfers `first..=last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotIds {
    pub first: u64,
    pub last: u64,
}

impl LotIds {
    /// Whether the transfer `id` is one of them.
    pub const fn holds(&self, id: u64) -> bool {
        self.first <= id && id <= self.last
    }
}

/// How much an event matters; the log's filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Info,
    Warn,
    Error,
}

/// What happened. Additions only: old recordings must replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    /// The run began.
    RunStarted {
        name: String,
        policy: String,
    },
    /// A wave is in the ledger; `growing` until the walk has ended.
    Planned {
        wave: u64,
        transfers: u64,
        bytes: u64,
        growing: bool,
    },
    /// A peer process took its place.
    Joined {
        pid: u32,
    },
    /// At the asker: it asks (claims 1.3, 1.4).
    Ask {
        ask_id: u64,
        idle_slots: u32,
        rate: u64,
        queued: u64,
    },
    /// At the owner: its ratio moved (claims 6, 7).
    Ratio {
        old: f64,
        new: f64,
        rule: Rule,
    },
    /// At the owner: the assignment is durable (claims 2.2.1, 3.2.2).
    Assigned {
        op: u64,
        to: String,
        count: u64,
        bytes: u64,
        why: AssignWhy,
        /// Which transfers: the first few lots.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lots: Vec<LotIds>,
    },
    /// At the owner: ranges of transfers in flight are lent, or given back, in the same assignment.
    RangesLent {
        op: u64,
        to: String,
        count: u64,
        bytes: u64,
        /// The first few.
        ranges: Vec<RangeName>,
    },
    /// All parts of a transfer that both peers wrote came home.
    RangesHome {
        id: u64,
        #[serde(flatten)]
        key: KeyText,
        ranges: Vec<RangeShown>,
    },
    /// At the asker, when the answer arrives: "assistance needed" (claims 4.3, 5.3).
    Needed {
        ask_id: u64,
        /// The owner's number of the assignment; 0 in recordings that do not tell it.
        #[serde(default)]
        op: u64,
        count: u64,
        bytes: u64,
        ratio: f64,
        portion: f64,
        minimum: u64,
        queued: u64,
        rtt_us: u64,
    },
    /// At the asker, when the answer arrives: "no assistance needed" (claims 4.4, 5.4).
    NotNeeded {
        ask_id: u64,
        ratio: f64,
        portion: f64,
        minimum: u64,
        queued: u64,
        rtt_us: u64,
    },
    /// An operator (or the story of a demo) did something; `command` is the verb it equals.
    Control {
        command: String,
        by: String,
        result: String,
    },
    /// A caption of a demo's story.
    Say {
        text: String,
    },
    /// A transfer is given up.
    Failed {
        id: u64,
        #[serde(flatten)]
        key: KeyText,
        error: String,
        attempts: u32,
    },
    /// A transfer will be tried again.
    Retry {
        id: u64,
        #[serde(flatten)]
        key: KeyText,
        error: String,
        attempts: u32,
        in_ms: u64,
    },
    /// A problem began; it ends with a [`Self::ProblemEnded`] of the same `problem`.
    ProblemBegan {
        problem: String,
        text: String,
    },
    ProblemEnded {
        problem: String,
    },
    /// A source or target whose times are a model's and not a device's.
    Simulated {
        /// In the profile.
        name: String,
        backend: String,
        /// [`crate::BackendStatus::simulated`].
        words: String,
    },
    /// The link between the peers.
    Linked {
        /// The other peer's incarnation.
        other: u64,
    },
    Unlinked {
        why: String,
    },
    /// A process ended; `words` is the exit reason as a person reads it.
    Exited {
        process: String,
        words: String,
        restart_in_ms: Option<u64>,
    },
    /// A restarted peer dealt with what its former incarnation left.
    Recovered {
        discarded: u64,
        accepted: u64,
    },
    /// Nothing was heard of the other peer for so long.
    Suspected {
        other: String,
        silent_ms: u64,
    },
    /// This peer owns now what `from` had not done. Fenced: that incarnation of it; discarded: its private objects;
    /// accepted: transfers that it had published.
    TakenOver {
        from: String,
        fenced: u64,
        count: u64,
        bytes: u64,
        discarded: u64,
        accepted: u64,
        why: String,
    },
    /// Directory times, links, sweep.
    Finishing {
        directories: u64,
    },
    /// A peer ended; idle time is summed over its slots while the run went on.
    PeerFinished {
        transfers: u64,
        bytes: u64,
        #[serde(default)]
        idle_slot_ms: u64,
        #[serde(default)]
        up_ms: u64,
        #[serde(default)]
        slots: u32,
    },
    /// What a process sent to a source or target while it lived; told at its end, by those whose backends count.
    Requests {
        /// In the profile.
        place: String,
        #[serde(default)]
        source: bool,
        counts: Requests,
    },
    /// Written with the change of the run's state, once.
    RunEnded {
        /// [`crate::RunState::words`].
        state: String,
        done: u64,
        skipped: u64,
        failed: u64,
    },
    Warning {
        text: String,
    },
    Info {
        text: String,
    },
}

impl EventKind {
    pub const fn level(&self) -> Level {
        match self {
            Self::Failed { .. } | Self::ProblemBegan { .. } => Level::Error,
            Self::Retry { .. }
            | Self::Warning { .. }
            | Self::Unlinked { .. }
            | Self::Suspected { .. }
            | Self::TakenOver { .. }
            | Self::Exited { .. } => Level::Warn,
            _ => Level::Info,
        }
    }
}
