//! `verify: read-back`: what a group has published is read again, several objects at a time, and its digest compared.
//!
//! Past the cache nothing is proven by pages that the medium has never seen, and reading around them would write them out
//! object by object: so the bytes of the group are durable before (see `Committer::seal`).

use super::Committer;
use super::group::Entry;
use crate::copy::Failure;
use crate::digest::{Through, digest_of};
use crate::options::CHUNK;
use crate::storage::Storage;
use std::sync::{Mutex, PoisonError};
use twinhaul_backend_host::{Caps, OpContext};

/// Objects read at a time: small ones cost the medium's answer, not its pace.
const READERS: usize = 4;

impl Committer {
    /// Reads all of the group that has not failed; each is verified then, or has failed.
    pub(super) fn read_back(&self, entries: &mut [Entry], through: Through) {
        // One medium that goes forth and back is read in order.
        let in_turn = |e: &Entry| {
            self.storage.target(e.target()).is_some_and(|t| t.limits.caps.contains(Caps::SEQUENTIAL))
        };
        let count = if entries.iter().any(in_turn) { 1 } else { entries.len().min(READERS) };
        let left = Mutex::new(entries.iter_mut().filter(|e| e.failure.is_none()));
        let storage: &Storage = &self.storage;
        let work = |shows: bool| {
            let op = OpContext::new();
            // One note, one reader: the others' ends would wipe out what it waits for.
            let op = if shows { op.noting(&storage.settling_wait) } else { op };
            let mut buffer = vec![0; CHUNK];
            loop {
                let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(entry) = next else { return };
                match is_same(storage, &op, entry, through, &mut buffer) {
                    Ok(()) => entry.verified = true,
                    Err(failure) => entry.failure = Some(failure),
                }
            }
        };
        std::thread::scope(|scope| {
            for n in 1..count {
                let reader = std::thread::Builder::new().name(format!("read-back-{n}"));
                // Without it the others do its part.
                let _ = reader.spawn_scoped(scope, || work(false));
            }
            work(true);
        });
    }
}

/// Whether the target holds what was written.
fn is_same(
    storage: &Storage,
    op: &OpContext,
    entry: &Entry,
    through: Through,
    buffer: &mut [u8],
) -> Result<(), Failure> {
    let Some(target) = storage.target(entry.target()) else { return Ok(()) };
    if entry.is_node() {
        return Ok(());
    }
    let digest = digest_of(op, target, &entry.sealed.put.key, through, buffer)
        .map_err(|e| Failure::of("read back from", &target.name, &e))?;
    if digest == entry.digest() {
        return Ok(());
    }
    Err(Failure::mismatch(format!("target {} holds other bytes than were written", target.name)))
}
