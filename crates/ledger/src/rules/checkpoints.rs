//! What a checkpoint may hold, and how two of one object become one: the same for every store.

use crate::{
    CHECKPOINT_CHAINS_MAX, Chain, Checkpoint, LedgerError, NewCheckpoint, REFERENCE_BYTES_MAX, Result,
    SharedObject,
};

pub(crate) fn check(new: &[NewCheckpoint]) -> Result<()> {
    let too_many = |what, max| Err(LedgerError::TooMany { what, max: max as u64 });
    for NewCheckpoint { checkpoint, .. } in new {
        if checkpoint.chains.len() > CHECKPOINT_CHAINS_MAX {
            return too_many("chaining values of a checkpoint", CHECKPOINT_CHAINS_MAX);
        }
        if checkpoint.object.reference.len() > REFERENCE_BYTES_MAX {
            return too_many("bytes of a reference", REFERENCE_BYTES_MAX);
        }
    }
    Ok(())
}

/// What was known of `object` before and `chains`, in order, each once. What is too much is left out from the end:
/// it will be done again.
pub(crate) fn more_of(before: Option<Checkpoint>, object: SharedObject, chains: &[Chain]) -> Checkpoint {
    let mut all = before.map(|known| known.chains).unwrap_or_default();
    all.extend_from_slice(chains);
    all.sort_by_key(|chain| (chain.at, std::cmp::Reverse(chain.len)));
    all.dedup_by_key(|chain| (chain.at, chain.len));
    all.truncate(CHECKPOINT_CHAINS_MAX);
    Checkpoint { object, chains: all }
}
