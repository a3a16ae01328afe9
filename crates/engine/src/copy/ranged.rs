//! A large file at its home: its first part begins at byte 0 and ends wherever cuts leave its end. When all parts have
//! come home, whoever brings the last one seals the object ([`seal`]).

use super::flow::{self, Origin, Sink};
use super::{Desk, Failure, Route, Stop, changed, discard, resume};
use crate::committer::SealedKind;
use crate::driver::DriverEvent;
use crate::feeder::Job;
use crate::parts::Part;
use crate::subtree::LEAF;
use crate::whole::{self, Home, Parked, Whole};
use std::sync::Arc;
use twinhaul_backend_host::{Attrs, Caps, Code, Limits, Lost, OpContext, Put, Reader, Writer, WriterInfo};
use twinhaul_failpoint::{Point, hit};
use twinhaul_ledger::{Chain, REFERENCE_BYTES_MAX, SharedObject};
use twinhaul_wire::{Phase, WaitReason};

/// Smaller files are never cut: handing a part over would cost more than it saves.
pub(crate) const SPLIT_MIN: u64 = 4 << 20;
const _: () = assert!(SPLIT_MIN <= twinhaul_assist::CHECKPOINT_BYTES_MIN, "what is recorded can be joined");

/// Whether a target can take one object from two peers, as far as it is known before an object is open.
pub(crate) fn shares(limits: &Limits) -> bool {
    limits.caps.contains(Caps::SHARED_RANGES.with(Caps::RANDOM_WRITE).with(Caps::TWO_PHASE))
        && step(limits.min_part).is_some()
}

/// What cuts are multiples of, for a target that wants parts of `part_size` bytes (0 = any).
fn step(part_size: u64) -> Option<u64> {
    match part_size {
        0 => Some(LEAF),
        n if LEAF.is_multiple_of(n) => Some(LEAF),
        n if n.is_multiple_of(LEAF) => Some(n),
        _ => None,
    }
}

/// An opened source and a fresh private object.
pub(super) struct Open {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    pub(super) info: WriterInfo,
    pub(super) before: Attrs,
    pub(super) put: Put,
}

/// What cuts are multiples of, if this file can be cut at all.
pub(super) fn align(route: &Route<'_>, open: &Open) -> Option<u64> {
    let worth = open.before.size.is_some_and(|size| size >= SPLIT_MIN);
    let can = shares(&route.target.limits) && route.source.limits.caps.contains(Caps::RANGE_READ);
    let named = !open.info.reference.is_empty() && open.info.reference.len() <= REFERENCE_BYTES_MAX;
    step(route.target.limits.min_part.max(open.info.part_size)).filter(|_| worth && can && named)
}

/// Copies the first part. `None`: the rest is elsewhere, and the slot is free.
pub(super) fn first(
    desk: &Desk,
    job: &Job,
    route: &Route<'_>,
    attempts: u32,
    align: u64,
    mut open: Open,
) -> Result<Option<(Put, SealedKind)>, Stop> {
    let version = flow::version(&open.before);
    let object = SharedObject {
        reference: open.info.reference.clone(),
        attempt: open.put.attempt_id.clone(),
        version,
    };
    let kept = resume::adopt(desk, job, route, (version, align), &mut open.writer);
    let (whole, part) =
        Whole::new(job.clone(), attempts, (version.size, align), object, open.put.clone(), kept);
    desk.wholes.add(&whole);
    let result = copy(desk, route, &whole, &part, open).and_then(|(parked, chains)| {
        match whole.park(parked, chains) {
            Home::NotYet => Ok(None),
            Home::All => {
                desk.slot().phase(Phase::Seal);
                desk.slot().wait(WaitReason::TargetWrite, route.target.name.clone());
                let sealed = seal(&whole, &route.source.name, &route.target.name)?;
                desk.wholes.retire(&whole);
                resume::let_go(&whole, route.target, whole.size);
                // A driver that is gone has no use for it.
                let _ = desk.driver.blocking_send(DriverEvent::Sealed(Arc::clone(&whole)));
                Ok(Some(sealed))
            }
        }
    });
    result.map_err(|stop| {
        let stop = match (whole.failure(), stop) {
            (Some(failure), _) => Stop::Failed(failure),
            (None, Stop::Failed(failure)) => {
                // The first part is not parked: nobody is to close it.
                let _ = whole.fail(failure.clone());
                Stop::Failed(failure)
            }
            (None, stop) => {
                let _ = whole.fail(Failure::permanent("cut", "the peer is ending"));
                stop
            }
        };
        abandon(desk, &whole);
        // Whoever begins it again after this process goes on from the checkpoint.
        if !(matches!(stop, Stop::Cut) && whole.is_recorded()) {
            discard(route.target, &whole.object.attempt);
        }
        stop
    })
}

