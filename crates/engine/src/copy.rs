//! One transfer: decide whether to skip it, read it while hashing, write it to a private object, seal it.
//!
//! It ends as an item for the committer; nothing here is durable or visible. A source that changes while it is read is
//! found out (store.md 4.8) and read again. Attempts are repeated here, in the slot, with the reason shown.

pub(crate) mod buffers;
mod bytes;
mod commit;
mod exists;
mod failure;
mod flow;
mod range;
pub(crate) mod ranged;
mod reflink;
pub(crate) mod resume;
mod trouble;

use crate::authoriser::Authoriser;
use crate::committer::{Item, Sealed, SealedKind};
use crate::driver::DriverEvent;
use crate::feeder::Job;
use crate::gate::{Gate, Pass};
use crate::limits::Limits;
use crate::options::{ATTEMPTS_MAX, RETRY_PAUSE, SPACE_PAUSE};
use crate::progress::{CallWait, SlotProgress};
use crate::storage::{Opened, Storage};
use crate::turnstile::Inside;
use crate::whole::{Whole, Wholes};
use crate::{PeerTag, slots};
use buffers::Buffers;
use bytes::Left;
use exists::Decision;
pub(crate) use exists::is_same;
pub(crate) use failure::Failure;
pub(crate) use range::{RangeCopied, RangeJob, range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::mpsc;
use trouble::{TargetWait, Trouble};
use twinhaul_backend_host::{
    Attrs, Caps, Code, Kind, ListRequest, OpContext, Private, Put, ReadOptions, Wanted, WriteMode,
};
use twinhaul_failpoint::{Point, hit};
use twinhaul_ledger::NodeKind;
use twinhaul_profile::OnExists;
use twinhaul_units::Key;
use twinhaul_wire::{EventKind, KeyText, Phase, WaitReason};

/// What a slot works with.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub storage: Arc<Storage>,
    pub gate: Arc<Gate>,
    pub limits: Arc<Limits>,
    pub progress: Arc<[SlotProgress]>,
    pub slot: usize,
    pub on_exists: OnExists,
    pub tag: PeerTag,
    pub committer: crossbeam_channel::Sender<Item>,
    /// For targets without a private phase.
    pub authoriser: Authoriser,
    pub driver: mpsc::Sender<DriverEvent>,
    /// Large transfers in flight here, and who seals them when their ranges are home.
    pub wholes: Arc<Wholes>,
    pub closer: crossbeam_channel::Sender<Arc<Whole>>,
    pub buffers: Arc<Buffers>,
    /// Attempts so far in this process: each one after the first has a private object of its own name, so that whoever
    /// still writes into an earlier one can never meet it.
    pub tries: Arc<AtomicU64>,
    pub cancel: Arc<AtomicBool>,
}

/// How a transfer left its slot.
#[derive(Debug)]
pub(crate) enum Copied {
    Item(Item),
    /// The first part is complete; ranges are outstanding, and somebody else will seal it.
    Awaiting,
    /// The peer is ending.
    Cut,
}

/// One attempt's end, when it is not an item.
pub(crate) enum Stop {
    Cut,
    /// Nobody needs this part.
    Moot,
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(f: Failure) -> Self {
        Self::Failed(f)
    }
}

impl Desk {
    pub(crate) fn slot(&self) -> &SlotProgress {
        &self.progress[self.slot]
    }

    /// Waits for one of the slots that the target has. `None`: the peer is ending.
    fn enter(&self, target: u16) -> Option<Inside<'_>> {
        let inside = self.limits.enter(target, &self.gate, |slots| self.slot().wait(WaitReason::Slot, slots));
        self.slot().wait_over();
        inside
    }

    /// Descriptors have been missing for too long, and no slot here has any to give back.
    fn is_out_for_good(&self) -> bool {
        let others = self.progress.iter().enumerate().filter(|(slot, _)| *slot != self.slot);
        self.storage.shortage.lasts(others.into_iter().any(|(_, of)| of.is_under_way()))
    }

    fn op(&self) -> OpContext {
        self.telling(OpContext::new().cancelled_by(Arc::clone(&self.cancel)))
    }

    /// What its calls wait for is shown in this slot.
    fn telling(&self, op: OpContext) -> OpContext {
        let wait = CallWait::new(&self.progress, self.slot);
        op.on_wait(move |reason, detail| wait.tell(reason, detail))
    }
}

