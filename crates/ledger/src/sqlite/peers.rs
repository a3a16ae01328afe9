//! Processes taking a peer's place, and what the method remembers between them.

use super::number::{from_sql, peer_to_sql, to_sql};
use super::{SqliteStore, fence, ranges};
use crate::{Joined, LiveLimit, Process, Remembered, Result};
use rusqlite::{Row, params};
use twinhaul_units::{Incarnation, PeerId};

impl SqliteStore {
    pub(crate) fn join(&self, peer: PeerId, process: &Process, now_ms: u64) -> Result<Joined> {
        let (start, now) = (to_sql("a start time", process.pid_start)?, to_sql("a time", now_ms)?);
        self.write(|conn| {
            let mut update = conn.prepare_cached(
                "UPDATE peer SET incarnation = incarnation + 1, joined = incarnation + 1, pid = ?2, pid_start = ?3,
                 boot_id = ?4, host = ?5, joined_at_ms = ?6 WHERE id = ?1
                 RETURNING incarnation, ratio, live_ratio, last, limited, limit_rate",
            )?;
            let values =
                params![peer_to_sql(peer), process.pid, start, process.boot_id, process.host, now];
            let joined = update.query_row(values, |row| {
                Ok(Joined {
                    incarnation: Incarnation(from_sql(row.get(0)?)),
                    memory: remembered(row, 1)?,
                    limit: limit(row, 4)?,
                })
            })?;
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

    pub(crate) fn set_limit(&self, peer: PeerId, mine: Incarnation, limit: LiveLimit) -> Result<()> {
        let (limited, rate) = match limit {
            LiveLimit::AsProfiled => (false, None),
            LiveLimit::Lifted => (true, None),
            LiveLimit::Set(rate) => (true, Some(to_sql("a limit", rate)?)),
        };
        self.write(|conn| {
            fence::check(conn, peer, mine)?;
            conn.prepare_cached("UPDATE peer SET limited = ?3, limit_rate = ?2 WHERE id = ?1")?
                .execute(params![peer_to_sql(peer), rate, limited])?;
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

/// `limited, limit_rate` from column `at` on.
pub(super) fn limit(row: &Row<'_>, at: usize) -> rusqlite::Result<LiveLimit> {
    Ok(match (row.get(at)?, row.get::<_, Option<i64>>(at + 1)?) {
        (false, _) => LiveLimit::AsProfiled,
        (true, None) => LiveLimit::Lifted,
        (true, Some(rate)) => LiveLimit::Set(from_sql(rate)),
    })
}
