//! Slots: host-owned threads, each with one transfer in flight (backends.md 1: blocking calls on host-owned threads).

use crate::committer::Item;
use crate::copy::{self, Copied, Desk};
use crate::driver::DriverEvent;
use crate::feeder::Job;
use tokio::sync::mpsc;
use twinhaul_assist::{SlotOutcome, Unit};
use twinhaul_wire::EventKind;

/// A slot is free again.
#[derive(Debug)]
pub(crate) struct SlotReport {
    pub unit: Unit,
    /// Bytes as planned.
    pub bytes: u64,
    pub outcome: SlotOutcome,
    /// The core let go of this slot before.
    pub redo: bool,
}

/// Runs one slot until the feeder is gone.
pub(crate) fn run(
    desk: &Desk,
    jobs: &crossbeam_channel::Receiver<Job>,
    committer: &crossbeam_channel::Sender<Item>,
    driver: &mpsc::Sender<DriverEvent>,
) {
    let mut buffer = Vec::new();
    for job in jobs {
        let (unit, redo, size) = (job.unit, job.redo, job.row.size);
        let copied = copy::transfer(desk, job, &mut buffer);
        desk.slot().end();
        let (item, outcome) = match copied {
            Copied::Item(item) => {
                let outcome = item.slot_outcome();
                (Some(item), outcome)
            }
            // Given up because the peer ends; it stays planned in the ledger.
            Copied::Cut => (None, SlotOutcome::Skipped),
        };
        if let Some(item) = item {
            desk.storage.settling.add(size);
            if committer.send(item).is_err() {
                return;
            }
        }
        if driver.blocking_send(DriverEvent::Slot(SlotReport { unit, bytes: size, outcome, redo })).is_err() {
            return;
        }
    }
}

/// Tells an event from a data thread, by way of the committer's next report.
pub(crate) fn tell(committer: &crossbeam_channel::Sender<Item>, kind: EventKind) {
    // A committer that is gone means that the peer is ending.
    let _ = committer.send(Item::Tell(kind));
}

/// The threads' names, for `/proc` and `top`.
pub(crate) fn thread_name(slot: usize) -> String {
    format!("slot-{slot}")
}
