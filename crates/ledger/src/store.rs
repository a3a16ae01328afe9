//! The writing face of the ledger: about twenty batch operations, the same for every store.
//!
//! A store belongs to one thread. Every operation is one transaction: durable when it returns `Ok`, without any effect
//! when it returns `Err`. It must never retry an I/O error, and never change anything for a fenced incarnation.

use crate::sim::SimStore;
use crate::sqlite::SqliteStore;
use crate::{
    Assign, AssignOutcome, Authorise, FinishedRange, HeldRange, Joined, LedgerError, NewCheckpoint, NewEvent,
    NewLot, NewRun, Planned, PlannedDirectory, Process, RangeEnd, Remembered, Reopen, Result, RunState,
    Settled, TakeOver, TakeOverOutcome, View,
};
use std::path::Path;
use twinhaul_units::{Dial, Epoch, Incarnation, PeerId, TransferId, Turned};

/// A connection that can write. It is a [`View`] too.
#[derive(Debug)]
#[non_exhaustive]
pub enum Store {
    Sqlite(SqliteStore),
    /// In memory, for the simulator and its tests.
    Sim(SimStore),
}

/// Calls the same method of whichever store it is.
macro_rules! each {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            Store::Sqlite($store) => $call,
            Store::Sim(sim) => {
                let mut sim = sim.lock();
                let $store = &mut *sim;
                $call
            }
        }
    };
}

impl std::ops::Deref for Store {
    type Target = View;

    fn deref(&self) -> &View {
        match self {
            Self::Sqlite(store) => store.view(),
            Self::Sim(store) => store.view(),
        }
    }
}

impl Store {
    /// Makes the ledger of a new run (mode 0600) and its reserve.
    ///
    /// # Errors
    /// `Exists`, `SharedFileSystem`, `Library`, `NoSpace`, and what SQLite says.
    pub fn create(path: &Path, run: &NewRun) -> Result<Self> {
        SqliteStore::create(path, run).map(Self::Sqlite)
    }

    /// Opens the ledger of a run that exists.
    ///
    /// # Errors
    /// `NotFound`, `NotALedger`, `Schema`, `SharedFileSystem`, `Library`, `Corrupt`.
    pub fn open(path: &Path) -> Result<Self> {
        SqliteStore::open(path).map(Self::Sqlite)
    }

