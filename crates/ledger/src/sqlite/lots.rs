//! Lots: finding the one that holds a transfer, cutting pieces out exactly, merging what is settled (invariant S4).

use super::blocks::{first_open, open_in};
use super::ids::Ids;
use super::number::{from_sql, peer_from_sql, peer_to_sql};
use super::tally::{Open, changed_one};
use crate::{Interval, LOTS_COMPACT, LedgerError, Result};
use rusqlite::{Connection, Row, params};
use twinhaul_units::{Epoch, LotId, PeerId, TransferId};

/// A row of `lot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lot {
    pub(super) id: i64,
    pub(super) born: i64,
    pub(super) wave: i64,
    pub(super) target: i64,
    pub(super) ids: Ids,
    pub(super) low: i64,
    pub(super) owner: PeerId,
    pub(super) epoch: i64,
    pub(super) planned: i64,
    pub(super) authorised: i64,
}

impl Lot {
    /// Reads the columns in the order of the fields.
    pub(super) fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            born: row.get(1)?,
            wave: row.get(2)?,
            target: row.get(3)?,
            ids: Ids { first: row.get(4)?, last: row.get(5)? },
            low: row.get(6)?,
            owner: peer_from_sql(row.get(7)?)?,
            epoch: row.get(8)?,
            planned: row.get(9)?,
            authorised: row.get(10)?,
        })
    }

    /// The whole lot as an interval.
    pub(super) const fn interval(&self, ids: Ids) -> Interval {
        Interval {
            lot: LotId(self.id.unsigned_abs()),
            epoch: Epoch(self.epoch.unsigned_abs()),
            first: TransferId(ids.first.unsigned_abs()),
            last: TransferId(ids.last.unsigned_abs()),
        }
    }

    fn insert(&self, conn: &Connection) -> Result<()> {
        let mut statement = conn.prepare_cached(
            "INSERT INTO lot(id, born, wave, target, first, last, low, owner, epoch, planned, authorised)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        statement.execute(params![
            self.id,
            self.born,
            self.wave,
            self.target,
            self.ids.first,
            self.ids.last,
            self.low,
            peer_to_sql(self.owner),
            self.epoch,
            self.planned,
            self.authorised
        ])?;
        Ok(())
    }

    fn update(&self, conn: &Connection, old_id: i64) -> Result<()> {
        let mut statement = conn.prepare_cached(
            "UPDATE lot SET id = ?1, born = ?2, first = ?3, last = ?4, low = ?5, owner = ?6, epoch = ?7, planned = ?8,
             authorised = ?9 WHERE id = ?10",
        )?;
        let rows = statement.execute(params![
            self.id,
            self.born,
            self.ids.first,
            self.ids.last,
            self.low,
            peer_to_sql(self.owner),
            self.epoch,
            self.planned,
            self.authorised,
            old_id
        ])?;
        changed_one("a lot", old_id, rows)
    }
}

/// The lot that holds `id`.
pub(super) fn at(conn: &Connection, id: i64) -> Result<Option<Lot>> {
    let mut statement = conn.prepare_cached(
        "SELECT id, born, wave, target, first, last, low, owner, epoch, planned, authorised
         FROM lot WHERE first <= ?1 ORDER BY first DESC LIMIT 1",
    )?;
    let mut rows = statement.query([id])?;
    match rows.next()? {
        Some(row) => Ok(Some(Lot::read(row)?).filter(|lot| id <= lot.ids.last)),
        None => Ok(None),
    }
}

/// Remembers the last lot found: batches come in id order.
#[derive(Default)]
pub(super) struct Finder(Option<Lot>);

impl Finder {
    pub(super) fn at(&mut self, conn: &Connection, id: i64) -> Result<Lot> {
        if let Some(lot) = self.0.filter(|lot| lot.ids.first <= id && id <= lot.ids.last) {
            return Ok(lot);
        }
        let lot = at(conn, id)?.ok_or(LedgerError::Unknown { id: TransferId(from_sql(id)) })?;
        self.0 = Some(lot);
        Ok(lot)
    }
}

/// Gives out lot ids inside one transaction and records the last one, and that lots changed, at its end.
pub(super) struct Numbers {
    next: i64,
}

impl Numbers {
    pub(super) fn open(conn: &Connection) -> Result<Self> {
        let mut statement = conn.prepare_cached("SELECT next_lot FROM run")?;
        Ok(Self { next: statement.query_row([], |row| row.get(0))? })
    }

    pub(super) const fn take(&mut self) -> i64 {
        let id = self.next;
        self.next += 1;
        id
    }

    pub(super) fn close(self, conn: &Connection) -> Result<()> {
        let mut statement =
            conn.prepare_cached("UPDATE run SET next_lot = ?1, lots_version = lots_version + 1")?;
        statement.execute([self.next])?;
        Ok(())
    }
}

/// A new lot of a wave.
pub(super) fn add(conn: &Connection, lot: &Lot) -> Result<()> {
    lot.insert(conn)
}

