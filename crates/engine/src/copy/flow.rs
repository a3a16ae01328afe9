//! The bytes of one part: claimed in steps, read and hashed by the slot, written by a second thread, with a few chunks
//! between them. Holes of the source are hashed as zeros and not written (store.md 4.9).

use super::{Desk, Failure, Route, Stop, bytes};
use crate::gate::Pass;
use crate::options::{CHUNK, PIPE_CHUNKS};
use crate::parts::{Claim, Part};
use crate::subtree::{LEAF, RangeHasher};
use std::ops::ControlFlow;
use twinhaul_assist::CHECKPOINT_BYTES_MIN;
use twinhaul_backend_host::{Attrs, BackendError, Caps, OpContext, ReadOptions, Reader, Writer};
use twinhaul_failpoint::{Point, hit};
use twinhaul_ledger::{Chain, Version};
use twinhaul_wire::WaitReason;

/// Where the bytes go.
pub(super) enum Sink<'a> {
    /// One after the other from the object's beginning: the space is reserved, and pushed to the medium behind.
    Append(&'a mut Writer),
    /// At their offsets.
    At(&'a Writer),
}

impl Sink<'_> {
    fn write(&mut self, op: &OpContext, at: u64, bytes: &[u8]) -> Result<(), BackendError> {
        match self {
            Self::Append(writer) => writer.write(op, bytes),
            Self::At(writer) => writer.write_at(op, at, bytes),
        }
    }
}

/// The source of one transfer, read at any place.
pub(super) struct Origin<'a> {
    route: &'a Route<'a>,
    op: &'a OpContext,
    /// Opened first: asked whether the source has changed.
    pub(super) reader: Reader,
    at: u64,
    /// After a hole.
    further: Option<(Reader, u64)>,
    /// The data, if there are holes.
    extents: Option<Vec<(u64, u64)>>,
    /// Bytes of any other version are not passed on.
    only: Option<Version>,
}

impl<'a> Origin<'a> {
    /// `reader` stands at `at`.
    pub(super) fn new(
        route: &'a Route<'a>,
        op: &'a OpContext,
        mut reader: Reader,
        at: u64,
        size: u64,
    ) -> Self {
        let extents = extents(route, op, &mut reader, size);
        Self { route, op, reader, at, further: None, extents, only: None }
    }

    /// For an object that another process seals: it may have, when these bytes come. So they are of the version that it
    /// was begun with, whoever is late, and whatever the source is now (S2; a stale helper wrote a newer one into an
    /// object that was done, the model found).
    pub(super) fn only(self, version: Version) -> Self {
        Self { only: Some(version), ..self }
    }

    pub(super) const fn has_holes(&self) -> bool {
        self.extents.is_some()
    }

    /// The next stretch of `[at, to)`: its end, and whether it is data.
    fn stretch(&self, at: u64, to: u64) -> (u64, bool) {
        let Some(extents) = &self.extents else { return (to, true) };
        let next = extents.partition_point(|(offset, len)| offset + len <= at);
        match extents.get(next) {
            Some((offset, len)) if *offset <= at => (to.min(offset + len), true),
            Some((offset, _)) => (to.min(*offset), false),
            None => (to, false),
        }
    }

    fn read(&mut self, at: u64, into: &mut [u8]) -> Result<usize, Failure> {
        let further = self.further.as_ref().is_some_and(|(_, place)| *place == at);
        if !further && self.at != at {
            let options = ReadOptions { offset: at, ..ReadOptions::default() };
            let opened = self.route.source.target.reader_open(self.op, &self.route.source_key, options);
            self.further = Some((opened.map_err(|e| Failure::reading(self.route, &e))?.0, at));
        }
        let (reader, place) = match &mut self.further {
            Some((reader, place)) if *place == at => (reader, place),
            _ => (&mut self.reader, &mut self.at),
        };
        let n = reader.read(self.op, into).map_err(|e| Failure::reading(self.route, &e))?;
        *place += n as u64;
        if let Some(only) = &self.only {
            // After the read: what has this version now had it then.
            let now = reader.attrs(self.op).map_err(|e| Failure::reading(self.route, &e))?;
            if version(&now) != *only {
                return Err(Failure::changing("it was written to"));
            }
        }
        Ok(n)
    }
}

