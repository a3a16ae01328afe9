//! Checkpoints of large transfers: what a home records of those in flight, what an ended process leaves of them.

use super::lots;
use super::number::{bound, from_sql, peer_to_sql, to_sql};
use super::ranges::{OBJECT_COLUMNS, chains_from_sql, chains_to_sql, is_planned, read_object};
use super::{SqliteStore, SqliteView, fence};
use crate::rules::{checkpoints, lending::check_number};
use crate::{Checkpoint, NewCheckpoint, Result};
use rusqlite::{Connection, params};
use twinhaul_units::{Incarnation, PeerId, TransferId};

impl SqliteStore {
    pub(crate) fn keep_checkpoints(
        &self,
        peer: PeerId,
        mine: Incarnation,
        new: &[NewCheckpoint],
    ) -> Result<()> {
        check_number(new.len())?;
        checkpoints::check(new)?;
        self.write(|conn| {
            fence::check(conn, peer, mine)?;
            for item in new {
                let id = bound(item.id.0);
                let lot = lots::at(conn, id)?;
                let owned = lot.is_some_and(|lot| lot.owner == peer && from_sql(lot.epoch) == item.epoch.0);
                if owned && is_planned(conn, id)? {
                    keep(conn, id, &item.checkpoint)?;
                }
            }
            Ok(())
        })
    }
}

impl SqliteView {
    pub(crate) fn checkpoint(&self, id: TransferId) -> Result<Option<Checkpoint>> {
        self.read(|conn| find(conn, bound(id.0)))
    }

    pub(crate) fn checkpointed_attempts(&self) -> Result<Vec<String>> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached("SELECT attempt FROM checkpoint ORDER BY transfer")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn find(conn: &Connection, id: i64) -> Result<Option<Checkpoint>> {
    let sql = format!("SELECT {OBJECT_COLUMNS}, chains FROM checkpoint WHERE transfer = ?1");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let chains: Vec<u8> = row.get(7)?;
    Ok(Some(Checkpoint { object: read_object(row, 0)?, chains: chains_from_sql(&chains)? }))
}

fn keep(conn: &Connection, id: i64, checkpoint: &Checkpoint) -> Result<()> {
    let (object, version) = (&checkpoint.object, &checkpoint.object.version);
    let sql = format!(
        "INSERT OR REPLACE INTO checkpoint(transfer, {OBJECT_COLUMNS}, chains)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
    );
    conn.prepare_cached(&sql)?.execute(params![
        id,
        object.reference,
        object.attempt,
        to_sql("a size", version.size)?,
        version.mtime_ns,
        version.ctime_ns,
        version.dev.map(u64::cast_signed),
        version.ino.map(u64::cast_signed),
        chains_to_sql(&checkpoint.chains)
    ])?;
    Ok(())
}

/// The process at `peer`'s place has ended: what others finished of the objects that it was home of is kept, as far as
/// anything says what it is.
pub(super) fn keep_of_ended(conn: &Connection, peer: PeerId) -> Result<()> {
    let sql = format!("SELECT {OBJECT_COLUMNS}, transfer FROM shared WHERE home = ?1 ORDER BY transfer");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([peer_to_sql(peer)])?;
    while let Some(row) = rows.next()? {
        let (object, id) = (read_object(row, 0)?, row.get(7)?);
        let mut chains = Vec::new();
        let mut ranges = conn.prepare_cached(
            "SELECT chains FROM range WHERE transfer = ?1 AND done = 1 AND chains IS NOT NULL ORDER BY first, hedge, seq",
        )?;
        let mut blobs = ranges.query([id])?;
        while let Some(blob) = blobs.next()? {
            chains.extend(chains_from_sql(&blob.get::<_, Vec<u8>>(0)?)?);
        }
        if chains.is_empty() {
            continue;
        }
        let before = find(conn, id)?.filter(|known| known.object.attempt == object.attempt);
        keep(conn, id, &checkpoints::more_of(before, object, &chains))?;
    }
    Ok(())
}

/// The transfer has taken a step: its object is sealed, or it is over.
pub(super) fn forget(conn: &Connection, transfer: i64) -> Result<()> {
    conn.prepare_cached("DELETE FROM checkpoint WHERE transfer = ?1")?.execute([transfer])?;
    Ok(())
}

/// Whether there is any: most groups need not look further.
pub(super) fn any(conn: &Connection) -> Result<bool> {
    let mut statement = conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM checkpoint)")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}
