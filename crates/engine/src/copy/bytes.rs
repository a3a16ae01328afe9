//! Moving bytes: read, hash, write. Data between holes only, where the source tells its holes and the target takes
//! writes at an offset; the digest is of the logical bytes all the same (store.md 4.9).

use super::{Desk, Failure, Route, Stop};
use crate::gate::Pass;
use crate::options::{CHUNK, PIPE_CHUNKS};
use std::ops::ControlFlow;
use twinhaul_backend_host::{Attrs, Caps, Lost, OpContext, ReadOptions, Reader, Writer};
use twinhaul_failpoint::{Point, hit};
use twinhaul_wire::{Phase, WaitReason};

/// Objects below this are not asked for holes: the question costs more than reading them.
const HOLES_WORTH_ASKING: u64 = 64 * 1024;
/// Objects above this are read and written by two threads. To begin another thread for less costs more than it saves: other slots
/// write meanwhile.
const PIPE_ABOVE: u64 = 4 << 20;
/// Extents taken from one object; with more it is copied as if it had no holes.
pub(super) const EXTENTS_MAX: usize = 65_536;
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// A copied object: sealed, or complete and still to be committed.
pub(crate) struct Done {
    /// BLAKE3 of the logical bytes.
    pub(crate) digest: [u8; 32],
    /// Logical length.
    pub(crate) bytes: u64,
    pub(crate) lost: Lost,
    /// Of a target without a private phase.
    pub(crate) open: Option<Writer>,
}

/// What is still to be done with what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Hash and write it.
    Everything,
    /// Hash it: the object has it already (see [`super::reflink`]).
    Hash,
}

/// Copies all of `reader` into `writer`, and seals it if the target has a private phase.
pub(crate) fn copy(
    desk: &Desk,
    route: &Route<'_>,
    reader: &mut Reader,
    mut writer: Writer,
    before: &Attrs,
    (left, buffer): (Left, &mut Vec<u8>),
) -> Result<Done, Stop> {
    let op = desk.op();
    let size = before.size.unwrap_or_default();
    let mut hasher = blake3::Hasher::new();
    let into = match left {
        Left::Everything => Some(&mut writer),
        Left::Hash => None,
    };
    let bytes = match (extents(desk, route, reader, size), into) {
        (Some(extents), into) => sparse(desk, route, into, size, &extents, buffer, &mut hasher)?,
        (None, Some(writer)) if size > PIPE_ABOVE => piped(desk, route, reader, writer, &mut hasher)?,
        (None, into) => inline(desk, route, reader, into, buffer, &mut hasher)?,
    };
    desk.slot().phase(Phase::Seal);
    desk.slot().wait(WaitReason::TargetWrite, route.target.name.clone());
    let digest = *hasher.finalize().as_bytes();
    if !route.target.two_phase() {
        return Ok(Done { digest, bytes, lost: Lost::NONE, open: Some(writer) });
    }
    let lost = writer.seal(&op).map_err(|e| Failure::writing(route, &e))?;
    Ok(Done { digest, bytes, lost, open: None })
}