/// This attempt is over: what is lent of it is moot.
fn abandon(desk: &Desk, whole: &Whole) {
    desk.wholes.retire(whole);
    if whole.ever_lent() {
        let recall = DriverEvent::Recall { id: whole.id(), epoch: whole.job.unit.epoch };
        // A driver that is gone has no use for it.
        let _ = desk.driver.blocking_send(recall);
    }
}

fn copy(
    desk: &Desk,
    route: &Route<'_>,
    whole: &Whole,
    part: &Arc<Part>,
    open: Open,
) -> Result<(Parked, Vec<Chain>), Stop> {
    let op = desk.telling(OpContext::new().cancelled_by(part.cancel()));
    let Open { reader, mut writer, info, before, .. } = open;
    let mut origin = Origin::new(route, &op, reader, 0, whole.size);
    let sparse = origin.has_holes();
    // The writer may stand anywhere: only the end may have been taken over, or a part of it before it failed.
    let resumed = whole.job.checkpoint.is_some();
    desk.slot().passed(part.begin());
    let sink = if sparse || resumed { Sink::At(&writer) } else { Sink::Append(&mut writer) };
    let chains = flow::run(desk, route, &mut origin, sink, part, whole.size)?;
    Ok((Parked { reader: origin.reader, writer, before, sparse: sparse || resumed, lost: info.lost }, chains))
}

/// Every byte is in the object and nobody writes into it any more: is the source still what was read, then seal.
pub(crate) fn seal(whole: &Whole, source: &str, target: &str) -> Result<(Put, SealedKind), Failure> {
    let (parked, chains, failed) = whole.take();
    let parked = match (failed, parked) {
        (Some(failure), _) => return Err(failure),
        (None, Some(parked)) => parked,
        (None, None) => return Err(Failure::permanent("bug", "an object was to be sealed twice")),
    };
    let Parked { mut reader, mut writer, before, sparse, lost } = parked;
    let op = OpContext::new();
    let after = reader.attrs(&op).map_err(|e| Failure::of("read from", source, &e))?;
    if let Some(what) = changed(&before, &after, whole.size) {
        return Err(Failure::changing(what));
    }
    let Some(digest) = whole::digest(whole, &chains) else {
        tracing::error!(transfer = whole.id().0, "parts of a transfer are missing at its end");
        let mut failure = Failure::permanent("bug", "parts of it are missing at its end");
        failure.worth_another = true;
        return Err(failure);
    };
    hit(Point::Merged);
    let writing = |e| Failure::of("write to", target, &e);
    if sparse || whole.ever_lent() {
        match writer.set_len(&op, whole.size) {
            Err(e) if e.code() == Code::Unsupported && !sparse => {}
            set => set.map_err(writing)?,
        }
    }
    let lost: Lost = lost.with(writer.seal(&op).map_err(writing)?);
    hit(Point::Sealed);
    let kind = SealedKind::Object {
        reference: whole.object.reference.clone(),
        digest,
        size: whole.size,
        mtime_ns: before.mtime_ns.unwrap_or_default(),
        lost: lost.0,
    };
    Ok((whole.put.clone(), kind))
}
