//! Every rule about lots, counters and blocks, recounted from the transfers (S4, S11). Reads everything: for tests and
//! `doctor`, not for a running console.

use super::ids::Ids;
use super::lots::Lot;
use super::number::peer_to_sql;
use super::{SqliteStore, tally};
use crate::{RANGE_ALIGN, Result, VIOLATIONS_MAX};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// peer, target, state → number, bytes.
type Counted = BTreeMap<(i64, i64, i64), (i64, i64)>;

impl SqliteStore {
    pub(crate) fn check_invariants(&self) -> Result<Vec<String>> {
        self.sqlite()?.read(|conn| {
            let mut broken = Broken(Vec::new());
            let mut counted = Counted::new();
            lots(conn, &mut broken, &mut counted)?;
            settled(conn, &mut counted)?;
            counters(conn, &mut broken, &counted)?;
            blocks(conn, &mut broken)?;
            ranges(conn, &mut broken)?;
            Ok(broken.0)
        })
    }
}

/// The broken rules in words.
struct Broken(Vec<String>);

impl Broken {
    fn unless(&mut self, holds: bool, words: impl FnOnce() -> String) {
        if !holds && self.0.len() < VIOLATIONS_MAX {
            self.0.push(words());
        }
    }
}

/// S4: disjoint, covering, of one target, counted, and nothing open below their cursors.
fn lots(conn: &Connection, broken: &mut Broken, counted: &mut Counted) -> Result<()> {
    let mut statement = conn.prepare(
        "SELECT id, born, wave, target, first, last, low, owner, epoch, planned, authorised FROM lot ORDER BY first",
    )?;
    let mut inside = conn.prepare(
        "SELECT count(*), coalesce(sum(target = ?3), 0), coalesce(sum(state = 0), 0),
         coalesce(sum(iif(state = 0, size, 0)), 0), coalesce(sum(state = 1), 0),
         coalesce(sum(iif(state = 1, size, 0)), 0), coalesce(sum(state <= 1 AND id < ?4), 0)
         FROM transfer WHERE id BETWEEN ?1 AND ?2",
    )?;
    let mut rows = statement.query([])?;
    let (mut end, mut covered) = (-1, 0);
    while let Some(row) = rows.next()? {
        let lot = Lot::read(row)?;
        let name = format!("lot {} ({}..={})", lot.id, lot.ids.first, lot.ids.last);
        broken.unless(lot.ids.first > end, || format!("{name} overlaps the one before"));
        end = lot.ids.last;
        covered += lot.ids.len();
        let found: [i64; 7] =
            inside.query_row([lot.ids.first, lot.ids.last, lot.target, lot.low], |row| {
                let mut found = [0; 7];
                for (at, value) in found.iter_mut().enumerate() {
                    *value = row.get(at)?;
                }
                Ok(found)
            })?;
        let [n, same_target, planned, planned_bytes, authorised, authorised_bytes, below] = found;
        broken.unless(n == lot.ids.len(), || format!("{name} holds {n} transfers"));
        broken.unless(same_target == n, || format!("{name} crosses a target"));
        broken.unless((planned, authorised) == (lot.planned, lot.authorised), || {
            format!(
                "{name} says {} planned, {} authorised, has {planned}, {authorised}",
                lot.planned, lot.authorised
            )
        });
        broken
            .unless(below == 0, || format!("{name} has {below} open transfers below its cursor {}", lot.low));
        for (state, n, bytes) in [(0, planned, planned_bytes), (1, authorised, authorised_bytes)] {
            let entry = counted.entry((peer_to_sql(lot.owner), lot.target, state)).or_default();
            *entry = (entry.0 + n, entry.1 + bytes);
        }
    }
    let all: i64 = conn.query_row("SELECT count(*) FROM transfer", [], |row| row.get(0))?;
    broken.unless(covered == all, || format!("the lots hold {covered} of {all} transfers"));
    Ok(())
}

/// Row by row: a GROUP BY over all of them would sort them in memory.
fn settled(conn: &Connection, counted: &mut Counted) -> Result<()> {
    let mut statement =
        conn.prepare("SELECT by_peer, target, state, size, verified FROM transfer WHERE state >= 2")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (peer, target, state, size): (i64, i64, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let verified = state == 2 && row.get::<_, Option<bool>>(4)? == Some(true);
        for state in [Some(state), verified.then_some(tally::VERIFIED)].into_iter().flatten() {
            let entry = counted.entry((peer, target, state)).or_default();
            *entry = (entry.0 + 1, entry.1 + size);
        }
    }
    Ok(())
}

