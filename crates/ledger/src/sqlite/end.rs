//! The life of the run and its last step: one fenced peer finishes directories when everything else is settled.

use super::number::{
    bound, from_sql, index_from_sql, peer_from_sql, peer_to_sql, run_state_from_sql, run_state_to_sql,
    state_to_sql, to_sql,
};
use super::{SqliteStore, SqliteView, fence, history};
use crate::{DirectoryCursor, DirectoryRow, LedgerError, Result, RunState, State, rules};
use rusqlite::{Connection, params};
use twinhaul_units::{Incarnation, PeerId};

/// Who may finish, and whether it is done.
struct Claim {
    holder: Option<(PeerId, Incarnation)>,
    finished: bool,
}

impl SqliteStore {
    pub(crate) fn claim_finishing(&self, peer: PeerId, mine: Incarnation) -> Result<bool> {
        self.write(|conn| {
            fence::check(conn, peer, mine)?;
            let claim = claim(conn)?;
            if claim.finished || !all_settled(conn)? {
                return Ok(false);
            }
            let free = match claim.holder {
                None => true,
                Some((holder, _)) if holder == peer => true,
                Some((holder, theirs)) => fence::current(conn, holder)? != theirs,
            };
            if free {
                conn.prepare_cached("UPDATE run SET finishing_peer = ?1, finishing_incarnation = ?2")?
                    .execute([peer_to_sql(peer), to_sql("an incarnation", mine.0)?])?;
            }
            Ok(free)
        })
    }

    pub(crate) fn finishing_done(&self, peer: PeerId, mine: Incarnation) -> Result<()> {
        self.write(|conn| {
            fence::check(conn, peer, mine)?;
            match claim(conn)?.holder {
                Some(holder) if holder == (peer, mine) => {}
                holder => {
                    let (peer, current) = holder.unwrap_or((peer, Incarnation(0)));
                    return Err(LedgerError::Fenced { peer, mine, current });
                }
            }
            conn.execute("UPDATE run SET finished = 1", [])?;
            Ok(())
        })
    }

    pub(crate) fn set_run_state(&self, state: RunState, at_ms: u64) -> Result<()> {
        let at = to_sql("a time", at_ms)?;
        self.write(|conn| {
            let before: String =
                conn.prepare_cached("SELECT state FROM run")?.query_row([], |row| row.get(0))?;
            let had_ended = run_state_from_sql(&before)?.ended();
            if had_ended && !state.ended() {
                return Ok(());
            }
            conn.prepare_cached("UPDATE run SET state = ?1, state_at_ms = ?2")?
                .execute(params![run_state_to_sql(state), at])?;
            if state.ended() && !had_ended {
                let ends = [
                    settled(conn, State::Done)?,
                    settled(conn, State::Skipped)?,
                    settled(conn, State::Failed)?,
                ];
                history::append(conn, &rules::run_ended(state, ends, at_ms))?;
            }
            Ok(())
        })
    }

    pub(crate) fn go_on(&self, at_ms: u64) -> Result<()> {
        let at = to_sql("a time", at_ms)?;
        self.write(|conn| {
            let sql = "UPDATE run SET state = ?1, state_at_ms = ?2";
            conn.prepare_cached(sql)?.execute(params![run_state_to_sql(RunState::Running), at])?;
            Ok(())
        })
    }
}

/// How many transfers are in a state.
fn settled(conn: &Connection, state: State) -> Result<u64> {
    let mut statement = conn.prepare_cached("SELECT coalesce(sum(n), 0) FROM counter WHERE state = ?1")?;
    Ok(from_sql(statement.query_row([state_to_sql(state)], |row| row.get(0))?))
}

fn claim(conn: &Connection) -> Result<Claim> {
    let (peer, incarnation, finished): (Option<i64>, Option<i64>, bool) = conn
        .prepare_cached("SELECT finishing_peer, finishing_incarnation, finished FROM run")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let holder = match (peer, incarnation) {
        (Some(peer), Some(incarnation)) => Some((peer_from_sql(peer)?, Incarnation(from_sql(incarnation)))),
        _ => None,
    };
    Ok(Claim { holder, finished })
}

fn all_settled(conn: &Connection) -> Result<bool> {
    let mut statement = conn.prepare_cached(
        "SELECT NOT growing AND NOT EXISTS (SELECT 1 FROM counter WHERE state <= 1 AND n > 0) FROM run",
    )?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

impl SqliteView {
    pub(crate) fn directories(
        &self,
        after: Option<DirectoryCursor>,
        limit: usize,
    ) -> Result<Vec<DirectoryRow>> {
        let (depth, id) = after.map_or((i64::MAX, 0), |c| (i64::from(c.depth), bound(c.id)));
        self.read(|conn| {
            let mut statement = conn.prepare_cached(
                "SELECT id, source, source_key, target, key, depth, attrs_json FROM directory
                 WHERE depth <= ?1 AND (depth < ?1 OR id > ?2) ORDER BY depth DESC, id LIMIT ?3",
            )?;
            let mut rows = statement.query([depth, id, bound(limit as u64)])?;
            let mut page = Vec::new();
            while let Some(row) = rows.next()? {
                page.push(DirectoryRow {
                    id: from_sql(row.get(0)?),
                    source: index_from_sql(row.get(1)?)?,
                    source_key: row.get(2)?,
                    target: index_from_sql(row.get(3)?)?,
                    key: row.get(4)?,
                    depth: row.get(5)?,
                    attrs_json: row.get(6)?,
                });
            }
            Ok(page)
        })
    }
}
