//! The index of blocks: one row per 1,024 ids, so that intervals are measured and settled stretches are skipped without
//! reading their transfers (store.md 2).

use super::ids::{BLOCK, Ids};
use super::tally::Open;
use crate::Result;
use rusqlite::{Connection, OptionalExtension as _};

/// What is open in `ids`; reads at most two blocks' transfers.
pub(super) fn open_in(conn: &Connection, ids: Ids) -> Result<Open> {
    let mut sum = Open::default();
    let mut add = |part: Open| {
        sum.planned += part.planned;
        sum.planned_bytes += part.planned_bytes;
        sum.authorised += part.authorised;
    };
    if ids.first > ids.last {
        return Ok(sum);
    }
    let (head, whole, tail) = parts(ids);
    for part in [head, tail].into_iter().flatten() {
        let mut statement = conn.prepare_cached(
            "SELECT count(*) FILTER (WHERE state = 0), coalesce(sum(size) FILTER (WHERE state = 0), 0),
             count(*) FILTER (WHERE state = 1) FROM transfer WHERE id BETWEEN ?1 AND ?2",
        )?;
        add(statement.query_row([part.first, part.last], open_row)?);
    }
    if let Some(blocks) = whole {
        let mut statement = conn.prepare_cached(
            "SELECT coalesce(sum(planned), 0), coalesce(sum(planned_bytes), 0), coalesce(sum(authorised), 0)
             FROM block WHERE id BETWEEN ?1 AND ?2",
        )?;
        add(statement.query_row([blocks.first, blocks.last], open_row)?);
    }
    Ok(sum)
}

fn open_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Open> {
    Ok(Open { planned: row.get(0)?, planned_bytes: row.get(1)?, authorised: row.get(2)? })
}

/// Ids before the first whole block, whole blocks (by number), ids after the last whole one.
fn parts(ids: Ids) -> (Option<Ids>, Option<Ids>, Option<Ids>) {
    let first_whole = ids.first.div_euclid(BLOCK) + i64::from(ids.first % BLOCK != 0);
    let end_whole = (ids.last + 1).div_euclid(BLOCK);
    if first_whole >= end_whole {
        return (Some(ids), None, None);
    }
    let head = Ids { first: ids.first, last: first_whole * BLOCK - 1 };
    let tail = Ids { first: end_whole * BLOCK, last: ids.last };
    let whole = Ids { first: first_whole, last: end_whole - 1 };
    (head.some(), Some(whole), tail.some())
}

/// Planned bytes of every transfer with an id below `id`.
pub(super) fn bytes_below(conn: &Connection, id: i64) -> Result<i64> {
    let mut statement =
        conn.prepare_cached("SELECT id, prefix, bytes FROM block WHERE id <= ?1 ORDER BY id DESC LIMIT 1")?;
    let near = statement
        .query_row([id / BLOCK], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        })
        .optional()?;
    match near {
        None => Ok(0),
        Some((block, prefix, bytes)) if block < id / BLOCK => Ok(prefix + bytes),
        Some((block, prefix, _)) => {
            let mut rest = conn
                .prepare_cached("SELECT coalesce(sum(size), 0) FROM transfer WHERE id >= ?1 AND id < ?2")?;
            Ok(prefix + rest.query_row([block * BLOCK, id], |row| row.get::<_, i64>(0))?)
        }
    }
}

/// The first transfer in `ids` that is planned or authorised.
pub(super) fn first_open(conn: &Connection, ids: Ids) -> Result<Option<i64>> {
    let mut blocks = conn.prepare_cached(
        "SELECT id FROM block WHERE id BETWEEN ?1 AND ?2 AND planned + authorised > 0 ORDER BY id",
    )?;
    let mut found = conn.prepare_cached(
        "SELECT id FROM transfer WHERE id BETWEEN ?1 AND ?2 AND state <= 1 ORDER BY id LIMIT 1",
    )?;
    let mut rows = blocks.query([ids.first / BLOCK, ids.last / BLOCK])?;
    while let Some(row) = rows.next()? {
        let part = ids.within(row.get(0)?);
        if let Some(id) = found.query_row([part.first, part.last], |row| row.get(0)).optional()? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Calls `each` with the maximal intervals of planned transfers in `ids`, in order, until it answers false.
/// Whole blocks of planned transfers are not read.
pub(super) fn planned_runs(
    conn: &Connection,
    ids: Ids,
    mut each: impl FnMut(Ids) -> Result<bool>,
) -> Result<bool> {
    let mut blocks = conn.prepare_cached(
        "SELECT id, planned FROM block WHERE id BETWEEN ?1 AND ?2 AND planned > 0 ORDER BY id",
    )?;
    let mut planned =
        conn.prepare_cached("SELECT id FROM transfer WHERE id BETWEEN ?1 AND ?2 AND state = 0 ORDER BY id")?;
    let mut run: Option<Ids> = None;
    let mut take = |part: Ids| -> Result<bool> {
        match &mut run {
            Some(open) if open.last + 1 == part.first => open.last = part.last,
            _ => {
                if let Some(ended) = run.replace(part) {
                    return each(ended);
                }
            }
        }
        Ok(true)
    };
    let mut rows = blocks.query([ids.first / BLOCK, ids.last / BLOCK])?;
    while let Some(row) = rows.next()? {
        let part = ids.within(row.get(0)?);
        if row.get::<_, i64>(1)? == BLOCK {
            if !take(part)? {
                return Ok(false);
            }
            continue;
        }
        let mut single = planned.query([part.first, part.last])?;
        while let Some(row) = single.next()? {
            let id = row.get(0)?;
            if !take(Ids { first: id, last: id })? {
                return Ok(false);
            }
        }
    }
    match run {
        Some(ended) => each(ended),
        None => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_three_parts_are_the_interval(first in 0i64..5000, len in 1i64..5000) {
            let ids = Ids { first, last: first + len - 1 };
            let (head, whole, tail) = parts(ids);
            let whole = whole.map(|b| Ids { first: b.first * BLOCK, last: b.last * BLOCK + BLOCK - 1 });
            let mut next = first;
            for part in [head, whole, tail].into_iter().flatten() {
                prop_assert_eq!(part.first, next);
                prop_assert!(part.first <= part.last);
                next = part.last + 1;
            }
            prop_assert_eq!(next, ids.last + 1);
        }
    }
}
