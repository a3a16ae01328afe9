//! The verb `retry`: failed transfers become planned again, as lots that their owner finds like any new ones.

use super::Sim;
use crate::{LOTS_MAX, LedgerError, Reopen, Result, State};
use std::collections::BTreeSet;
use std::sync::Arc;
use twinhaul_units::TransferId;

/// Transfers reopened at once: as many as the SQLite store takes into one transaction, so that both number lots alike.
const CHUNK: usize = 16_384;

impl Sim {
    /// See [`crate::Store::reopen_failed`].
    pub fn reopen_failed(&mut self, which: &Reopen) -> Result<u64> {
        let ids: Vec<u64> = match which {
            Reopen::All => {
                let failed = (0..self.lines.len()).filter(|at| self.lines[*at].state == State::Failed);
                failed.map(|at| self.plan.0.transfers[at].id.0).collect()
            }
            Reopen::Some(ids) => {
                let sorted: BTreeSet<u64> = ids.iter().map(|id| id.0).collect();
                sorted.into_iter().collect()
            }
        };
        let mut total = 0;
        for chunk in ids.chunks(CHUNK) {
            let before = self.clone();
            match self.reopen(chunk) {
                Ok(n) => total += n,
                Err(error) => {
                    *self = before;
                    return Err(error);
                }
            }
        }
        Ok(total)
    }

    /// Reopens those of `ids` (ascending) that are failed. A lot in which nothing else is open is renewed as a whole;
    /// from one that its owner is working on, the failed transfers are cut out.
    fn reopen(&mut self, ids: &[u64]) -> Result<u64> {
        let settled: BTreeSet<u64> = self.lots.iter().filter(|lot| lot.open() == 0).map(|l| l.id).collect();
        let (runs, count) = self.replan(ids);
        if count > 0 {
            (self.finished, self.finishing) = (false, None);
        }
        let mut room = LOTS_MAX.saturating_sub(self.lots.len() as u64);
        let mut renewed = None;
        for (first, last) in runs {
            if renewed.is_some_and(|renewed| first <= renewed) {
                continue;
            }
            let id = TransferId(first);
            let place = self.lot_place(first).ok_or(LedgerError::Unknown { id })?;
            let lot = self.lots[place];
            if settled.contains(&lot.id) {
                renewed = Some(lot.last);
                self.renew(place, lot.owner);
                continue;
            }
            room = room.checked_sub(2).ok_or(LedgerError::TooMany { what: "lots", max: LOTS_MAX })?;
            self.cut(place, first, last, lot.owner);
        }
        self.lots_changed();
        Ok(count)
    }

    /// Changes the states; returns the maximal intervals inside their lots, and how many transfers.
    fn replan(&mut self, ids: &[u64]) -> (Vec<(u64, u64)>, u64) {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        let (mut count, mut lot_of_run) = (0, None);
        for id in ids {
            let failed = self.place(*id).filter(|at| self.lines[*at].state == State::Failed);
            let (Some(at), Some(place)) = (failed, self.lot_place(*id)) else { continue };
            let size = self.size(at);
            let line = &mut self.lines[at];
            line.tried.0.before += line.attempts;
            if line.tried.0.first_error.is_none() {
                let error = line.end.as_ref().and_then(|end| end.error.as_deref());
                line.tried.0.first_error = error.map(Arc::from);
            }
            (line.state, line.attempts, line.end) = (State::Planned, 0, None);
            let by = line.by;
            let lot = &mut self.lots[place];
            lot.planned += 1;
            lot.low = lot.low.min(*id);
            if let Some(by) = by {
                self.tally.sub(by, lot.target, State::Failed, 1, size);
            }
            self.tally.add(lot.owner, lot.target, State::Planned, 1, size);
            count += 1;
            match runs.last_mut() {
                Some(run) if run.1 + 1 == *id && lot_of_run == Some(lot.id) => run.1 = *id,
                _ => runs.push((*id, *id)),
            }
            lot_of_run = Some(lot.id);
        }
        (runs, count)
    }
}
