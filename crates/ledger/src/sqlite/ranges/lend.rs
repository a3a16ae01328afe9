//! Lending ranges, as a part of an assignment (protocol.md 4; S4, S6): everything is checked before anything changes.
//!
//! The home lends bytes that it has and has not claimed; a helper gives back the end of what it holds. A hedge is a
//! copy: nobody loses anything by it.

use super::super::lots::{self, Lot};
use super::super::number::{bound, from_sql, index_from_sql, peer_to_sql, to_sql};
use super::{Shared, come_home, forget, next_seq, ranges_of, shared};
use crate::rules::lending::{self, Kind, Range};
use crate::{Assign, CUTS_MAX, RANGES_MAX, RangeCut, Refused, Result, State};
use rusqlite::{Connection, OptionalExtension as _, params};
use twinhaul_assist::ByteRange;
use twinhaul_units::{Incarnation, LotId, PeerId, TransferId};

/// A cut that may be made.
pub(in super::super) struct Lending {
    cut: RangeCut,
    lot: Lot,
    kind: Kind,
}

/// Why these cuts may not be made, or how they are made.
pub(in super::super) fn refuse(
    conn: &Connection,
    assign: &Assign,
) -> Result<std::result::Result<Vec<Lending>, Refused>> {
    if assign.cuts.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    if assign.cuts.len() > CUTS_MAX || number_of_ranges(conn)? + assign.cuts.len() as u64 > RANGES_MAX {
        return Ok(Err(Refused::TooManyRanges));
    }
    if let Some(why) = lending::overlapping(&assign.cuts) {
        return Ok(Err(why));
    }
    let mut made = Vec::with_capacity(assign.cuts.len());
    for cut in &assign.cuts {
        match judge(conn, assign, cut)? {
            Some((lot, kind)) => made.push(Lending { cut: cut.clone(), lot, kind }),
            None => return Ok(Err(Refused::RangeNotHeld { id: cut.id })),
        }
    }
    Ok(Ok(made))
}

/// Of all transfers.
pub(super) fn number_of_ranges(conn: &Connection) -> Result<u64> {
    let mut statement = conn.prepare_cached("SELECT count(*) FROM range")?;
    Ok(from_sql(statement.query_row([], |row| row.get(0))?))
}

fn judge(conn: &Connection, assign: &Assign, cut: &RangeCut) -> Result<Option<(Lot, Kind)>> {
    let id = bound(cut.id.0);
    let lot = lots::at(conn, id)?.filter(|lot| from_sql(lot.epoch) == cut.epoch.0);
    let (Some(lot), true, true) = (lot, lending::well_cut(cut), is_planned(conn, id)?) else {
        return Ok(None);
    };
    let shared = shared(conn, id)?.filter(|s| s.is_of(cut.epoch, &cut.object.attempt));
    // Rows of another attempt of the home mean nothing; they go when this one is lent.
    let rows = if shared.is_some() { ranges_of(conn, id)? } else { Vec::new() };
    let agrees = |s: &Shared| s.object == cut.object && s.home == lot.owner;
    if shared.as_ref().is_some_and(|s| !agrees(s)) {
        return Ok(None);
    }
    let by_home = lot.owner == assign.from;
    if !by_home && shared.is_none() {
        return Ok(None);
    }
    Ok(lending::kind(&rows, assign, cut, by_home).map(|kind| (lot, kind)))
}

pub(in super::super) fn is_planned(conn: &Connection, id: i64) -> Result<bool> {
    let mut statement = conn.prepare_cached("SELECT state FROM transfer WHERE id = ?1")?;
    let state: Option<i64> = statement.query_row([id], |row| row.get(0)).optional()?;
    Ok(state == Some(super::super::number::state_to_sql(State::Planned)))
}

