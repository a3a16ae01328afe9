//! Snapshots: the state of a peer and of a run at one moment, at most ten a second.

use crate::{BackendStatus, KeyText, Rule, as_text, command::QueueSize};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use twinhaul_units::{Dial, Span};

/// One peer, now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PeerSnapshot {
    pub run: String,
    pub peer: String,
    pub incarnation: u64,
    pub pid: u32,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    pub state: PeerState,
    /// Who paused it ("console", "verb"), while paused.
    #[serde(default)]
    pub paused_by: Option<String>,
    /// `learning` or `none`.
    pub policy: String,
    pub ratio: f64,
    pub increment: f64,
    pub minimum: u64,
    /// ratio x queued: what would be compared with the minimum if the other asked now (claims 4.2, 5.2).
    pub portion: f64,
    /// Last moves of the ratio, oldest first; at most 32.
    #[serde(default)]
    pub ratio_moves: Vec<RatioMove>,
    /// Owned and not started.
    pub queue: QueueSize,
    pub in_flight: Vec<InFlight>,
    /// Own transfers that hold no slot: the rest of them is done elsewhere, as their ranges say.
    #[serde(default)]
    pub awaiting: Vec<InFlight>,
    /// Complete, waiting for the group's durability; in flight without a slot.
    pub settling: QueueSize,
    /// What the group waits for that is being made durable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settling_wait: Option<Wait>,
    /// The part of `settling` that is visible under its key (`durability: end`).
    #[serde(default)]
    pub published: QueueSize,
    /// This peer's own work in this run, all incarnations.
    pub done: QueueSize,
    pub verified: QueueSize,
    pub skipped: QueueSize,
    pub failed: QueueSize,
    /// Bytes that this incarnation has moved itself, of whole transfers and of ranges, whoever completed them.
    #[serde(default)]
    pub moved: u64,
    pub rate: Rates,
    pub slots: Slots,
    /// Milliseconds since bytes last moved or a transfer last ended; `None` before the first.
    pub last_progress_ms: Option<u64>,
    /// Bytes a second; `None`: not limited.
    pub limit: Option<u64>,
    /// Whatever else is limited for this peer or was turned by an operator; few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dials: Vec<DialSnapshot>,
    /// As the helper: it asked, and was told.
    pub assisted: Assisted,
    /// As the owner: it was asked, and told.
    pub was_assisted: Assisted,
    /// What this peer knows of the other.
    pub link: Link,
    /// Idle slot time since this incarnation joined: milliseconds that slots stood empty with nothing queued while the run
    /// was not done, summed over the slots and divided by their number. Over `up_ms` it is the idle share.
    pub idle_ms: u64,
    /// Milliseconds since this incarnation joined.
    pub up_ms: u64,
    /// Milliseconds by wait reason, summed over slots.
    #[serde(default)]
    pub waits: BTreeMap<WaitReason, u64>,
    /// The part of them that transfers waited, by the source or target where; at most 16, those with the longest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub waits_at: BTreeMap<String, BTreeMap<WaitReason, u64>>,
    /// What its free slots wait for; `None`: there are none, or there is nothing left to wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_wait: Option<Wait>,
    /// How long calls take, where slots waited longest first; at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallTimes>,
    /// Head of the queue; at most 16.
    #[serde(default)]
    pub next_up: Vec<QueueRow>,
    #[serde(default)]
    pub targets: Vec<TargetSnapshot>,
    /// Sources and targets whose backend shows itself; at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<BackendStatus>,
    #[serde(default)]
    pub problems: Vec<Problem>,
    /// Events that found a full subscriber and were dropped.
    #[serde(default)]
    pub events_dropped: u64,
}

impl PeerSnapshot {
    /// Nothing moves, and whatever is in flight says what it waits for: how long that takes, no rate tells.
    pub fn only_waits(&self) -> bool {
        self.rate.now == 0 && !self.in_flight.is_empty() && self.in_flight.iter().all(|f| f.wait.is_some())
    }

