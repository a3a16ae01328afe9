//! Every rule about lots, counters and blocks, recounted from the transfers (S4, S11). Reads everything: for tests and
//! `doctor`, not for a running console.

use super::lots::Lot;
use super::number::from_sql;
use super::{SqliteStore, tally};
use crate::{Result, VIOLATIONS_MAX};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// peer, target, state → number, bytes.
type Counted = BTreeMap<(i64, i64, i64), (i64, i64)>;

impl SqliteStore {
    pub(crate) fn check_invariants(&self) -> Result<Vec<String>> {
        self.sqlite().read(|conn| {
            let mut broken = Broken(Vec::new());
            let mut counted = Counted::new();
            lots(conn, &mut broken, &mut counted)?;
            settled(conn, &mut counted)?;
            counters(conn, &mut broken, &counted)?;
            blocks(conn, &mut broken)?;
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
            let entry = counted.entry((lot.owner.index() as i64, lot.target, state)).or_default();
            *entry = (entry.0 + n, entry.1 + bytes);
        }
    }
    let all: i64 = conn.query_row("SELECT count(*) FROM transfer", [], |row| row.get(0))?;
    broken.unless(covered == all, || format!("the lots hold {covered} of {all} transfers"));
    Ok(())
}

fn settled(conn: &Connection, counted: &mut Counted) -> Result<()> {
    let mut statement = conn.prepare(
        "SELECT by_peer, target, state, count(*), sum(size) FROM transfer WHERE state >= 2 GROUP BY 1, 2, 3
         UNION ALL
         SELECT by_peer, target, ?1, count(*), sum(size) FROM transfer WHERE state = 2 AND verified GROUP BY 1, 2",
    )?;
    let mut rows = statement.query([tally::VERIFIED])?;
    while let Some(row) = rows.next()? {
        counted.insert((row.get(0)?, row.get(1)?, row.get(2)?), (row.get(3)?, row.get(4)?));
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

fn blocks(conn: &Connection, broken: &mut Broken) -> Result<()> {
    let mut statement = conn.prepare(
        "SELECT b.id, t.n IS b.n AND t.bytes IS b.bytes AND t.planned IS b.planned AND t.planned_bytes IS b.planned_bytes
         AND t.authorised IS b.authorised, b.prefix, b.bytes
         FROM block b LEFT JOIN (SELECT id / 1024 AS block, count(*) AS n, sum(size) AS bytes, sum(state = 0) AS planned,
         sum(iif(state = 0, size, 0)) AS planned_bytes, sum(state = 1) AS authorised FROM transfer GROUP BY 1) t
         ON t.block = b.id ORDER BY b.id",
    )?;
    let mut rows = statement.query([])?;
    let mut before = 0;
    while let Some(row) = rows.next()? {
        let (id, same, prefix, bytes): (i64, bool, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        broken.unless(same, || format!("block {id} differs from its transfers"));
        broken.unless(prefix == before, || {
            format!("block {id} says {prefix} bytes come before it, there are {before}")
        });
        before += bytes;
    }
    let totals: i64 = conn.query_row("SELECT bytes FROM run", [], |row| row.get(0))?;
    broken.unless(before == totals, || format!("the blocks hold {before} of {} bytes", from_sql(totals)));
    Ok(())
}
