//! Single transfers as the peers, the console, the report and `verify` read them: rows, details, pages.

use super::SqliteView;
use super::ids::Ids;
use super::lots::Finder;
use super::number::{
    bound, from_sql, hash_from_sql, index_from_sql, kind_from_sql, peer_from_sql, state_from_sql,
};
use crate::{Detail, FIND_SCAN_MAX, Found, NodeKind, ROWS_MAX, Result, Row, Unsettled};
use rusqlite::{Connection, OptionalExtension as _, Params};
use twinhaul_units::{Epoch, Incarnation, PeerId, TransferId};

/// The columns of [`read_row`].
pub(super) const ROW_COLUMNS: &str =
    "id, key, source_key, source, target, kind, size, mtime_ns, state, attempts, by_peer IS NOT NULL";
/// The further columns of [`read_detail`].
const DETAIL_COLUMNS: &str =
    "by_peer, by_incarnation, epoch, blake3, etag, actual_size, verified, lost, error, class,
 settled_at_ms, started_at_ms, tried_before, first_error";

pub(super) fn read_row(conn: &Connection, row: &rusqlite::Row<'_>) -> Result<Row> {
    let id: i64 = row.get(0)?;
    let key: Vec<u8> = row.get(1)?;
    let kind = kind_from_sql(row.get(5)?)?;
    Ok(Row {
        id: TransferId(from_sql(id)),
        source_key: row.get::<_, Option<Vec<u8>>>(2)?.unwrap_or_else(|| key.clone()),
        key,
        source: index_from_sql(row.get(3)?)?,
        target: index_from_sql(row.get(4)?)?,
        kind,
        size: from_sql(row.get(6)?),
        mtime_ns: row.get(7)?,
        state: state_from_sql(row.get(8)?)?,
        attempts: row.get(9)?,
        written: row.get(10)?,
        names: if kind == NodeKind::HardLinkGroup { names(conn, id)? } else { Vec::new() },
    })
}

