//! Results of operations under their number, so that a repeated question gets the same answer (protocol.md 4).

use super::number::{from_sql, peer_to_sql, to_sql};
use crate::{
    AssignOutcome, Assigned, ByteRange, Interval, LedgerError, OPERATIONS_MAX, Refused, Result,
    TakeOverOutcome, TakenOver,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Value, json};
use twinhaul_units::{Epoch, Incarnation, LotId, PeerId, TransferId};

/// Who asks, and under which number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) peer: PeerId,
    pub(super) incarnation: Incarnation,
    pub(super) op: u64,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Assigned(Assigned),
    Taken(TakenOver),
    Refused(Refused),
}

impl Operation {
    /// The recorded answer.
    pub(super) fn find(&self, conn: &Connection) -> Result<Option<Answer>> {
        let mut statement = conn.prepare_cached(
            "SELECT result FROM operation WHERE peer = ?1 AND incarnation = ?2 AND op = ?3",
        )?;
        let [peer, incarnation, op] = self.key()?;
        let text: Option<String> =
            statement.query_row([peer, incarnation, op], |row| row.get(0)).optional()?;
        text.map(|text| decode(&serde_json::from_str(&text)?)).transpose()
    }

    /// Records the answer; forgets what is older than [`OPERATIONS_MAX`] operations.
    pub(super) fn record(&self, conn: &Connection, answer: &Answer) -> Result<()> {
        let [peer, incarnation, op] = self.key()?;
        conn.prepare_cached("INSERT INTO operation(peer, incarnation, op, result) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![peer, incarnation, op, encode(answer).to_string()])?;
        let oldest = conn.last_insert_rowid() - to_sql("operations", OPERATIONS_MAX)?;
        conn.prepare_cached("DELETE FROM operation WHERE seq <= ?1")?.execute([oldest])?;
        Ok(())
    }

    fn key(&self) -> Result<[i64; 3]> {
        Ok([
            peer_to_sql(self.peer),
            to_sql("an incarnation", self.incarnation.0)?,
            to_sql("an operation", self.op)?,
        ])
    }
}

impl Answer {
    pub(super) fn assignment(self) -> Result<AssignOutcome> {
        match self {
            Self::Assigned(assigned) => Ok(AssignOutcome::Assigned(assigned)),
            Self::Refused(why) => Ok(AssignOutcome::Refused(why)),
            Self::Taken(_) => Err(other("a take-over")),
        }
    }