/// The borrowed parts of one transfer.
pub(crate) struct Route<'a> {
    /// The target's, in the ledger.
    pub(crate) number: u16,
    pub(crate) source: &'a Opened,
    pub(crate) target: &'a Opened,
    pub(crate) source_key: Key,
    pub(crate) key: Key,
    pub(crate) attempt: String,
}

/// Moves one transfer as far as "sealed", or decides that there is nothing to move.
pub(crate) fn transfer(desk: &Desk, mut job: Job, buffer: &mut Vec<u8>) -> Copied {
    let (target, target_name) =
        (desk.storage.target(job.row.target), desk.storage.target_name(job.row.target));
    let mut attempts = job.attempts + 1;
    // Attempts that count: whoever waited for a sick target has all of them again.
    let mut counted = attempts;
    let mut waits: Option<TargetWait<'_>> = None;
    let mut again = job.attempts > 0;
    job.tried.started_at_ms.get_or_insert_with(crate::clock::wall_ms);
    desk.slot().begin(job.unit.id.0, &job.row.key, target_name, job.row.size, attempts);
    let Some(_inside) = desk.enter(job.row.target) else { return Copied::Cut };
    if !job.redo && job.row.size >= ranged::SPLIT_MIN {
        let began = DriverEvent::Began { id: job.unit.id, bytes: job.row.size };
        // A driver that is gone has no use for it.
        let _ = desk.driver.blocking_send(began);
    }
    loop {
        if desk.gate.pass(|by| desk.slot().wait(WaitReason::Paused, format!("by {by}"))) == Pass::Cut {
            return Copied::Cut;
        }
        desk.slot().wait_over();
        let unlooked = target.is_some_and(|target| exists::is_vacant(&job, target, attempts));
        let result = route(desk, &job, std::mem::replace(&mut again, true))
            .map_err(Stop::from)
            .and_then(|route| attempt(desk, &job, &route, (attempts, unlooked), buffer));
        if !matches!(&result, Err(Stop::Failed(failure)) if failure.is_no_descriptors()) {
            desk.storage.shortage.is_over();
        }
        let failure = match result {
            Ok(copied) => {
                if matches!(copied, Copied::Item(Item::Sealed(_))) {
                    target.inspect(|t| t.breaker.arrived());
                }
                return copied;
            }
            Err(Stop::Cut | Stop::Moot) => return Copied::Cut,
            Err(Stop::Failed(failure)) => failure,
        };
        desk.slot().phase(Phase::Open);
        if failure.class == Failure::EXISTS
            && let Some(target) = target.filter(|_| unlooked)
        {
            // Refused, so nothing of ours is there: it is looked at after all, and decided as the profile says.
            target.not_vacant();
            desk.slot().restart(attempts);
            continue;
        }
        let last = !failure.worth_another || counted >= ATTEMPTS_MAX;
        let trouble = match Trouble::of(&failure) {
            None if last => Trouble::of_the_last_attempt(&failure, target),
            trouble => trouble,
        };
        // Where nobody gives any back, it is a failed attempt as any other.
        let out_for_good = trouble == Some(Trouble::NoDescriptors) && desk.is_out_for_good();
        let place = trouble.and_then(|t| t.source(&failure, desk, &job)).unwrap_or(target_name);
        if waits.as_ref().map(TargetWait::of) != trouble.map(|t| (t, place)) {
            drop(waits.take());
            waits = trouble.map(|trouble| TargetWait::begin(desk, place, trouble, &failure));
        }
        if let Some(trouble) = trouble.filter(|_| !out_for_good) {
            // A target that is full, gone or locked is nobody's failed attempt (faults.md 13, 20).
            desk.slot().stand_by(trouble.reason(&failure), place);
            job.redo |= target.is_some_and(|t| !t.two_phase());
            if desk.gate.sleep(SPACE_PAUSE) == Pass::Cut {
                return Copied::Cut;
            }
            desk.slot().restart(attempts);
            counted = if trouble == Trouble::Sick { 1 } else { counted };
            continue;
        }
        // Something may have become visible: what is there then is not somebody else's.
        job.redo |= target.is_some_and(|t| !t.two_phase());
        if last {
            return Copied::Item(Item::failed(job, failure, attempts));
        }
        job.tried.failed(&failure);
        let pause = RETRY_PAUSE * 2u32.saturating_pow(counted - 1);
        let error = failure.to_string();
        let in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        let (id, key) = (job.unit.id.0, KeyText::from_bytes(&job.row.key));
        slots::tell(&desk.committer, EventKind::Retry { id, key, error: error.clone(), attempts, in_ms });
        desk.slot().wait(WaitReason::Retry, error);
        if desk.gate.sleep(pause) == Pass::Cut {
            return Copied::Cut;
        }
        desk.slot().wait_over();
        (attempts, counted) = (attempts + 1, counted + 1);
        desk.slot().restart(attempts);
    }
}

