//! Events: appended in order, trimmed, read on from a place.

use super::number::{bound, from_sql, to_sql};
use super::{SqliteStore, SqliteView};
use crate::{EVENTS_MAX, LedgerError, NewEvent, Result};
use rusqlite::{Connection, params};
use twinhaul_wire::Event;

/// An event as it is written.
struct Prepared<'a> {
    at: i64,
    peer: Option<&'a str>,
    incarnation: i64,
    kind: String,
}

impl<'a> TryFrom<&'a NewEvent> for Prepared<'a> {
    type Error = LedgerError;

    fn try_from(event: &'a NewEvent) -> Result<Self> {
        Ok(Self {
            at: to_sql("a time", event.at_ms)?,
            peer: event.peer.as_deref(),
            incarnation: to_sql("an incarnation", event.incarnation)?,
            kind: serde_json::to_string(&event.kind)?,
        })
    }
}

impl SqliteStore {
    pub(crate) fn append_events(&self, events: &[NewEvent]) -> Result<u64> {
        // Written as JSON before the transaction begins (store.md 4.2).
        let prepared = events.iter().map(Prepared::try_from).collect::<Result<Vec<_>>>()?;
        self.write(|conn| insert(conn, &prepared))
    }
}

/// Appends one event inside a transaction.
pub(super) fn append(conn: &Connection, event: &NewEvent) -> Result<()> {
    insert(conn, &[Prepared::try_from(event)?]).map(|_| ())
}

fn insert(conn: &Connection, events: &[Prepared<'_>]) -> Result<u64> {
    let first = last_seq(conn)? + 1;
    let mut insert = conn.prepare_cached(
        "INSERT INTO event(seq, at_ms, peer, incarnation, kind) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (event, seq) in events.iter().zip(first..) {
        insert.execute(params![seq, event.at, event.peer, event.incarnation, event.kind])?;
    }
    let oldest = first + bound(events.len() as u64) - 1 - to_sql("events", EVENTS_MAX)?;
    conn.prepare_cached("DELETE FROM event WHERE seq <= ?1")?.execute([oldest])?;
    Ok(from_sql(first))
}

fn last_seq(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM event")?.query_row([], |row| row.get(0))?)
}

impl SqliteView {
    pub(crate) fn last_seq(&self) -> Result<u64> {
        self.read(|conn| last_seq(conn).map(from_sql))
    }

    pub(crate) fn events_since(&self, seq: u64, limit: usize) -> Result<Vec<Event>> {
        let rows = self.read(|conn| {
            let mut statement = conn.prepare_cached(
                "SELECT seq, at_ms, peer, incarnation, kind FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let rows = statement.query_map([bound(seq), bound(limit as u64)], |row| {
                let figures: [i64; 3] = [row.get(0)?, row.get(1)?, row.get(3)?];
                Ok((figures, row.get::<_, Option<String>>(2)?, row.get::<_, String>(4)?))
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })?;
        rows.into_iter()
            .map(|([seq, at, incarnation], peer, kind)| {
                Ok(Event {
                    seq: from_sql(seq),
                    at_ms: from_sql(at),
                    peer,
                    incarnation: from_sql(incarnation),
                    kind: serde_json::from_str(&kind)?,
                })
            })
            .collect()
    }
}
