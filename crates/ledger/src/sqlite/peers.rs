//! Processes taking a peer's place, and what the method remembers between them.

use super::number::{from_sql, peer_to_sql, to_sql};
use super::{SqliteStore, fence, ranges};
use crate::{Joined, LedgerError, Process, Remembered, Result};
use rusqlite::{Connection, Row, params};
use std::collections::BTreeMap;
use twinhaul_units::{Dial, Incarnation, PeerId, Turned};

impl SqliteStore {
    pub(crate) fn join(&self, peer: PeerId, process: &Process, now_ms: u64) -> Result<Joined> {
        let (start, now) = (to_sql("a start time", process.pid_start)?, to_sql("a time", now_ms)?);
        self.write(|conn| {
            let mut update = conn.prepare_cached(
                "UPDATE peer SET incarnation = incarnation + 1, joined = incarnation + 1, pid = ?2, pid_start = ?3,
                 boot_id = ?4, host = ?5, joined_at_ms = ?6 WHERE id = ?1
                 RETURNING incarnation, ratio, live_ratio, last",
            )?;
            let values =
                params![peer_to_sql(peer), process.pid, start, process.boot_id, process.host, now];
            let mut joined = update.query_row(values, |row| {
                Ok(Joined {
                    incarnation: Incarnation(from_sql(row.get(0)?)),
                    memory: remembered(row, 1)?,
                    dials: BTreeMap::new(),
                })
            })?;
            joined.dials = dials(conn, peer)?;
            // Whoever joins holds the peer's lock: the former process is gone.
            ranges::peer_ended(conn, peer)?;
            Ok(joined)
        })
    }

    pub(crate) fn remember(&self, peer: PeerId, mine: Incarnation, memory: &Remembered) -> Result<()> {
        self.write(|conn| {
            fence::check(conn, peer, mine)?;
            conn.prepare_cached("UPDATE peer SET ratio = ?2, live_ratio = ?3, last = ?4 WHERE id = ?1")?
                .execute(params![peer_to_sql(peer), memory.ratio, memory.live_ratio, memory.last])?;
            Ok(())
        })
    }

    pub(crate) fn turn(&self, peer: PeerId, mine: Incarnation, dial: &Dial, to: Turned) -> Result<()> {
        let (peer_sql, name) = (peer_to_sql(peer), dial.to_string());
        let value = match to {
            Turned::AsProfiled | Turned::Lifted => None,
            Turned::Set(value) => Some(to_sql("a dial", value)?),
        };
        self.write(|conn| {
            fence::check(conn, peer, mine)?;
            if to == Turned::AsProfiled {
                conn.prepare_cached("DELETE FROM dial WHERE peer = ?1 AND name = ?2")?
                    .execute(params![peer_sql, name])?;
            } else {
                conn.prepare_cached("INSERT OR REPLACE INTO dial VALUES (?1, ?2, ?3)")?
                    .execute(params![peer_sql, name, value])?;
            }
            Ok(())
        })
    }
}

/// `ratio, live_ratio, last` from column `at` on; all are written together.
pub(super) fn remembered(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Remembered>> {
    let (ratio, live, last) = (row.get(at)?, row.get(at + 1)?, row.get::<_, Option<String>>(at + 2)?);
    let both: Option<(f64, f64)> = Option::zip(ratio, live);
    Ok(both.zip(last).map(|((ratio, live_ratio), last)| Remembered { ratio, live_ratio, last }))
}

/// What an operator turned of this peer.
pub(super) fn dials(conn: &Connection, peer: PeerId) -> Result<BTreeMap<Dial, Turned>> {
    let mut rows = conn.prepare_cached("SELECT name, value FROM dial WHERE peer = ?1")?;
    let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?));
    rows.query_map([peer_to_sql(peer)], read)?
        .map(|row| {
            let (name, value) = row?;
            let dial = name.parse().map_err(|_| LedgerError::Value { what: "a dial", value: name })?;
            Ok((dial, value.map_or(Turned::Lifted, |value| Turned::Set(from_sql(value)))))
        })
        .collect()
}
