//! What an operator can ask of a peer or of the supervisor, and what comes back.

use crate::{PeerSnapshot, as_text};
use serde::{Deserialize, Serialize};
use twinhaul_units::{Dial, Rate, Transfers, Turned, text::show};

/// A command, who gives it, and a number that its reply repeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub id: u64,
    /// "console", "verb", "story"; goes into the event log.
    #[serde(default)]
    pub by: String,
    #[serde(flatten)]
    pub command: Command,
}

/// The commands. To a peer unless said otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Send snapshots (every `every_ms`, at least 100) and events from now on. To a peer and to the supervisor.
    Subscribe {
        every_ms: u64,
    },
    /// One snapshot as the reply.
    Status,
    Pause,
    Resume,
    /// Hand over transfers until this peer keeps `keep` (0..=1) of all queued bytes; a peer that has less does nothing.
    Rebalance {
        keep: f64,
        #[serde(default)]
        dry_run: bool,
    },
    /// Hand over these transfers, as far as they are queued here and have not started.
    HandOver {
        transfers: Vec<u64>,
        #[serde(default)]
        dry_run: bool,
    },
    /// Set this peer's ratio; moves nothing.
    Ratio {
        value: f64,
    },
    /// Hand everything over and take no new work.
    Drain {
        #[serde(default)]
        dry_run: bool,
    },
    /// A limit in bytes a second, or a number of slots, while the run goes on. A dial of both peers is turned at each.
    Turn {
        #[serde(with = "as_text")]
        dial: Dial,
        #[serde(with = "as_text")]
        to: Turned,
    },
    /// From the supervisor: this peer's part of a limit that both share, in thousandths.
    Share {
        #[serde(with = "as_text")]
        dial: Dial,
        part: u16,
    },
    /// Finish what is in flight, then end. To the supervisor: the whole run; `drain` false cuts in-flight transfers short.
    Stop {
        #[serde(default)]
        drain: bool,
    },
    /// To the supervisor of a demonstration: something goes wrong with this peer, on purpose.
    Chaos {
        peer: String,
        what: Chaos,
    },
    /// What a `ratio` or a `turn` would change, as far as that is known; nothing is done.
    WhatIf {
        command: Box<Self>,
    },
    /// Try the given-up transfers again; `None`: all of them.
    Retry {
        #[serde(default)]
        transfer: Option<u64>,
    },
}

/// What can go wrong on purpose. Only a demonstration takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chaos {
    /// The process stands still: its socket is there, and nobody answers.
    Freeze,
    /// It goes on.
    Thaw,
    /// The process is gone, as if its machine had lost power.
    Kill,
    /// It aborts, as with a library that crashes.
    Crash,
    /// Neither peer reaches the other; everybody else reaches both.
    Cut,
    /// They reach each other again.
    Mend,
    /// Somebody writes into the files that are being copied.
    Write,
    /// Nobody does any more.
    Leave,
    /// The demonstration's store asks everybody to slow down.
    Storm,
    /// It serves everybody again.
    Calm,
}

impl Chaos {
    pub const ALL: [Self; 10] = [
        Self::Freeze,
        Self::Thaw,
        Self::Kill,
        Self::Crash,
        Self::Cut,
        Self::Mend,
        Self::Write,
        Self::Leave,
        Self::Storm,
        Self::Calm,
    ];

    pub const fn words(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::Thaw => "thaw",
            Self::Kill => "kill",
            Self::Crash => "crash",
            Self::Cut => "cut",
            Self::Mend => "mend",
            Self::Write => "write",
            Self::Leave => "leave",
            Self::Storm => "storm",
            Self::Calm => "calm",
        }
    }

    /// What takes it back; `None`: nothing does, or it takes something back itself.
    pub const fn undo(self) -> Option<Self> {
        match self {
            Self::Freeze => Some(Self::Thaw),
            Self::Cut => Some(Self::Mend),
            Self::Write => Some(Self::Leave),
            Self::Storm => Some(Self::Calm),
            Self::Thaw | Self::Kill | Self::Crash | Self::Mend | Self::Leave | Self::Calm => None,
        }
    }

    /// The one that [`Self::words`] names.
    pub fn of(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|chaos| chaos.words() == words)
    }
}

impl Command {
    /// Bandwidth of a peer in bytes a second; `None` lifts it.
    pub const fn limit(rate: Option<u64>) -> Self {
        let to = match rate {
            Some(rate) => Turned::Set(rate),
            None => Turned::Lifted,
        };
        Self::Turn { dial: Dial::Limit, to }
    }

    /// A question only: it changes nothing.
    pub const fn is_dry_run(&self) -> bool {
        matches!(
            self,
            Self::Rebalance { dry_run: true, .. }
                | Self::HandOver { dry_run: true, .. }
                | Self::Drain { dry_run: true }
                | Self::WhatIf { .. }
        )
    }

