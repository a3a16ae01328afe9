//! Discard before redo (store.md 3, faults.md 1 to 8, 23): what a peer does about transfers that a dead or fenced
//! incarnation left half-way, its own former lives' when it starts, the other peer's after a take-over.
//!
//! An authorised transfer may be published or not. Its private object is discarded: if it was there, it was not
//! published, and never will be; it is redone. If it was gone and the target holds the authorised digest, it is
//! accepted as done. Everything else that dead incarnations left is discarded too. Nothing of them is redone before.

use crate::digest::{Through, digest_of};
use crate::error::{EngineError, Result};
use crate::options::CHUNK;
use crate::storage::{Opened, Storage};
use crate::tag::PeerTag;
use std::path::Path;
use twinhaul_backend_host::{ChecksumKind, OpContext, Private};
use twinhaul_failpoint::{Point, hit};
use twinhaul_ledger::{NodeKind, Outcome, Settled, Store, Unsettled, View};
use twinhaul_profile::Verify;
use twinhaul_units::{Epoch, Key, TransferId};

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    /// Private objects of dead incarnations.
    pub discarded: u64,
    /// Published before the incarnation ended, digest compared: done without copying.
    pub accepted: u64,
    /// To be copied again.
    pub redone: u64,
}

/// Brings the ledger and the targets into a state from which this new incarnation can work.
///
/// # Errors
/// The ledger's, or a target that cannot be asked.
pub(crate) fn recover(store: &Store, storage: &Storage, tag: &PeerTag, verify: Verify) -> Result<Recovered> {
    let left = store.unsettled(tag.me)?;
    let place = Place { store, storage, tag, verify, passed: Point::RecoverDiscarded };
    place.resolve(&left)
}

/// The authorised transfers that a take-over brought: of lots whose epoch has changed since. What this peer has
/// authorised itself is in its committer's hands.
pub(crate) fn taken(store: &Store, tag: &PeerTag) -> Result<Vec<Unsettled>> {
    let mut left = store.unsettled(tag.me)?;
    left.retain(|row| row.authorised_epoch != row.epoch);
    Ok(left)
}

/// Deals with what [`taken`] found, before any of it is done again.
///
/// # Errors
/// As [`recover`].
pub(crate) fn take_in(
    store: &Store,
    storage: &Storage,
    tag: &PeerTag,
    verify: Verify,
    left: &[Unsettled],
) -> Result<Recovered> {
    let place = Place { store, storage, tag, verify, passed: Point::TakeOverDiscarded };
    place.resolve(left)
}

/// Whether a transfer becomes visible without a private phase: a stale process can do that at any time, so it must be
/// gone before the transfer is redone (store.md 3, "targets without two phases").
pub(crate) fn needs_its_process_gone(storage: &Storage, row: &Unsettled) -> bool {
    row.row.kind == NodeKind::Symlink || storage.target(row.row.target).is_some_and(|t| !t.two_phase())
}

struct Place<'a> {
    store: &'a Store,
    storage: &'a Storage,
    tag: &'a PeerTag,
    verify: Verify,
    /// For tests: passed after each transfer that was looked at.
    passed: Point,
}

impl Place<'_> {
    fn resolve(&self, left: &[Unsettled]) -> Result<Recovered> {
        let mut accepted = Vec::new();
        let mut redo: Vec<(TransferId, Epoch)> = Vec::new();
        let mut buffer = vec![0; CHUNK];
        for row in left {
            if is_published(self.storage, row, &mut buffer)? {
                accepted.push(settled(row, self.verify));
            } else {
                redo.push((row.row.id, row.epoch));
            }
            hit(self.passed);
        }
        if !accepted.is_empty() {
            self.make_durable()?;
            self.store.settle(self.tag.me, self.tag.incarnation, &accepted)?;
        }
        if !redo.is_empty() {
            self.store.release(self.tag.me, self.tag.incarnation, &redo)?;
        }
        let discarded = self.discard_dead()?;
        Ok(Recovered { discarded, accepted: accepted.len() as u64, redone: redo.len() as u64 })
    }

    /// Whoever published may have died before it synced.
    fn make_durable(&self) -> Result<()> {
        for target in self.storage.reached() {
            target.sync().map_err(|source| EngineError::Backend { target: target.name.clone(), source })?;
        }
        Ok(())
    }

    /// The private objects of all incarnations that the ledger calls over, of both peers; but for those whose durable
    /// part is taken over by whoever begins their transfers again. None of those can be published: that takes an
    /// authorisation, and the ledger refuses one of an incarnation that is over.
    fn discard_dead(&self) -> Result<u64> {
        let current = self.store.peers()?.map(|peer| peer.incarnation);
        let kept = self.store.checkpointed_attempts()?;
        let is_kept = |attempt: &[u8]| kept.iter().any(|known| known.as_bytes() == attempt);
        let mut discarded = 0;
        for target in self.storage.reached() {
            let fail = |source| EngineError::Backend { target: target.name.clone(), source };
            let op = OpContext::new();
            let found = target.target.sweep(&op, &PeerTag::run_prefix(&self.tag.run), false).map_err(fail)?;
            let is_over = |attempt: &Vec<u8>| PeerTag::is_of_dead_life(attempt, current) && !is_kept(attempt);
            for attempt in found.into_iter().filter(is_over) {
                let Ok(attempt) = std::str::from_utf8(&attempt) else { continue };
                discarded += u64::from(target.target.discard(&op, Private::Attempt(attempt)).map_err(fail)?);
                hit(self.passed);
            }
        }
        Ok(discarded)
    }
}