/// Cuts `ids` out of `lot`, exactly, and gives that piece a new id, `owner` and a higher epoch. What is left keeps its
/// owner, its epoch and its place in the order; a piece behind the cut gets an id but no new birth.
pub(super) fn cut(
    conn: &Connection,
    numbers: &mut Numbers,
    lot: &Lot,
    ids: Ids,
    owner: PeerId,
) -> Result<(Lot, Open)> {
    debug_assert!(lot.ids.first <= ids.first && ids.first <= ids.last && ids.last <= lot.ids.last);
    let id = numbers.take();
    let (moved, open) = piece(conn, Lot { id, born: id, owner, epoch: lot.epoch + 1, ..*lot }, ids)?;
    let head = Ids { first: lot.ids.first, last: ids.first - 1 }.some();
    let tail = Ids { first: ids.last + 1, last: lot.ids.last }.some();
    match (head, tail) {
        (None, None) => moved.update(conn, lot.id)?,
        (Some(rest), None) | (None, Some(rest)) => {
            piece(conn, *lot, rest)?.0.update(conn, lot.id)?;
            moved.insert(conn)?;
        }
        (Some(head), Some(tail)) => {
            piece(conn, *lot, head)?.0.update(conn, lot.id)?;
            moved.insert(conn)?;
            piece(conn, Lot { id: numbers.take(), ..*lot }, tail)?.0.insert(conn)?;
        }
    }
    Ok((moved, open))
}

/// `lot` with only `ids`, counted.
fn piece(conn: &Connection, lot: Lot, ids: Ids) -> Result<(Lot, Open)> {
    let open = open_in(conn, ids)?;
    let low = lot.low.clamp(ids.first, ids.last + 1);
    Ok((Lot { ids, low, planned: open.planned, authorised: open.authorised, ..lot }, open))
}

/// Moves a lot's cursor past what is settled.
pub(super) fn advance(conn: &Connection, id: i64) -> Result<()> {
    let mut statement =
        conn.prepare_cached("SELECT low, last, planned + authorised FROM lot WHERE id = ?1")?;
    let (low, last, open): (i64, i64, i64) =
        statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let new =
        if open == 0 { last + 1 } else { first_open(conn, Ids { first: low, last })?.unwrap_or(last + 1) };
    if new != low {
        conn.prepare_cached("UPDATE lot SET low = ?2 WHERE id = ?1")?.execute([id, new])?;
    }
    Ok(())
}

/// Lots there are.
pub(super) fn count(conn: &Connection) -> Result<u64> {
    Ok(from_sql(conn.prepare_cached("SELECT count(*) FROM lot")?.query_row([], |row| row.get(0))?))
}

/// Keeps the number of lots small: from [`LOTS_COMPACT`] on, settled neighbours of the same wave, target and owner
/// become one. Epochs only grow (S5): the merged lot has the highest.
pub(super) fn compact(conn: &Connection) -> Result<()> {
    if count(conn)? < LOTS_COMPACT {
        return Ok(());
    }
    let mut statement = conn.prepare_cached(
        "SELECT id, born, wave, target, first, last, low, owner, epoch, planned, authorised FROM lot ORDER BY first",
    )?;
    let mut rows = statement.query([])?;
    let mut merged: Vec<(Lot, Vec<i64>)> = Vec::new();
    let mut open: Option<(Lot, Vec<i64>)> = None;
    while let Some(row) = rows.next()? {
        let lot = Lot::read(row)?;
        if lot.planned + lot.authorised > 0 {
            merged.extend(open.take().filter(|(_, gone)| !gone.is_empty()));
            continue;
        }
        match &mut open {
            Some((kept, gone))
                if (kept.wave, kept.target, kept.owner) == (lot.wave, lot.target, lot.owner)
                    && kept.ids.last + 1 == lot.ids.first =>
            {
                kept.ids.last = lot.ids.last;
                kept.low = lot.ids.last + 1;
                kept.epoch = kept.epoch.max(lot.epoch);
                gone.push(lot.id);
            }
            _ => merged.extend(open.replace((lot, Vec::new())).filter(|(_, gone)| !gone.is_empty())),
        }
    }
    merged.extend(open.filter(|(_, gone)| !gone.is_empty()));
    drop(rows);
    for (kept, gone) in merged {
        for id in gone {
            conn.prepare_cached("DELETE FROM lot WHERE id = ?1")?.execute([id])?;
        }
        kept.update(conn, kept.id)?;
    }
    Ok(())
}

/// Gives a whole lot a new id, birth, owner and epoch.
pub(super) fn renew(conn: &Connection, numbers: &mut Numbers, lot: &Lot, owner: PeerId) -> Result<Lot> {
    let id = numbers.take();
    let new = Lot { id, born: id, owner, epoch: lot.epoch + 1, ..*lot };
    new.update(conn, lot.id)?;
    Ok(new)
}

/// Which end of a peer's queue to begin at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As they are started.
    Start,
    /// From the tail.
    Tail,
}

/// Calls `each` with a peer's lots that hold planned transfers, until it answers false. With [`Order::Start`], from the
/// lot born at `born` on.
pub(super) fn each_queued(
    conn: &Connection,
    peer: PeerId,
    order: Order,
    born: i64,
    mut each: impl FnMut(Lot) -> Result<bool>,
) -> Result<()> {
    let mut statement = conn.prepare_cached(match order {
        Order::Start => {
            "SELECT id, born, wave, target, first, last, low, owner, epoch, planned, authorised FROM lot
             WHERE owner = ?1 AND planned > 0 AND born >= ?2 ORDER BY born, first"
        }
        Order::Tail => {
            "SELECT id, born, wave, target, first, last, low, owner, epoch, planned, authorised FROM lot
             WHERE owner = ?1 AND planned > 0 AND born >= ?2 ORDER BY born DESC, first DESC"
        }
    })?;
    let mut rows = statement.query(params![peer_to_sql(peer), born])?;
    while let Some(row) = rows.next()? {
        if !each(Lot::read(row)?)? {
            break;
        }
    }
    Ok(())
}