    /// What the peer as a whole waits for: all that is in flight waits, or nothing is and its free slots do. `None`: something
    /// of it works, or nothing is left to wait for. The reasons are those of its slots, the commonest of them; the age is that of
    /// the wait which began last.
    pub fn wait(&self) -> Option<Wait> {
        if !self.in_flight.iter().all(|f| f.wait.is_some()) {
            return None;
        }
        let waits: Vec<&Wait> = self.in_flight.iter().filter_map(|f| f.wait.as_ref()).collect();
        Wait::commonest(&waits).or_else(|| self.settling_wait.clone()).or_else(|| self.free_wait.clone())
    }

    /// What is waited for at a source or target: the longest of the waits of its slots there.
    pub fn wait_at(&self, place: &str) -> Option<&Wait> {
        let waits = self.in_flight.iter().filter_map(|f| f.wait.as_ref());
        waits.filter(|wait| wait.place == place).max_by_key(|wait| wait.age_ms)
    }
}

/// What a peer is doing as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerState {
    #[default]
    Starting,
    /// Finding out what a former incarnation left.
    Recovering,
    Running,
    /// Nothing to do while the other has work.
    Idle,
    Paused,
    Draining,
    /// Ending on request.
    Stopping,
    /// Directory times, sweep.
    Finishing,
    Finished,
}

/// A transfer in a slot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InFlight {
    pub id: u64,
    pub slot: u32,
    #[serde(flatten)]
    pub key: KeyText,
    pub target: String,
    pub phase: Phase,
    pub bytes: u64,
    /// Never goes back within an attempt.
    pub done: u64,
    pub rate: u64,
    pub age_ms: u64,
    pub attempts: u32,
    #[serde(default)]
    pub wait: Option<Wait>,
    /// Whose bytes are whose, of a transfer that was cut: ascending, neighbours of one peer as one; at most 16. Of a
    /// range that is lent to this peer, that range.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<RangeShown>,
}

/// Bytes `from..to` of a transfer, and who writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeShown {
    pub peer: String,
    pub from: u64,
    pub to: u64,
    /// Bytes of it that are known to be written.
    pub done: u64,
}

/// Where in its life a transfer in a slot is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    #[default]
    Open,
    Copy,
    Seal,
    Verify,
    /// Ranges of it are done elsewhere.
    Ranges,
}

/// What is waited for, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub reason: WaitReason,
    /// "drive 1, cartridge A00003", "limit 16 MiB/s of alpha".
    #[serde(default)]
    pub detail: String,
    pub age_ms: u64,
    /// The source or target where it waits; empty: nowhere of the two.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// How long it may last before it is a stall; `None`: as long as it likes, or it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_ms: Option<u64>,
}

impl Wait {
    /// A wait at neither a source nor a target, which may last as long as it likes.
    pub fn new(reason: WaitReason, detail: impl Into<String>, age_ms: u64) -> Self {
        Self { reason, detail: detail.into(), age_ms, place: String::new(), budget_ms: None }
    }

    /// Of several that all wait: the commonest reason, with the longest of its waits to tell where, for as long as all have
    /// waited.
    pub fn commonest(waits: &[&Self]) -> Option<Self> {
        let mut by_reason: BTreeMap<WaitReason, Vec<&Self>> = BTreeMap::new();
        for wait in waits {
            by_reason.entry(wait.reason).or_default().push(wait);
        }
        let most = by_reason.into_values().max_by_key(Vec::len)?;
        let told = most.into_iter().max_by_key(|wait| wait.age_ms)?;
        let age_ms = waits.iter().map(|wait| wait.age_ms).min()?;
        Some(Self { age_ms, ..told.clone() })
    }

    /// Longer than its budget.
    pub fn is_stall(&self) -> bool {
        self.budget_ms.is_some_and(|budget| self.age_ms >= budget)
    }
}

