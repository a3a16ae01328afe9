//! A range of a large file that is not its first part: lent by the other peer, come back, or for an own second slot.
//! The object is the home's; it is joined by its reference, and only bytes of the recorded source version go into it.

use super::flow::{self, Origin, Sink};
use super::{Desk, Failure, Route, Stop};
use crate::gate::Pass;
use crate::options::{ATTEMPTS_MAX, RETRY_PAUSE};
use crate::parts::Part;
use crate::whole::Whole;
use std::sync::Arc;
use twinhaul_assist::ByteRange;
use twinhaul_backend_host::{Code, OpContext, Put, ReadOptions};
use twinhaul_failpoint::{Point, hit};
use twinhaul_ledger::{Chain, Row, SharedObject};
use twinhaul_units::Key;
use twinhaul_wire::{Phase, WaitReason};

/// One range for a slot.
#[derive(Clone, Debug)]
pub(crate) struct RangeJob {
    /// As the core knows it; where it really ends, the part says.
    pub range: ByteRange,
    pub row: Row,
    pub object: SharedObject,
    pub part: Arc<Part>,
    /// This peer is its home.
    pub whole: Option<Arc<Whole>>,
    /// The core waits for its slot.
    pub core_waits: bool,
}

/// How a range left its slot.
#[derive(Debug)]
pub(crate) enum RangeCopied {
    /// In the object, up to where the part ends; of a lent one, durable.
    Done(Vec<Chain>),
    /// Nobody needs it.
    Moot,
    /// Not here: its home must do it, or the transfer has to be redone.
    Failed(Failure),
    /// The peer is ending.
    Cut,
}

/// Works on one range until it is in the object, or cannot be.
pub(crate) fn range(desk: &Desk, job: &RangeJob) -> RangeCopied {
    let name = desk.storage.target_name(job.row.target);
    let mut attempts = 1;
    desk.slot().begin_range(job.range.id.0, &job.row.key, name, (job.range.from, job.range.to));
    let Some(_inside) = desk.enter(job.row.target) else { return RangeCopied::Cut };
    loop {
        let failure = match attempt(desk, job) {
            Ok(chains) => return RangeCopied::Done(chains),
            Err(Stop::Moot) => return RangeCopied::Moot,
            Err(Stop::Cut) if job.part.is_stopped() => return RangeCopied::Moot,
            Err(Stop::Cut) => return RangeCopied::Cut,
            Err(Stop::Failed(failure)) => failure,
        };
        if !failure.worth_another || failure.class == Failure::CHANGING || attempts >= ATTEMPTS_MAX {
            return RangeCopied::Failed(failure);
        }
        desk.slot().wait(WaitReason::Retry, failure.to_string());
        if desk.gate.sleep(RETRY_PAUSE * 2u32.saturating_pow(attempts - 1)) == Pass::Cut {
            return RangeCopied::Cut;
        }
        attempts += 1;
        desk.slot().restart(attempts);
        job.part.restart();
    }
}

fn attempt(desk: &Desk, job: &RangeJob) -> Result<Vec<Chain>, Stop> {
    let (part, size) = (&job.part, job.object.version.size);
    let useless = || part.is_stopped();
    if desk.gate.pass_unless(useless, |by| desk.slot().wait(WaitReason::Paused, format!("by {by}")))
        == Pass::Cut
    {
        return Err(Stop::Cut);
    }
    let route = route(desk, job)?;
    let op = desk.telling(OpContext::new().cancelled_by(part.cancel()));
    desk.slot().wait(WaitReason::SourceRead, route.source.name.clone());
    // A source that reads ahead must not fetch, and charge for, what others copy.
    let len = part.end_at_most().saturating_sub(part.from());
    let options = ReadOptions { offset: part.from(), len: Some(len), ..ReadOptions::default() };
    let (mut reader, _) = route
        .source
        .target
        .reader_open(&op, &route.source_key, options)
        .map_err(|e| Failure::reading(&route, &e))?;
    let same = |attrs| flow::version(&attrs) == job.object.version;
    if !same(reader.attrs(&op).map_err(|e| Failure::reading(&route, &e))?) {
        return Err(Failure::changing("it is not the version that was begun with").into());
    }
    desk.slot().wait(WaitReason::TargetOpen, route.target.name.clone());
    let mut put = Put::new(route.key.clone(), job.object.attempt.clone());
    put.size_hint = Some(size);
    let (mut writer, _) = match route.target.target.writer_attach(&op, &put, &job.object.reference) {
        // Sealed, or discarded: the home has no use for this range.
        Err(e) if e.code() == Code::NotFound => return Err(Stop::Moot),
        joined => joined.map_err(|e| Failure::writing(&route, &e))?,
    };
    desk.slot().wait_over();
    if job.whole.is_none() {
        hit(Point::RangeJoined);
    }
    desk.slot().phase(Phase::Copy);
    let mut origin = Origin::new(&route, &op, reader, part.from(), size);
    if job.whole.is_none() {
        origin = origin.only(job.object.version);
    }
    let chains = flow::run(desk, &route, &mut origin, Sink::At(&writer), part, size)?;
    if !same(origin.reader.attrs(&op).map_err(|e| Failure::reading(&route, &e))?) {
        return Err(Failure::changing("it was written to").into());
    }
    if job.whole.is_none() {
        // What is recorded as done must survive this process.
        desk.slot().phase(Phase::Seal);
        desk.slot().wait(WaitReason::TargetWrite, route.target.name.clone());
        writer.flush(&op).map_err(|e| Failure::writing(&route, &e))?;
        hit(Point::RangeWritten);
        desk.slot().wait_over();
    }
    Ok(chains)
}

fn route<'a>(desk: &'a Desk, job: &RangeJob) -> Result<Route<'a>, Failure> {
    let row = &job.row;
    let gone =
        |what: &str| Failure::permanent("unreachable", format!("{what} of this transfer is not open here"));
    let key = |bytes: &[u8]| Key::new(bytes).map_err(|e| Failure::permanent("bad_key", format!("key {e}")));
    Ok(Route {
        number: row.target,
        source: desk.storage.source(row.source).ok_or_else(|| gone("the source"))?,
        target: desk.storage.target(row.target).ok_or_else(|| gone("the target"))?,
        source_key: key(&row.source_key)?,
        key: key(&row.key)?,
        attempt: job.object.attempt.clone(),
    })
}
