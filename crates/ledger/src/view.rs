//! The reading face of the ledger: totals, pages of the queue, history. It can never write.
//!
//! Every call is one read transaction of a few milliseconds whatever the size of the run, so that no reader stops the
//! checkpoints (store.md 4.5); what is long is read in pages. Only [`View::manifest`] and `check_invariants` see all.

use crate::sim::{Sim, SimView};
use crate::sqlite::SqliteView;
use crate::{
    Checkpoint, Holding, Interval, Loaded, LoadedRanges, LotCursor, RangeCursor, RangeRow, Result, Stopped,
    Unsettled,
};
/// What a reader meets, so that the console needs nothing but this module (architecture.md 3).
pub use crate::{
    Counters, Detail, DirectoryCursor, DirectoryRow, Found, LedgerError, LotRow, PAGE_MAX, PeerRow, QueueAt,
    Row, RunRow, State, Totals,
};
use std::path::Path;
use twinhaul_units::{Amount, Bytes, Incarnation, LotId, PeerId, TransferId};
use twinhaul_wire::Event;

/// A connection that reads.
#[derive(Debug)]
#[non_exhaustive]
pub enum View {
    Sqlite(SqliteView),
    /// In memory, for the simulator and its tests.
    Sim(SimView),
}

/// Calls the same method of whichever store it is.
macro_rules! each {
    ($self:ident, $view:ident => $call:expr) => {
        match $self {
            View::Sqlite($view) => $call,
            View::Sim(sim) => {
                let sim = sim.lock();
                let $view = &*sim;
                $call
            }
        }
    };
}

impl View {
    /// Opens the ledger at `path` for reading only.
    ///
    /// # Errors
    /// `NotFound`, `NotALedger`, `Schema`, `SharedFileSystem`, `Library`, `Corrupt`.
    pub fn open(path: &Path) -> Result<Self> {
        SqliteView::open(path).map(Self::Sqlite)
    }

    /// The run.
    pub fn run(&self) -> Result<RunRow> {
        each!(self, view => view.run())
    }

    /// What was discovered so far.
    pub fn totals(&self) -> Result<Totals> {
        each!(self, view => view.totals())
    }

    /// Per peer, target and state; their sum is the totals (S11).
    pub fn counters(&self) -> Result<Counters> {
        each!(self, view => view.counters())
    }

    /// Both peers, the first one first.
    pub fn peers(&self) -> Result<[PeerRow; 2]> {
        each!(self, view => view.peers())
    }

    /// A page of lots in id order.
    pub fn lots(&self, after: Option<LotId>, limit: usize) -> Result<Vec<LotRow>> {
        each!(self, view => view.lots(after, limit.min(PAGE_MAX)))
    }

    /// Changes whenever lots were added or moved: the cheap question before [`Self::lots_since`].
    pub fn lots_version(&self) -> Result<u64> {
        each!(self, view => view.lots_version())
    }

    /// Changes whenever another connection has committed anything.
    pub fn data_version(&self) -> Result<u64> {
        each!(self, view => view.data_version())
    }

    /// What `peer` owns and has not started, as far as no earlier call has named it: at most `limit` intervals.
    ///
    /// # Errors
    /// `Fenced`.
    pub fn lots_since(
        &self,
        peer: PeerId,
        incarnation: Incarnation,
        after: LotCursor,
        limit: usize,
    ) -> Result<Loaded> {
        each!(self, view => view.lots_since(peer, incarnation, after, limit))
    }

    /// Ranges that this incarnation of `peer` holds and has not done, as far as no earlier call has named them: lent to
    /// it, or come back to it as their home.
    ///
    /// # Errors
    /// `Fenced`.
    pub fn ranges_since(
        &self,
        peer: PeerId,
        incarnation: Incarnation,
        after: RangeCursor,
        limit: usize,
    ) -> Result<LoadedRanges> {
        each!(self, view => view.ranges_since(peer, incarnation, after, limit.min(PAGE_MAX)))
    }

    /// What this incarnation of `peer` holds and has not done, in the order of lending; at most [`PAGE_MAX`]. What it
    /// works on and is not here is moot.
    pub fn holdings(&self, peer: PeerId, incarnation: Incarnation, limit: usize) -> Result<Vec<Holding>> {
        each!(self, view => view.holdings(peer, incarnation, limit.min(PAGE_MAX)))
    }

    /// Every part of a transfer that was lent, in order; the rest of it is its home's. Empty when none was.
    pub fn ranges(&self, id: TransferId) -> Result<Vec<RangeRow>> {
        each!(self, view => view.ranges(id))
    }

    /// What of a transfer is durable in the private object of an attempt that has not ended well.
    pub fn checkpoint(&self, id: TransferId) -> Result<Option<Checkpoint>> {
        each!(self, view => view.checkpoint(id))
    }

    /// The attempts of all checkpoints: their private objects are still of use. As many as there are large transfers in
    /// flight.
    pub fn checkpointed_attempts(&self) -> Result<Vec<String>> {
        each!(self, view => view.checkpointed_attempts())
    }

    /// How the bytes of an interval lie in it: (id, bytes of the interval's transfers before it), ascending, from its
    /// first id to the one behind its last. Every id of the first 2,048, then one for each block of 1,024.
    pub fn sizes(&self, interval: &Interval) -> Result<Vec<(TransferId, Bytes)>> {
        each!(self, view => view.sizes(interval))
    }

