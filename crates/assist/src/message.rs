//! What the two peers tell each other (protocol.md 5). Messages change no ownership: a lost, doubled, late or forged
//! one can only cost time. Sender, incarnation and sequence are in the envelope, which is not this crate's.

use crate::{AskId, Episode, Millionths, OpId, Pace};
use twinhaul_units::{Bytes, Incarnation, LotId, Moment, Rate, TransferId};

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// "Do you need assistance?" (claims 2.1, 3.1). All but the numbers is the asker's own.
    Ask {
        ask_id: AskId,
        episode: Episode,
        rate: Rate,
        queued: u64,
        idle_slots: u32,
        /// Bytes queued and in flight.
        left: Bytes,
        pace: Pace,
    },
    /// "Assistance needed" (claims 4.3, 5.3): the assignment `op` is already durable in the ledger. Ratio, portion,
    /// minimum and queued are the owner's figures of claim 4.2, before the hand-over.
    Needed {
        ask_id: AskId,
        op: OpId,
        /// At most [`crate::LOTS_NAMED_MAX`] of them.
        lots: Vec<LotId>,
        count: u64,
        bytes: Bytes,
        ratio: Millionths,
        portion: Millionths,
        minimum: u64,
        queued: u64,
        portion_bytes: Bytes,
        remaining_bytes: Bytes,
        /// Number of ranges that were lent.
        ranges: u64,
        /// The owner's.
        pace: Pace,
    },
    /// "No assistance needed" (claims 4.4, 5.4), with the figures that say why.
    NotNeeded {
        ask_id: AskId,
        ratio: Millionths,
        portion: Millionths,
        minimum: u64,
        queued: u64,
        portion_bytes: Bytes,
        remaining_bytes: Bytes,
        /// The owner's.
        pace: Pace,
    },
    /// An operator handed transfers over (rebalance, drain); already durable. No part of the method.
    Given { op: OpId, lots: Vec<LotId>, count: u64, bytes: Bytes },
    /// A range is durable and recorded: from the helper a wake-up for the home, which looks into the ledger; from the
    /// home a word that a hedged copy is of no use any more.
    RangeDone { id: TransferId, from: u64, to: u64 },
    /// The receiver was taken over: its next transaction is refused anyway.
    Taken {
        /// The incarnation that was taken over, and the number that followed it.
        old: Incarnation,
        new: Incarnation,
        count: u64,
        bytes: Bytes,
    },
    /// Every second, and at once to who has not heard an answer to its own yet.
    Heartbeat {
        queued: u64,
        queued_bytes: Bytes,
        in_flight: u64,
        rate: Rate,
        ratio: Millionths,
        /// Paused or draining.
        paused: bool,
        /// Bytes queued and in flight.
        left: Bytes,
        pace: Pace,
        /// When this was sent, by the sender's clock.
        sent: Moment,
        /// `sent` of the receiver's latest heartbeat, moved on by how long it lay here: what has passed since then
        /// on the receiver's clock is a round trip.
        echo: Option<Moment>,
    },
}
