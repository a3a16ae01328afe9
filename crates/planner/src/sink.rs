//! Where waves go: into the ledger of a run, or nowhere (`twinhaul plan`).

use crate::{PlanError, wave::Wave};
use twinhaul_ledger::{NewEvent, PlannedDirectory, Store};
use twinhaul_wire::EventKind;

/// Takes waves as they close.
pub trait Sink {
    fn wave(&mut self, wave: &Wave, growing: bool) -> Result<(), PlanError>;
    fn directories(&mut self, directories: &[PlannedDirectory]) -> Result<(), PlanError>;
    /// Something that is not planned, and why.
    fn warn(&mut self, text: String) -> Result<(), PlanError>;
    fn finish(&mut self) -> Result<(), PlanError>;
}

/// Into the ledger, each wave one transaction, with its event.
#[derive(Debug)]
pub struct LedgerSink {
    store: Store,
    now_ms: fn() -> u64,
}

impl LedgerSink {
    /// `now_ms`: milliseconds since the epoch.
    pub fn new(store: Store, now_ms: fn() -> u64) -> Self {
        Self { store, now_ms }
    }

    fn tell(&self, kind: EventKind) -> Result<(), PlanError> {
        self.store.append_events(&[NewEvent { at_ms: (self.now_ms)(), peer: None, incarnation: 0, kind }])?;
        Ok(())
    }
}

impl Sink for LedgerSink {
    fn wave(&mut self, wave: &Wave, growing: bool) -> Result<(), PlanError> {
        self.store.add_wave(wave.number, &wave.transfers, &wave.lots)?;
        let transfers = wave.transfers.len() as u64;
        let bytes = wave.transfers.iter().map(|t| t.size).sum();
        self.tell(EventKind::Planned { wave: wave.number, transfers, bytes, growing })
    }

    fn directories(&mut self, directories: &[PlannedDirectory]) -> Result<(), PlanError> {
        Ok(self.store.add_directories(directories)?)
    }

    fn warn(&mut self, text: String) -> Result<(), PlanError> {
        self.tell(EventKind::Warning { text })
    }

    fn finish(&mut self) -> Result<(), PlanError> {
        Ok(self.store.plan_finished()?)
    }
}
