//! Peers coming, going, and handing over lots.

use super::RangeCut;
use std::collections::BTreeMap;
use twinhaul_assist::{ByteRange, Interval};
use twinhaul_units::{Dial, Epoch, Incarnation, LotId, PeerId, TransferId, Turned};
use twinhaul_wire::{AssignWhy, EventKind};

/// The process that takes a peer's place; enough to be sure later that it is the same process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    /// Field 22 of `/proc/<pid>/stat`.
    pub pid_start: u64,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    pub host: String,
}

/// A process that was stopped while it held the ledger's lock, and was killed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    pub pid: u32,
}

impl Stopped {
    /// For the history.
    pub fn told(self) -> EventKind {
        let pid = self.pid;
        let text = format!(
            "process {pid} was stopped while it held the ledger's lock, and was killed: nobody else could write"
        );
        EventKind::Warning { text }
    }
}

/// What a process learns when it takes a peer's place.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    /// One more than the former one's, which is fenced from now on.
    pub incarnation: Incarnation,
    /// What the former incarnation remembered; `None` the first time.
    pub memory: Option<Remembered>,
    /// What an operator turned of this peer.
    pub dials: BTreeMap<Dial, Turned>,
}

/// What the method has learned (claims 6, 7).
#[derive(Clone, Debug, PartialEq)]
pub struct Remembered {
    /// For the next run of the profile: without the moves of the tail.
    pub ratio: f64,
    /// For the next incarnation, and what an ended run shows.
    pub live_ratio: f64,
    /// Who assisted whom at the last turn, as the core writes it.
    pub last: String,
}

/// How far a peer has read what it owns: pass back what the last call gave, the default at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LotCursor {
    /// The lot as which the transfers came to this owner; later pieces of it keep that number.
    pub(crate) born: LotId,
    pub(crate) id: TransferId,
}

/// What a peer owns and has not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owned {
    pub interval: Interval,
    /// A lot never crosses a target; what the other peer cannot reach is a question about this.
    pub target: u16,
}

/// One load of lots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Loaded {
    /// In start order; maximal intervals of planned transfers.
    pub owned: Vec<Owned>,
    /// For the next call.
    pub next: LotCursor,
    /// False: the limit was reached, there may be more.
    pub complete: bool,
    /// The walk goes on, so more lots may come.
    pub growing: bool,
}

/// An assignment (claims 2.2.1, 3.2.2): lots split and handed over, and ranges lent, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Assign {
    /// Unique for `from` and its incarnation; the same `op` again returns the same result.
    pub op: u64,
    pub from: PeerId,
    pub from_incarnation: Incarnation,
    pub to: PeerId,
    pub to_incarnation: Incarnation,
    /// Not started (invariant S6), disjoint, in any order.
    pub intervals: Vec<Interval>,
    /// Of transfers in flight here; from a helper to the home: given back. Disjoint, in any order.
    pub cuts: Vec<RangeCut>,
    pub why: AssignWhy,
}

/// What came of an assignment; recorded under its `op`, so that a refused one is never made later.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AssignOutcome {
    Assigned(Assigned),
    /// No owner changed.
    Refused(Refused),
}

/// A durable assignment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Assigned {
    /// The new lots, in the order of their ids.
    pub lots: Vec<Interval>,
    /// What was lent or given back, in the order of the cuts.
    pub ranges: Vec<ByteRange>,
    /// Transfers in the lots.
    pub count: u64,
    /// Bytes in the lots; those of the ranges are in the ranges.
    pub bytes: u64,
}

/// Why an assignment changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// The helper has been fenced or restarted since it asked (protocol.md 7); its current incarnation.
    StaleHelper { current: Incarnation },
    /// Take-over only: the peer thought dead has joined again.
    StaleOwner { current: Incarnation },
    /// No interval, or an empty one.
    Empty,
    /// Two intervals share a transfer.
    Overlap,
    /// From and to are the same peer.
    Same,
    /// Transfers of this lot are not owned under that epoch.
    NotOwned { lot: LotId, epoch: Epoch },
    /// Not every transfer of this interval is still planned.
    NotPlanned { lot: LotId, epoch: Epoch },
    /// More than [`crate::ASSIGN_INTERVALS_MAX`] intervals, or [`crate::LOTS_MAX`] lots.
    TooManyLots,
    /// Bytes of this transfer are not the giver's to hand over: done, lent before, of another attempt, or ill cut.
    RangeNotHeld { id: TransferId },
    /// More than [`crate::CUTS_MAX`] cuts, or [`crate::RANGES_MAX`] ranges.
    TooManyRanges,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::StaleHelper { current } => write!(f, "the helper is now at incarnation {current}"),
            Self::StaleOwner { current } => write!(f, "the owner is now at incarnation {current}"),
            Self::Empty => f.write_str("there is nothing to hand over"),
            Self::Overlap => f.write_str("two intervals share a transfer"),
            Self::Same => f.write_str("from and to are the same peer"),
            Self::NotOwned { lot, epoch } => write!(f, "lot {lot} is not owned at epoch {epoch}"),
            Self::NotPlanned { lot, epoch } => {
                write!(f, "lot {lot} at epoch {epoch} holds transfers that have started or ended")
            }
            Self::TooManyLots => f.write_str("the queue is in too many pieces"),
            Self::RangeNotHeld { id } => write!(f, "bytes of transfer {id} are not this peer's to hand over"),
            Self::TooManyRanges => f.write_str("too many ranges are lent"),
        }
    }
}

/// Owning a dead peer's lots without its consent (store.md 3, protocol.md 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TakeOver {
    /// Unique for `by` and its incarnation, and not used for an assignment either.
    pub op: u64,
    pub by: PeerId,
    pub by_incarnation: Incarnation,
    /// The incarnation of the other peer that is known to be dead.
    pub dead_incarnation: Incarnation,
}

/// What came of a take-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TakeOverOutcome {
    Taken(TakenOver),
    Refused(Refused),
}

/// A durable take-over: the dead incarnation is fenced, everything it had not settled has a new owner and epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TakenOver {
    /// Of the dead peer, after the bump.
    pub incarnation: Incarnation,
    /// Lots that moved; read them with `lots_since`, and the authorised ones with `unsettled`.
    pub lots: u64,
    /// Transfers and bytes not settled in them.
    pub count: u64,
    pub bytes: u64,
}
