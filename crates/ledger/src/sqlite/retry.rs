//! The verb `retry`: failed transfers become planned again, as lots that their owner finds like any new ones.
//!
//! A lot in which nothing else is open is renewed as a whole; from a lot that its owner is working on, the failed
//! transfers are cut out, because the owner's epoch for the others must not change under its hands.

use super::SqliteStore;
use super::ids::Ids;
use super::lots::{self, Finder, Numbers};
use super::number::{bound, from_sql, peer_from_sql};
use super::tally::Tally;
use crate::{LOTS_MAX, LedgerError, Reopen, Result, State};
use rusqlite::{Connection, OptionalExtension as _};
use std::collections::BTreeSet;
use twinhaul_units::TransferId;

/// Transfers reopened in one transaction.
const CHUNK: usize = 16_384;

impl SqliteStore {
    pub(crate) fn reopen_failed(&self, which: &Reopen) -> Result<u64> {
        let mut total = 0;
        match which {
            Reopen::All => {
                let mut after = -1;
                loop {
                    let (n, last) = self.write(|conn| reopen(conn, &failed_after(conn, after)?))?;
                    total += n;
                    match last {
                        Some(last) => after = last,
                        None => return Ok(total),
                    }
                }
            }
            Reopen::Some(ids) => {
                let mut ids: Vec<i64> = ids.iter().map(|id| bound(id.0)).collect();
                ids.sort_unstable();
                ids.dedup();
                for chunk in ids.chunks(CHUNK) {
                    total += self.write(|conn| reopen(conn, chunk))?.0;
                }
                Ok(total)
            }
        }
    }
}

fn failed_after(conn: &Connection, after: i64) -> Result<Vec<i64>> {
    let mut statement =
        conn.prepare_cached("SELECT id FROM transfer WHERE state = 4 AND id > ?1 ORDER BY id LIMIT ?2")?;
    let rows = statement.query_map([after, bound(CHUNK as u64)], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Reopens those of `ids` (ascending) that are failed. Returns how many, and the last one looked at.
fn reopen(conn: &Connection, ids: &[i64]) -> Result<(u64, Option<i64>)> {
    let Some(last) = ids.last() else { return Ok((0, None)) };
    let Replanned { runs, settled_lots, count } = replan(conn, ids)?;
    if count > 0 {
        // What was finished is not any more: somebody must do it again when these are settled.
        conn.execute("UPDATE run SET finished = 0, finishing_peer = NULL, finishing_incarnation = NULL", [])?;
    }
    let mut numbers = Numbers::open(conn)?;
    let mut room = LOTS_MAX.saturating_sub(lots::count(conn)?);
    let mut renewed = -1;
    for run in runs {
        if run.first <= renewed {
            continue;
        }
        let id = TransferId(from_sql(run.first));
        let lot = lots::at(conn, run.first)?.ok_or(LedgerError::Unknown { id })?;
        if settled_lots.contains(&lot.id) {
            renewed = lot.ids.last;
            lots::renew(conn, &mut numbers, &lot, lot.owner)?;
            continue;
        }
        room = room.checked_sub(2).ok_or(LedgerError::TooMany { what: "lots", max: LOTS_MAX })?;
        lots::cut(conn, &mut numbers, &lot, run, lot.owner)?;
    }
    numbers.close(conn)?;
    Ok((count, Some(*last)))
}

/// What changed its state.
struct Replanned {
    /// Maximal intervals inside their lots.
    runs: Vec<Ids>,
    /// Lots in which nothing was open before.
    settled_lots: BTreeSet<i64>,
    count: u64,
}

/// Changes the states.
fn replan(conn: &Connection, ids: &[i64]) -> Result<Replanned> {
    let mut finder = Finder::default();
    let mut tally = Tally::default();
    let mut runs: Vec<Ids> = Vec::new();
    let mut settled_lots = BTreeSet::new();
    let mut count = 0;
    let mut lot_of_run = -1;
    for id in ids {
        let mut update = conn.prepare_cached(
            "UPDATE transfer SET state = 0, tried_before = tried_before + attempts, attempts = 0,
             first_error = coalesce(first_error, error), error = NULL, class = NULL, settled_at_ms = NULL
             WHERE id = ?1 AND state = 4 RETURNING size, by_peer",
        )?;
        let found = update.query_row([id], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        let Some((size, by)) = found.optional()? else { continue };
        let lot = finder.at(conn, *id)?;
        tally.step(&lot, *id, size, (State::Failed, peer_from_sql(by)?), (State::Planned, lot.owner));
        count += 1;
        if lot.planned + lot.authorised == 0 {
            settled_lots.insert(lot.id);
        }
        conn.prepare_cached("UPDATE lot SET low = min(low, ?2) WHERE id = ?1")?.execute([lot.id, *id])?;
        match runs.last_mut() {
            Some(run) if run.last + 1 == *id && lot_of_run == lot.id => run.last = *id,
            _ => runs.push(Ids { first: *id, last: *id }),
        }
        lot_of_run = lot.id;
    }
    tally.write(conn)?;
    Ok(Replanned { runs, settled_lots, count })
}
