//! The closer: seals large transfers whose last range came home after their first part had left its slot.
//!
//! One thread, because sealing waits for storage and the driver must not. What fails here is redone or given up like
//! what fails in a group. It must never close a transfer twice: [`crate::whole::Home::All`] is said once.

use crate::committer::{Item, Sealed};
use crate::copy::{Failure, discard, ranged, resume};
use crate::driver::DriverEvent;
use crate::feeder::Feed;
use crate::options::ATTEMPTS_MAX;
use crate::slots;
use crate::storage::Storage;
use crate::whole::{Whole, Wholes};
use std::sync::Arc;
use tokio::sync::mpsc;
use twinhaul_wire::{EventKind, KeyText};

/// What the closer works with.
#[derive(Debug)]
pub(crate) struct Closer {
    pub storage: Arc<Storage>,
    pub wholes: Arc<Wholes>,
    pub committer: crossbeam_channel::Sender<Item>,
    pub feeder: crossbeam_channel::Sender<Feed>,
    pub driver: mpsc::Sender<DriverEvent>,
}

impl Closer {
    /// Runs until everybody who brings ranges home is gone.
    pub(crate) fn run(self, all_home: &crossbeam_channel::Receiver<Arc<Whole>>) {
        for whole in all_home {
            self.close(&whole);
            if self.driver.blocking_send(DriverEvent::RangesHome(whole)).is_err() {
                return;
            }
        }
    }

    fn close(&self, whole: &Arc<Whole>) {
        let row = &whole.job.row;
        let source = self.storage.source(row.source).map_or("?", |s| s.name.as_str());
        let sealed = ranged::seal(whole, source, self.storage.target_name(row.target));
        self.wholes.retire(whole);
        match sealed {
            Ok((put, kind)) => {
                if let Some(target) = self.storage.target(row.target) {
                    resume::let_go(whole, target, whole.size);
                }
                let (job, attempts) = (whole.job.clone(), whole.attempts);
                self.hand_on(whole, Item::Sealed(Box::new(Sealed { job, attempts, put, kind })));
            }
            Err(failure) => self.failed(whole, failure),
        }
    }

    fn hand_on(&self, whole: &Whole, item: Item) {
        self.storage.settling.add(whole.job.row.size);
        // A committer that is gone means that the peer is ending.
        let _ = self.committer.send(item);
    }

    fn failed(&self, whole: &Whole, failure: Failure) {
        if whole.ever_lent() {
            let recall = DriverEvent::Recall { id: whole.id(), epoch: whole.job.unit.epoch };
            let _ = self.driver.blocking_send(recall);
        }
        if let Some(target) = self.storage.target(whole.job.row.target) {
            discard(target, &whole.object.attempt);
        }
        let attempts = whole.attempts;
        if !failure.worth_another || attempts >= ATTEMPTS_MAX {
            self.hand_on(whole, Item::failed(whole.job.clone(), failure, attempts));
            return;
        }
        let (id, key) = (whole.id().0, KeyText::from_bytes(&whole.job.row.key));
        let error = failure.to_string();
        slots::tell(&self.committer, EventKind::Retry { id, key, error, attempts, in_ms: 0 });
        // The feeder is gone only when the peer ends: then the next incarnation redoes it.
        let _ = self.feeder.send(Feed::Redo(Box::new(whole.job.again(attempts, &failure))));
    }
}
