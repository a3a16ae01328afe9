//! Durability in groups: one barrier for many sealed objects, one for the names made since the last (faults.md 6.2).
//!
//! An fsync is NEVER retried: Linux reports a write error once and marks the pages clean, so a second fsync would lie. Whatever could
//! have been hit by a failed barrier fails with it. Entry points: [`seal_sync`], [`publish_sync`].

mod flights;
pub(crate) mod pulse;
mod touched;

pub(crate) use flights::Flights;
pub(crate) use touched::Touched;

use std::os::fd::OwnedFd;
use std::sync::PoisonError;

use rustix::fs::{Advice, Mode, OFlags, fadvise, fdatasync, fsync, openat, syncfs};
use rustix::io::Errno;
use twinhaul_backend_abi::{Batch, Code, Error, Op, Result, WaitReason};

use crate::fail::{failed, mistake};
use crate::names::Temp;
use crate::node::{Id, Node};
use crate::volume::Volume;

/// Up to so many objects are synced one by one; beyond, one syncfs is cheaper, although it writes other people's data too. Measured on
/// a busy ext4, 16 KiB files, seconds of barrier for 256 files: 0.69-1.24 in groups of 8 one by one, 0.21-0.44 in
/// groups of 9 by syncfs, 0.02-0.06 in groups of 64.
const EACH_MAX: usize = 8;

/// Makes sealed objects durable. No refs: everything sealed or published so far (durability `end`).
pub(crate) fn seal_sync(volume: &Volume, op: &Op<'_>, refs: &[&[u8]]) -> Batch<()> {
    op.check()?;
    op.wait(Some(WaitReason::Io), "writing a group of objects to the medium");
    let answers = volume.pulse.during(|| match refs.len() {
        0 => sync_all(volume).map(|()| Vec::new()),
        1..=EACH_MAX => Ok(sync_each(volume, refs)),
        _ => Ok(sync_many(volume, refs)),
    });
    op.wait(None, "");
    answers
}

/// One syncfs for all of the file system. Serialised, because the kernel tells each error to one caller only.
fn sync_all(volume: &Volume) -> Result<()> {
    let _one = volume.barrier.lock().unwrap_or_else(PoisonError::into_inner);
    syncfs(volume.root.fd()).map_err(|e| {
        volume.flights.distrust();
        failed("sync the file system of", b"", e)
    })
}

fn sync_many(volume: &Volume, refs: &[&[u8]]) -> Vec<Result<()>> {
    match sync_all(volume) {
        Ok(()) => refs.iter().map(|r| still_private(volume, r).and_then(|()| trusted(volume, r))).collect(),
        Err(e) => refs.iter().map(|_| Err(e.clone())).collect(),
    }
}

/// Write-back of all begins before the first is waited for.
fn sync_each(volume: &Volume, refs: &[&[u8]]) -> Vec<Result<()>> {
    let files: Vec<_> = refs.iter().map(|r| open(volume, r)).collect();
    for file in files.iter().flatten().flatten() {
        // Only a hint: on dirty pages it starts writing them.
        let _ = fadvise(file, 0, None, Advice::DontNeed);
    }
    let sync = |(r, file): (&&[u8], Result<Option<OwnedFd>>)| {
        match file? {
            Some(file) => fdatasync(&file).map_err(|e| failed("sync", r, e))?,
            None => sync_all(volume)?,
        }
        still_private(volume, r)?;
        trusted(volume, r)
    };
    refs.iter().zip(files).map(sync).collect()
}