fn names(conn: &Connection, id: i64) -> Result<Vec<Vec<u8>>> {
    let mut statement = conn.prepare_cached("SELECT key FROM name WHERE transfer = ?1 ORDER BY place")?;
    let rows = statement.query_map([id], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read_detail(conn: &Connection, row: &rusqlite::Row<'_>) -> Result<Detail> {
    let base = read_row(conn, row)?;
    let number = |at: usize| -> Result<Option<u64>> { Ok(row.get::<_, Option<i64>>(at)?.map(from_sql)) };
    Ok(Detail {
        id: base.id,
        key: base.key,
        source_key: base.source_key,
        source: base.source,
        target: base.target,
        kind: base.kind,
        size: base.size,
        mtime_ns: base.mtime_ns,
        state: base.state,
        attempts: base.attempts,
        names: base.names,
        by: row.get::<_, Option<i64>>(11)?.map(peer_from_sql).transpose()?,
        incarnation: number(12)?.map(Incarnation),
        epoch: number(13)?.map(Epoch),
        blake3: row.get::<_, Option<Vec<u8>>>(14)?.as_deref().map(hash_from_sql).transpose()?,
        etag: row.get(15)?,
        actual_size: number(16)?,
        verified: row.get::<_, Option<bool>>(17)?.unwrap_or(false),
        lost: row.get::<_, Option<u32>>(18)?.unwrap_or(0),
        error: row.get(19)?,
        class: row.get(20)?,
        settled_at_ms: number(21)?,
        started_at_ms: number(22)?,
        tried_before: row.get(23)?,
        first_error: row.get(24)?,
    })
}

/// All details that `rest` of the statement selects.
fn details(conn: &Connection, rest: &str, values: impl Params) -> Result<Vec<Detail>> {
    let sql = format!("SELECT {ROW_COLUMNS}, {DETAIL_COLUMNS} FROM transfer {rest}");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(values)?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push(read_detail(conn, row)?);
    }
    Ok(page)
}

/// Ids start at 0: "after nothing" is below them.
fn after_sql(after: Option<TransferId>) -> i64 {
    after.map_or(-1, |id| bound(id.0))
}

impl SqliteView {
    pub(crate) fn rows(&self, first: TransferId, last: TransferId, limit: usize) -> Result<Vec<Row>> {
        let limit = bound(limit.min(ROWS_MAX) as u64);
        let sql =
            format!("SELECT {ROW_COLUMNS} FROM transfer WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3");
        self.read(|conn| {
            let mut statement = conn.prepare_cached(&sql)?;
            let mut found = statement.query([bound(first.0), bound(last.0), limit])?;
            let mut rows = Vec::new();
            while let Some(row) = found.next()? {
                rows.push(read_row(conn, row)?);
            }
            Ok(rows)
        })
    }

    pub(crate) fn unsettled(&self, peer: PeerId) -> Result<Vec<Unsettled>> {
        let sql = format!(
            "SELECT {ROW_COLUMNS}, epoch, by_incarnation, reference, blake3, actual_size FROM transfer
             WHERE id BETWEEN ?1 AND ?2 AND state = 1 ORDER BY id"
        );
        self.read(|conn| {
            let mut blocks = conn.prepare_cached("SELECT id FROM block WHERE authorised > 0 ORDER BY id")?;
            let mut statement = conn.prepare_cached(&sql)?;
            let mut finder = Finder::default();
            let mut unsettled = Vec::new();
            let mut block = blocks.query([])?;
            while let Some(number) = block.next()? {
                let ids = Ids { first: 0, last: i64::MAX }.within(number.get(0)?);
                let mut rows = statement.query([ids.first, ids.last])?;
                while let Some(row) = rows.next()? {
                    let lot = finder.at(conn, row.get(0)?)?;
                    if lot.owner != peer {
                        continue;
                    }
                    unsettled.push(Unsettled {
                        row: read_row(conn, row)?,
                        epoch: Epoch(from_sql(lot.epoch)),
                        authorised_epoch: Epoch(from_sql(row.get(11)?)),
                        authorised_incarnation: Incarnation(from_sql(row.get(12)?)),
                        reference: row.get(13)?,
                        blake3: hash_from_sql(&row.get::<_, Vec<u8>>(14)?)?,
                        size: from_sql(row.get(15)?),
                    });
                }
            }
            Ok(unsettled)
        })
    }

    pub(crate) fn transfer(&self, id: TransferId) -> Result<Option<Detail>> {
        self.read(|conn| Ok(details(conn, "WHERE id = ?1", [bound(id.0)])?.pop()))
    }

    pub(crate) fn find(&self, text: &[u8], after: Option<TransferId>, limit: usize) -> Result<Found> {
        let first = after_sql(after).saturating_add(1);
        let last = first.saturating_add(bound(FIND_SCAN_MAX) - 1);
        self.read(|conn| {
            let rows = details(
                conn,
                "WHERE id BETWEEN ?1 AND ?2 AND instr(key, ?3) > 0 ORDER BY id LIMIT ?4",
                rusqlite::params![first, last, text, bound(limit as u64)],
            )?;
            let seen = if rows.len() >= limit { rows.last().map_or(last, |r| bound(r.id.0)) } else { last };
            let mut beyond = conn.prepare_cached("SELECT 1 FROM transfer WHERE id > ?1 LIMIT 1")?;
            let more = beyond.query_row([seen], |_| Ok(())).optional()?.is_some();
            Ok(Found { rows, next: more.then(|| TransferId(from_sql(seen))) })
        })
    }

    pub(crate) fn failed_page(&self, after: Option<TransferId>, limit: usize) -> Result<Vec<Detail>> {
        let values = [after_sql(after), bound(limit as u64)];
        self.read(|conn| details(conn, "WHERE state = 4 AND id > ?1 ORDER BY id LIMIT ?2", values))
    }

    pub(crate) fn done_after_retries(&self) -> Result<u64> {
        self.read(|conn| {
            let sql = "SELECT count(*) FROM transfer WHERE state = 2 AND attempts + tried_before > 1";
            Ok(from_sql(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?))
        })
    }

    pub(crate) fn manifest_page(&self, after: Option<TransferId>, limit: usize) -> Result<Vec<Detail>> {
        let values = [after_sql(after), bound(limit as u64)];
        self.read(|conn| details(conn, "WHERE id > ?1 ORDER BY id LIMIT ?2", values))
    }
}