/// How long the calls of slots to one place took that waited for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallTimes {
    /// The source or target.
    pub place: String,
    pub reason: WaitReason,
    /// In the last half minute to minute.
    pub lately: Spread,
    /// Before that, in this incarnation.
    pub before: Spread,
}

/// How long some calls took, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    pub count: u64,
    pub p50_us: u64,
    pub p99_us: u64,
}

/// `p50 3 ms, p99 12 ms`, or "no call".
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = |us| Span(Duration::from_micros(us));
        match self.count {
            0 => f.write_str("no call"),
            _ => write!(f, "p50 {}, p99 {}", us(self.p50_us), us(self.p99_us)),
        }
    }
}

/// The closed list of wait reasons (console.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    SourceRead,
    TargetWrite,
    TargetOpen,
    Drive,
    Mount,
    Locate,
    Cartridge,
    Throttle,
    RateLimit,
    Retry,
    Paused,
    PeerAnswer,
    Ledger,
    Slot,
    Space,
    Connect,
    Lock,
    /// A peer's process that is not there yet, or not again.
    Process,
}

impl WaitReason {
    /// As the screen writes it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::SourceRead => "source read",
            Self::TargetWrite => "target write",
            Self::TargetOpen => "target open",
            Self::Drive => "drive",
            Self::Mount => "mount",
            Self::Locate => "locate",
            Self::Cartridge => "cartridge",
            Self::Throttle => "throttle",
            Self::RateLimit => "rate limit by the server",
            Self::Retry => "retry back-off",
            Self::Paused => "paused",
            Self::PeerAnswer => "peer's answer",
            Self::Ledger => "ledger",
            Self::Slot => "slot",
            Self::Space => "space on the target",
            Self::Connect => "connection",
            Self::Lock => "lock",
            Self::Process => "process",
        }
    }
}

/// Three named rates, bytes a second (console.md): now (5 s), one minute, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    pub now: u64,
    pub one_min: u64,
    pub average: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    pub used: u32,
    pub max: u32,
}

/// What holds of a dial, at one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialSnapshot {
    #[serde(with = "as_text")]
    pub dial: Dial,
    /// Bytes a second or transfers; `None`: no limit. Of both peers together where they share it.
    pub value: Option<u64>,
    /// An operator's word, not the profile's.
    #[serde(default)]
    pub turned: bool,
    /// This peer's part of it, in thousandths; 1,000 where it is not shared.
    pub part: u16,
    /// Bytes that this incarnation moved under it, and milliseconds that its slots waited for it, summed over them.
    #[serde(default)]
    pub taken: u64,
    #[serde(default)]
    pub waited_ms: u64,
}

/// One direction of assistance, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assisted {
    pub asked: u64,
    pub needed: u64,
    pub not_needed: u64,
    pub transfers: u64,
    pub bytes: u64,
    /// Ranges of transfers in flight, and their bytes: as the helper done, as the owner lent.
    #[serde(default)]
    pub ranges: u64,
    #[serde(default)]
    pub range_bytes: u64,
}

/// A move of the ratio, with the rule that moved it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatioMove {
    pub at_ms: u64,
    pub old: f64,
    pub new: f64,
    pub rule: Rule,
}

/// What a peer knows of the other one, and how old that knowledge is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub up: bool,
    pub incarnation: u64,
    pub heard_ms_ago: Option<u64>,
    pub rtt_us: Option<u64>,
    pub queued: u64,
    pub queued_bytes: u64,
    pub rate: u64,
    pub ratio: f64,
}

/// A row of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRow {
    pub id: u64,
    #[serde(flatten)]
    pub key: KeyText,
    pub target: String,
    pub bytes: u64,
    /// Attempts so far; 0 before the first, and where that is not told.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// A target as one peer sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSnapshot {
    pub name: String,
    pub backend: String,
    /// "ok", "paused", "waiting for space", ….
    pub state: String,
    pub free_bytes: Option<u64>,
    pub total_bytes: Option<u64>,
}