    /// The verb it equals, for the event log and the screen: `twinhaul ratio --peer alpha 0.65`.
    pub fn verb(&self, run: &str, peer: Option<&str>) -> String {
        let name = peer;
        let peer = peer.map(|p| format!(" --peer {p}")).unwrap_or_default();
        let dry = |on: bool| if on { " --dry-run" } else { "" };
        match self {
            Self::Subscribe { .. } => format!("twinhaul attach {run}"),
            Self::Status => format!("twinhaul status {run}"),
            Self::Pause => format!("twinhaul pause {run}{peer}"),
            Self::Resume => format!("twinhaul resume {run}{peer}"),
            Self::Rebalance { keep, dry_run } => {
                format!("twinhaul rebalance {run}{peer} --share {:.0}%{}", keep * 100.0, dry(*dry_run))
            }
            Self::HandOver { transfers, dry_run } => {
                let ids = Transfers::new(transfers.clone()).unwrap_or_default();
                format!("twinhaul rebalance {run}{peer} --transfer {ids}{}", dry(*dry_run))
            }
            Self::Ratio { value } => format!("twinhaul ratio {run}{peer} {value:.2}"),
            Self::Drain { dry_run } => format!("twinhaul drain {run}{peer}{}", dry(*dry_run)),
            Self::Turn { dial, to } => turn(run, &peer, dial, *to),
            // Nobody types it: whoever wants another division lifts the limit or sets one of each peer.
            Self::Share { dial, part } => format!("share {part} in 1000 of the {dial}"),
            Self::Stop { drain: true } => format!("twinhaul stop {run} --drain"),
            Self::Stop { drain: false } => format!("twinhaul stop {run}"),
            Self::Chaos { peer, what } => format!("twinhaul chaos {run} --peer {peer} {}", what.words()),
            Self::WhatIf { command } => format!("{} --dry-run", command.verb(run, name)),
            Self::Retry { transfer: Some(id) } => format!("twinhaul retry {run} --transfer {id}"),
            Self::Retry { transfer: None } => format!("twinhaul retry {run}"),
        }
    }
}

fn turn(run: &str, peer: &str, dial: &Dial, to: Turned) -> String {
    let verb = if dial.is_limit() { "limit" } else { "slots" };
    let whose = match dial {
        Dial::Limit | Dial::Slots => peer.to_owned(),
        Dial::SharedLimit => " --shared".to_owned(),
        Dial::TargetLimit(target) | Dial::TargetSlots(target) => format!(" --target {}", show(target)),
    };
    match to {
        Turned::Set(rate) if dial.is_limit() => format!("twinhaul limit {run}{whose} '{}'", Rate(rate)),
        to => format!("twinhaul {verb} {run}{whose} {to}"),
    }
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub id: u64,
    pub result: CommandResult,
}

/// Taken, previewed, or refused with the reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandResult {
    /// Done; the text says what happened ("paused", "beta hands over 886 transfers").
    Done(String),
    Status(Box<PeerSnapshot>),
    Preview(Preview),
    Outlook(Outlook),
    Refused(Refusal),
}

/// Why a command was not taken, and what to type instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub why: String,
    #[serde(default)]
    pub next: String,
}

/// What a rebalance or drain would do; computed by the owner with the same code that would do it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// The peer that would hand over.
    pub from: String,
    pub to: String,
    /// Transfers and bytes that would move.
    pub transfers: u64,
    pub bytes: u64,
    /// Queues now and after: the owner's, the other's.
    pub now: [QueueSize; 2],
    pub after: [QueueSize; 2],
    /// Seconds to the end at current rates; `None` when a rate is not known.
    pub eta_now_s: Option<f64>,
    pub eta_after_s: Option<f64>,
}

/// What a limit, a number of slots or a ratio would change at one peer; computed by that peer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    pub peer: String,
    /// What holds now and what would, in words: the profile's values are known only here.
    pub setting: [String; 2],
    /// Bytes a second of this peer: those of the last minute, and those with the new setting. `None`: not known.
    pub rate: [Option<u64>; 2],
    /// Of a ratio: transfers that it would hand over if it were asked now, with the present one and the new one.
    #[serde(default)]
    pub gives: Option<[u64; 2]>,
    /// Seconds to the end, each peer alone with what it owns, as in [`Preview`].
    pub eta_now_s: Option<f64>,
    pub eta_after_s: Option<f64>,
    /// Where the second rate comes from, or why it is not known.
    pub basis: String,
}

/// A queue's length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSize {
    pub transfers: u64,
    pub bytes: u64,
}