fn route<'a>(desk: &'a Desk, job: &Job, again: bool) -> Result<Route<'a>, Failure> {
    let row = &job.row;
    let tries = desk.tries.fetch_add(1, Ordering::Relaxed);
    let again = again.then_some(tries);
    let gone =
        |what: &str| Failure::permanent("unreachable", format!("{what} of this transfer is not open here"));
    Ok(Route {
        number: row.target,
        source: desk.storage.source(row.source).ok_or_else(|| gone("the source"))?,
        target: desk.storage.target(row.target).ok_or_else(|| gone("the target"))?,
        source_key: Key::new(row.source_key.clone())
            .map_err(|e| Failure::permanent("bad_key", format!("source key {e}")))?,
        key: Key::new(row.key.clone()).map_err(|e| Failure::permanent("bad_key", format!("key {e}")))?,
        attempt: desk.tag.attempt(job.unit.id, job.unit.epoch, again),
    })
}

fn attempt(
    desk: &Desk,
    job: &Job,
    route: &Route<'_>,
    (attempts, unlooked): (u32, bool),
    buffer: &mut Vec<u8>,
) -> Result<Copied, Stop> {
    desk.slot().wait(WaitReason::TargetOpen, route.target.name.clone());
    let decided =
        if unlooked { Decision::Write(WriteMode::CreateNew) } else { exists::decide(desk, job, route)? };
    let mode = match decided {
        Decision::Skip => return Ok(Copied::Item(Item::skipped(job, attempts))),
        Decision::Write(mode) => mode,
    };
    let sealed = match job.row.kind {
        NodeKind::Symlink => Some(symlink(desk, route, mode)?),
        NodeKind::File | NodeKind::HardLinkGroup => file(desk, job, route, attempts, mode, buffer)?,
    };
    desk.slot().wait_over();
    Ok(sealed.map_or(Copied::Awaiting, |(put, kind)| {
        Copied::Item(Item::Sealed(Box::new(Sealed { job: job.clone(), attempts, put, kind })))
    }))
}

/// A symbolic link has no private phase: its attributes are read now, it is made when its group is published.
fn symlink(desk: &Desk, route: &Route<'_>, mode: WriteMode) -> Result<(Put, SealedKind), Stop> {
    if !route.target.limits.caps.contains(Caps::SYMLINKS) {
        let why = format!("target {} keeps no symbolic links", route.target.name);
        return Err(Failure::permanent("unsupported", why).into());
    }
    let attrs = route
        .source
        .target
        .get_attrs(&desk.op(), Some(&route.source_key))
        .map_err(|e| Failure::reading(route, &e))?;
    if attrs.link_target.is_none() {
        return Err(Failure::changing("it is no longer a symbolic link").into());
    }
    let digest = blake3::hash(attrs.link_target.as_deref().unwrap_or_default());
    let mut put = Put::new(route.key.clone(), route.attempt.clone());
    put.mode = mode;
    put.attrs = Some(attrs);
    Ok((put, SealedKind::Node { digest: *digest.as_bytes() }))
}