/// Something an operator should know without looking for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable word: `stall`, `target_full`, `restarting`, ….
    pub kind: String,
    #[serde(default)]
    pub peer: Option<String>,
    /// The source or target that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(default)]
    pub transfer: Option<u64>,
    pub since_ms: u64,
    /// One sentence: what, where, why.
    pub text: String,
    /// The next command to type.
    #[serde(default)]
    pub next: String,
}

/// The run as its supervisor sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunSnapshot {
    pub run: String,
    pub name: String,
    pub demo: bool,
    pub pid: u32,
    pub at_ms: u64,
    pub state: RunState,
    pub policy: String,
    pub started_at_ms: u64,
    pub ended_at_ms: Option<u64>,
    pub totals: Totals,
    /// By peer name, first peer first in `order`.
    pub peers: BTreeMap<String, Supervised>,
    /// The first and the second peer's names.
    pub order: Vec<String>,
    /// The demo's caption.
    #[serde(default)]
    pub caption: Option<String>,
    #[serde(default)]
    pub problems: Vec<Problem>,
    /// What the run as a whole waits for; `None`: somebody works, or it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// Exit code once ended (architecture.md 7).
    #[serde(default)]
    pub exit: Option<i32>,
}

/// The life of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    #[default]
    Starting,
    Running,
    Stopping,
    /// All done, verified as asked.
    Complete,
    /// Ended with given-up transfers.
    Failed,
    /// Ended before all was done; can be resumed.
    Stopped,
}

impl RunState {
    pub const ALL: [Self; 6] =
        [Self::Starting, Self::Running, Self::Stopping, Self::Complete, Self::Failed, Self::Stopped];

    /// The state that [`Self::words`] wrote, for instance into a `RunEnded`.
    pub fn from_words(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.words() == words)
    }

    pub const fn ended(self) -> bool {
        matches!(self, Self::Complete | Self::Failed | Self::Stopped)
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Complete => "complete",
            Self::Failed => "ended with failed transfers",
            Self::Stopped => "stopped",
        }
    }
}

/// What was discovered; `growing` until the walk has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub transfers: u64,
    pub bytes: u64,
    pub growing: bool,
}

/// A peer process as the supervisor sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervised {
    pub pid: Option<u32>,
    /// "running", "restarting in 2 s", "gave up after 5 restarts", "finished".
    pub state: String,
    pub restarts: u32,
    /// The last exit in words.
    #[serde(default)]
    pub last_exit: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(wait: Option<Wait>) -> InFlight {
        InFlight { wait, ..InFlight::default() }
    }

    fn wait(reason: WaitReason, place: &str, age_ms: u64) -> Wait {
        Wait { place: place.into(), ..Wait::new(reason, "", age_ms) }
    }

    #[test]
    fn a_peer_waits_when_all_it_has_in_flight_waits_for_what_most_of_it_waits_for() {
        let mount = wait(WaitReason::Mount, "vault", 9_000);
        let drives = [7_000, 3_000].map(|age| wait(WaitReason::Drive, "vault", age));
        let mut s = PeerSnapshot {
            in_flight: [mount.clone(), drives[0].clone(), drives[1].clone()].map(Some).map(flight).into(),
            free_wait: Some(wait(WaitReason::Ledger, "", 40_000)),
            ..PeerSnapshot::default()
        };
        // All of them since the last one began.
        assert_eq!(s.wait(), Some(Wait { age_ms: 3_000, ..drives[0].clone() }));
        assert_eq!(s.wait_at("vault"), Some(&mount));
        assert_eq!(s.wait_at("elsewhere"), None);
        s.in_flight.push(flight(None));
        assert_eq!(s.wait(), None, "one of them works");
        s.in_flight.clear();
        assert_eq!(s.wait().map(|w| w.reason), Some(WaitReason::Ledger));
    }
}
