//! Ranges of large transfers: what a peer says about those it holds, and what becomes of them when a process or an
//! attempt ends. The home has every byte that no row names; rows live until their transfer is settled or redone.
//!
//! Lending is a part of an assignment (`lend`); the reading side is in `reading`.

mod lend;
mod reading;

pub(super) use lend::{Lending, is_planned, lend, refuse};
pub(super) use reading::{chains_from_sql, chains_to_sql};

use super::number::{bound, from_sql, peer_from_sql, peer_to_sql, to_sql};
use super::{SqliteStore, checkpoints, fence};
use crate::rules::lending::{self, Range, check_number};
use crate::{
    CHAINS_MAX, FinishedRange, HeldRange, LedgerError, RANGES_MAX, RangeEnd, Result, SharedObject, Version,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use twinhaul_units::{Epoch, Incarnation, PeerId, TransferId};

/// A row of `shared`.
struct Shared {
    home: PeerId,
    epoch: i64,
    object: SharedObject,
}

/// The columns of [`read_object`].
pub(super) const OBJECT_COLUMNS: &str = "reference, attempt, size, mtime_ns, ctime_ns, dev, ino";

/// A private object from the columns from `at` on.
pub(super) fn read_object(row: &rusqlite::Row<'_>, at: usize) -> Result<SharedObject> {
    let bits =
        |at: usize| -> Result<Option<u64>> { Ok(row.get::<_, Option<i64>>(at)?.map(i64::cast_unsigned)) };
    let version = Version {
        size: from_sql(row.get(at + 2)?),
        mtime_ns: row.get(at + 3)?,
        ctime_ns: row.get(at + 4)?,
        dev: bits(at + 5)?,
        ino: bits(at + 6)?,
    };
    Ok(SharedObject { reference: row.get(at)?, attempt: row.get(at + 1)?, version })
}

/// The columns of [`read_range`].
const RANGE_COLUMNS: &str = "seq, first, beyond, holder, holder_incarnation, hedge, done, transfer";

fn read_range(row: &rusqlite::Row<'_>) -> Result<Range> {
    let number = |at: usize| -> Result<u64> { Ok(from_sql(row.get(at)?)) };
    Ok(Range {
        seq: number(0)?,
        from: number(1)?,
        to: number(2)?,
        holder: peer_from_sql(row.get(3)?)?,
        incarnation: Incarnation(number(4)?),
        hedge: row.get(5)?,
        done: row.get(6)?,
    })
}

/// All ranges of a transfer.
fn ranges_of(conn: &Connection, transfer: i64) -> Result<Vec<Range>> {
    let sql = format!("SELECT {RANGE_COLUMNS} FROM range WHERE transfer = ?1 ORDER BY first, hedge, seq");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([transfer])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read_range(row)?);
    }
    Ok(found)
}

impl SqliteStore {
    pub(crate) fn finish_ranges(
        &self,
        peer: PeerId,
        mine: Incarnation,
        finished: &[FinishedRange],
    ) -> Result<Vec<RangeEnd>> {
        check_number(finished.len())?;
        if finished.iter().any(|f| f.chains.len() > CHAINS_MAX) {
            return Err(LedgerError::TooMany { what: "chaining values of a range", max: CHAINS_MAX as u64 });
        }
        self.write(|conn| {
            fence::check(conn, peer, mine)?;
            let mut ends = Vec::with_capacity(finished.len());
            for item in finished {
                let Some(range) = held(conn, peer, mine, &item.held)? else {
                    ends.push(RangeEnd::Moot);
                    continue;
                };
                if !range.done {
                    conn.prepare_cached("UPDATE range SET done = 1, chains = ?2 WHERE seq = ?1")?
                        .execute(params![bound(range.seq), chains_to_sql(&item.chains)])?;
                }
                ends.push(RangeEnd::Done);
            }
            Ok(ends)
        })
    }

    pub(crate) fn split_range(&self, peer: PeerId, mine: Incarnation, tail: &HeldRange) -> Result<bool> {
        self.write(|conn| {
            fence::check(conn, peer, mine)?;
            let id = bound(tail.id.0);
            if !shared(conn, id)?.is_some_and(|s| s.is_of(tail.epoch, &tail.attempt)) {
                return Ok(false);
            }
            let Some(of) = lending::holds_apart(&ranges_of(conn, id)?, (peer, mine), tail) else {
                return Ok(false);
            };
            if lend::number_of_ranges(conn)? >= RANGES_MAX {
                return Ok(false);
            }
            lend::shorten(conn, &of, bound(tail.from))?;
            lend::hold(conn, (peer, mine), id, (bound(tail.from), bound(tail.to)), false)?;
            Ok(true)
        })
    }

    pub(crate) fn return_ranges(&self, peer: PeerId, mine: Incarnation, ranges: &[HeldRange]) -> Result<()> {
        check_number(ranges.len())?;
        self.write(|conn| {
            fence::check(conn, peer, mine)?;
            for item in ranges {
                if let Some(range) = held_from(conn, peer, mine, item)?.filter(|r| !r.done)
                    && let Some(shared) = shared(conn, bound(item.id.0))?
                {
                    come_home(conn, &range, shared.home)?;
                }
            }
            Ok(())
        })
    }