/// S11: counters equal the recount, and their sum equals the totals.
fn counters(conn: &Connection, broken: &mut Broken, counted: &Counted) -> Result<()> {
    let mut statement = conn.prepare("SELECT peer, target, state, n, bytes FROM counter")?;
    let mut rows = statement.query([])?;
    let mut kept = Counted::new();
    while let Some(row) = rows.next()? {
        kept.insert((row.get(0)?, row.get(1)?, row.get(2)?), (row.get(3)?, row.get(4)?));
    }
    for key in kept.keys().chain(counted.keys()) {
        let (says, has) =
            (kept.get(key).copied().unwrap_or_default(), counted.get(key).copied().unwrap_or_default());
        broken.unless(says == has, || format!("counter {key:?} says {says:?}, has {has:?}"));
    }
    let sum = counted
        .iter()
        .filter(|((_, _, state), _)| *state != tally::VERIFIED)
        .fold((0, 0), |sum, (_, (n, bytes))| (sum.0 + n, sum.1 + bytes));
    let totals: (i64, i64) =
        conn.query_row("SELECT transfers, bytes FROM run", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    broken.unless(sum == totals, || format!("discovered {totals:?}, the states hold {sum:?}"));
    Ok(())
}

/// The index of blocks, block by block.
fn blocks(conn: &Connection, broken: &mut Broken) -> Result<()> {
    let mut statement = conn
        .prepare("SELECT n, bytes, planned, planned_bytes, authorised, id, prefix FROM block ORDER BY id")?;
    let mut inside = conn.prepare(
        "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(state = 0), 0),
         coalesce(sum(iif(state = 0, size, 0)), 0), coalesce(sum(state = 1), 0)
         FROM transfer WHERE id BETWEEN ?1 AND ?2",
    )?;
    let figures = |row: &rusqlite::Row<'_>| -> rusqlite::Result<[i64; 5]> {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?])
    };
    let mut rows = statement.query([])?;
    let (mut transfers, mut before) = (0, 0);
    while let Some(row) = rows.next()? {
        let (says, id, prefix) = (figures(row)?, row.get::<_, i64>(5)?, row.get::<_, i64>(6)?);
        let ids = Ids { first: 0, last: i64::MAX }.within(id);
        let has = inside.query_row([ids.first, ids.last], figures)?;
        broken.unless(says == has, || format!("block {id} says {says:?}, has {has:?}"));
        broken.unless(prefix == before, || {
            format!("block {id} says {prefix} bytes come before it, there are {before}")
        });
        transfers += has[0];
        before += has[1];
    }
    let totals: (i64, i64) =
        conn.query_row("SELECT transfers, bytes FROM run", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let held = (transfers, before);
    broken.unless(held == totals, || format!("discovered {totals:?}, the blocks hold {held:?}"));
    Ok(())
}

/// S4, S6: only transfers under way are shared, by the owner of their lot under its epoch; their ranges lie in them, do
/// not overlap but for one layer of hedges, and what is not done is held by a current incarnation.
fn ranges(conn: &Connection, broken: &mut Broken) -> Result<()> {
    let lost: i64 = conn.query_row(
        "SELECT count(*) FROM range WHERE transfer NOT IN (SELECT transfer FROM shared)",
        [],
        |row| row.get(0),
    )?;
    broken.unless(lost == 0, || format!("{lost} ranges belong to no shared object"));
    let mut shared = conn.prepare(
        "SELECT shared.transfer, shared.home, shared.epoch, shared.size, transfer.state, lot.owner, lot.epoch
         FROM shared LEFT JOIN transfer ON transfer.id = shared.transfer
         LEFT JOIN lot ON lot.first <= shared.transfer AND lot.last >= shared.transfer",
    )?;
    let mut rows = shared.query([])?;
    while let Some(row) = rows.next()? {
        let (id, home, epoch, size): (i64, i64, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let (state, owner, lot_epoch): (Option<i64>, Option<i64>, Option<i64>) =
            (row.get(4)?, row.get(5)?, row.get(6)?);
        broken.unless(state == Some(0), || format!("transfer {id} is shared in state {state:?}"));
        broken.unless((owner, lot_epoch) == (Some(home), Some(epoch)), || {
            format!(
                "transfer {id} is shared by peer {home} at epoch {epoch}, owned by {owner:?} at {lot_epoch:?}"
            )
        });
        for hedge in [false, true] {
            layer(conn, broken, id, size, hedge)?;
        }
    }
    Ok(())
}

/// The ranges of one transfer, hedges or not.
fn layer(conn: &Connection, broken: &mut Broken, id: i64, size: i64, hedge: bool) -> Result<()> {
    let mut statement = conn.prepare_cached(
        "SELECT first, beyond, holder, holder_incarnation, done, incarnation FROM range
         JOIN peer ON peer.id = range.holder WHERE transfer = ?1 AND hedge = ?2 ORDER BY first",
    )?;
    let mut rows = statement.query(rusqlite::params![id, hedge])?;
    let align = i64::try_from(RANGE_ALIGN).unwrap_or(i64::MAX);
    let mut end = 0;
    while let Some(row) = rows.next()? {
        let (first, beyond, holder): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (of, done, current): (i64, bool, i64) = (row.get(3)?, row.get(4)?, row.get(5)?);
        let name = format!("range {first}..{beyond} of transfer {id}");
        broken.unless(first >= end, || format!("{name} overlaps the one before"));
        end = beyond;
        let aligned = first % align == 0 && (beyond % align == 0 || beyond == size) && beyond <= size;
        broken.unless(aligned, || format!("{name} is ill cut"));
        broken.unless(done || of == current, || {
            format!("{name} is held by incarnation {of} of peer {holder}, which is at {current}")
        });
    }
    Ok(())
}
