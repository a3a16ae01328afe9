//! Steps that are none to anybody else, for the model checker alone: they are taken at once, so that nothing is searched
//! in between.
//!
//! Each of them changes nothing but what its own thread remembers of where it is, reads nothing that another could change,
//! and tells its core nothing. So it makes no difference what others do before it or after it; a crash takes its effect
//! away like the memory it is in; and whoever is frozen before it would take it first thing after waking. What is
//! missed are states in which the thread stands before such a step instead of after it, and nobody can tell these apart.

use super::World;
use crate::process::{CleanupStep, FlightStep, GroupStep};
use crate::setup::Durability;

/// What cannot happen any more, so that more steps are seen by nobody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calm {
    /// No source changes.
    pub(crate) sources: bool,
    /// No power fails, and no sync: what is durable and what is not is the same to everybody. A sync changes nothing else,
    /// except that it finds out that an object is gone; and only an object of a process that was fenced is ever taken away,
    /// whose next transaction is refused with or without that.
    pub(crate) media: bool,
}

impl World {
    /// Takes them all.
    pub(crate) fn hasten(&mut self, calm: Calm) {
        for at in 0..self.processes.len() {
            while !self.processes[at].frozen
                && (self.hasten_commit(at)
                    || self.hasten_cleanup(at)
                    || (calm.media && self.hasten_sync(at))
                    || (calm.sources && self.hasten_copy(at)))
            {}
        }
    }

    /// Syncs of a group, and of a recovery.
    fn hasten_sync(&mut self, at: usize) -> bool {
        let process = &self.processes[at];
        let group = process.group.as_ref().map(|group| group.step);
        if matches!(group, Some(GroupStep::Seal | GroupStep::SyncNames)) {
            return self.step_commit(at);
        }
        let recovers = process.cleanup.as_ref().is_some_and(|c| c.step == CleanupStep::Sync);
        recovers && self.step_cleanup(at)
    }

    fn hasten_commit(&mut self, at: usize) -> bool {
        let process = &self.processes[at];
        let Some(group) = &process.group else {
            // A group of one holds the first that settled, whoever else has settled meanwhile.
            return self.setup.group == 1 && !process.settling.is_empty() && self.close_group(at);
        };
        let next = match group.step {
            // The last one was published.
            GroupStep::Publish(entry) if entry >= group.entries.len() => match self.setup.durability {
                Durability::Group => GroupStep::SyncNames,
                Durability::End => GroupStep::Verify,
            },
            GroupStep::Verify if !self.setup.read_back => GroupStep::Release,
            // No transaction, because nothing failed.
            GroupStep::Release if group.entries.iter().all(|entry| !entry.failed) => GroupStep::Settle,
            _ => return false,
        };
        self.step_to(at, next);
        true
    }

    fn hasten_cleanup(&mut self, at: usize) -> bool {
        let Some(cleanup) = &mut self.processes[at].cleanup else { return false };
        cleanup.step = match cleanup.step {
            // The last one was looked at.
            CleanupStep::Look(row) if row >= cleanup.rows.len() => {
                if cleanup.accepted.is_empty() {
                    CleanupStep::Release
                } else {
                    CleanupStep::Sync
                }
            }
            // No transaction, because nothing is planned again.
            CleanupStep::Release if cleanup.redo.is_empty() => CleanupStep::Sweep,
            _ => return false,
        };
        true
    }

    /// A slot that copies a whole transfer: what it writes goes into an object that only its own process ever reads.
    /// How far it is decides nothing either, because nothing is measured and nothing is cut off it.
    fn hasten_copy(&mut self, at: usize) -> bool {
        let mut flights = self.processes[at].flights.iter();
        let copies = flights.position(|flight| flight.step == FlightStep::Copy && !self.setup.measured);
        copies.is_some_and(|slot| self.step_slot(at, slot))
    }
}
