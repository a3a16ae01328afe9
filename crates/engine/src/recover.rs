//! What a restarted peer does before anything else: discard before redo (store.md 3, faults.md 1 to 8).
//!
//! An authorised transfer of a former life may be published or not. Its private object is discarded: if it was there, it
//! was not published, and is redone. If it was gone and the target holds the authorised digest, it is accepted as done.
//! Everything else that former lives left is discarded too.

use crate::digest::digest_of;
use crate::error::{EngineError, Result};
use crate::options::CHUNK;
use crate::storage::Storage;
use crate::tag::PeerTag;
use twinhaul_backend_host::{OpContext, Private};
use twinhaul_ledger::{NodeKind, Outcome, Settled, Store, Unsettled};
use twinhaul_profile::Verify;
use twinhaul_units::{Epoch, Key, TransferId};

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    /// Private objects of former lives.
    pub discarded: u64,
    /// Published before the former life ended, digest compared: done without copying.
    pub accepted: u64,
    /// To be copied again.
    pub redone: u64,
}

/// Brings the ledger and the targets into a state from which this incarnation can work.
///
/// # Errors
/// The ledger's, or a target that cannot be asked.
pub(crate) fn recover(store: &Store, storage: &Storage, tag: &PeerTag, verify: Verify) -> Result<Recovered> {
    let mut found = Recovered::default();
    let unsettled = store.unsettled(tag.me)?;
    let mut accepted = Vec::new();
    let mut redo: Vec<(TransferId, Epoch)> = Vec::new();
    let mut buffer = vec![0; CHUNK];
    for row in &unsettled {
        if is_published(storage, row, &mut buffer)? {
            accepted.push(settled(row, verify));
        } else {
            redo.push((row.row.id, row.epoch));
        }
    }
    if !accepted.is_empty() {
        // The former life may have died before it synced.
        for target in storage.reached() {
            let fail = |source| EngineError::Backend { target: target.name.clone(), source };
            target.target.seal_sync(&OpContext::new(), &[]).map_err(fail)?;
            target.target.publish_sync(&OpContext::new()).map_err(fail)?;
        }
        store.settle(tag.me, tag.incarnation, &accepted)?;
    }
    if !redo.is_empty() {
        store.release(tag.me, tag.incarnation, &redo)?;
    }
    found.accepted = accepted.len() as u64;
    found.redone = redo.len() as u64;
    found.discarded = discard_former(storage, tag)?;
    Ok(found)
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
            let existed = target.target.discard(&op, Private::Ref(&row.reference)).map_err(fail)?;
            // Further names may be missing even if the first is there: a group is redone whole.
            let whole = row.row.kind == NodeKind::File;
            Ok(!existed && whole && digest_of(target, &key, buffer).is_ok_and(|digest| digest == row.blake3))
        }
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
    }
}

fn discard_former(storage: &Storage, tag: &PeerTag) -> Result<u64> {
    let mut discarded = 0;
    for target in storage.reached() {
        let fail = |source| EngineError::Backend { target: target.name.clone(), source };
        let op = OpContext::new();
        let found = target.target.sweep(&op, &PeerTag::run_prefix(&tag.run), false).map_err(fail)?;
        let former = found.into_iter().filter(|attempt| tag.is_of_former_life(attempt));
        for attempt in former {
            let Ok(attempt) = std::str::from_utf8(&attempt) else { continue };
            discarded += u64::from(target.target.discard(&op, Private::Attempt(attempt)).map_err(fail)?);
        }
    }
    Ok(discarded)
}
