//! Byte ranges of large transfers that both peers write into one private object (store.md 2, 3).
//!
//! The home of a transfer owns its lot, and has every byte of it that no row names; it alone seals and publishes.

use super::Row;
use twinhaul_assist::ByteRange;
use twinhaul_units::{Epoch, PeerId, TransferId};

/// The source version that the home opened: whoever reads a range of it must find the same (store.md 4.8).
/// `None`: the source cannot tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Version {
    /// Bytes.
    pub size: u64,
    /// Nanoseconds since 1970.
    pub mtime_ns: Option<i64>,
    pub ctime_ns: Option<i64>,
    pub dev: Option<u64>,
    pub ino: Option<u64>,
}

/// The private object that the parts of one attempt at a transfer are written into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SharedObject {
    /// Of the private object, at most [`crate::REFERENCE_BYTES_MAX`]: a helper joins it by this.
    pub reference: Vec<u8>,
    /// Unique for every attempt of a run: rows of an earlier attempt mean nothing to a later one.
    pub attempt: String,
    pub version: Version,
}

/// A range to lend: its peer has cut it off its own part already, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RangeCut {
    pub id: TransferId,
    /// Of the lot, as its home knows it.
    pub epoch: Epoch,
    /// A multiple of [`crate::RANGE_ALIGN`].
    pub from: u64,
    /// A multiple of [`crate::RANGE_ALIGN`], or the object's size.
    pub to: u64,
    /// A second copy of bytes that somebody works on already; whoever is first counts.
    pub hedge: bool,
    pub object: SharedObject,
}

/// A range that a peer has to transfer, with all it needs to begin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lent {
    pub range: ByteRange,
    pub object: SharedObject,
    pub row: Row,
}

/// How far a peer has read what was lent to it: pass back what the last call gave, the default at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RangeCursor(pub(crate) u64);

/// One load of ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LoadedRanges {
    /// In the order in which they were lent.
    pub ranges: Vec<Lent>,
    /// For the next call.
    pub next: RangeCursor,
    /// False: the limit was reached, there may be more.
    pub complete: bool,
}

/// The chaining value of an aligned subtree `[at, at + len)` of an object (BLAKE3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chain {
    pub at: u64,
    pub len: u64,
    pub value: [u8; 32],
}

/// A range as its holder names it to the ledger: exactly as it was lent, or as it is after a part was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeldRange {
    pub id: TransferId,
    pub epoch: Epoch,
    pub from: u64,
    pub to: u64,
    pub hedge: bool,
    pub attempt: String,
}

/// A range whose bytes are durable in the private object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FinishedRange {
    pub held: HeldRange,
    /// Of the subtrees that make it up; at most [`crate::CHAINS_MAX`].
    pub chains: Vec<Chain>,
}

/// What the ledger knows of a range that a peer said it was done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RangeEnd {
    /// Recorded, now or before.
    Done,
    /// Its home let go of it: the transfer is redone, or somebody else did it.
    Moot,
}

/// A row of a transfer's ranges.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RangeRow {
    pub from: u64,
    pub to: u64,
    pub holder: PeerId,
    pub hedge: bool,
    pub done: bool,
    /// Empty unless done.
    pub chains: Vec<Chain>,
    pub attempt: String,
}

impl RangeRow {
    /// Whether this is a part of the bytes `from..to`, which `home` lent, and is its own again and not done: given back, or
    /// taken from a peer that is gone.
    ///
    /// The home goes by this whatever its loads have named. A load tells of what came back once; it may have done so
    /// before the home heard that it had lent these bytes at all, because the answer to its assignment was lost.
    pub fn is_back(&self, home: PeerId, from: u64, to: u64) -> bool {
        self.holder == home && !self.hedge && !self.done && from <= self.from && self.to <= to
    }
}

/// A range that a peer holds and has not finished, as the ledger has it now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holding {
    pub held: HeldRange,
    /// Its home has the bytes already: stop and give it back.
    pub unwanted: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by seeds: the end of what was lent came back before its home knew that it had lent it.
    #[test]
    fn what_of_a_lent_range_is_its_homes_again() {
        let home = PeerId::First;
        let row = |from, to, holder| RangeRow {
            from,
            to,
            holder,
            hedge: false,
            done: false,
            chains: Vec::new(),
            attempt: String::new(),
        };
        assert!(row(4, 8, home).is_back(home, 2, 8) && row(2, 8, home).is_back(home, 2, 8));
        assert!(!row(4, 8, home.other()).is_back(home, 2, 8), "the other peer has it");
        assert!(!row(4, 9, home).is_back(home, 2, 8), "more than was lent");
        assert!(!RangeRow { done: true, ..row(4, 8, home) }.is_back(home, 2, 8));
        assert!(!RangeRow { hedge: true, ..row(4, 8, home) }.is_back(home, 2, 8), "a copy");
    }
}
