//! A peer's queue as the ledger has it: loads, pages and sizes, all by lots and blocks. Never by walking the transfers.

use super::blocks::{bytes_below, planned_runs};
use super::ids::{BLOCK, Ids};
use super::lots::{self, Lot, Order, each_queued};
use super::number::{amount, bound, from_sql, peer_to_sql};
use super::rows::{ROW_COLUMNS, read_row};
use super::{SqliteView, fence};
use crate::{Interval, Loaded, LotCursor, Owned, QueueAt, Result, Row};
use rusqlite::{Connection, params};
use twinhaul_units::{Amount, Bytes, Incarnation, LotId, PeerId, TransferId};

/// Transfers at the head of an interval whose sizes are told one by one.
const SIZES_EXACT: i64 = 2 * BLOCK;

impl SqliteView {
    pub(crate) fn lots_since(
        &self,
        peer: PeerId,
        mine: Incarnation,
        after: LotCursor,
        limit: usize,
    ) -> Result<Loaded> {
        self.read(|conn| {
            fence::check(conn, peer, mine)?;
            let (growing, next_lot): (bool, i64) = conn
                .prepare_cached("SELECT growing, next_lot FROM run")?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let mut loaded = Loaded { next: after, growing, ..Loaded::default() };
            let more = load(conn, peer, &mut loaded, limit)?;
            if !more {
                loaded.complete = true;
                // Whatever comes later is born later.
                let born = LotId(from_sql(next_lot - 1)).max(after.born);
                loaded.next = LotCursor { born, id: TransferId(u64::MAX) };
            }
            Ok(loaded)
        })
    }

    pub(crate) fn tail_for_bytes(&self, peer: PeerId, bytes: u64) -> Result<Amount> {
        let mut tail = Tail { wanted: bound(bytes), bytes: 0, count: 0 };
        self.read(|conn| {
            each_queued(conn, peer, Order::Tail, 0, |lot| tail.take_lot(conn, &lot))?;
            Ok(amount(tail.count, tail.bytes))
        })
    }

    pub(crate) fn interval_bytes(&self, intervals: &[Interval]) -> Result<u64> {
        self.read(|conn| {
            let mut sum = 0;
            for ids in intervals.iter().map(Ids::of).filter_map(Ids::some) {
                sum += bytes_below(conn, ids.last.saturating_add(1))? - bytes_below(conn, ids.first)?;
            }
            Ok(from_sql(sum))
        })
    }

    pub(crate) fn sizes(&self, interval: &Interval) -> Result<Vec<(TransferId, Bytes)>> {
        let Some(ids) = Ids::of(interval).some() else { return Ok(Vec::new()) };
        self.read(|conn| {
            let start = bytes_below(conn, ids.first)?;
            let exact = Ids { first: ids.first, last: ids.last.min(ids.first + SIZES_EXACT - 1) };
            let mut points = Vec::new();
            let mut point = |id: i64, below: i64| {
                points.push((TransferId(from_sql(id)), Bytes(from_sql(below - start))));
            };
            let mut sizes =
                conn.prepare_cached("SELECT id, size FROM transfer WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
            let mut rows = sizes.query([exact.first, exact.last])?;
            let mut below = start;
            while let Some(row) = rows.next()? {
                point(row.get(0)?, below);
                below += row.get::<_, i64>(1)?;
            }
            let mut blocks =
                conn.prepare_cached("SELECT id, prefix FROM block WHERE id > ?1 AND id <= ?2 ORDER BY id")?;
            let mut rows = blocks.query([exact.last / BLOCK, ids.last / BLOCK])?;
            while let Some(row) = rows.next()? {
                point(row.get::<_, i64>(0)? * BLOCK, row.get(1)?);
            }
            point(ids.last + 1, bytes_below(conn, ids.last.saturating_add(1))?);
            points.dedup_by_key(|(id, _)| *id);
            Ok(points)
        })
    }

    pub(crate) fn queue_len(&self, peer: PeerId) -> Result<Amount> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached(
                "SELECT coalesce(sum(n), 0), coalesce(sum(bytes), 0) FROM counter WHERE peer = ?1 AND state = 0",
            )?;
            let (n, bytes): (i64, i64) =
                statement.query_row([peer_to_sql(peer)], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(Amount { transfers: from_sql(n), bytes: Bytes(from_sql(bytes)) })
        })
    }

    pub(crate) fn queue_place(&self, peer: PeerId, id: TransferId) -> Result<Option<u64>> {
        let id = bound(id.0);
        self.read(|conn| {
            let Some(home) = lots::at(conn, id)?.filter(|lot| lot.owner == peer) else { return Ok(None) };
            let (mut before, mut found) = (0, false);
            each_queued(conn, peer, Order::Start, 0, |lot| {
                if lot.id != home.id {
                    before += lot.planned;
                    return Ok(true);
                }
                planned_runs(conn, Ids { first: lot.low, last: id }, |run| {
                    found = run.last == id;
                    before += run.len() - i64::from(found);
                    Ok(true)
                })?;
                Ok(false)
            })?;
            Ok(found.then(|| from_sql(before)))
        })
    }

    pub(crate) fn queue_page(&self, peer: PeerId, at: QueueAt, limit: usize) -> Result<Vec<Row>> {
        self.read(|conn| {
            let mut page = Page { conn, rows: Vec::new(), skip: 0, limit };
            let mut from = None;
            match at {
                QueueAt::Offset(offset) => page.skip = bound(offset),
                QueueAt::After(id) => {
                    let lot = lots::at(conn, bound(id.0))?;
                    from = lot.filter(|lot| lot.owner == peer).map(|lot| (lot, bound(id.0)));
                }
            }
            let born = from.map_or(0, |(lot, _)| lot.born);
            each_queued(conn, peer, Order::Start, born, |lot| match from {
                Some((begin, _)) if (lot.born, lot.ids.first) < (begin.born, begin.ids.first) => Ok(true),
                Some((begin, id)) if lot.id == begin.id => {
                    page.take_lot(&lot, Ids { first: id.saturating_add(1), last: lot.ids.last })
                }
                _ => page.take_lot(&lot, lot.ids),
            })?;
            Ok(page.rows)
        })
    }
}

