//! What the planner writes: waves with their lots, and directories. Checked before the transaction begins.

use super::SqliteStore;
use super::ids::{BLOCK, Ids};
use super::lots::{self, Lot, Numbers};
use super::number::{bound, kind_to_sql, state_to_sql, to_sql};
use super::tally::Tally;
use crate::rules::{self, bad};
use crate::{BATCH_MAX, LedgerError, NewLot, Planned, PlannedDirectory, Result, State};
use rusqlite::{Connection, params};

impl SqliteStore {
    pub(crate) fn add_wave(&self, wave: u64, transfers: &[Planned], new: &[NewLot]) -> Result<()> {
        let (first, last) = rules::check_wave(transfers, new)?;
        let ids = Ids { first: bound(first), last: bound(last) };
        let wave = to_sql("a wave", wave)?;
        self.write(|conn| {
            let before = check_place(conn, wave, ids)?;
            insert_transfers(conn, transfers)?;
            let bytes = insert_blocks(conn, before, transfers)?;
            insert_lots(conn, wave, ids, transfers, new)?;
            conn.prepare_cached(
                "UPDATE run SET transfers = transfers + ?1, bytes = bytes + ?2, waves = waves + 1, last_wave = ?3,
                 next_transfer = ?4",
            )?
            .execute([ids.len(), bytes, wave, ids.last + 1])?;
            Ok(())
        })
    }

    pub(crate) fn add_directories(&self, directories: &[PlannedDirectory]) -> Result<()> {
        if directories.len() > BATCH_MAX {
            return Err(LedgerError::TooMany { what: "directories in a batch", max: BATCH_MAX as u64 });
        }
        self.write(|conn| {
            let mut insert = conn.prepare_cached(
                "INSERT INTO directory(source, source_key, target, key, depth, attrs_json)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for d in directories {
                insert.execute(params![d.source, d.source_key, d.target, d.key, d.depth, d.attrs_json])?;
            }
            conn.prepare_cached("UPDATE run SET directories = directories + ?1")?
                .execute([bound(directories.len() as u64)])?;
            Ok(())
        })
    }

    pub(crate) fn plan_finished(&self) -> Result<()> {
        self.write(|conn| {
            conn.execute("UPDATE run SET growing = 0", [])?;
            Ok(())
        })
    }
}

/// The wave and its ids come after everything before. Returns the bytes before it.
fn check_place(conn: &Connection, wave: i64, ids: Ids) -> Result<i64> {
    let (growing, last_wave, next, bytes): (bool, i64, i64, i64) =
        conn.query_row("SELECT growing, last_wave, next_transfer, bytes FROM run", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    if !growing {
        return bad("the walk has ended");
    }
    if wave <= last_wave {
        return bad(format!("wave {wave} comes after wave {last_wave}"));
    }
    if ids.first < next {
        return bad(format!("id {} comes after id {}", ids.first, next - 1));
    }
    Ok(bytes)
}

fn insert_transfers(conn: &Connection, transfers: &[Planned]) -> Result<()> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO transfer(id, key, source_key, source, target, kind, size, mtime_ns, state, attempts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0)",
    )?;
    for t in transfers {
        let source_key = (!t.source_key.is_empty() && t.source_key != t.key).then_some(&t.source_key);
        insert.execute(params![
            bound(t.id.0),
            t.key,
            source_key,
            t.source,
            t.target,
            kind_to_sql(t.kind),
            bound(t.size),
            t.mtime_ns
        ])?;
        for (name, place) in t.names.iter().zip(0i64..) {
            conn.prepare_cached("INSERT INTO name(transfer, place, key) VALUES (?1, ?2, ?3)")?
                .execute(params![bound(t.id.0), place, name])?;
        }
    }
    Ok(())
}

/// Adds the wave to the index of blocks; the first one may have begun with the wave before. Returns the wave's bytes.
fn insert_blocks(conn: &Connection, before: i64, transfers: &[Planned]) -> Result<i64> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO block(id, n, bytes, prefix, planned, planned_bytes, authorised)
         VALUES (?1, ?2, ?3, ?4, ?2, ?3, 0)
         ON CONFLICT (id) DO UPDATE SET n = n + excluded.n, bytes = bytes + excluded.bytes,
         planned = planned + excluded.planned, planned_bytes = planned_bytes + excluded.planned_bytes",
    )?;
    let mut total = before;
    for part in transfers.chunk_by(|a, b| bound(a.id.0) / BLOCK == bound(b.id.0) / BLOCK) {
        let bytes = sum_sizes(part)?;
        insert.execute([bound(part[0].id.0) / BLOCK, bound(part.len() as u64), bytes, total])?;
        total =
            total.checked_add(bytes).ok_or(LedgerError::TooLarge { what: "the plan", value: u64::MAX })?;
    }
    Ok(total - before)
}

fn sum_sizes(transfers: &[Planned]) -> Result<i64> {
    let sum = transfers.iter().map(|t| t.size).fold(0, u64::saturating_add);
    to_sql("a sum of sizes", sum)
}

fn insert_lots(conn: &Connection, wave: i64, ids: Ids, transfers: &[Planned], new: &[NewLot]) -> Result<()> {
    let mut numbers = Numbers::open(conn)?;
    let mut tally = Tally::default();
    for lot in new {
        let part = Ids { first: bound(lot.first.0), last: bound(lot.last.0) };
        let id = numbers.take();
        lots::add(
            conn,
            &Lot {
                id,
                born: id,
                wave,
                target: i64::from(lot.target),
                ids: part,
                low: part.first,
                owner: lot.owner,
                epoch: 1,
                planned: part.len(),
                authorised: 0,
            },
        )?;
        let of_lot = &transfers[(part.first - ids.first) as usize..=(part.last - ids.first) as usize];
        let planned = state_to_sql(State::Planned);
        tally.count(lot.owner, i64::from(lot.target), planned, part.len(), sum_sizes(of_lot)?);
    }
    tally.write(conn)?;
    numbers.close(conn)
}