/// `None`: parts of it are elsewhere; it is sealed when they are home.
fn file(
    desk: &Desk,
    job: &Job,
    route: &Route<'_>,
    attempts: u32,
    mode: WriteMode,
    buffer: &mut Vec<u8>,
) -> Result<Option<(Put, SealedKind)>, Stop> {
    let op = desk.op();
    desk.slot().wait(WaitReason::SourceRead, route.source.name.clone());
    let (mut reader, _) = route
        .source
        .target
        .reader_open(&op, &route.source_key, ReadOptions::default())
        .map_err(|e| unlisted_directory(desk, route).unwrap_or_else(|| Failure::reading(route, &e)))?;
    let before = reader.attrs(&op).map_err(|e| Failure::reading(route, &e))?;
    let mut put = Put::new(route.key.clone(), route.attempt.clone());
    put.mode = mode;
    put.size_hint = before.size;
    put.attrs = Some(before.clone());

    desk.slot().wait(WaitReason::TargetOpen, route.target.name.clone());
    let (writer, info) = match route.target.target.writer_open(&op, &put) {
        // What a former attempt of this very incarnation left is in the way of this one.
        Err(e) if e.code() == Code::Exists => {
            discard(route.target, &put.attempt_id);
            route.target.target.writer_open(&op, &put)
        }
        opened => opened,
    }
    .map_err(|e| Failure::writing(route, &e))?;
    desk.slot().wait_over();
    hit(Point::Opened);
    desk.slot().phase(Phase::Copy);

    let mut open = ranged::Open { reader, writer, info, before, put };
    let left = reflink::attempt(desk, job, route, &mut open).inspect_err(|_| {
        discard(route.target, &open.put.attempt_id);
    })?;
    if let (Left::Everything, Some(align)) = (left, ranged::align(route, &open)) {
        return ranged::first(desk, job, route, attempts, align, open);
    }
    let ranged::Open { mut reader, writer, info, before, put } = open;
    let result = bytes::copy(desk, route, &mut reader, writer, &before, (left, buffer)).and_then(|done| {
        let after = reader.attrs(&op).map_err(|e| Failure::reading(route, &e))?;
        match changed(&before, &after, done.bytes) {
            Some(what) => Err(Failure::changing(what).into()),
            None => Ok(done),
        }
    });
    match result {
        Ok(bytes::Done { open: Some(writer), digest, bytes, .. }) => {
            let complete = commit::Complete { writer, digest, bytes, lost: info.lost };
            let kind = commit::commit(desk, job, route, &put, &before, complete)?;
            Ok(Some((put, kind)))
        }
        Ok(done) => {
            hit(Point::Sealed);
            let lost = info.lost.with(done.lost);
            let kind = SealedKind::Object {
                reference: info.reference,
                digest: done.digest,
                size: done.bytes,
                mtime_ns: before.mtime_ns.unwrap_or_default(),
                lost: lost.0,
            };
            Ok(Some((put, kind)))
        }
        Err(stop) => {
            discard(route.target, &put.attempt_id);
            Err(stop)
        }
    }
}

/// A directory that the planner could not list was planned as a transfer, so that it fails by name: with the reason.
fn unlisted_directory(desk: &Desk, route: &Route<'_>) -> Option<Failure> {
    let attrs = route.source.target.get_attrs(&desk.op(), Some(&route.source_key)).ok()?;
    if attrs.kind != Kind::Directory {
        return None;
    }
    let request = ListRequest {
        prefix: Some(&route.source_key),
        continuation: &[],
        want: Wanted::Kind,
        max_entries: 1,
    };
    Some(match route.source.target.list(&desk.op(), &request) {
        Err(e) => Failure::of("list a directory of", &route.source.name, &e),
        Ok(_) => Failure::permanent(
            "unlisted",
            "this directory could not be listed when the run was planned; run again",
        ),
    })
}

/// Removes what an attempt left; what cannot be removed now is found by the sweep at the end.
pub(crate) fn discard(target: &Opened, attempt: &str) {
    if let Err(e) = target.target.discard(&OpContext::new(), Private::Attempt(attempt)) {
        tracing::warn!(error = %e, attempt, target = target.name, "a private object stays until the sweep");
    }
}

/// What changed between opening and the last byte (store.md 4.8); `None`: the bytes are of one version.
pub(crate) fn changed(before: &Attrs, after: &Attrs, read: u64) -> Option<&'static str> {
    if (before.dev, before.ino) != (after.dev, after.ino) {
        Some("another file took its name")
    } else if before.size != after.size {
        Some("its size")
    } else if before.mtime_ns != after.mtime_ns || before.ctime_ns != after.ctime_ns {
        Some("it was written to")
    } else if before.size.is_some_and(|size| size != read) {
        Some("it ended before or after its size")
    } else {
        None
    }
}