    /// Before a run is resumed: reads the whole file for damage (`quick_check`) and makes the reserve again if an
    /// earlier stop gave it back. Takes seconds for millions of transfers (faults.md 42).
    ///
    /// # Errors
    /// `Corrupt`; `NoSpace` while there is no room for the reserve.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Sqlite(store) => store.check(),
            // In memory nothing can be damaged.
            Self::Sim(_) => Ok(()),
        }
    }

    // --- the planner

    /// Writes one wave: ids dense inside it and above all earlier ones, `lots` in id order, disjoint and covering it,
    /// each with one target.
    ///
    /// # Errors
    /// `BadPlan` when one of these rules is broken, `TooMany` above [`crate::BATCH_MAX`].
    pub fn add_wave(&self, wave: u64, transfers: &[Planned], lots: &[NewLot]) -> Result<()> {
        each!(self, store => store.add_wave(wave, transfers, lots))
    }

    /// Adds directories to finish at the end; they count in no portion.
    pub fn add_directories(&self, directories: &[PlannedDirectory]) -> Result<()> {
        each!(self, store => store.add_directories(directories))
    }

    /// The walk has ended: the totals grow no more.
    pub fn plan_finished(&self) -> Result<()> {
        each!(self, store => store.plan_finished())
    }

    // --- peers

    /// Takes a peer's place: its incarnation grows by one and the former process is fenced. Ranges that it held go back
    /// to their homes; transfers that it was home of are redone.
    pub fn join(&self, peer: PeerId, process: &Process, now_ms: u64) -> Result<Joined> {
        each!(self, store => store.join(peer, process, now_ms))
    }

    /// Keeps what the method has learned for the next incarnation (claims 6, 7).
    ///
    /// # Errors
    /// `Fenced`.
    pub fn remember(&self, peer: PeerId, incarnation: Incarnation, memory: &Remembered) -> Result<()> {
        each!(self, store => store.remember(peer, incarnation, memory))
    }

    /// Keeps what an operator turned for the next incarnations, instead of what the profile says.
    ///
    /// # Errors
    /// `Fenced`.
    pub fn turn(&self, peer: PeerId, incarnation: Incarnation, dial: &Dial, to: Turned) -> Result<()> {
        each!(self, store => store.turn(peer, incarnation, dial, to))
    }

    /// Hands lots over (claims 2.2.1, 3.2.2): checks both incarnations, the owner and the epoch of every interval and
    /// that all its transfers are planned; splits the lots exactly; the new ones get new ids and a higher epoch.
    /// Lends the ranges that were cut, all or nothing: bytes that the giver holds, of the attempt under way.
    /// Asked again with the same `op`, it answers what it answered before.
    ///
    /// # Errors
    /// `Fenced` when `from_incarnation` is not the current one.
    pub fn assign(&self, assign: &Assign) -> Result<AssignOutcome> {
        each!(self, store => store.assign(assign))
    }

    /// Fences a dead peer and owns everything that it had not settled, with new lot ids and higher epochs. Ranges go as
    /// with [`Self::join`].
    ///
    /// # Errors
    /// `Fenced` when `by_incarnation` is not the current one.
    pub fn take_over(&self, take: &TakeOver) -> Result<TakeOverOutcome> {
        each!(self, store => store.take_over(take))
    }

    /// Permits a group of sealed transfers to be published, and records their references (invariant S8).
    ///
    /// # Errors
    /// `Fenced`, `LotFenced`, `Settled`, `Unknown`: then none of the group may be published.
    pub fn authorise(&self, peer: PeerId, incarnation: Incarnation, group: &[Authorise]) -> Result<()> {
        each!(self, store => store.authorise(peer, incarnation, group))
    }

    /// Ends a group of transfers. The same end again is accepted and changes nothing.
    ///
    /// # Errors
    /// `Fenced`, `LotFenced`, `Settled` (another end is recorded, invariant S3), `Unknown`.
    pub fn settle(&self, peer: PeerId, incarnation: Incarnation, group: &[Settled]) -> Result<()> {
        each!(self, store => store.settle(peer, incarnation, group))
    }

    /// Records ranges whose bytes are durable in their shared private object. A stale epoch or attempt, or a range that
    /// is held no more, is moot; the same again is accepted.
    ///
    /// # Errors
    /// `Fenced`, `TooMany`.
    pub fn finish_ranges(
        &self,
        peer: PeerId,
        incarnation: Incarnation,
        finished: &[FinishedRange],
    ) -> Result<Vec<RangeEnd>> {
        each!(self, store => store.finish_ranges(peer, incarnation, finished))
    }

    /// Holds the end of a lent range apart from its beginning, so that two slots of its holder can work on it: `tail` is
    /// a range of its own then. False: it is not held, or not to be divided (somebody races with it, too many ranges).
    ///
    /// # Errors
    /// `Fenced`.
    pub fn split_range(&self, peer: PeerId, incarnation: Incarnation, tail: &HeldRange) -> Result<bool> {
        each!(self, store => store.split_range(peer, incarnation, tail))
    }

    /// Gives ranges back to their home, which finds them with its next `ranges_since`; hedges vanish. A range is named by
    /// where it begins: its holder may not know yet whether a cut of its end was made.
    /// What is not held (any more) is passed over.
    ///
    /// # Errors
    /// `Fenced`, `TooMany`.
    pub fn return_ranges(&self, peer: PeerId, incarnation: Incarnation, ranges: &[HeldRange]) -> Result<()> {
        each!(self, store => store.return_ranges(peer, incarnation, ranges))
    }

    /// The home has these bytes from somebody else: their holders may stop, and give them back.
    ///
    /// # Errors
    /// `Fenced`, `TooMany`.
    pub fn decline_ranges(&self, home: PeerId, incarnation: Incarnation, ranges: &[HeldRange]) -> Result<()> {
        each!(self, store => store.decline_ranges(home, incarnation, ranges))
    }

    /// The home redoes these transfers: all their ranges are moot.
    ///
    /// # Errors
    /// `Fenced`, `TooMany`.
    pub fn recall_ranges(
        &self,
        home: PeerId,
        incarnation: Incarnation,
        transfers: &[(TransferId, Epoch)],
    ) -> Result<()> {
        each!(self, store => store.recall_ranges(home, incarnation, transfers))
    }

    /// Records what of large transfers in flight is durable in their private objects; what was recorded before is
    /// replaced. Whoever begins such a transfer again goes on from there: see [`View::checkpoint`]. It ends with the
    /// transfer's next step; of one that is not this peer's any more, or has taken it, nothing is recorded.
    ///
    /// # Errors
    /// `Fenced`, `TooMany`.
    pub fn keep_checkpoints(
        &self,
        peer: PeerId,
        incarnation: Incarnation,
        new: &[NewCheckpoint],
    ) -> Result<()> {
        each!(self, store => store.keep_checkpoints(peer, incarnation, new))
    }

    /// Makes authorised transfers planned again: their private objects are discarded and they will be redone.
    /// Planned ones stay so.
    ///
    /// # Errors
    /// `Fenced`, `LotFenced`, `Settled`, `Unknown`.
    pub fn release(
        &self,
        peer: PeerId,
        incarnation: Incarnation,
        group: &[(TransferId, Epoch)],
    ) -> Result<()> {
        each!(self, store => store.release(peer, incarnation, group))
    }

    /// The verb `retry`: failed transfers become planned again, as lots of their owner that it finds with `lots_since`.
    /// Returns how many; ids that are not failed are passed over.
    ///
    /// # Errors
    /// `TooMany` lots; what was reopened before that stays reopened.
    pub fn reopen_failed(&self, which: &Reopen) -> Result<u64> {
        each!(self, store => store.reopen_failed(which))
    }

    // --- history and the end

    /// Appends to the history and trims it to [`crate::EVENTS_MAX`]. Returns the first one's place.
    pub fn append_events(&self, events: &[NewEvent]) -> Result<u64> {
        each!(self, store => store.append_events(events))
    }

    /// Whether this peer is the one that finishes (directories, sweep). True for one current incarnation at a time, and
    /// only when the walk has ended and every transfer is settled.
    ///
    /// # Errors
    /// `Fenced`.
    pub fn claim_finishing(&self, peer: PeerId, incarnation: Incarnation) -> Result<bool> {
        each!(self, store => store.claim_finishing(peer, incarnation))
    }

    /// Finishing is done, once.
    ///
    /// # Errors
    /// `Fenced`, also when another incarnation holds the claim.
    pub fn finishing_done(&self, peer: PeerId, incarnation: Incarnation) -> Result<()> {
        each!(self, store => store.finishing_done(peer, incarnation))
    }

    /// Records the life of the run. The change to an ended state is the run's end: it writes `RunEnded`, once, whoever
    /// makes it. A run that has ended is not said to run or to stop any more: whoever says so has not heard of its end yet.
    pub fn set_run_state(&self, state: RunState, at_ms: u64) -> Result<()> {
        each!(self, store => store.set_run_state(state, at_ms))
    }

    /// `run --resume`: a run that had ended, or whose processes are gone, runs again.
    pub fn go_on(&self, at_ms: u64) -> Result<()> {
        each!(self, store => store.go_on(at_ms))
    }

    /// Every rule about lots and counters, recounted from the rows (S4, S11): for tests and `doctor`; reads everything.
    /// Returns the broken ones in words, at most [`crate::VIOLATIONS_MAX`].
    pub fn check_invariants(&self) -> Result<Vec<String>> {
        each!(self, store => store.check_invariants())
    }
}

/// The process that holds the write lock of the ledger at `path`, if it is another one (store.md 4.2).
///
/// # Errors
/// `Io` when the ledger's shared memory cannot be opened.
pub fn lock_holder(path: &Path) -> Result<Option<u32>, LedgerError> {
    crate::files::lock_holder(path)
}
