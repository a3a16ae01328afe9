//! The feeder: turns "start transfer 4711" into a job with its keys, read from the ledger in pages.
//!
//! The core starts ids in order, so that a page serves a thousand starts; only a page is ever in memory.

use crate::driver::DriverEvent;
use std::collections::VecDeque;
use tokio::sync::mpsc;
use twinhaul_assist::Unit;
use twinhaul_ledger::{Row, View};
use twinhaul_units::TransferId;

/// Rows read ahead; what is in memory of the queue.
const PAGE_ROWS: usize = 1024;
/// Starts that may wait: the core never has more than its slots in flight, redone ones beside them.
pub(crate) const FEEDS_MAX: usize = 65_536;

/// What is fed.
#[derive(Debug)]
pub(crate) enum Feed {
    Start(Unit),
    /// A transfer whose group failed it: again, without asking the core, which has let go of its slot.
    Redo(Job),
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
}

/// Runs until the driver is gone.
pub(crate) fn run(
    view: &View,
    feeds: &crossbeam_channel::Receiver<Feed>,
    slots: &crossbeam_channel::Sender<Job>,
    driver: &mpsc::Sender<DriverEvent>,
) {
    let mut page: VecDeque<Row> = VecDeque::new();
    for feed in feeds {
        let job = match feed {
            Feed::Redo(job) => Ok(job),
            Feed::Start(unit) => find(view, &mut page, unit.id).map(|row| Job {
                unit,
                attempts: row.attempts,
                row,
                redo: false,
            }),
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

fn find(view: &View, page: &mut VecDeque<Row>, id: TransferId) -> twinhaul_ledger::Result<Row> {
    while page.front().is_some_and(|row| row.id < id) {
        page.pop_front();
    }
    if page.front().is_none_or(|row| row.id != id) {
        *page = view.rows(id, TransferId(id.0 + PAGE_ROWS as u64 - 1), PAGE_ROWS)?.into();
    }
    match page.front() {
        Some(row) if row.id == id => page.pop_front().ok_or(twinhaul_ledger::LedgerError::Unknown { id }),
        _ => Err(twinhaul_ledger::LedgerError::Unknown { id }),
    }
}