/// Makes the cuts; what was handed over, in their order.
pub(in super::super) fn lend(
    conn: &Connection,
    assign: &Assign,
    lendings: &[Lending],
) -> Result<Vec<ByteRange>> {
    let mut handed = Vec::new();
    let mut sum = (0, 0);
    for Lending { cut, lot, kind } in lendings {
        let id = bound(cut.id.0);
        let (first, beyond) = (bound(cut.from), bound(cut.to));
        match kind {
            Kind::Lend { shortened } => {
                share(conn, id, lot, cut)?;
                if let Some(row) = shortened {
                    shorten(conn, row, first)?;
                }
                insert(conn, assign, id, first, beyond, false)?;
            }
            Kind::Hedge => {
                share(conn, id, lot, cut)?;
                insert(conn, assign, id, first, beyond, true)?;
            }
            Kind::GiveBack { of } if of.from == cut.from => come_home(conn, of, lot.owner)?,
            Kind::GiveBack { of } => {
                shorten(conn, of, first)?;
                if !of.hedge {
                    insert(conn, assign, id, first, beyond, false)?;
                }
            }
        }
        // Of a hedge that is given back the home has the other copy: nothing arrives.
        if !matches!(kind, Kind::GiveBack { of } if of.hedge) {
            handed.push(byte_range(lot, cut)?);
            sum = (sum.0 + 1, sum.1 + (beyond - first));
        }
    }
    count_lent(conn, assign.from, sum)?;
    Ok(handed)
}

fn byte_range(lot: &Lot, cut: &RangeCut) -> Result<ByteRange> {
    Ok(ByteRange {
        id: TransferId(cut.id.0),
        lot: LotId(from_sql(lot.id)),
        epoch: cut.epoch,
        home: lot.owner,
        target: index_from_sql(lot.target)?,
        from: cut.from,
        to: cut.to,
        hedge: cut.hedge,
    })
}

/// Records the private object, once for each attempt.
fn share(conn: &Connection, id: i64, lot: &Lot, cut: &RangeCut) -> Result<()> {
    if shared(conn, id)?.is_some_and(|s| s.is_of(cut.epoch, &cut.object.attempt)) {
        return Ok(());
    }
    forget(conn, id)?;
    let (object, version) = (&cut.object, &cut.object.version);
    conn.prepare_cached(
        "INSERT INTO shared(transfer, home, epoch, reference, attempt, size, mtime_ns, ctime_ns, dev, ino)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        id,
        peer_to_sql(lot.owner),
        lot.epoch,
        object.reference,
        object.attempt,
        to_sql("a size", version.size)?,
        version.mtime_ns,
        version.ctime_ns,
        version.dev.map(u64::cast_signed),
        version.ino.map(u64::cast_signed)
    ])?;
    Ok(())
}

/// The row ends at `beyond` now; from its beginning on: it goes. It never grows: an earlier cut of the same assignment
/// may have taken more of it.
pub(super) fn shorten(conn: &Connection, row: &Range, beyond: i64) -> Result<()> {
    if bound(row.from) == beyond {
        conn.prepare_cached("DELETE FROM range WHERE seq = ?1")?.execute([bound(row.seq)])?;
    } else {
        conn.prepare_cached("UPDATE range SET beyond = min(beyond, ?2) WHERE seq = ?1")?
            .execute([bound(row.seq), beyond])?;
    }
    Ok(())
}

fn insert(conn: &Connection, assign: &Assign, id: i64, first: i64, beyond: i64, hedge: bool) -> Result<()> {
    hold(conn, (assign.to, assign.to_incarnation), id, (first, beyond), hedge)
}

/// A new row.
pub(super) fn hold(
    conn: &Connection,
    (holder, incarnation): (PeerId, Incarnation),
    id: i64,
    (first, beyond): (i64, i64),
    hedge: bool,
) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO range(seq, transfer, first, beyond, holder, holder_incarnation, hedge)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        next_seq(conn)?,
        id,
        first,
        beyond,
        peer_to_sql(holder),
        to_sql("an incarnation", incarnation.0)?,
        hedge
    ])?;
    Ok(())
}

/// For the report: ranges that this peer handed over, and their bytes.
fn count_lent(conn: &Connection, giver: PeerId, (ranges, bytes): (i64, i64)) -> Result<()> {
    if ranges > 0 {
        conn.prepare_cached("UPDATE peer SET lent = lent + ?2, lent_bytes = lent_bytes + ?3 WHERE id = ?1")?
            .execute([peer_to_sql(giver), ranges, bytes])?;
    }
    Ok(())
}
