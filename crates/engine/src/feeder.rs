//! The feeder: turns "start transfer 4711" into a job with its keys, read from the ledger in pages.
//!
//! The core starts ids in order, so that a page serves a thousand starts; only a page is ever in memory. It is what
//! "next up" is shown from, too.

use crate::copy::{Failure, RangeJob};
use crate::driver::DriverEvent;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;
use twinhaul_assist::{CHECKPOINT_BYTES_MIN, Unit};
use twinhaul_ledger::{Checkpoint, Outcome, Row, Settled, View};
use twinhaul_units::TransferId;

/// Rows read ahead; what is in memory of the queue.
const PAGE_ROWS: usize = 1024;
/// The first page where the starts do not go on from the last one: most of those may need no slot (`driver/skips.rs`).
const PAGE_ROWS_FIRST: usize = 64;
/// Starts that may wait: the core never has more than its slots in flight, redone ones beside them.
pub(crate) const FEEDS_MAX: usize = 65_536;

/// What is fed.
#[derive(Debug)]
pub(crate) enum Feed {
    Start(Unit),
    /// A transfer whose group failed it: again, without asking the core, which has let go of its slot.
    Redo(Box<Job>),
    /// A range that is not the first part of its transfer.
    Range(Box<RangeJob>),
    /// One slot less.
    Retire,
}

/// What a slot works on.
#[derive(Debug)]
pub(crate) enum Work {
    Transfer(Job),
    Range(Box<RangeJob>),
    /// Whichever slot takes it ends.
    Retire,
}

/// One transfer for a slot.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub unit: Unit,
    pub row: Row,
    /// Attempts before this one.
    pub attempts: u32,
    /// The core does not wait for its slot.
    pub redo: bool,
    /// What an attempt before this process left of it.
    pub checkpoint: Option<Arc<Checkpoint>>,
    pub tried: Tried,
}

/// What the report wants to know of the attempts before the last one; no decision looks at it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tried {
    /// When the first attempt of this process began.
    pub started_at_ms: Option<u64>,
    pub first_error: Option<Arc<str>>,
}

impl Tried {
    /// An attempt failed, and there will be another.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        self.first_error.get_or_insert_with(|| Arc::from(failure.text.as_str()));
    }
}

impl Job {
    /// For another attempt, after a step behind the slot has failed this one.
    pub(crate) fn again(&self, attempts: u32, failure: &Failure) -> Self {
        let mut tried = self.tried.clone();
        tried.failed(failure);
        Self { attempts, redo: true, tried, ..self.clone() }
    }

    /// Its end, for the ledger.
    pub(crate) fn end(&self, outcome: Outcome, attempts: u32) -> Settled {
        Settled {
            id: self.unit.id,
            epoch: self.unit.epoch,
            outcome,
            attempts,
            at_ms: crate::clock::wall_ms(),
            started_at_ms: self.tried.started_at_ms,
            first_error: self.tried.first_error.as_deref().map(str::to_owned),
        }
    }
}

/// The transfer `unit` with what the ledger knows of it.
fn job(view: &View, ahead: &Ahead, unit: Unit) -> twinhaul_ledger::Result<Job> {
    let row = ahead.take(view, unit.id)?;
    let large = row.size >= CHECKPOINT_BYTES_MIN;
    let checkpoint = if large { view.checkpoint(unit.id)?.map(Arc::new) } else { None };
    Ok(Job { unit, attempts: row.attempts, row, redo: false, checkpoint, tried: Tried::default() })
}

/// The page: rows that come next, in the order of their ids.
#[derive(Debug, Default)]
pub(crate) struct Ahead(Mutex<Page>);

#[derive(Debug, Default)]
struct Page {
    rows: VecDeque<Row>,
    /// The id behind its last row, as it was read.
    next: Option<TransferId>,
}

impl Ahead {
    fn page(&self) -> MutexGuard<'_, Page> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first `limit` rows with an id in `first..=last`.
    pub(crate) fn rows(&self, first: TransferId, last: TransferId, limit: usize) -> Vec<Row> {
        self.page().rows.iter().filter(|r| (first..=last).contains(&r.id)).take(limit).cloned().collect()
    }

    /// The row of `id`, from the page or from the ledger with a new page behind it.
    fn take(&self, view: &View, id: TransferId) -> twinhaul_ledger::Result<Row> {
        let unknown = twinhaul_ledger::LedgerError::Unknown { id };
        let goes_on = {
            let mut page = self.page();
            while page.rows.front().is_some_and(|row| row.id < id) {
                page.rows.pop_front();
            }
            if page.rows.front().is_some_and(|row| row.id == id) {
                return page.rows.pop_front().ok_or(unknown);
            }
            page.next == Some(id)
        };
        // Read without the lock: a snapshot must not wait for the ledger.
        let limit = if goes_on { PAGE_ROWS } else { PAGE_ROWS_FIRST };
        let next = TransferId(id.0.saturating_add(limit as u64));
        let mut rows: VecDeque<Row> = view.rows(id, TransferId(next.0 - 1), limit)?.into();
        let row = rows.pop_front_if(|row| row.id == id).ok_or(unknown)?;
        *self.page() = Page { rows, next: Some(next) };
        Ok(row)
    }
}

/// Runs until the driver is gone.
pub(crate) fn run(
    view: &View,
    ahead: &Ahead,
    feeds: &crossbeam_channel::Receiver<Feed>,
    slots: &crossbeam_channel::Sender<Work>,
    driver: &mpsc::Sender<DriverEvent>,
) {
    for feed in feeds {
        let job = match feed {
            Feed::Redo(job) => Ok(Work::Transfer(*job)),
            Feed::Range(job) => Ok(Work::Range(job)),
            Feed::Retire => Ok(Work::Retire),
            Feed::Start(unit) => job(view, ahead, unit).map(Work::Transfer),
        };
        match job {
            Ok(job) => {
                if slots.send(job).is_err() {
                    return;
                }
            }
            Err(e) => {
                // The driver ends the peer; nothing to do if it is gone already.
                let _ = driver.blocking_send(DriverEvent::Fatal(e.into()));
                return;
            }
        }
    }
}