/// The data of an object with holes; `None`: copy it whole.
fn extents(desk: &Desk, route: &Route<'_>, reader: &mut Reader, size: u64) -> Option<Vec<(u64, u64)>> {
    if size < HOLES_WORTH_ASKING || !route.target.limits.caps.contains(Caps::RANDOM_WRITE) {
        return None;
    }
    let mut found = Vec::new();
    let told = reader.extents(&desk.op(), &mut |offset, len| {
        found.push((offset, len));
        if found.len() > EXTENTS_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let data: u64 = found.iter().map(|(_, len)| len).sum();
    (told.is_ok() && found.len() <= EXTENTS_MAX && data < size).then_some(found)
}

/// Passes the gate and the limit before `n` bytes move.
fn may_move(desk: &Desk, route: &Route<'_>, n: usize) -> Result<(), Stop> {
    hit(Point::Copying);
    let paused = desk.gate.pass(|by| desk.slot().wait(WaitReason::Paused, format!("by {by}")));
    let limited = desk.limits.take(route.number, n, &desk.gate, |limit| {
        desk.slot().wait(WaitReason::Throttle, limit);
    });
    if paused == Pass::Cut || limited == Pass::Cut { Err(Stop::Cut) } else { Ok(()) }
}

fn read(
    desk: &Desk,
    op: &OpContext,
    route: &Route<'_>,
    reader: &mut Reader,
    into: &mut [u8],
) -> Result<usize, Stop> {
    desk.slot().wait(WaitReason::SourceRead, route.source.name.clone());
    let n = reader.read(op, into).map_err(|e| Failure::reading(route, &e))?;
    desk.slot().wait_over();
    Ok(n)
}

/// Small objects: read, hash and write in turn, no second thread. Without a writer, as below: the object has them already.
fn inline(
    desk: &Desk,
    route: &Route<'_>,
    reader: &mut Reader,
    mut writer: Option<&mut Writer>,
    buffer: &mut Vec<u8>,
    hasher: &mut blake3::Hasher,
) -> Result<u64, Stop> {
    let op = desk.op();
    let mut total = 0;
    buffer.resize(CHUNK, 0);
    loop {
        let chunk = desk.limits.chunk(route.number, CHUNK);
        let n = read(desk, &op, route, reader, &mut buffer[..chunk])?;
        if n == 0 {
            return Ok(total);
        }
        may_move(desk, route, n)?;
        hasher.update(&buffer[..n]);
        if let Some(writer) = &mut writer {
            desk.slot().wait(WaitReason::TargetWrite, route.target.name.clone());
            writer.write(&op, &buffer[..n]).map_err(|e| Failure::writing(route, &e))?;
            desk.slot().wait_over();
        }
        desk.slot().moved(n as u64);
        total += n as u64;
    }
}

/// Large objects: this thread reads and hashes, a thread of the open object writes, with a few chunks between them.
fn piped(
    desk: &Desk,
    route: &Route<'_>,
    reader: &mut Reader,
    writer: &mut Writer,
    hasher: &mut blake3::Hasher,
) -> Result<u64, Stop> {
    let (full, to_write) = crossbeam_channel::bounded::<(Vec<u8>, usize)>(PIPE_CHUNKS);
    let (empty, to_fill) = desk.buffers.pipe();
    let result = std::thread::scope(|scope| {
        let write_all = move || -> Result<(), Failure> {
            let op = desk.op();
            for (chunk, n) in to_write {
                writer.write(&op, &chunk[..n]).map_err(|e| Failure::writing(route, &e))?;
                desk.slot().moved(n as u64);
                // The reader may have ended; then the chunk is not needed again.
                let _ = empty.send(chunk);
            }
            Ok(())
        };
        let name = format!("write-{}", desk.slot);
        let writing = std::thread::Builder::new()
            .name(name)
            .spawn_scoped(scope, write_all)
            .map_err(|e| Failure::permanent("threads", format!("starting a writing thread: {e}")))?;
        let reading = read_all(desk, route, reader, hasher, &full, &to_fill);
        drop(full);
        let written =
            writing.join().unwrap_or_else(|_| Err(Failure::permanent("bug", "the writing thread panicked")));
        match (reading, written) {
            // The cause is the writer's error; the reader only noticed that nobody takes its chunks.
            (_, Err(failure)) => Err(Stop::Failed(failure)),
            (reading, Ok(())) => reading,
        }
    });
    desk.buffers.give_all(&to_fill);
    result
}

fn read_all(
    desk: &Desk,
    route: &Route<'_>,
    reader: &mut Reader,
    hasher: &mut blake3::Hasher,
    full: &crossbeam_channel::Sender<(Vec<u8>, usize)>,
    to_fill: &crossbeam_channel::Receiver<Vec<u8>>,
) -> Result<u64, Stop> {
    let op = desk.op();
    let mut total = 0;
    let nobody = || Stop::Failed(Failure::permanent("bug", "the writing thread is gone"));
    loop {
        desk.slot().wait(WaitReason::TargetWrite, route.target.name.clone());
        let mut chunk = to_fill.recv().map_err(|_| nobody())?;
        let want = desk.limits.chunk(route.number, CHUNK);
        let n = read(desk, &op, route, reader, &mut chunk[..want])?;
        if n == 0 {
            return Ok(total);
        }
        may_move(desk, route, n)?;
        hasher.update(&chunk[..n]);
        total += n as u64;
        full.send((chunk, n)).map_err(|_| nobody())?;
    }
}

/// Objects with holes: only the data is read and written; the holes are hashed as zeros.
fn sparse(
    desk: &Desk,
    route: &Route<'_>,
    mut writer: Option<&mut Writer>,
    size: u64,
    extents: &[(u64, u64)],
    buffer: &mut Vec<u8>,
    hasher: &mut blake3::Hasher,
) -> Result<u64, Stop> {
    let mut at = 0;
    for (offset, len) in extents.iter().copied() {
        hash_zeros(hasher, offset.saturating_sub(at));
        desk.slot().passed(offset.saturating_sub(at));
        at = offset + data(desk, route, writer.as_deref(), offset, len, buffer, hasher)?;
    }
    hash_zeros(hasher, size.saturating_sub(at));
    desk.slot().passed(size.saturating_sub(at));
    if let Some(writer) = &mut writer {
        writer.set_len(&desk.op(), size.max(at)).map_err(|e| Failure::writing(route, &e))?;
    }
    Ok(size.max(at))
}

/// One stretch of data; returns what was there, at most `len`.
fn data(
    desk: &Desk,
    route: &Route<'_>,
    writer: Option<&Writer>,
    offset: u64,
    len: u64,
    buffer: &mut Vec<u8>,
    hasher: &mut blake3::Hasher,
) -> Result<u64, Stop> {
    let op = desk.op();
    let options = ReadOptions { offset, len: Some(len), ..ReadOptions::default() };
    let (mut reader, _) = route
        .source
        .target
        .reader_open(&op, &route.source_key, options)
        .map_err(|e| Failure::reading(route, &e))?;
    buffer.resize(CHUNK, 0);
    let mut done = 0;
    while done < len {
        let chunk = desk.limits.chunk(route.number, CHUNK).min(usize::try_from(len - done).unwrap_or(CHUNK));
        let n = read(desk, &op, route, &mut reader, &mut buffer[..chunk])?;
        if n == 0 {
            break;
        }
        may_move(desk, route, n)?;
        hasher.update(&buffer[..n]);
        if let Some(writer) = writer {
            desk.slot().wait(WaitReason::TargetWrite, route.target.name.clone());
            writer.write_at(&op, offset + done, &buffer[..n]).map_err(|e| Failure::writing(route, &e))?;
            desk.slot().wait_over();
        }
        desk.slot().moved(n as u64);
        done += n as u64;
    }
    Ok(done)
}

fn hash_zeros(hasher: &mut blake3::Hasher, n: u64) {
    zeros(n, |zeros| {
        hasher.update(zeros);
    });
}

/// `n` zeros, in pieces.
pub(super) fn zeros(mut n: u64, mut each: impl FnMut(&[u8])) {
    while n > 0 {
        let take = n.min(ZEROS.len() as u64);
        each(&ZEROS[..usize::try_from(take).unwrap_or(ZEROS.len())]);
        n -= take;
    }
}
