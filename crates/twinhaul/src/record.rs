//! The supervisor's way into the ledger: it owns no truth and imports no store (architecture.md 3).

use twinhaul_ledger::{NewEvent, Stopped, Store};
use twinhaul_supervisor::Record;
use twinhaul_wire::{Event, EventKind, RunState, Totals};

/// A ledger behind the supervisor's trait. What fails is logged: the supervisor goes on without history.
#[derive(Debug)]
pub(crate) struct LedgerRecord(pub(crate) Store);

fn logged<T>(what: &str, result: twinhaul_ledger::Result<T>) -> Option<T> {
    result.map_err(|e| tracing::error!(error = %e, "{what}")).ok()
}

impl Record for LedgerRecord {
    fn event(&mut self, at_ms: u64, peer: Option<&str>, kind: &EventKind) -> Option<u64> {
        let event = NewEvent { at_ms, peer: peer.map(str::to_owned), incarnation: 0, kind: kind.clone() };
        let seq = logged("recording an event", self.0.append_events(&[event]));
        // Whoever had to be killed so that this could be written.
        let told = |s: Stopped| NewEvent { at_ms, peer: None, incarnation: 0, kind: s.told() };
        let stopped: Vec<NewEvent> = self.0.take_stopped().into_iter().map(told).collect();
        if !stopped.is_empty() {
            logged("recording an event", self.0.append_events(&stopped));
        }
        seq
    }

    fn events(&mut self, after: u64, most: usize) -> Option<Vec<Event>> {
        logged("reading the history", self.0.events_since(after, most))
    }

    fn totals(&mut self) -> Option<Totals> {
        let totals = logged("reading the totals", self.0.totals())?;
        Some(Totals { transfers: totals.transfers, bytes: totals.bytes, growing: totals.growing })
    }

    fn run_state(&mut self) -> Option<RunState> {
        logged("reading the run's state", self.0.run()).map(|run| run.state)
    }

    fn set_run_state(&mut self, state: RunState, at_ms: u64) {
        logged("recording the run's state", self.0.set_run_state(state, at_ms));
    }
}
