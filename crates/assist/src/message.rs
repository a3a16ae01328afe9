//! What the two peers tell each other (protocol.md 5). Messages change no ownership: a lost, doubled, late or forged
//! one can only cost time. Sender, incarnation and sequence are in the envelope, which is not this crate's.

use crate::{AskId, Episode, Millionths, OpId};
use std::hash::{Hash, Hasher};
use twinhaul_units::{Bytes, LotId, Rate};

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// "Do you need assistance?" (claims 2.1, 3.1). `queued` is the asker's own.
    Ask { ask_id: AskId, episode: Episode, rate: Rate, queued: u64, idle_slots: u32 },
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
    },
    /// "No assistance needed" (claims 4.4, 5.4), with the figures that say why.
    NotNeeded { ask_id: AskId, ratio: Millionths, portion: Millionths, minimum: u64, queued: u64 },
    /// An operator handed transfers over (rebalance, drain); already durable. No part of the method.
    Given { op: OpId, lots: Vec<LotId>, count: u64, bytes: Bytes },
    /// Every second.
    Heartbeat {
        queued: u64,
        queued_bytes: Bytes,
        in_flight: u64,
        rate: Rate,
        ratio: Millionths,
        /// Paused or draining.
        paused: bool,
    },
}

// By hand because a `Rate` has no hash of its own.
impl Hash for Message {
    fn hash<H: Hasher>(&self, h: &mut H) {
        std::mem::discriminant(self).hash(h);
        match self {
            Self::Ask { ask_id, episode, rate, queued, idle_slots } => {
                (ask_id, episode, rate.0, queued, idle_slots).hash(h);
            }
            Self::Needed { ask_id, op, lots, count, bytes, ratio, portion, minimum, queued } => {
                (ask_id, op, lots, count, bytes, ratio, portion, minimum, queued).hash(h);
            }
            Self::NotNeeded { ask_id, ratio, portion, minimum, queued } => {
                (ask_id, ratio, portion, minimum, queued).hash(h);
            }
            Self::Given { op, lots, count, bytes } => (op, lots, count, bytes).hash(h),
            Self::Heartbeat { queued, queued_bytes, in_flight, rate, ratio, paused } => {
                (queued, queued_bytes, in_flight, rate.0, ratio, paused).hash(h);
            }
        }
    }
}
