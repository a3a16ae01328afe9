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

impl World {
    /// Takes them all. `still`: no source can change any more.
    pub(crate) fn hasten(&mut self, still: bool) {
        for at in 0..self.processes.len() {
            while !self.processes[at].frozen && (self.hasten_commit(at) || self.hasten_cleanup(at)) {}
            while let Some(slot) = self.copying(at).filter(|_| still) {
                self.step_slot(at, slot);
            }
        }
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
    fn copying(&self, at: usize) -> Option<usize> {
        let process = &self.processes[at];
        let copies = |step| step == FlightStep::Copy && !self.setup.measured && !process.frozen;
        process.flights.iter().position(|flight| copies(flight.step))
    }
}
