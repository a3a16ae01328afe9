//! What a transaction changes in the counters, the blocks and the lots, gathered and written once at its end.
//!
//! Every change of a transfer's state passes through here, so that the sums close at every commit (S11).

use super::ids::BLOCK;
use super::lots::Lot;
use super::number::{peer_to_sql, state_to_sql};
use crate::{LedgerError, Result, State};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use twinhaul_units::PeerId;

/// The pseudo-state of the counters that holds the verified part of done.
pub(super) const VERIFIED: i64 = 5;

/// Differences, not yet written. Its size is bounded by the batch.
#[derive(Default)]
pub(super) struct Tally {
    counters: BTreeMap<(i64, i64, i64), (i64, i64)>,
    blocks: BTreeMap<i64, Open>,
    lots: BTreeMap<i64, Open>,
}

/// Transfers that are not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) planned: i64,
    pub(super) planned_bytes: i64,
    pub(super) authorised: i64,
}

impl Open {
    fn add(&mut self, state: State, n: i64, bytes: i64) {
        match state {
            State::Planned => {
                self.planned += n;
                self.planned_bytes += bytes;
            }
            State::Authorised => self.authorised += n,
            State::Done | State::Skipped | State::Failed => {}
        }
    }
}

impl Tally {
    /// One transfer of `lot` goes from one state to another. `by` is who settled it, or will.
    pub(super) fn step(&mut self, lot: &Lot, id: i64, size: i64, from: (State, PeerId), to: (State, PeerId)) {
        for (sign, (state, peer)) in [(-1, from), (1, to)] {
            self.count(peer, lot.target, state_to_sql(state), sign, sign * size);
            self.blocks.entry(id / BLOCK).or_default().add(state, sign, sign * size);
            self.lots.entry(lot.id).or_default().add(state, sign, sign * size);
        }
    }

    /// A counter alone: transfers that change their owner, or become verified.
    pub(super) fn count(&mut self, peer: PeerId, target: i64, state: i64, n: i64, bytes: i64) {
        let entry = self.counters.entry((peer_to_sql(peer), target, state)).or_default();
        entry.0 += n;
        entry.1 += bytes;
    }

    /// Writes the differences.
    pub(super) fn write(&self, conn: &Connection) -> Result<()> {
        for ((peer, target, state), (n, bytes)) in &self.counters {
            if (*n, *bytes) == (0, 0) {
                continue;
            }
            let mut update = conn.prepare_cached(
                "UPDATE counter SET n = n + ?4, bytes = bytes + ?5 WHERE peer = ?1 AND target = ?2 AND state = ?3",
            )?;
            if update.execute(params![peer, target, state, n, bytes])? == 0 {
                let mut insert = conn.prepare_cached(
                    "INSERT INTO counter(peer, target, state, n, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?;
                insert.execute(params![peer, target, state, n, bytes])?;
            }
        }
        for (block, open) in &self.blocks {
            let mut update = conn.prepare_cached(
                "UPDATE block SET planned = planned + ?2, planned_bytes = planned_bytes + ?3,
                 authorised = authorised + ?4 WHERE id = ?1",
            )?;
            let n = update.execute(params![block, open.planned, open.planned_bytes, open.authorised])?;
            changed_one("a block", *block, n)?;
        }
        for (lot, open) in &self.lots {
            let mut update = conn.prepare_cached(
                "UPDATE lot SET planned = planned + ?2, authorised = authorised + ?3 WHERE id = ?1",
            )?;
            let n = update.execute(params![lot, open.planned, open.authorised])?;
            changed_one("a lot", *lot, n)?;
        }
        Ok(())
    }

    /// The lots it touches.
    pub(super) fn lots(&self) -> impl Iterator<Item = i64> + '_ {
        self.lots.keys().copied()
    }
}

/// A row that must exist was changed.
pub(super) fn changed_one(what: &'static str, id: i64, rows: usize) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(LedgerError::Value { what, value: format!("{id} is missing") }) }
}
