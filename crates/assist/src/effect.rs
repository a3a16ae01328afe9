//! What a core wants done: the only way out. And what it tells about itself, for the console and the history.

use crate::{
    AskId, ByteRange, Control, Cut, Episode, FencedFigures, Interval, Message, Millionths, OpId, Refusal,
    Unit,
};
use std::time::Duration;
use twinhaul_units::{Bytes, Incarnation, Moment, Ratio, TransferId};

/// One thing to do, in the order given.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Make this assignment in one ledger transaction: split the lots exactly, change owner and epoch, and check that
    /// `asker_incarnation` is the receiver's current one. Answer with `Assigned` or `Refused`. The same `op` may be
    /// asked for again: the ledger then answers what it recorded (never twice, and a refused one never later).
    Assign {
        op: OpId,
        /// `None`: nobody asked; an operator did.
        ask_id: Option<AskId>,
        /// The incarnation of the peer that receives.
        asker_incarnation: Incarnation,
        intervals: Vec<Interval>,
        /// Ranges to cut off transfers in flight here, and to lend in the same transaction.
        cuts: Vec<Cut>,
        why: AssignWhy,
    },
    /// Read from the ledger which lots this peer owns that no earlier load has named, at most `limit` intervals;
    /// answer with `LotsLoaded`. At most one load is under way unless one stayed unanswered for `LOAD_TIMEOUT`.
    LoadLots { limit: usize },
    /// Start this transfer in a slot.
    Start(Unit),
    /// Work on this range in a slot; answer with `RangeDone`.
    StartRange(ByteRange),
    /// A slot is idle and the queue is empty: make a second part of a transfer in flight here; answer with `Split`.
    Split(Cut),
    /// This range is done elsewhere: the other copy of a hedge was faster. A range in a slot that it covers ends without
    /// an answer, and its slot is free; an own transfer whose end it is ends where the range begins, as usual.
    Abandon { range: ByteRange },
    /// Take over what the other peer owns, if this is still its current incarnation: one ledger transaction under a
    /// number of its own, as with `Assign`. Answer with `Fenced`.
    Fence { op: OpId, incarnation: Incarnation },
    /// Send to the other peer.
    Send(Message),
    /// Send `Tick` at this moment; replaces the timer set before.
    Timer { at: Moment },
    /// Tell: changes nothing.
    Report(Report),
}

/// Why transfers change their owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AssignWhy {
    /// The method (claims 2.2.1, 3.2.2).
    Assistance,
    /// An operator asked for it.
    Rebalance,
    /// This peer is being drained.
    Drain,
}

/// Why a ratio moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Claim 6.1: the first peer is back first; the second peer's ratio grows.
    Claim6_1,
    /// Claim 6.2: the first peer ran dry first although it had been helped; its own ratio shrinks.
    Claim6_2,
    /// Claim 7.1: the second peer is back first; the first peer's ratio grows.
    Claim7_1,
    /// Claim 7.2: the second peer ran dry first although it had been helped; its own ratio shrinks.
    Claim7_2,
    /// Set by an operator.
    Operator,
}

/// The arithmetic of claims 4.2 to 4.4 at the moment of the answer.
///
/// By the claims the portion is ratio x queued. `balanced` determines it in bytes, `portion_bytes` of
/// `remaining_bytes`, and then `ratio` is their quotient and `portion` the number of transfers and ranges that would
/// move: what the minimum is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AnswerFigures {
    pub ratio: Millionths,
    pub portion: Millionths,
    pub minimum: u64,
    /// The owner's queue before the hand-over.
    pub queued: u64,
    pub portion_bytes: Bytes,
    /// The owner's bytes before the hand-over, queued and in flight.
    pub remaining_bytes: Bytes,
    /// Ranges of transfers in flight among what would move.
    pub ranges: u64,
}

/// Which of the two answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answered {
    /// "Assistance needed", with what was handed over.
    Needed { op: OpId, count: u64, bytes: Bytes },
    /// "No assistance needed".
    NotNeeded,
}

/// Why a control had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControlRefusal {
    /// The other peer is not joined.
    NoPeer,
    /// The queue is empty, or nothing was asked for.
    NothingQueued,
    /// [`crate::ASSIGNS_PENDING_MAX`] assignments are under way.
    Busy,
}

/// Why the other peer was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FenceWhy {
    /// Its process is gone for certain.
    Dead,
    /// Nothing was heard of it for as long as a lease lasts.
    LeaseOver,
    /// It said nothing for three heartbeats, and this peer had nothing else to do.
    Silent,
}

/// What the console shows and the history keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Report {
    /// This peer's own ratio moved; at its clamp `new` equals `old`.
    RatioMoved { old: Ratio, new: Ratio, rule: Rule },
    /// Queue empty and a slot idle.
    EpisodeBegan { episode: Episode },
    /// Work arrived: so much is queued now.
    EpisodeEnded { episode: Episode, queued: u64 },
    /// At the asker; `resent`: the same question again, for want of an answer.
    AskSent { ask_id: AskId, episode: Episode, resent: bool },
    /// At the owner: a first answer, not a repeated one.
    AnswerGiven { ask_id: AskId, figures: AnswerFigures, answered: Answered },
    /// At the asker. `rtt` is from the first sending of the Ask to this answer.
    AnswerReceived { ask_id: AskId, figures: AnswerFigures, answered: Answered, rtt: Duration },
    /// At the owner: an operator's hand-over is durable.
    Gave { op: OpId, count: u64, bytes: Bytes, why: AssignWhy },
    /// At the receiver of it.
    WasGiven { op: OpId, count: u64, bytes: Bytes },
    /// The ledger refused; the transfers are back in the queue.
    AssignRefused { op: OpId, count: u64, why: Refusal },
    /// A control had no effect.
    ControlRefused { control: Control, why: ControlRefusal },
    /// The other peer is suspected: nothing was heard of it for so long.
    Suspected { silent: Duration },
    /// What the other peer owned is this peer's now.
    TookOver { from: Incarnation, figures: FencedFigures, why: FenceWhy },
    /// The ledger refused the take-over.
    FenceRefused { why: Refusal },
    /// Too many retries are due; send `RetryDue` for this transfer again later.
    RetryDeferred { id: TransferId },
}
