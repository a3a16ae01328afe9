//! Ranges as their holders, their homes and the console read them; and how chaining values are kept.

use super::super::number::{bound, from_sql, index_from_sql, peer_to_sql, to_sql};
use super::super::rows::{ROW_COLUMNS, read_row};
use super::super::{SqliteView, fence};
use super::{RANGE_COLUMNS, ranges_of, read_range, shared};
use crate::rules::lending::Range;
use crate::sqlite::lots;
use crate::{Chain, HeldRange, Holding, LedgerError, Lent, LoadedRanges, RangeCursor, RangeRow, Result};
use rusqlite::{Connection, params};
use twinhaul_assist::ByteRange;
use twinhaul_units::{Epoch, Incarnation, LotId, PeerId, TransferId};

/// Bytes of one chaining value: where, how long, what.
const CHAIN_BYTES: usize = 48;

pub(in super::super) fn chains_to_sql(chains: &[Chain]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(chains.len() * CHAIN_BYTES);
    for chain in chains {
        blob.extend(chain.at.to_le_bytes());
        blob.extend(chain.len.to_le_bytes());
        blob.extend(chain.value);
    }
    blob
}

pub(in super::super) fn chains_from_sql(blob: &[u8]) -> Result<Vec<Chain>> {
    let strange = || LedgerError::Value { what: "chaining values", value: format!("{} bytes", blob.len()) };
    let number = |part: &[u8]| part.try_into().map(u64::from_le_bytes).map_err(|_| strange());
    if !blob.len().is_multiple_of(CHAIN_BYTES) {
        return Err(strange());
    }
    blob.chunks_exact(CHAIN_BYTES)
        .map(|one| {
            let value = one[16..].try_into().map_err(|_| strange())?;
            Ok(Chain { at: number(&one[..8])?, len: number(&one[8..16])?, value })
        })
        .collect()
}

impl SqliteView {
    pub(crate) fn ranges_since(
        &self,
        peer: PeerId,
        mine: Incarnation,
        after: RangeCursor,
        limit: usize,
    ) -> Result<LoadedRanges> {
        let incarnation = to_sql("an incarnation", mine.0)?;
        let sql = format!(
            "SELECT {RANGE_COLUMNS} FROM range WHERE holder = ?1 AND done = 0 AND seq > ?2 AND holder_incarnation = ?3
             ORDER BY seq LIMIT ?4"
        );
        self.read(|conn| {
            fence::check(conn, peer, mine)?;
            let mut statement = conn.prepare_cached(&sql)?;
            let values = [peer_to_sql(peer), bound(after.0), incarnation, bound(limit as u64)];
            let mut rows = statement.query(values)?;
            let mut loaded = LoadedRanges { next: after, ..LoadedRanges::default() };
            while let Some(row) = rows.next()? {
                let range = read_range(row)?;
                loaded.next = RangeCursor(range.seq);
                loaded.ranges.push(lent(conn, &range, row.get(7)?)?);
            }
            loaded.complete = loaded.ranges.len() < limit;
            Ok(loaded)
        })
    }

    pub(crate) fn ranges(&self, id: TransferId) -> Result<Vec<RangeRow>> {
        self.read(|conn| {
            let id = bound(id.0);
            let Some(shared) = shared(conn, id)? else { return Ok(Vec::new()) };
            let mut chains = conn.prepare_cached("SELECT chains FROM range WHERE seq = ?1")?;
            let mut rows = Vec::new();
            for range in ranges_of(conn, id)? {
                let blob: Option<Vec<u8>> = chains.query_row([bound(range.seq)], |row| row.get(0))?;
                rows.push(RangeRow {
                    from: range.from,
                    to: range.to,
                    holder: range.holder,
                    hedge: range.hedge,
                    done: range.done,
                    chains: chains_from_sql(&blob.unwrap_or_default())?,
                    attempt: shared.object.attempt.clone(),
                });
            }
            Ok(rows)
        })
    }

    pub(crate) fn holdings(&self, peer: PeerId, mine: Incarnation, limit: usize) -> Result<Vec<Holding>> {
        let incarnation = to_sql("an incarnation", mine.0)?;
        self.read(|conn| {
            let mut statement = conn.prepare_cached(
                "SELECT range.transfer, epoch, first, beyond, hedge, attempt, unwanted FROM range
                 JOIN shared ON shared.transfer = range.transfer
                 WHERE holder = ?1 AND holder_incarnation = ?2 AND done = 0 ORDER BY seq LIMIT ?3",
            )?;
            let values = params![peer_to_sql(peer), incarnation, bound(limit as u64)];
            let rows = statement.query_map(values, |row| {
                Ok(Holding {
                    held: HeldRange {
                        id: TransferId(from_sql(row.get(0)?)),
                        epoch: Epoch(from_sql(row.get(1)?)),
                        from: from_sql(row.get(2)?),
                        to: from_sql(row.get(3)?),
                        hedge: row.get(4)?,
                        attempt: row.get(5)?,
                    },
                    unwanted: row.get(6)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

/// A range with its object and its transfer's row.
fn lent(conn: &Connection, range: &Range, transfer: i64) -> Result<Lent> {
    let id = TransferId(from_sql(transfer));
    let unknown = || LedgerError::Unknown { id };
    let shared = shared(conn, transfer)?.ok_or_else(unknown)?;
    let lot = lots::at(conn, transfer)?.ok_or_else(unknown)?;
    let sql = format!("SELECT {ROW_COLUMNS} FROM transfer WHERE id = ?1");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([transfer])?;
    let row = read_row(conn, rows.next()?.ok_or_else(unknown)?)?;
    let range = ByteRange {
        id,
        lot: LotId(from_sql(lot.id)),
        epoch: Epoch(from_sql(shared.epoch)),
        home: shared.home,
        target: index_from_sql(lot.target)?,
        from: range.from,
        to: range.to,
        hedge: range.hedge,
    };
    Ok(Lent { range, object: shared.object, row })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chaining_values_come_back() {
        let chains = [
            Chain { at: 0, len: 1 << 20, value: [7; 32] },
            Chain { at: u64::MAX, len: 3, value: std::array::from_fn(|i| i as u8) },
        ];
        assert_eq!(chains_from_sql(&chains_to_sql(&chains)).unwrap(), chains);
        assert!(chains_from_sql(&[0; 49]).is_err());
    }
}