/// Fills `loaded` from its cursor on. Returns whether the limit ended it.
fn load(conn: &Connection, peer: PeerId, loaded: &mut Loaded, limit: usize) -> Result<bool> {
    let mut more = false;
    let (born, id) = (bound(loaded.next.born.0), bound(loaded.next.id.0));
    each_queued(conn, peer, Order::Start, born, |lot| {
        let mut ids = Ids { first: lot.low, last: lot.ids.last };
        if lot.born == born {
            ids.first = ids.first.max(id.saturating_add(1));
        }
        if ids.some().is_none() {
            return Ok(true);
        }
        let whole = planned_runs(conn, ids, |run| {
            if loaded.owned.len() >= limit {
                return Ok(false);
            }
            let target = super::number::index_from_sql(lot.target)?;
            let interval = lot.interval(run);
            loaded.next = LotCursor { born: LotId(from_sql(lot.born)), id: interval.last };
            loaded.owned.push(Owned { interval, target });
            Ok(true)
        })?;
        more = !whole;
        Ok(whole)
    })?;
    Ok(more)
}

/// A page being filled.
struct Page<'a> {
    conn: &'a Connection,
    rows: Vec<Row>,
    /// Planned transfers still to pass over.
    skip: i64,
    limit: usize,
}

impl Page<'_> {
    /// Takes what it can from a lot; whether it wants more.
    fn take_lot(&mut self, lot: &Lot, ids: Ids) -> Result<bool> {
        if self.rows.len() >= self.limit {
            return Ok(false);
        }
        if ids == lot.ids && self.skip >= lot.planned {
            self.skip -= lot.planned;
            return Ok(true);
        }
        let ids = Ids { first: ids.first.max(lot.low), last: ids.last };
        if ids.some().is_none() {
            return Ok(true);
        }
        planned_runs(self.conn, ids, |run| {
            let passed = self.skip.min(run.len());
            self.skip -= passed;
            match (Ids { first: run.first + passed, last: run.last }).some() {
                Some(rest) => self.take(rest),
                None => Ok(true),
            }
        })
    }

    fn take(&mut self, ids: Ids) -> Result<bool> {
        let room = self.limit.saturating_sub(self.rows.len());
        let last = ids.last.min(ids.first.saturating_add(bound(room as u64)) - 1);
        let sql = format!("SELECT {ROW_COLUMNS} FROM transfer WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut rows = statement.query([ids.first, last])?;
        while let Some(row) = rows.next()? {
            self.rows.push(read_row(self.conn, row)?);
        }
        Ok(self.rows.len() < self.limit)
    }
}

/// Transfers taken from the tail until they hold about the wanted bytes.
struct Tail {
    wanted: i64,
    bytes: i64,
    count: i64,
}

impl Tail {
    /// Takes from the tail of a lot; whether it wants more.
    fn take_lot(&mut self, conn: &Connection, lot: &Lot) -> Result<bool> {
        let ids = Ids { first: lot.low, last: lot.ids.last };
        let mut blocks = conn.prepare_cached(
            "SELECT id, planned, planned_bytes FROM block WHERE id BETWEEN ?1 AND ?2 AND planned > 0 ORDER BY id DESC",
        )?;
        let mut rows = blocks.query([ids.first / BLOCK, ids.last / BLOCK])?;
        while let Some(row) = rows.next()? {
            let (block, planned, bytes): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let part = ids.within(block);
            if part.len() == BLOCK && self.bytes + bytes <= self.wanted {
                self.bytes += bytes;
                self.count += planned;
            } else if !self.take_part(conn, part)? {
                return Ok(false);
            }
        }
        Ok(self.bytes < self.wanted)
    }

    fn take_part(&mut self, conn: &Connection, part: Ids) -> Result<bool> {
        let mut statement = conn.prepare_cached(
            "SELECT size FROM transfer WHERE id BETWEEN ?1 AND ?2 AND state = 0 ORDER BY id DESC",
        )?;
        let mut rows = statement.query(params![part.first, part.last])?;
        while let Some(row) = rows.next()? {
            let with = self.bytes + row.get::<_, i64>(0)?;
            // The one that crosses the line goes to the nearer side.
            if with > self.wanted && with - self.wanted >= self.wanted - self.bytes {
                return Ok(false);
            }
            self.bytes = with;
            self.count += 1;
        }
        Ok(true)
    }
}
