//! Messages between the two peers (protocol.md 5). A lost, doubled, late or forged one can only cost time.

use serde::{Deserialize, Serialize};

/// A message and who sent it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    pub from: String,
    pub incarnation: u64,
    /// Grows by one with each message of an incarnation.
    pub seq: u64,
    /// Milliseconds since the epoch, by the sender's clock; for display only.
    pub sent_at_ms: u64,
    pub body: Message,
}

/// What one peer tells the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// "Do you need assistance?" (claims 2.1, 3.1).
    Ask {
        ask_id: u64,
        episode: u64,
        rate: u64,
        queued: u64,
        idle_slots: u32,
        /// Bytes queued and in flight at the asker.
        #[serde(default)]
        left: u64,
        #[serde(default)]
        pace: Pace,
    },
    /// "Assistance needed" (claims 4.3, 5.3); the assignment `op` is already in the ledger.
    Needed {
        ask_id: u64,
        op: u64,
        lots: Vec<u64>,
        count: u64,
        bytes: u64,
        ratio: f64,
        portion: f64,
        minimum: u64,
        queued: u64,
        #[serde(default)]
        portion_bytes: u64,
        #[serde(default)]
        remaining_bytes: u64,
        /// Number of ranges that were lent.
        #[serde(default)]
        ranges: u64,
        #[serde(default)]
        pace: Pace,
    },
    /// "No assistance needed" (claims 4.4, 5.4), with the figures that say why.
    NotNeeded {
        ask_id: u64,
        ratio: f64,
        portion: f64,
        minimum: u64,
        queued: u64,
        #[serde(default)]
        portion_bytes: u64,
        #[serde(default)]
        remaining_bytes: u64,
        #[serde(default)]
        pace: Pace,
    },
    /// An operator moved transfers (rebalance, drain); the assignment is in the ledger.
    Given {
        op: u64,
        lots: Vec<u64>,
        count: u64,
        bytes: u64,
    },
    /// A range is durable and in the ledger.
    RangeDone {
        id: u64,
        from: u64,
        to: u64,
    },
    /// The receiver was taken over.
    Taken {
        old: u64,
        new: u64,
        count: u64,
        bytes: u64,
    },
    Heartbeat {
        queued: u64,
        queued_bytes: u64,
        in_flight: u64,
        rate: u64,
        ratio: f64,
        paused: bool,
        /// Bytes queued and in flight.
        #[serde(default)]
        left: u64,
        #[serde(default)]
        pace: Pace,
        /// Microseconds by the sender's clock.
        #[serde(default)]
        sent: u64,
        /// `sent` of the receiver's latest heartbeat, moved on by how long it lay at the sender's.
        #[serde(default)]
        echo: Option<u64>,
    },
    Bye {
        why: String,
    },
}

/// What work costs a peer, all its slots together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Picoseconds for a byte.
    pub per_byte_ps: u64,
    /// Nanoseconds for a transfer or a range.
    pub per_transfer_ns: u64,
}