    pub(super) fn take_over(self) -> Result<TakeOverOutcome> {
        match self {
            Self::Taken(taken) => Ok(TakeOverOutcome::Taken(taken)),
            Self::Refused(why) => Ok(TakeOverOutcome::Refused(why)),
            Self::Assigned(_) => Err(other("an assignment")),
        }
    }
}

const fn other(found: &'static str) -> LedgerError {
    LedgerError::Operation { found }
}

fn encode(answer: &Answer) -> Value {
    match answer {
        Answer::Assigned(a) => {
            let lots: Vec<_> = a.lots.iter().map(|l| [l.lot.0, l.epoch.0, l.first.0, l.last.0]).collect();
            let ranges: Vec<_> = a.ranges.iter().map(range_figures).collect();
            json!({ "assigned": lots, "ranges": ranges, "figures": [a.count, a.bytes] })
        }
        Answer::Taken(t) => json!({ "taken": [t.incarnation.0, t.lots, t.count, t.bytes] }),
        Answer::Refused(why) => {
            let (word, figures) = match why {
                Refused::StaleHelper { current } => ("stale_helper", vec![current.0]),
                Refused::StaleOwner { current } => ("stale_owner", vec![current.0]),
                Refused::Empty => ("empty", vec![]),
                Refused::Overlap => ("overlap", vec![]),
                Refused::Same => ("same", vec![]),
                Refused::NotOwned { lot, epoch } => ("not_owned", vec![lot.0, epoch.0]),
                Refused::NotPlanned { lot, epoch } => ("not_planned", vec![lot.0, epoch.0]),
                Refused::TooManyLots => ("too_many_lots", vec![]),
                Refused::RangeNotHeld { id } => ("range_not_held", vec![id.0]),
                Refused::TooManyRanges => ("too_many_ranges", vec![]),
            };
            json!({ "refused": word, "figures": figures })
        }
    }
}

fn range_figures(r: &ByteRange) -> [u64; 8] {
    [r.id.0, r.lot.0, r.epoch.0, r.home.index() as u64, u64::from(r.target), r.from, r.to, u64::from(r.hedge)]
}

fn decode(value: &Value) -> Result<Answer> {
    let number = |list: &Value, at: usize| {
        list.get(at).and_then(Value::as_u64).ok_or_else(|| LedgerError::Value {
            what: "an answer to an operation",
            value: twinhaul_units::text::show(&value.to_string()).into_owned(),
        })
    };
    let figures = &value["figures"];
    if let Some(lots) = value["assigned"].as_array() {
        let lots = lots
            .iter()
            .map(|lot| {
                Ok(Interval {
                    lot: LotId(number(lot, 0)?),
                    epoch: Epoch(number(lot, 1)?),
                    first: TransferId(number(lot, 2)?),
                    last: TransferId(number(lot, 3)?),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let ranges = value["ranges"].as_array().into_iter().flatten().map(|r| {
            let peer = |at| number(r, at).map(|n| if n == 0 { PeerId::First } else { PeerId::Second });
            Ok(ByteRange {
                id: TransferId(number(r, 0)?),
                lot: LotId(number(r, 1)?),
                epoch: Epoch(number(r, 2)?),
                home: peer(3)?,
                target: u16::try_from(number(r, 4)?).unwrap_or(u16::MAX),
                from: number(r, 5)?,
                to: number(r, 6)?,
                hedge: number(r, 7)? != 0,
            })
        });
        return Ok(Answer::Assigned(Assigned {
            lots,
            ranges: ranges.collect::<Result<Vec<_>>>()?,
            count: number(figures, 0)?,
            bytes: number(figures, 1)?,
        }));
    }
    if value["taken"].is_array() {
        let taken = &value["taken"];
        return Ok(Answer::Taken(TakenOver {
            incarnation: Incarnation(number(taken, 0)?),
            lots: number(taken, 1)?,
            count: number(taken, 2)?,
            bytes: number(taken, 3)?,
        }));
    }
    let incarnation = || number(figures, 0).map(Incarnation);
    let lot = || Ok::<_, LedgerError>((LotId(number(figures, 0)?), Epoch(number(figures, 1)?)));
    Ok(Answer::Refused(match value["refused"].as_str() {
        Some("stale_helper") => Refused::StaleHelper { current: incarnation()? },
        Some("stale_owner") => Refused::StaleOwner { current: incarnation()? },
        Some("empty") => Refused::Empty,
        Some("overlap") => Refused::Overlap,
        Some("same") => Refused::Same,
        Some("not_owned") => lot().map(|(lot, epoch)| Refused::NotOwned { lot, epoch })?,
        Some("not_planned") => lot().map(|(lot, epoch)| Refused::NotPlanned { lot, epoch })?,
        Some("too_many_lots") => Refused::TooManyLots,
        Some("range_not_held") => Refused::RangeNotHeld { id: TransferId(number(figures, 0)?) },
        Some("too_many_ranges") => Refused::TooManyRanges,
        // Not an index that exists: number() reports the whole value.
        _ => return number(&Value::Null, 0).map(|_| Answer::Refused(Refused::Empty)),
    }))
}

/// Moves that were made are counted at the giver, for the report.
pub(super) fn count_gift(conn: &Connection, giver: PeerId, count: i64, bytes: i64) -> Result<()> {
    debug_assert!(from_sql(count) > 0);
    conn.prepare_cached(
        "UPDATE peer SET gave = gave + 1, given = given + ?2, given_bytes = given_bytes + ?3 WHERE id = ?1",
    )?
    .execute([peer_to_sql(giver), count, bytes])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_comes_back() {
        let lot = Interval { lot: LotId(3), epoch: Epoch(2), first: TransferId(7), last: TransferId(9) };
        let (l, e, i) = (LotId(5), Epoch(4), Incarnation(6));
        let range = ByteRange {
            id: TransferId(1),
            lot: l,
            epoch: e,
            home: PeerId::Second,
            target: 3,
            from: 4,
            to: 5,
            hedge: true,
        };
        let home = ByteRange { home: PeerId::First, hedge: false, ..range };
        for answer in [
            Answer::Assigned(Assigned { lots: vec![lot, lot], ranges: vec![], count: 6, bytes: 60 }),
            Answer::Assigned(Assigned { lots: vec![], ranges: vec![range, home], count: 0, bytes: 0 }),
            Answer::Taken(TakenOver { incarnation: i, lots: 1, count: 2, bytes: 3 }),
            Answer::Refused(Refused::StaleHelper { current: i }),
            Answer::Refused(Refused::StaleOwner { current: i }),
            Answer::Refused(Refused::Empty),
            Answer::Refused(Refused::Overlap),
            Answer::Refused(Refused::Same),
            Answer::Refused(Refused::NotOwned { lot: l, epoch: e }),
            Answer::Refused(Refused::NotPlanned { lot: l, epoch: e }),
            Answer::Refused(Refused::TooManyLots),
            Answer::Refused(Refused::RangeNotHeld { id: TransferId(8) }),
            Answer::Refused(Refused::TooManyRanges),
        ] {
            assert_eq!(decode(&encode(&answer)).unwrap(), answer);
        }
        assert!(decode(&json!({ "refused": "something new" })).is_err());
        assert!(decode(&json!({ "assigned": [[1, 2]], "figures": [1, 2] })).is_err());
    }
}
