//! Parts of a transfer: what is lent to the other peer, what a second slot works on, and how far each has come.
//!
//! A transfer's home is the owner of its lot: the only one that seals and publishes it (protocol.md 6, S4). A range has
//! one holder at a time, hedges excepted: those are copies of the same bytes.

use twinhaul_units::{Epoch, LotId, PeerId, TransferId};

/// The bytes `from..to` of one transfer, lent to the peer that holds it, or worked on by a slot of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteRange {
    pub id: TransferId,
    pub lot: LotId,
    /// Of the home's lot.
    pub epoch: Epoch,
    /// Who seals and publishes the transfer.
    pub home: PeerId,
    /// The target's number in its run.
    pub target: u16,
    pub from: u64,
    pub to: u64,
    /// A copy of what somebody else works on too.
    pub hedge: bool,
}

impl ByteRange {
    /// Bytes.
    pub const fn len(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }

    pub const fn is_empty(&self) -> bool {
        self.to <= self.from
    }

    /// Whether both hold bytes of the same transfer, and some of them are the same.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.id.0 == other.id.0 && self.from < other.to && other.from < self.to
    }
}

/// "Cut `bytes` off the end of the part of transfer `id` in flight here that begins at `from`." The host rounds to
/// 256 KiB boundaries and to what is not claimed yet; it may be less, it may be nothing. With `hedge` nothing is cut:
/// the last `bytes` of that part are done twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cut {
    pub id: TransferId,
    pub from: u64,
    pub bytes: u64,
    pub hedge: bool,
}

/// How far one part of a transfer in flight has come: `from..reached` is copied, `reached..to` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartProgress {
    pub id: TransferId,
    pub from: u64,
    pub reached: u64,
    pub to: u64,
}

/// What became of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RangeOutcome {
    /// Durable and recorded.
    Done,
    /// Nobody needs it: its home let go of it, or somebody else did it.
    Moot,
    /// Given back to its home.
    Failed,
}