/// Removes what this very process has private, when it ends and nothing of it will be published: fenced, or the run is
/// over.
pub(crate) fn leave_nothing(storage: &Storage, tag: &PeerTag, ledger: &Path) {
    // Fenced: the other peer may go on from what this process had made durable.
    let kept = View::open(ledger).and_then(|view| view.checkpointed_attempts()).unwrap_or_default();
    let is_kept = |attempt: &[u8]| kept.iter().any(|known| known.as_bytes() == attempt);
    for target in storage.reached() {
        let op = OpContext::new();
        let found = target.target.sweep(&op, &PeerTag::run_prefix(&tag.run), false).unwrap_or_default();
        for attempt in found.into_iter().filter(|attempt| tag.is_own(attempt) && !is_kept(attempt)) {
            let Ok(attempt) = std::str::from_utf8(&attempt) else { continue };
            // What cannot be removed is found by the next life, or by `doctor`.
            if let Err(e) = target.target.discard(&op, Private::Attempt(attempt)) {
                tracing::warn!(error = %e, attempt, target = target.name, "a private object stays");
            }
        }
    }
}

/// Discards the private object, and says whether the object was published before.
fn is_published(storage: &Storage, row: &Unsettled, buffer: &mut [u8]) -> Result<bool> {
    let Some(target) = storage.target(row.row.target) else { return Ok(false) };
    let fail = |source| EngineError::Backend { target: target.name.clone(), source };
    let Ok(key) = Key::new(row.row.key.clone()) else { return Ok(false) };
    let op = OpContext::new();
    match row.row.kind {
        NodeKind::Symlink => {
            let attrs = target.target.get_attrs(&op, Some(&key));
            let link = attrs.ok().and_then(|a| a.link_target);
            Ok(link.is_some_and(|link| *blake3::hash(&link).as_bytes() == row.blake3))
        }
        NodeKind::File | NodeKind::HardLinkGroup => {
            if !target.two_phase() {
                return Ok(is_there(target, &key, row, buffer));
            }
            let existed = target.target.discard(&op, Private::Ref(&row.reference)).map_err(fail)?;
            // Further names may be missing even if the first is there: a group is redone whole.
            let whole = row.row.kind == NodeKind::File;
            let mut same = || {
                digest_of(&op, target, &key, Through::Medium, buffer).is_ok_and(|digest| digest == row.blake3)
            };
            Ok(!existed && whole && same())
        }
    }
}

/// A target without a private phase: the object is there whole or not at all. Its process is gone, and a request that
/// is still on its way can only write these bytes (invariant S2).
fn is_there(target: &Opened, key: &Key, row: &Unsettled, buffer: &mut [u8]) -> bool {
    let Ok(stat) = target.target.stat(&OpContext::new(), key) else { return false };
    if stat.size != row.size {
        return false;
    }
    match stat.checksum.filter(|sum| sum.kind == ChecksumKind::Blake3) {
        // Stored with the object in one request: it is of these bytes.
        Some(sum) => sum.bytes == row.blake3,
        None => digest_of(&OpContext::new(), target, key, Through::Medium, buffer)
            .is_ok_and(|digest| digest == row.blake3),
    }
}

fn settled(row: &Unsettled, verify: Verify) -> Settled {
    Settled {
        id: row.row.id,
        epoch: row.epoch,
        outcome: Outcome::Done {
            // Its bytes have just been read from the target and compared.
            verified: verify != Verify::None,
            etag: None,
            lost: 0,
            blake3: row.blake3,
            size: row.size,
        },
        attempts: row.row.attempts.max(1),
        at_ms: crate::clock::wall_ms(),
        // Its attempts were another process's, which told nobody.
        started_at_ms: None,
        first_error: None,
    }
}
