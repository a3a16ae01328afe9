//! Discarding private objects: one by name (the fence of a take-over), or all of a run.
//!
//! A discard is an unlink: afterwards the rename of a publish finds nothing (store.md 3). A sweep that removes also takes the
//! private directories with it, so that a finished run leaves nothing behind.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, unlinkat};
use rustix::io::Errno;
use twinhaul_backend_abi::{Flow, Op, Private, Result};

use crate::fail::failed;
use crate::names::{PRIVATE, Temp, decode};
use crate::volume::Volume;

/// Times a directory is read: removing while reading may hide entries on some file systems.
const PASSES_MAX: u32 = 16;

/// Whether there was a private object of this attempt.
pub(crate) fn discard(volume: &Volume, which: Private<'_>) -> Result<bool> {
    let attempt = match which {
        Private::Ref(bytes) => bytes,
        Private::Attempt(id) => id.as_bytes(),
    };
    volume.flights.forget(attempt);
    let wrong = |e| failed("discard", attempt, e);
    let object = volume.remove_temp(&Temp::of(attempt)?).map_err(wrong)?;
    let node = volume.remove_temp(&Temp::of_node(attempt)?).map_err(wrong)?;
    Ok(object || node)
}

/// Tells the attempts that begin with `prefix`, and removes them if asked to.
pub(crate) fn sweep(
    volume: &Volume,
    op: &Op<'_>,
    prefix: &str,
    remove: bool,
    found: &mut dyn FnMut(&[u8]) -> Flow,
) -> Result<()> {
    let wrong = |e| failed("sweep", PRIVATE, e);
    let runs = match volume.root.dir(PRIVATE) {
        Err(Errno::NOENT) => return Ok(()),
        other => other.map_err(wrong)?,
    };
    for name in entries(&runs).map_err(wrong)? {
        let Some(run) = decode(&name).filter(|run| run.starts_with(prefix) || of_run(prefix, run)) else {
            continue;
        };
        let Ok(temp) = Temp::of(run.as_bytes()).or_else(|_| Temp::of(format!("{run}/").as_bytes())) else {
            continue;
        };
        let dir = match volume.run_dir(&temp) {
            Err(Errno::NOENT) => continue,
            other => other.map_err(|e| failed("sweep", &name, e))?,
        };
        if sweep_run(volume, op, &dir, prefix, remove, found)?.is_break() {
            return Ok(());
        }
        if remove {
            gone(unlinkat(&runs, &name, AtFlags::REMOVEDIR)).map_err(|e| failed("sweep", &name, e))?;
        }
    }
    if remove {
        let away = || gone(unlinkat(volume.root.fd(), PRIVATE, AtFlags::REMOVEDIR));
        volume.thaw.writing(volume.root.fd(), b"", away).map_err(wrong)?;
    }
    Ok(())
}

/// Whether attempts that begin with `prefix` are all of this run.
fn of_run(prefix: &str, run: &str) -> bool {
    prefix.strip_prefix(run).is_some_and(|rest| rest.starts_with('/'))
}

fn sweep_run(
    volume: &Volume,
    op: &Op<'_>,
    dir: &OwnedFd,
    prefix: &str,
    remove: bool,
    found: &mut dyn FnMut(&[u8]) -> Flow,
) -> Result<Flow> {
    // An attempt can have an object and a node, and is told once.
    let mut told = HashSet::new();
    for _ in 0..PASSES_MAX {
        let names = entries(dir).map_err(|e| failed("sweep", PRIVATE, e))?;
        let mut removed = false;
        for name in names {
            op.check()?;
            let Some(attempt) = decode(&name).filter(|attempt| attempt.starts_with(prefix)) else { continue };
            if remove {
                volume.flights.forget(attempt.as_bytes());
                gone(unlinkat(dir, &name, AtFlags::empty())).map_err(|e| failed("sweep", &name, e))?;
                removed = true;
            }
            if !told.contains(&attempt) && found(attempt.as_bytes()).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            told.insert(attempt);
        }
        if !removed {
            break;
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Someone else removed it, or something else is in it: both are fine.
fn gone(done: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match done {
        Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
        other => other,
    }
}

/// Names of a private directory: as many as there are objects on their way, which the host bounds.
fn entries(dir: &OwnedFd) -> rustix::io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    Ok(names)
}
