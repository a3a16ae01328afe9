//! Targets without a private phase (store.md 3): authorise, commit, look if it is not certain; all in the slot, so that slow
//! services work on as many objects as there are slots.
//!
//! Nothing becomes visible that the ledger has not authorised: a fenced peer's authorisation is refused.

use super::{Desk, Failure, Route, Stop};
use crate::committer::SealedKind;
use crate::feeder::Job;
use twinhaul_backend_host::{
    Attrs, BackendError, Checksum, ChecksumKind, Kind, Lost, OpContext, Put, Stat, Writer,
};
use twinhaul_failpoint::{Point, hit};
use twinhaul_ledger::Authorise;
use twinhaul_wire::{Phase, WaitReason};

/// An object of which every byte has been taken.
pub(super) struct Complete {
    pub(super) writer: Writer,
    /// BLAKE3 of the logical bytes.
    pub(super) digest: [u8; 32],
    pub(super) bytes: u64,
    pub(super) lost: Lost,
}

/// Makes it visible.
pub(super) fn commit(
    desk: &Desk,
    job: &Job,
    route: &Route<'_>,
    put: &Put,
    before: &Attrs,
    complete: Complete,
) -> Result<SealedKind, Stop> {
    let Complete { mut writer, digest, bytes, lost } = complete;
    desk.slot().phase(Phase::Seal);
    hit(Point::Sealed);
    let authorised = desk.authoriser.authorise(Authorise {
        id: job.unit.id,
        epoch: job.unit.epoch,
        reference: Vec::new(),
        blake3: digest,
        size: bytes,
        mtime_ns: before.mtime_ns.unwrap_or_default(),
    });
    if !authorised {
        // The peer is ending; dropping the writer gives up what was sent.
        return Err(Stop::Cut);
    }
    hit(Point::Authorised);
    desk.slot().wait(WaitReason::TargetWrite, route.target.name.clone());
    // Not to be cancelled any more: it is authorised, and every request in it is bounded.
    let op = desk.telling(OpContext::new());
    let sum = Checksum { kind: ChecksumKind::Blake3, bytes: digest.to_vec() };
    let stat = match writer.commit(&op, Some(&sum)) {
        Ok(stat) => stat,
        Err(e) if e.error.is_uncertain() => {
            there(route, put, &sum, bytes).ok_or_else(|| refused(route, &e))?
        }
        Err(e) => return Err(refused(route, &e).into()),
    };
    desk.slot().wait_over();
    hit(Point::Published);
    // A target that says what it made visible is heard, as after a publish.
    if stat.kind == Kind::File && stat.size != bytes {
        return Err(Failure::other_size(route.target, stat.size, bytes).into());
    }
    Ok(SealedKind::Visible { digest, size: bytes, lost: lost.with(stat.lost).0, etag: stat.etag })
}

/// What is there, if it is this object.
fn there(route: &Route<'_>, put: &Put, sum: &Checksum, bytes: u64) -> Option<Stat> {
    let stat = route.target.target.stat(&OpContext::new(), &put.key).ok()?;
    (stat.size == bytes && stat.checksum.as_ref() == Some(sum)).then_some(stat)
}

fn refused(route: &Route<'_>, e: &BackendError) -> Failure {
    let mut failure = Failure::writing(route, e);
    // Taken meanwhile by somebody else: look again and decide again, as after a publish.
    failure.worth_another |= e.code() == twinhaul_backend_host::Code::Exists;
    failure
}
