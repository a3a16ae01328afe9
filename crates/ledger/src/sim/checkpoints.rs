//! Checkpoints of large transfers; see the same file of the store on disk.

use super::Sim;
use crate::rules::{checkpoints, lending::check_number};
use crate::{Chain, Checkpoint, NewCheckpoint, Result, SharedObject, State};
use twinhaul_units::{Epoch, Incarnation, PeerId, TransferId};

impl Sim {
    /// See [`crate::Store::keep_checkpoints`].
    pub fn keep_checkpoints(&mut self, peer: PeerId, mine: Incarnation, new: &[NewCheckpoint]) -> Result<()> {
        check_number(new.len())?;
        checkpoints::check(new)?;
        self.fence(peer, mine)?;
        for item in new {
            let owned = self.owner(item.id) == Some((peer, Epoch(item.epoch.0)));
            if owned && self.state_of(item.id) == Some(State::Planned) {
                self.checkpoints.insert(item.id.0, item.checkpoint.clone());
            }
        }
        self.committed();
        Ok(())
    }

    /// See [`crate::View::checkpoint`].
    pub fn checkpoint(&self, id: TransferId) -> Result<Option<Checkpoint>> {
        Ok(self.checkpoints.get(&id.0).cloned())
    }

    /// See [`crate::View::checkpointed_attempts`].
    pub fn checkpointed_attempts(&self) -> Result<Vec<String>> {
        Ok(self.checkpoints.values().map(|c| c.object.attempt.clone()).collect())
    }

    /// What others finished of an object whose home has ended is kept.
    pub(super) fn keep_of_ended(&mut self, id: u64, object: &SharedObject, chains: &[Chain]) {
        if !chains.is_empty() {
            let before = self.checkpoints.remove(&id).filter(|known| known.object.attempt == object.attempt);
            self.checkpoints.insert(id, checkpoints::more_of(before, object.clone(), chains));
        }
    }
}
