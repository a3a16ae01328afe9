//! The scout: looks ahead whether what comes next is at the target already. A run with little to do would else take every
//! transfer through four threads to find out that there is nothing to do about it.
//!
//! It only looks, and never starts or ends anything: the core starts every transfer as ever, the driver ends those that
//! were found the same (see `driver/skips.rs`), and whatever the scout does not know goes to a slot and is decided there.

use crate::copy::is_same;
use crate::driver::DriverEvent;
use crate::storage::Storage;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use twinhaul_backend_host::OpContext;
use twinhaul_ledger::{Row, View};
use twinhaul_units::TransferId;

/// Transfers of one look.
pub(crate) const LOOK_ROWS: u64 = 1024;
/// It tells what it knows after so long. A target that takes longer is looked at by the slots: they are more, and they
/// show what they wait for.
const LOOK_TIME: Duration = Duration::from_millis(5);
/// Looks that wait: the driver has one outstanding.
pub(crate) const ASKS_MAX: usize = 1;

/// Where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub first: TransferId,
    pub last: TransferId,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Looked {
    /// Transfers below it, from the first that was asked for, were looked at.
    pub beyond: TransferId,
    /// Those of them that are at the target, ascending.
    pub same: VecDeque<Same>,
}

/// A transfer of which the target holds the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Same {
    pub id: TransferId,
    /// As planned.
    pub bytes: u64,
    /// Attempts before.
    pub attempts: u32,
}

/// Looks until the driver is gone.
pub(crate) fn run(
    view: &View,
    storage: &Storage,
    asks: &crossbeam_channel::Receiver<Ask>,
    driver: &mpsc::Sender<DriverEvent>,
) {
    for ask in asks {
        let event = match look(view, storage, ask) {
            Ok(looked) => DriverEvent::Looked(looked),
            Err(e) => DriverEvent::Fatal(e.into()),
        };
        if driver.blocking_send(event).is_err() {
            return;
        }
    }
}

fn look(view: &View, storage: &Storage, ask: Ask) -> twinhaul_ledger::Result<Looked> {
    let rows = view.rows(ask.first, ask.last, LOOK_ROWS as usize)?;
    let begun = Instant::now();
    let op = OpContext::new();
    let mut looked = Looked { beyond: ask.first, same: VecDeque::new() };
    for row in rows {
        if is_there(storage, &op, &row) {
            looked.same.push_back(Same { id: row.id, bytes: row.size, attempts: row.attempts });
        }
        looked.beyond = TransferId(row.id.0.saturating_add(1));
        if begun.elapsed() >= LOOK_TIME {
            return Ok(looked);
        }
    }
    looked.beyond = TransferId(ask.last.0.saturating_add(1));
    Ok(looked)
}

/// Only what is certain and needs one question; errors are the slots' to tell.
fn is_there(storage: &Storage, op: &OpContext, row: &Row) -> bool {
    let Some(target) = storage.target(row.target).filter(|_| row.names.is_empty()) else { return false };
    let Ok(key) = twinhaul_units::Key::new(row.key.as_slice()) else { return false };
    target.target.stat(op, &key).is_ok_and(|stat| is_same(row, &stat, target.limits.mtime_precision_ns))
}