    /// The transfers `first..=last` in id order, whatever their state; at most `limit`, at most [`crate::ROWS_MAX`].
    pub fn rows(&self, first: TransferId, last: TransferId, limit: usize) -> Result<Vec<Row>> {
        each!(self, view => view.rows(first, last, limit))
    }

    /// The authorised transfers of `peer`'s lots: what recovery looks at, after a join or a take-over.
    pub fn unsettled(&self, peer: PeerId) -> Result<Vec<Unsettled>> {
        each!(self, view => view.unsettled(peer))
    }

    /// How many planned transfers from the tail of `peer`'s queue hold about `bytes`, and what they really hold.
    pub fn tail_for_bytes(&self, peer: PeerId, bytes: u64) -> Result<Amount> {
        each!(self, view => view.tail_for_bytes(peer, bytes))
    }

    /// Planned bytes of all transfers in `intervals`, without reading them.
    pub fn interval_bytes(&self, intervals: &[Interval]) -> Result<u64> {
        each!(self, view => view.interval_bytes(intervals))
    }

    /// Planned transfers of `peer` with their bytes; those in a slot right now included.
    pub fn queue_len(&self, peer: PeerId) -> Result<Amount> {
        each!(self, view => view.queue_len(peer))
    }

    /// A page of `peer`'s planned transfers in start order; those in a slot right now included. At most
    /// [`crate::PAGE_MAX`].
    pub fn queue_page(&self, peer: PeerId, at: QueueAt, limit: usize) -> Result<Vec<Row>> {
        each!(self, view => view.queue_page(peer, at, limit.min(PAGE_MAX)))
    }

    /// How many planned transfers of `peer` stand before this one in start order; `None`: it is not planned, or the other's.
    pub fn queue_place(&self, peer: PeerId, id: TransferId) -> Result<Option<u64>> {
        each!(self, view => view.queue_place(peer, id))
    }

    /// Everything about one transfer.
    pub fn transfer(&self, id: TransferId) -> Result<Option<Detail>> {
        each!(self, view => view.transfer(id))
    }

    /// Transfers after `after` whose key holds `text`; see [`Found::next`].
    pub fn find(&self, text: &[u8], after: Option<TransferId>, limit: usize) -> Result<Found> {
        each!(self, view => view.find(text, after, limit.min(PAGE_MAX)))
    }

    /// A page of the given-up transfers, in id order.
    pub fn failed_page(&self, after: Option<TransferId>, limit: usize) -> Result<Vec<Detail>> {
        each!(self, view => view.failed_page(after, limit.min(PAGE_MAX)))
    }

    /// How many done transfers needed more than one attempt, those before a `retry` included.
    pub fn done_after_retries(&self) -> Result<u64> {
        each!(self, view => view.done_after_retries())
    }

    /// All transfers in id order after `after`, one page.
    pub fn manifest_page(&self, after: Option<TransferId>, limit: usize) -> Result<Vec<Detail>> {
        each!(self, view => view.manifest_page(after, limit.min(PAGE_MAX)))
    }

    /// All transfers in id order, read in pages: for `report` and `verify`.
    pub fn manifest(&self) -> Manifest<'_> {
        Manifest { view: self, page: Vec::new().into_iter(), last: None, ended: false }
    }

    /// A page of directories, deepest first.
    pub fn directories(&self, after: Option<DirectoryCursor>, limit: usize) -> Result<Vec<DirectoryRow>> {
        each!(self, view => view.directories(after, limit.min(PAGE_MAX)))
    }

    /// Events after `seq`, oldest first; at most [`crate::PAGE_MAX`].
    pub fn events_since(&self, seq: u64, limit: usize) -> Result<Vec<Event>> {
        each!(self, view => view.events_since(seq, limit.min(PAGE_MAX)))
    }

    /// The place of the newest event; 0 before the first.
    pub fn last_seq(&self) -> Result<u64> {
        each!(self, view => view.last_seq())
    }

    /// Writers that were stopped inside a transaction and that this connection had to kill to get on (store.md 4.2),
    /// since the last call.
    pub fn take_stopped(&self) -> Vec<Stopped> {
        match self {
            Self::Sqlite(view) => view.take_stopped(),
            Self::Sim(_) => Vec::new(),
        }
    }

    /// Size of the write-ahead log; compare with [`crate::WAL_BYTES_ALARM`].
    pub fn wal_bytes(&self) -> u64 {
        match self {
            Self::Sqlite(view) => view.wal_bytes(),
            Self::Sim(_) => Sim::wal_bytes(),
        }
    }
}

/// All transfers in id order; see [`View::manifest`].
#[derive(Debug)]
pub struct Manifest<'a> {
    view: &'a View,
    page: std::vec::IntoIter<Detail>,
    last: Option<TransferId>,
    ended: bool,
}

impl Iterator for Manifest<'_> {
    type Item = Result<Detail>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.page.next() {
            return Some(Ok(row));
        }
        if self.ended {
            return None;
        }
        match self.view.manifest_page(self.last, PAGE_MAX) {
            Ok(rows) => {
                self.ended = rows.len() < PAGE_MAX;
                self.last = rows.last().map(|r| r.id).or(self.last);
                self.page = rows.into_iter();
                self.page.next().map(Ok)
            }
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}
