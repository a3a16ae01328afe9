//! What happens to a core: the only way in.

use crate::{ByteRange, Cut, Interval, LoadedLot, Message, OpId, PartProgress, RangeOutcome, Unit};
use twinhaul_units::{Bytes, Incarnation, Ratio, TransferId};

/// One thing that happened. The caller passes events one at a time and carries out the effects in their order.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// This peer has joined the run with its new incarnation; once, before anything else.
    Started,
    /// The answer to `LoadLots`: what this peer owns and has not started in lots that no earlier load has named.
    LotsLoaded {
        /// Transfers that either peer can do: the queue of claims 1.1 and 1.2.
        lots: Vec<LoadedLot>,
        /// Transfers whose target the other peer cannot reach: done first, never handed over, in no portion.
        pinned: Vec<LoadedLot>,
        /// Ranges that are lent to this peer, not done, and named by no earlier load; and ranges of its own
        /// transfers that were lent and came back to be done here.
        ranges: Vec<ByteRange>,
        /// The walk is over and all its lots are divided.
        all_planned: bool,
    },
    /// The assignment is durable in the ledger. `lots` as the ledger numbered them for their new owner; `ranges` as
    /// they were really cut, which may be less than was asked for; `bytes` of both.
    Assigned { op: OpId, lots: Vec<Interval>, ranges: Vec<ByteRange>, bytes: Bytes },
    /// The assignment was refused and will never be made: its transfers come back into the queue.
    Refused { op: OpId, why: Refusal },
    /// The exact size of a started transfer, as soon as the host has read its row; until then the load's sizes count.
    Began { id: TransferId, bytes: Bytes },
    /// The answer to `Split`: the range is a second part of the same transfer here now, for an own idle slot.
    Split { cut: Cut, range: Option<ByteRange> },
    /// The transfer needs its slot no more.
    SlotDone { id: TransferId, outcome: SlotOutcome },
    /// The range needs its slot no more.
    RangeDone { range: ByteRange, outcome: RangeOutcome },
    /// All ranges of a transfer that ended with [`SlotOutcome::AwaitingRanges`] are done: it goes on to settle.
    RangesHome { id: TransferId },
    /// A transfer that ended with [`SlotOutcome::RetryLater`] is due again.
    RetryDue(Unit),
    /// From the other peer; `from_incarnation` as the envelope says.
    Message { from_incarnation: Incarnation, msg: Message },
    /// The link to the other peer is up, and the ledger says that this is its incarnation.
    PeerJoined { incarnation: Incarnation },
    /// The link is down.
    PeerLost,
    /// The host saw a sign of life of this incarnation beside the link: it works, whether the link reaches it or not.
    PeerSeen { incarnation: Incarnation },
    /// The host knows that the process of this incarnation is gone: its lock is free.
    PeerDead { incarnation: Incarnation },
    /// The answer to `Fence`.
    Fenced { op: OpId, outcome: Result<FencedFigures, Refusal> },
    /// What this peer has moved in this incarnation, and how far each part in flight has come. About ten times a
    /// second, and right before an Ask is handed in.
    Measured { moved: Bytes, parts: Vec<PartProgress> },
    /// An operator's wish.
    Control(Control),
    /// An operator's wish: hand over these transfers, of which those go that are queued and that the other peer can do.
    HandOver { ids: Vec<TransferId> },
    /// The moment that [`crate::Effect::Timer`] asked for has come (earlier and more often does no harm).
    Tick,
}

/// What a take-over brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FencedFigures {
    /// The new incarnation number of the dead peer's place; no process has it.
    pub incarnation: Incarnation,
    /// Transfers that changed their owner.
    pub count: u64,
    pub bytes: Bytes,
}

/// How a transfer left its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlotOutcome {
    /// Complete, waiting for its group's durability.
    Settling,
    Skipped,
    /// Given up.
    Failed,
    /// Stays with this peer, outside the queue, until [`Event::RetryDue`].
    RetryLater,
    /// Its own part is complete, lent ranges are outstanding; followed by [`Event::RangesHome`].
    AwaitingRanges,
}

/// Why the ledger made no assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The receiver's incarnation is not the current one (protocol.md 7: the flaw that the model found).
    ReceiverNotCurrent,
    /// This peer's own incarnation is not the current one: it has been fenced.
    OwnerNotCurrent,
    /// A lot has another owner or epoch than this peer believes.
    LotChanged,
    /// The ledger could not be written, and it is certain that nothing was.
    Unavailable,
}

/// An operator's wish, or that of a story.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Control {
    /// Start nothing and ask nothing; still answers asks.
    Pause,
    /// Ends a pause and a drain.
    Resume,
    /// Sets the ratio.
    Ratio(Ratio),
    /// Sets the minimum.
    Minimum(u64),
    /// Sets the number of slots.
    Slots(u32),
    /// Rebalance: hand over this many transfers now (fewer if fewer are queued).
    Give { count: u64 },
    /// Hand over everything, and start and ask nothing until [`Self::Resume`].
    Drain,
}