/// The descriptor that wrote it if it is still there, else a new one; `None` = may not be opened (mode without read and
/// write permission, not root).
fn open(volume: &Volume, reference: &[u8]) -> Result<Option<OwnedFd>> {
    if let Some(file) = volume.flights.take(reference) {
        return Ok(Some(file));
    }
    let temp = Temp::of(reference)?;
    let dir = volume.run_dir(&temp).map_err(|e| gone(reference, e))?;
    let with = |flags| openat(&dir, &temp.name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
    match with(OFlags::RDONLY).or_else(|e| if e == Errno::ACCESS { with(OFlags::WRONLY) } else { Err(e) }) {
        Ok(file) => Ok(Some(file)),
        Err(Errno::ACCESS) => Ok(None),
        Err(e) => Err(gone(reference, e)),
    }
}

/// A sealed object that another peer discarded is not durable, whatever its descriptor said.
fn still_private(volume: &Volume, reference: &[u8]) -> Result<()> {
    let temp = Temp::of(reference)?;
    let dir = volume.run_dir(&temp).map_err(|e| gone(reference, e))?;
    Node::named(&dir, &temp.name).map(|_| ()).map_err(|e| gone(reference, e))
}

fn gone(reference: &[u8], e: Errno) -> Error {
    match e {
        Errno::NOENT => mistake(Code::NotFound, "sync", reference, "it was discarded or published before"),
        e => failed("sync", reference, e),
    }
}

/// An object whose writes a barrier of this target may have lost is not durable, even if its own sync says so.
fn trusted(volume: &Volume, reference: &[u8]) -> Result<()> {
    if volume.flights.is_trusted(reference) {
        return Ok(());
    }
    Err(mistake(Code::Io, "sync", reference, "a sync of this file system failed after the object was opened"))
}

/// Makes the names and nodes made so far durable: each directory once, or one syncfs when there are many.
pub(crate) fn publish_sync(volume: &Volume, op: &Op<'_>) -> Result<()> {
    op.check()?;
    // Held throughout: who finds nothing to sync must not return before those who took it are done.
    let _one = volume.names_barrier.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(e) = volume.touched.broken() {
        return Err(e);
    }
    volume.thaw.restore(&volume.root);
    op.wait(Some(WaitReason::Io), "writing directories to the medium");
    let done = volume.pulse.during(|| match volume.touched.take() {
        Some(dirs) => dirs.iter().try_for_each(|(id, path)| sync_dir(volume, *id, path)),
        None => sync_all(volume),
    });
    op.wait(None, "");
    done.inspect_err(|e| volume.touched.break_down(e))
}

/// By path, because holding every directory open costs descriptors; if it is no longer the same one, all is synced.
fn sync_dir(volume: &Volume, id: Id, path: &[u8]) -> Result<()> {
    match volume.root.dir(path) {
        Ok(dir) if Node::of(&dir).is_ok_and(|n| n.id() == id) => {
            fsync(&dir).map_err(|e| failed("sync the directory", path, e))
        }
        _ => sync_all(volume),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use twinhaul_backend_abi::{Key, Put, Writer};

    fn sealed(volume: &Arc<Volume>, attempt: &str) {
        let put = Put::new(Key::new("f").unwrap(), attempt);
        let (mut writer, _) = crate::writer::DiskWriter::open(volume, &put).unwrap();
        writer.seal(&Op::detached()).unwrap();
    }

    #[test]
    fn what_a_failed_barrier_may_have_hit_is_never_called_durable() {
        let dir = tempfile::tempdir().unwrap();
        let volume = Arc::new(Volume::for_tests(dir.path()));
        let op = Op::detached();
        for many in [1, EACH_MAX + 1] {
            let ids = |when: &str| (0..many).map(|i| format!("{when}/{many}-{i}/1/1")).collect::<Vec<_>>();
            let sync = |ids: &[String]| {
                let refs: Vec<_> = ids.iter().map(String::as_bytes).collect();
                seal_sync(&volume, &op, &refs).unwrap()
            };
            let (before, after) = (ids("before"), ids("after"));
            for id in &before {
                sealed(&volume, id);
            }
            volume.flights.distrust();
            for id in &after {
                sealed(&volume, id);
            }
            // Also when asked again: a second sync that succeeds proves nothing.
            for _ in 0..2 {
                assert!(sync(&before).iter().all(|a| a.as_ref().is_err_and(|e| e.code == Code::Io)));
            }
            assert!(sync(&after).iter().all(Result::is_ok), "new objects are not held guilty");
        }
    }

    #[test]
    fn a_failed_sync_of_names_is_not_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let volume = Volume::for_tests(dir.path());
        publish_sync(&volume, &Op::detached()).unwrap();
        volume.touched.break_down(&Error::new(Code::Io, "sync the directory a"));
        for _ in 0..2 {
            let e = publish_sync(&volume, &Op::detached()).unwrap_err();
            assert!(e.code == Code::Io && e.message.contains("in doubt"), "{e}");
        }
    }
}
