//! The committer: takes sealed transfers in groups through the durable steps of store.md 3:
//! durable and private → authorised in the ledger → visible → names durable → done in the ledger.
//!
//! One thread with its own ledger connection. A group closes at a number, a size or an age, or when its peer has
//! nothing else in hand. What fails in a group is redone or given up alone; the rest of the group goes on.

mod group;
mod item;
mod read_back;
mod steps;

use crate::driver::DriverEvent;
use crate::feeder::Feed;
use crate::options::{GATHER, GROUP_AGE_MAX, GROUP_BYTES_MAX, GROUP_TRANSFERS_MAX};
use crate::storage::Storage;
pub(crate) use item::{Item, Sealed, SealedKind};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use twinhaul_ledger::{Settled, Stopped, Store};
use twinhaul_profile::{Durability, Verify};
use twinhaul_units::{Amount, Incarnation, PeerId};
use twinhaul_wire::EventKind;

/// What the committer works with.
#[derive(Debug)]
pub(crate) struct Committer {
    pub store: Store,
    pub me: PeerId,
    pub incarnation: Incarnation,
    pub storage: Arc<Storage>,
    pub durability: Durability,
    pub verify: Verify,
    pub feeder: crossbeam_channel::Sender<Feed>,
    pub driver: mpsc::Sender<DriverEvent>,
    /// With `durability: end`: visible, not yet known to be durable, with their bytes as planned.
    pub published: Vec<(Settled, u64)>,
}

/// With `durability: end`, so many published transfers are synced and done at a time, so that memory stays bounded.
const PUBLISHED_MAX: usize = 16_384;

/// What one group came to; also carries events of the data threads to the driver.
#[derive(Debug, Default)]
pub(crate) struct GroupReport {
    pub done: Amount,
    pub verified: Amount,
    pub skipped: Amount,
    pub failed: Amount,
    pub events: Vec<EventKind>,
}

impl Committer {
    /// Runs until all slots are gone; the last group is committed.
    pub(crate) fn run(mut self, items: &crossbeam_channel::Receiver<Item>) {
        let mut group: Vec<Item> = Vec::new();
        let mut bytes = 0;
        let mut opened = Instant::now();
        loop {
            let next = match items.try_recv() {
                Ok(item) => Ok(item),
                Err(_) if group.is_empty() => {
                    items.recv().map_err(|_| crossbeam_channel::RecvTimeoutError::Disconnected)
                }
                Err(_) => {
                    std::thread::sleep(GATHER);
                    items.recv_deadline(opened + GROUP_AGE_MAX)
                }
            };
            let mut flush = false;
            let mut ended = false;
            let close = match next {
                Ok(Item::Flush) => {
                    flush = true;
                    true
                }
                Ok(item) => {
                    if group.is_empty() {
                        opened = Instant::now();
                    }
                    bytes += item.bytes();
                    group.push(item);
                    self.durability == Durability::Each
                        || group.len() >= GROUP_TRANSFERS_MAX
                        || bytes >= GROUP_BYTES_MAX
                }
                Err(crossbeam_channel::RecvTimeoutError::Timeout) => true,
                Err(crossbeam_channel::RecvTimeoutError::Disconnected) => {
                    ended = true;
                    true
                }
            };
            let sync = flush || ended || self.published.len() >= PUBLISHED_MAX;
            if close && !(group.is_empty() && self.published.is_empty()) {
                bytes = 0;
                let report =
                    self.commit(std::mem::take(&mut group)).and_then(|r| self.settle_published(sync, r));
                let event = match report {
                    Ok(mut report) => {
                        report.events.extend(self.store.take_stopped().into_iter().map(Stopped::told));
                        DriverEvent::Group(report)
                    }
                    Err(e) => DriverEvent::Fatal(e.into()),
                };
                let fatal = matches!(event, DriverEvent::Fatal(_));
                if self.driver.blocking_send(event).is_err() || fatal {
                    return;
                }
            }
            if ended {
                return;
            }
        }
    }
}
