//! Assignment: lots split and handed over, ranges lent, in one transaction (claims 2.2.1, 3.2.2; invariants S4 to S7).
//!
//! First everything is checked, then everything is changed: a refusal leaves the lots as they were.

use super::blocks::open_in;
use super::ids::Ids;
use super::lots::{self, Numbers};
use super::number::{bound, from_sql, state_to_sql};
use super::operation::{Answer, Operation, count_gift};
use super::tally::Tally;
use super::{SqliteStore, fence, ranges};
use crate::rules;
use crate::{
    ASSIGN_INTERVALS_MAX, Assign, AssignOutcome, Assigned, Interval, LOTS_MAX, LedgerError, Refused, Result,
    State,
};
use rusqlite::Connection;
use twinhaul_units::{PeerId, TransferId};

impl SqliteStore {
    pub(crate) fn assign(&self, assign: &Assign) -> Result<AssignOutcome> {
        let operation = Operation { peer: assign.from, incarnation: assign.from_incarnation, op: assign.op };
        let intervals = rules::joined(&assign.intervals);
        self.write(|conn| {
            if let Some(answer) = operation.find(conn)? {
                return answer.assignment();
            }
            fence::check(conn, assign.from, assign.from_incarnation)?;
            let answer = match refuse(conn, assign, &intervals)? {
                Err(why) => Answer::Refused(why),
                Ok(lendings) => {
                    let ranges = ranges::lend(conn, assign, &lendings)?;
                    Answer::Assigned(Assigned {
                        ranges,
                        ..hand_over(conn, assign.from, assign.to, &intervals)?
                    })
                }
            };
            operation.record(conn, &answer)?;
            answer.assignment()
        })
    }
}

/// Why this assignment may not be made, or what it lends.
fn refuse(
    conn: &Connection,
    assign: &Assign,
    intervals: &[Interval],
) -> Result<std::result::Result<Vec<ranges::Lending>, Refused>> {
    if assign.from == assign.to {
        return Ok(Err(Refused::Same));
    }
    let nothing = intervals.is_empty() && assign.cuts.is_empty();
    if nothing || intervals.iter().any(|i| i.count() == 0) {
        return Ok(Err(Refused::Empty));
    }
    if intervals.windows(2).any(|pair| pair[0].last >= pair[1].first) {
        return Ok(Err(Refused::Overlap));
    }
    let current = fence::current(conn, assign.to)?;
    if current != assign.to_incarnation {
        return Ok(Err(Refused::StaleHelper { current }));
    }
    match refuse_intervals(conn, assign.from, intervals)? {
        Some(why) => Ok(Err(why)),
        None => ranges::refuse(conn, assign),
    }
}

fn refuse_intervals(conn: &Connection, from: PeerId, intervals: &[Interval]) -> Result<Option<Refused>> {
    let mut pieces = 0;
    for interval in intervals {
        match owned_lots(conn, from, interval)? {
            None => {
                return Ok(Some(Refused::NotOwned { lot: interval.lot, epoch: interval.epoch }));
            }
            Some(lots) => pieces += lots,
        }
        let ids = Ids::of(interval);
        if open_in(conn, ids)?.planned != ids.len() || ranges::any_in(conn, ids.first, ids.last)? {
            return Ok(Some(Refused::NotPlanned { lot: interval.lot, epoch: interval.epoch }));
        }
    }
    if intervals.is_empty() {
        return Ok(None);
    }
    lots::compact(conn)?;
    // A cut leaves two more lots at most.
    let full = lots::count(conn)? + 2 * pieces > LOTS_MAX;
    Ok((full || intervals.len() > ASSIGN_INTERVALS_MAX).then_some(Refused::TooManyLots))
}

/// How many lots the interval lies in, if all of it is `owner`'s under its epoch. Found by id: a lot that was cut
/// before has pieces with other numbers than the owner remembers.
fn owned_lots(conn: &Connection, owner: PeerId, interval: &Interval) -> Result<Option<u64>> {
    let ids = Ids::of(interval);
    let (mut next, mut found) = (ids.first, 0);
    while next <= ids.last {
        match lots::at(conn, next)? {
            Some(lot) if lot.owner == owner && from_sql(lot.epoch) == interval.epoch.0 => {
                next = lot.ids.last + 1;
                found += 1;
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(found))
}

fn hand_over(conn: &Connection, from: PeerId, to: PeerId, intervals: &[Interval]) -> Result<Assigned> {
    if intervals.is_empty() {
        return Ok(Assigned::default());
    }
    let mut numbers = Numbers::open(conn)?;
    let mut tally = Tally::default();
    let mut assigned = Assigned::default();
    let (mut count, mut bytes) = (0, 0);
    for interval in intervals {
        let ids = Ids::of(interval);
        let mut next = ids.first;
        while next <= ids.last {
            let unknown = LedgerError::Unknown { id: TransferId(from_sql(next)) };
            let lot = lots::at(conn, next)?.ok_or(unknown)?;
            let part = Ids { first: next, last: ids.last.min(lot.ids.last) };
            let (moved, open) = lots::cut(conn, &mut numbers, &lot, part, to)?;
            let planned = state_to_sql(State::Planned);
            tally.count(from, lot.target, planned, -open.planned, -open.planned_bytes);
            tally.count(to, lot.target, planned, open.planned, open.planned_bytes);
            count += open.planned;
            bytes += open.planned_bytes;
            assigned.lots.push(moved.interval(moved.ids));
            next = part.last + 1;
        }
    }
    tally.write(conn)?;
    numbers.close(conn)?;
    count_gift(conn, from, count, bytes)?;
    assigned.lots.sort_unstable_by_key(|l| l.lot);
    debug_assert_eq!(count, bound(intervals.iter().map(Interval::count).sum()));
    Ok(Assigned { count: from_sql(count), bytes: from_sql(bytes), ..assigned })
}
