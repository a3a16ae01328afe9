//! Processes taking a peer's place, and what the method remembers between them.

use super::number::{from_sql, peer_to_sql, to_sql};
use super::{SqliteStore, fence, ranges};
use crate::{Joined, Process, Result};
use rusqlite::params;
use twinhaul_units::{Incarnation, PeerId};

impl SqliteStore {
    pub(crate) fn join(&self, peer: PeerId, process: &Process, now_ms: u64) -> Result<Joined> {
        let (start, now) = (to_sql("a start time", process.pid_start)?, to_sql("a time", now_ms)?);
        self.write(|conn| {
            let mut update = conn.prepare_cached(
                "UPDATE peer SET incarnation = incarnation + 1, joined = incarnation + 1, pid = ?2, pid_start = ?3, boot_id = ?4, host = ?5,
                 joined_at_ms = ?6 WHERE id = ?1 RETURNING incarnation, ratio, last",
            )?;
            let values =
                params![peer_to_sql(peer), process.pid, start, process.boot_id, process.host, now];
            let joined = update.query_row(values, |row| {
                Ok(Joined {
                    incarnation: Incarnation(from_sql(row.get(0)?)),
                    ratio: row.get(1)?,
                    last: row.get(2)?,
                })
            })?;
            // Whoever joins holds the peer's lock: the former process is gone.
            ranges::peer_ended(conn, peer)?;
            Ok(joined)
        })
    }

    pub(crate) fn remember(&self, peer: PeerId, mine: Incarnation, ratio: f64, last: &str) -> Result<()> {
        self.write(|conn| {
            fence::check(conn, peer, mine)?;
            conn.prepare_cached("UPDATE peer SET ratio = ?2, last = ?3 WHERE id = ?1")?.execute(params![
                peer_to_sql(peer),
                ratio,
                last
            ])?;
            Ok(())
        })
    }
}