/// The data of an object with holes; `None`: read it whole.
fn extents(route: &Route<'_>, op: &OpContext, reader: &mut Reader, size: u64) -> Option<Vec<(u64, u64)>> {
    if !route.target.limits.caps.contains(Caps::RANDOM_WRITE) {
        return None;
    }
    let mut found = Vec::new();
    let told = reader.extents(op, &mut |offset, len| {
        found.push((offset, len));
        if found.len() > bytes::EXTENTS_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let data: u64 = found.iter().map(|(_, len)| len).sum();
    (told.is_ok() && found.len() <= bytes::EXTENTS_MAX && data < size).then_some(found)
}

/// What must be the same for everybody who reads parts of one object.
pub(super) fn version(attrs: &Attrs) -> Version {
    Version {
        size: attrs.size.unwrap_or_default(),
        mtime_ns: attrs.mtime_ns,
        ctime_ns: attrs.ctime_ns,
        dev: attrs.dev,
        ino: attrs.ino,
    }
}

/// A chunk on its way to the writing thread.
struct Filled {
    at: u64,
    chunk: Vec<u8>,
    n: usize,
    /// Of everything up to its end; empty where no checkpoint is made.
    trail: Vec<Chain>,
}

/// Copies the part until nothing is left to claim. Returns the chaining values of all of it.
pub(super) fn run(
    desk: &Desk,
    route: &Route<'_>,
    origin: &mut Origin<'_>,
    mut sink: Sink<'_>,
    part: &Part,
    size: u64,
) -> Result<Vec<Chain>, Stop> {
    let (full, to_write) = crossbeam_channel::bounded::<Filled>(PIPE_CHUNKS);
    let (empty, to_fill) = desk.buffers.pipe();
    let op = desk.telling(OpContext::new().cancelled_by(part.cancel()));
    let result = std::thread::scope(|scope| {
        let write_all = || -> Result<(), Failure> {
            let empty = empty;
            for Filled { at, chunk, n, trail } in to_write {
                sink.write(&op, at, &chunk[..n]).map_err(|e| Failure::writing(route, &e))?;
                part.reach(at + n as u64);
                if !trail.is_empty() {
                    part.leave_trail(trail);
                }
                hit(Point::PartCopying);
                desk.slot().moved(n as u64);
                // The reader may have ended; then the chunk is not needed again.
                let _ = empty.send(chunk);
            }
            Ok(())
        };
        let writing = std::thread::Builder::new()
            .name(format!("write-{}", desk.slot))
            .spawn_scoped(scope, write_all)
            .map_err(|e| Failure::permanent("threads", format!("starting a writing thread: {e}")))?;
        let trails = size >= CHECKPOINT_BYTES_MIN;
        let reading = Reading { desk, route, part, full: &full, to_fill: &to_fill, trails };
        let read = reading.all(origin, size);
        drop(full);
        let written =
            writing.join().unwrap_or_else(|_| Err(Failure::permanent("bug", "the writing thread panicked")));
        match (read, written) {
            // The cause is the writer's error; the reader only noticed that nobody takes its chunks.
            (_, Err(failure)) => Err(Stop::Failed(failure)),
            (read, Ok(())) => read,
        }
    });
    desk.buffers.give_all(&to_fill);
    // Whatever a call said: this part is not needed, or its transfer has failed for a reason of its own.
    if part.is_stopped() { Err(Stop::Moot) } else { result }
}

/// The slot's side of a part.
struct Reading<'a> {
    desk: &'a Desk,
    route: &'a Route<'a>,
    part: &'a Part,
    full: &'a crossbeam_channel::Sender<Filled>,
    to_fill: &'a crossbeam_channel::Receiver<Vec<u8>>,
    /// Whether checkpoints are made of this transfer.
    trails: bool,
}

impl Reading<'_> {
    fn all(&self, origin: &mut Origin<'_>, size: u64) -> Result<Vec<Chain>, Stop> {
        let mut hasher = RangeHasher::new(self.part.begin(), size);
        loop {
            let step = (self.desk.limits.chunk(self.route.number, CHUNK) as u64).max(LEAF);
            match self.part.claim(step, &self.desk.gate) {
                Claim::Bytes { from, to } => self.step(origin, &mut hasher, from, to)?,
                Claim::Finished => {
                    debug_assert_eq!(hasher.at(), self.part.end());
                    return Ok(hasher.finish());
                }
                Claim::Stopped => return Err(Stop::Cut),
            }
        }
    }

    fn step(
        &self,
        origin: &mut Origin<'_>,
        hasher: &mut RangeHasher,
        mut at: u64,
        to: u64,
    ) -> Result<(), Stop> {
        while at < to {
            let (end, is_data) = origin.stretch(at, to);
            if is_data {
                at += self.chunk(origin, hasher, at, end)?;
            } else {
                bytes::zeros(end - at, |zeros| hasher.update(zeros));
                self.desk.slot().passed(end - at);
                at = end;
            }
        }
        Ok(())
    }

    /// One chunk of data from `at` on, at most up to `end`.
    fn chunk(
        &self,
        origin: &mut Origin<'_>,
        hasher: &mut RangeHasher,
        at: u64,
        end: u64,
    ) -> Result<u64, Stop> {
        let slot = self.desk.slot();
        let nobody = || Stop::Failed(Failure::permanent("bug", "the writing thread is gone"));
        slot.wait(WaitReason::TargetWrite, self.route.target.name.clone());
        let mut chunk = self.to_fill.recv().map_err(|_| nobody())?;
        let want =
            self.desk.limits.chunk(self.route.number, CHUNK).min(usize::try_from(end - at).unwrap_or(CHUNK));
        slot.wait(WaitReason::SourceRead, self.route.source.name.clone());
        let n = origin.read(at, &mut chunk[..want])?;
        slot.wait_over();
        if n == 0 {
            return Err(Failure::changing("it ended before its size").into());
        }
        self.may_move(n)?;
        hasher.update(&chunk[..n]);
        let trail = if self.trails { hasher.so_far().to_vec() } else { Vec::new() };
        self.full.send(Filled { at, chunk, n, trail }).map_err(|_| nobody())?;
        Ok(n as u64)
    }

    /// Passes the gate and the limit before `n` bytes move.
    fn may_move(&self, n: usize) -> Result<(), Stop> {
        let (desk, slot) = (self.desk, self.desk.slot());
        let useless = || self.part.is_stopped();
        let paused = desk.gate.pass_unless(useless, |by| slot.wait(WaitReason::Paused, format!("by {by}")));
        let limited = desk.limits.take(self.route.number, n, &desk.gate, |limit| {
            slot.wait(WaitReason::Throttle, limit);
        });
        slot.wait_over();
        if paused == Pass::Cut || limited == Pass::Cut { Err(Stop::Cut) } else { Ok(()) }
    }
}