    pub(crate) fn decline_ranges(&self, home: PeerId, mine: Incarnation, ranges: &[HeldRange]) -> Result<()> {
        check_number(ranges.len())?;
        self.write(|conn| {
            fence::check(conn, home, mine)?;
            for item in ranges {
                let id = bound(item.id.0);
                let Some(shared) = shared(conn, id)? else { continue };
                if shared.home == home && shared.is_of(item.epoch, &item.attempt) {
                    conn.prepare_cached(
                        "UPDATE range SET unwanted = 1 WHERE transfer = ?1 AND first = ?2 AND beyond = ?3
                         AND hedge = ?4 AND holder <> ?5 AND done = 0",
                    )?
                    .execute(params![
                        id,
                        bound(item.from),
                        bound(item.to),
                        item.hedge,
                        peer_to_sql(home)
                    ])?;
                }
            }
            Ok(())
        })
    }

    pub(crate) fn recall_ranges(
        &self,
        home: PeerId,
        mine: Incarnation,
        transfers: &[(TransferId, Epoch)],
    ) -> Result<()> {
        check_number(transfers.len())?;
        self.write(|conn| {
            fence::check(conn, home, mine)?;
            for (id, epoch) in transfers {
                let id = bound(id.0);
                let mine = |s: &Shared| s.home == home && from_sql(s.epoch) == epoch.0;
                if shared(conn, id)?.is_some_and(|s| mine(&s)) {
                    forget(conn, id)?;
                }
            }
            Ok(())
        })
    }
}

impl Shared {
    fn is_of(&self, epoch: Epoch, attempt: &str) -> bool {
        from_sql(self.epoch) == epoch.0 && self.object.attempt == attempt
    }
}

fn shared(conn: &Connection, transfer: i64) -> Result<Option<Shared>> {
    let sql = format!("SELECT home, epoch, {OBJECT_COLUMNS} FROM shared WHERE transfer = ?1");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([transfer])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let object = read_object(row, 2)?;
    Ok(Some(Shared { home: peer_from_sql(row.get(0)?)?, epoch: row.get(1)?, object }))
}

/// The row that `held` names, if this incarnation of `peer` holds it.
fn held(conn: &Connection, peer: PeerId, mine: Incarnation, held: &HeldRange) -> Result<Option<Range>> {
    Ok(held_from(conn, peer, mine, held)?.filter(|range| range.to == held.to))
}

/// The row that begins where `held` does, wherever it ends: a cut of it may have been refused.
fn held_from(conn: &Connection, peer: PeerId, mine: Incarnation, held: &HeldRange) -> Result<Option<Range>> {
    let id = bound(held.id.0);
    if !shared(conn, id)?.is_some_and(|s| s.is_of(held.epoch, &held.attempt)) {
        return Ok(None);
    }
    let sql = format!(
        "SELECT {RANGE_COLUMNS} FROM range WHERE transfer = ?1 AND first = ?2 AND hedge = ?3 AND holder = ?4
         AND holder_incarnation = ?5"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params![
        id,
        bound(held.from),
        held.hedge,
        peer_to_sql(peer),
        to_sql("an incarnation", mine.0)?
    ])?;
    rows.next()?.map(read_range).transpose()
}

/// The next number of a holding.
fn next_seq(conn: &Connection) -> Result<i64> {
    let mut statement =
        conn.prepare_cached("UPDATE run SET next_range = next_range + 1 RETURNING next_range - 1")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// A range that is not done goes back to its home, which finds it with its next load; of a hedge the home has the
/// other copy.
fn come_home(conn: &Connection, range: &Range, home: PeerId) -> Result<()> {
    if range.hedge {
        conn.prepare_cached("DELETE FROM range WHERE seq = ?1")?.execute([bound(range.seq)])?;
        return Ok(());
    }
    let incarnation = to_sql("an incarnation", fence::current(conn, home)?.0)?;
    conn.prepare_cached(
        "UPDATE range SET seq = ?2, holder = ?3, holder_incarnation = ?4, unwanted = 0 WHERE seq = ?1",
    )?
    .execute([bound(range.seq), next_seq(conn)?, peer_to_sql(home), incarnation])?;
    Ok(())
}

/// The transfer is done, given up, redone or published: its parts mean nothing any more.
pub(super) fn forget(conn: &Connection, transfer: i64) -> Result<()> {
    conn.prepare_cached("DELETE FROM range WHERE transfer = ?1")?.execute([transfer])?;
    conn.prepare_cached("DELETE FROM shared WHERE transfer = ?1")?.execute([transfer])?;
    Ok(())
}

/// Whether any transfer is shared: most groups need not look further.
pub(super) fn any(conn: &Connection) -> Result<bool> {
    let mut statement = conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM shared)")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Whether a transfer in `first..=last` is shared: it has started, so that it moves only by fencing (S6).
pub(super) fn any_in(conn: &Connection, first: i64, last: i64) -> Result<bool> {
    let mut statement =
        conn.prepare_cached("SELECT 1 FROM shared WHERE transfer BETWEEN ?1 AND ?2 LIMIT 1")?;
    Ok(statement.query_row([first, last], |_| Ok(())).optional()?.is_some())
}

/// The process at `peer`'s place has ended: what it was home of is begun again, from its checkpoint; what it held and
/// had not finished goes back. What it finished is durable in the object and stays.
pub(super) fn peer_ended(conn: &Connection, peer: PeerId) -> Result<()> {
    checkpoints::keep_of_ended(conn, peer)?;
    let gone = peer_to_sql(peer);
    conn.prepare_cached("DELETE FROM range WHERE transfer IN (SELECT transfer FROM shared WHERE home = ?1)")?
        .execute([gone])?;
    conn.prepare_cached("DELETE FROM shared WHERE home = ?1")?.execute([gone])?;
    let sql = format!("SELECT {RANGE_COLUMNS} FROM range WHERE holder = ?1 AND done = 0 ORDER BY seq");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([gone])?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        open.push(read_range(row)?);
    }
    drop(rows);
    open.iter().try_for_each(|range| come_home(conn, range, peer.other()))
}
