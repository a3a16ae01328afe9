//! Slots: host-owned threads, each with one transfer or one range in flight (backends.md 1: blocking calls on
//! host-owned threads).

use crate::committer::Item;
use crate::copy::{self, Copied, Desk, RangeCopied, RangeJob};
use crate::driver::DriverEvent;
use crate::feeder::{Job, Work};
use crate::whole::{Home, Whole};
use std::sync::Arc;
use twinhaul_assist::{ByteRange, SlotOutcome, Unit};
use twinhaul_ledger::Chain;
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

/// A slot is free again: it worked on a range.
#[derive(Debug)]
pub(crate) struct RangeReport {
    /// It ends where its part ended.
    pub range: ByteRange,
    pub end: RangeEnded,
    pub core_waits: bool,
}

/// What the driver has to do about it.
#[derive(Debug)]
pub(crate) enum RangeEnded {
    /// In the object; lent by the other peer, durable, and to be recorded.
    Done(Vec<Chain>),
    Moot,
    /// In words.
    Failed(String),
    /// The peer is ending.
    Cut,
}

/// Runs one slot until the feeder is gone.
pub(crate) fn run(desk: &Desk, work: &crossbeam_channel::Receiver<Work>) {
    let mut buffer = Vec::new();
    for work in work {
        let goes_on = match work {
            Work::Transfer(job) => transfer(desk, job, &mut buffer),
            Work::Range(job) => range(desk, &job),
            Work::Retire => return,
        };
        if !goes_on {
            return;
        }
    }
}

fn transfer(desk: &Desk, job: Job, buffer: &mut Vec<u8>) -> bool {
    let (unit, redo, size) = (job.unit, job.redo, job.row.size);
    let copied = copy::transfer(desk, job, buffer);
    desk.slot().end();
    let (item, outcome) = match copied {
        Copied::Item(item) => {
            let outcome = item.slot_outcome();
            (Some(item), outcome)
        }
        Copied::Awaiting => (None, SlotOutcome::AwaitingRanges),
        // Given up because the peer ends; it stays planned in the ledger.
        Copied::Cut => (None, SlotOutcome::Skipped),
    };
    if let Some(item) = item {
        desk.storage.settling.add(size);
        if desk.committer.send(item).is_err() {
            return false;
        }
    }
    desk.driver.blocking_send(DriverEvent::Slot(SlotReport { unit, bytes: size, outcome, redo })).is_ok()
}

fn range(desk: &Desk, job: &RangeJob) -> bool {
    let copied = copy::range(desk, job);
    desk.slot().end();
    let end = match (copied, &job.whole) {
        (RangeCopied::Done(chains), Some(whole)) => {
            at_home(desk, whole, whole.part_done(job.range.from, chains));
            RangeEnded::Done(Vec::new())
        }
        (RangeCopied::Done(chains), None) => RangeEnded::Done(chains),
        (RangeCopied::Failed(failure), Some(whole)) => {
            let words = failure.to_string();
            // The failure first: nothing may be sealed without these bytes.
            let home = whole.fail(failure);
            at_home(desk, whole, home);
            at_home(desk, whole, whole.part_gone(job.range.from));
            RangeEnded::Failed(words)
        }
        (RangeCopied::Failed(failure), None) => RangeEnded::Failed(failure.to_string()),
        (RangeCopied::Moot, whole) => {
            if let Some(whole) = whole {
                at_home(desk, whole, whole.part_gone(job.range.from));
            }
            RangeEnded::Moot
        }
        // The part stays where it is: without it, its transfer is not sealed any more.
        (RangeCopied::Cut, _) => RangeEnded::Cut,
    };
    let range = ByteRange { to: job.part.end(), ..job.range };
    desk.driver
        .blocking_send(DriverEvent::Range(RangeReport { range, end, core_waits: job.core_waits }))
        .is_ok()
}

fn at_home(desk: &Desk, whole: &Arc<Whole>, home: Home) {
    if home == Home::All {
        // Room for all there can be; a closer that is gone means that the peer is ending.
        let _ = desk.closer.send(Arc::clone(whole));
    }
}

/// Tells an event from a data thread, by way of the committer's next report.
pub(crate) fn tell(committer: &crossbeam_channel::Sender<Item>, kind: EventKind) {
    // A committer that is gone means that the peer is ending.
    let _ = committer.send(Item::Tell(kind));
}
