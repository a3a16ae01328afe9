//! Take-over: a dead peer is fenced and its open lots change their owner, in one transaction whose size does not depend
//! on the number of transfers (store.md 1, 3).

use super::lots::{self, Lot, Numbers};
use super::number::{from_sql, peer_to_sql};
use super::operation::{Answer, Operation};
use super::tally::Tally;
use super::{SqliteStore, fence, ranges};
use crate::{Refused, Result, TakeOver, TakeOverOutcome, TakenOver};
use rusqlite::Connection;
use twinhaul_units::{Incarnation, PeerId};

impl SqliteStore {
    pub(crate) fn take_over(&self, take: &TakeOver) -> Result<TakeOverOutcome> {
        let operation = Operation { peer: take.by, incarnation: take.by_incarnation, op: take.op };
        let dead = take.by.other();
        self.write(|conn| {
            if let Some(answer) = operation.find(conn)? {
                return answer.take_over();
            }
            fence::check(conn, take.by, take.by_incarnation)?;
            let current = fence::current(conn, dead)?;
            let answer = if current == take.dead_incarnation {
                Answer::Taken(take_all(conn, dead)?)
            } else {
                Answer::Refused(Refused::StaleOwner { current })
            };
            operation.record(conn, &answer)?;
            answer.take_over()
        })
    }
}

fn take_all(conn: &Connection, dead: PeerId) -> Result<TakenOver> {
    let mut fence = conn.prepare_cached(
        "UPDATE peer SET incarnation = incarnation + 1 WHERE id = ?1 RETURNING incarnation",
    )?;
    let incarnation = fence.query_row([peer_to_sql(dead)], |row| row.get(0).map(from_sql))?;
    let mut numbers = Numbers::open(conn)?;
    let lots = open_lots(conn, dead)?;
    for lot in &lots {
        lots::renew(conn, &mut numbers, lot, dead.other())?;
    }
    let (count, bytes) = move_counters(conn, dead)?;
    ranges::peer_ended(conn, dead)?;
    numbers.close(conn)?;
    Ok(TakenOver {
        incarnation: Incarnation(incarnation),
        lots: lots.len() as u64,
        count: from_sql(count),
        bytes: from_sql(bytes),
    })
}

/// At most `LOTS_MAX`.
fn open_lots(conn: &Connection, owner: PeerId) -> Result<Vec<Lot>> {
    let mut statement = conn.prepare_cached(
        "SELECT id, born, wave, target, first, last, low, owner, epoch, planned, authorised FROM lot
         WHERE owner = ?1 AND planned + authorised > 0 ORDER BY born, first",
    )?;
    let mut rows = statement.query([peer_to_sql(owner)])?;
    let mut lots = Vec::new();
    while let Some(row) = rows.next()? {
        lots.push(Lot::read(row)?);
    }
    Ok(lots)
}

/// Everything planned and authorised is the survivor's; what the dead peer settled stays its work.
fn move_counters(conn: &Connection, dead: PeerId) -> Result<(i64, i64)> {
    let mut statement =
        conn.prepare_cached("SELECT target, state, n, bytes FROM counter WHERE peer = ?1 AND state <= 1")?;
    let mut rows = statement.query([peer_to_sql(dead)])?;
    let mut tally = Tally::default();
    let (mut count, mut sum) = (0, 0);
    while let Some(row) = rows.next()? {
        let (target, state, n, bytes): (i64, i64, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        tally.count(dead, target, state, -n, -bytes);
        tally.count(dead.other(), target, state, n, bytes);
        count += n;
        sum += bytes;
    }
    drop(rows);
    tally.write(conn)?;
    Ok((count, sum))
}
