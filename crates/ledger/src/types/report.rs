//! What the console, the report and `verify` read.

use crate::{NodeKind, Process, Remembered, State};
use std::collections::BTreeMap;
use twinhaul_units::{Amount, Dial, Epoch, Incarnation, LotId, PeerId, TransferId, Turned};
use twinhaul_wire::{EventKind, RunState};

/// The run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunRow {
    pub id: String,
    pub name: String,
    pub profile_hash: String,
    pub policy: String,
    pub names: [String; 2],
    pub created_at_ms: u64,
    pub state: RunState,
    pub state_at_ms: u64,
    /// Directory times and links are done.
    pub finished: bool,
}

/// What was discovered so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub transfers: u64,
    pub bytes: u64,
    pub directories: u64,
    /// The walk has not ended.
    pub growing: bool,
    pub waves: u64,
    /// The id after the last one; where the next wave begins.
    pub next: TransferId,
}

/// One row of the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Planned, authorised: the owner. Settled: who settled it.
    pub peer: PeerId,
    pub target: u16,
    pub state: State,
    pub amount: Amount,
}

/// How many transfers of which state, per peer and target; exact at every commit (invariant S11).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub rows: Vec<Counter>,
    /// The part of done that is verified, by [`PeerId::index`].
    pub verified: [Amount; 2],
}

impl Counters {
    /// All of one state.
    pub fn sum(&self, state: State) -> Amount {
        self.of(|c| c.state == state)
    }

    /// All of one state at one peer.
    pub fn at(&self, peer: PeerId, state: State) -> Amount {
        self.of(|c| c.peer == peer && c.state == state)
    }

    /// All of one state at one target.
    pub fn to(&self, target: u16, state: State) -> Amount {
        self.of(|c| c.target == target && c.state == state)
    }

    /// Planned and authorised.
    pub fn remaining(&self) -> Amount {
        self.of(|c| !c.state.settled())
    }

    /// Everything there is; equals the totals.
    pub fn discovered(&self) -> Amount {
        self.of(|_| true)
    }

    fn of(&self, wanted: impl Fn(&Counter) -> bool) -> Amount {
        self.rows.iter().filter(|c| wanted(c)).map(|c| c.amount).sum()
    }
}

/// Where a page of a queue begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueAt {
    /// After so many planned transfers.
    Offset(u64),
    /// After this transfer; if it is no longer in this peer's lots, at the head.
    After(TransferId),
}

/// Everything about one transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    pub id: TransferId,
    pub key: Vec<u8>,
    pub source_key: Vec<u8>,
    pub source: u16,
    pub target: u16,
    pub kind: NodeKind,
    /// Bytes as planned.
    pub size: u64,
    /// Bytes at the target, once authorised or done.
    pub actual_size: Option<u64>,
    pub mtime_ns: i64,
    pub state: State,
    pub attempts: u32,
    pub names: Vec<Vec<u8>>,
    /// Who authorised or settled it, and under which numbers.
    pub by: Option<PeerId>,
    pub incarnation: Option<Incarnation>,
    pub epoch: Option<Epoch>,
    pub blake3: Option<[u8; 32]>,
    pub etag: Option<String>,
    pub verified: bool,
    /// Attributes that the target could not keep.
    pub lost: u32,
    /// Raw, from outside: show it through `units::text::show`.
    pub error: Option<String>,
    pub class: Option<String>,
    pub settled_at_ms: Option<u64>,
    /// When the first attempt began that the ledger knows of.
    pub started_at_ms: Option<u64>,
    /// Attempts before it was last reopened (`retry`, `run --resume`).
    pub tried_before: u32,
    /// Of the first attempt that failed, when there were more. Raw, from outside.
    pub first_error: Option<String>,
}

impl Detail {
    /// Attempts in the whole run.
    pub const fn attempts_in_all(&self) -> u32 {
        self.attempts.saturating_add(self.tried_before)
    }
}

/// A page of a search through the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub rows: Vec<Detail>,
    /// Where to search on; `None`: the end was reached. One call looks at [`crate::FIND_SCAN_MAX`] transfers at most.
    pub next: Option<TransferId>,
}

/// A lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LotRow {
    pub id: LotId,
    pub wave: u64,
    pub target: u16,
    pub first: TransferId,
    pub last: TransferId,
    /// No transfer below it is planned or authorised; `last + 1` when all are settled.
    pub low: TransferId,
    pub owner: PeerId,
    pub epoch: Epoch,
    pub planned: u64,
    pub authorised: u64,
}

/// A peer as the ledger knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerRow {
    pub peer: PeerId,
    pub name: String,
    /// 0: never joined.
    pub incarnation: Incarnation,
    /// Of `process`: smaller than `incarnation` once it is fenced.
    pub joined: Incarnation,
    pub process: Option<Process>,
    pub joined_at_ms: Option<u64>,
    pub memory: Option<Remembered>,
    /// What an operator turned of this peer.
    pub dials: BTreeMap<Dial, Turned>,
    /// Assignments it gave to the other, and what was in them.
    pub gave: u64,
    pub given: Amount,
    /// Ranges of transfers in flight that it handed to the other, and their bytes.
    pub lent: u64,
    pub lent_bytes: u64,
}

/// A directory to finish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryRow {
    pub id: u64,
    pub source: u16,
    pub source_key: Vec<u8>,
    pub target: u16,
    pub key: Vec<u8>,
    pub depth: u32,
    pub attrs_json: String,
}

impl DirectoryRow {
    /// Where the next page begins when this row was the last one.
    pub const fn cursor(&self) -> DirectoryCursor {
        DirectoryCursor { depth: self.depth, id: self.id }
    }
}

/// A place in the deepest-first order of the directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryCursor {
    pub depth: u32,
    pub id: u64,
}

/// An event that has no place in the order yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    pub at_ms: u64,
    /// `None`: the planner, the supervisor, an operator.
    pub peer: Option<String>,
    pub incarnation: u64,
    pub kind: EventKind,
}
