//! `status --json`: the stable face of a run for scripts (architecture.md 7). Additions only; unknown values are null.

use crate::{
    Assisted, CallTimes, DialSnapshot, InFlight, Problem, RunState, Slots, Totals, Wait, WaitReason,
    command::QueueSize,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The whole of `twinhaul status --json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub run: String,
    pub state: RunState,
    pub policy: String,
    /// RFC 3339, UTC.
    pub started_at: Option<String>,
    pub eta_s: Option<Eta>,
    pub totals: Totals,
    pub done: QueueSize,
    pub verified: QueueSize,
    pub skipped: QueueSize,
    pub failed: QueueSize,
    /// discovered - done - skipped - failed.
    pub remaining: QueueSize,
    /// The part of `remaining` that has been started, and how many bytes of it have moved already.
    #[serde(default)]
    pub in_flight: QueueSize,
    /// The part of `in_flight` that is visible under its key and not yet known to be durable (`durability: end`).
    #[serde(default)]
    pub published: QueueSize,
    pub peers: BTreeMap<String, PeerStatus>,
    /// What the run as a whole waits for; null: somebody works, or nobody could be asked.
    #[serde(default)]
    pub wait: Option<Wait>,
    /// Sources and targets where transfers wait or have waited, both peers together.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub places: BTreeMap<String, PlaceStatus>,
    pub assistance: Assistance,
    /// Sources and targets whose times are a model's, with which: "vault: LTO-8 times, 200 x as fast".
    #[serde(default)]
    pub simulated: Vec<String>,
    pub problems: Vec<Problem>,
}

/// Seconds to the end, as a range with its basis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Eta {
    pub low: f64,
    pub high: f64,
    pub basis: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PeerStatus {
    pub state: String,
    pub pid: Option<u32>,
    pub incarnation: u64,
    /// The live one; of a peer that is gone, its last.
    pub ratio: Option<f64>,
    pub minimum: Option<u64>,
    pub increment: Option<f64>,
    pub portion: Option<f64>,
    pub queue: QueueSize,
    pub in_flight: Vec<InFlight>,
    pub done: QueueSize,
    pub rate: Option<u64>,
    pub limit: Option<u64>,
    pub slots: Option<Slots>,
    /// Whatever else is limited for this peer or was turned by an operator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dials: Vec<DialSnapshot>,
    pub last_progress_s: Option<f64>,
    pub idle_s: Option<f64>,
    pub assisted: Assisted,
    /// What it waits for as a whole; null: something of it works.
    #[serde(default)]
    pub wait: Option<Wait>,
    /// Why free slots stand free, and what the group waits for that is being made durable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_wait: Option<Wait>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settling_wait: Option<Wait>,
    /// Milliseconds by wait reason, summed over slots, of this incarnation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub waits_ms: BTreeMap<WaitReason, u64>,
    /// How long calls take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallTimes>,
}

/// A source or target as the transfers meet it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlaceStatus {
    /// The longest wait there is now.
    pub wait: Option<Wait>,
    /// Milliseconds by wait reason, summed over the slots of both peers' living incarnations.
    pub waits_ms: BTreeMap<WaitReason, u64>,
}

/// Assistance over the whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assistance {
    /// Asks, answers and assignments.
    pub messages: u64,
    pub assigned_transfers: u64,
    pub assigned_bytes: u64,
    pub ranges: u64,
}
