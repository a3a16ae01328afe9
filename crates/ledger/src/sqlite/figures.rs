//! What the console reads of the whole: the run, totals, counters, peers, lots, and whether anything has changed.

use super::SqliteView;
use super::number::{
    amount, bound, from_sql, index_from_sql, peer_from_sql, peer_to_sql, run_state_from_sql, state_from_sql,
};
use super::peers::{dials, remembered};
use super::tally::VERIFIED;
use crate::{Counter, Counters, LotRow, PeerRow, Process, Result, RunRow, Totals, files};
use std::collections::BTreeMap;
use twinhaul_units::{Epoch, Incarnation, LotId, PeerId, TransferId};

impl SqliteView {
    pub(crate) fn run(&self) -> Result<RunRow> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached(
                "SELECT id, name, profile_hash, policy, first_peer, second_peer, created_at_ms, state_at_ms, finished,
                 state FROM run",
            )?;
            let (run, state) = statement.query_row([], |row| {
                let run = RunRow {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    profile_hash: row.get(2)?,
                    policy: row.get(3)?,
                    names: [row.get(4)?, row.get(5)?],
                    created_at_ms: from_sql(row.get(6)?),
                    state_at_ms: from_sql(row.get(7)?),
                    finished: row.get(8)?,
                    state: crate::RunState::default(),
                };
                Ok((run, row.get::<_, String>(9)?))
            })?;
            Ok(RunRow { state: run_state_from_sql(&state)?, ..run })
        })
    }

    pub(crate) fn totals(&self) -> Result<Totals> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached(
                "SELECT transfers, bytes, directories, growing, waves, next_transfer FROM run",
            )?;
            Ok(statement.query_row([], |row| {
                Ok(Totals {
                    transfers: from_sql(row.get(0)?),
                    bytes: from_sql(row.get(1)?),
                    directories: from_sql(row.get(2)?),
                    growing: row.get(3)?,
                    waves: from_sql(row.get(4)?),
                    next: TransferId(from_sql(row.get(5)?)),
                })
            })?)
        })
    }

    pub(crate) fn counters(&self) -> Result<Counters> {
        self.read(|conn| {
            let mut statement =
                conn.prepare_cached("SELECT peer, target, state, n, bytes FROM counter WHERE n > 0")?;
            let mut rows = statement.query([])?;
            let mut counters = Counters::default();
            while let Some(row) = rows.next()? {
                let peer = peer_from_sql(row.get(0)?)?;
                let amount = amount(row.get(3)?, row.get(4)?);
                match row.get(2)? {
                    VERIFIED => counters.verified[peer.index()] += amount,
                    state => counters.rows.push(Counter {
                        peer,
                        target: index_from_sql(row.get(1)?)?,
                        state: state_from_sql(state)?,
                        amount,
                    }),
                }
            }
            Ok(counters)
        })
    }

    pub(crate) fn peers(&self) -> Result<[PeerRow; 2]> {
        self.read(|conn| {
            let one = |peer: PeerId| -> Result<PeerRow> {
                let mut statement = conn.prepare_cached(
                    "SELECT iif(peer.id = 0, first_peer, second_peer), incarnation, pid, pid_start, boot_id, host,
                     joined_at_ms, ratio, live_ratio, last, gave, given, given_bytes, joined,
                     lent, lent_bytes FROM peer, run WHERE peer.id = ?1",
                )?;
                let found = statement.query_row([peer_to_sql(peer)], |row| {
                    let process = match row.get::<_, Option<u32>>(2)? {
                        None => None,
                        Some(pid) => Some(Process {
                            pid,
                            pid_start: from_sql(row.get(3)?),
                            boot_id: row.get(4)?,
                            host: row.get(5)?,
                        }),
                    };
                    Ok(PeerRow {
                        peer,
                        name: row.get(0)?,
                        incarnation: Incarnation(from_sql(row.get(1)?)),
                        joined: Incarnation(from_sql(row.get(13)?)),
                        process,
                        joined_at_ms: row.get::<_, Option<i64>>(6)?.map(from_sql),
                        memory: remembered(row, 7)?,
                        dials: BTreeMap::new(),
                        gave: from_sql(row.get(10)?),
                        lent: from_sql(row.get(14)?),
                        lent_bytes: from_sql(row.get(15)?),
                        given: amount(row.get(11)?, row.get(12)?),
                    })
                })?;
                Ok(PeerRow { dials: dials(conn, peer)?, ..found })
            };
            Ok([one(PeerId::First)?, one(PeerId::Second)?])
        })
    }

    pub(crate) fn lots(&self, after: Option<LotId>, limit: usize) -> Result<Vec<LotRow>> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached(
                "SELECT id, wave, target, first, last, low, owner, epoch, planned, authorised FROM lot
                 WHERE id > ?1 ORDER BY id LIMIT ?2",
            )?;
            let mut rows = statement.query([after.map_or(-1, |l| bound(l.0)), bound(limit as u64)])?;
            let mut lots = Vec::new();
            while let Some(row) = rows.next()? {
                lots.push(LotRow {
                    id: LotId(from_sql(row.get(0)?)),
                    wave: from_sql(row.get(1)?),
                    target: index_from_sql(row.get(2)?)?,
                    first: TransferId(from_sql(row.get(3)?)),
                    last: TransferId(from_sql(row.get(4)?)),
                    low: TransferId(from_sql(row.get(5)?)),
                    owner: peer_from_sql(row.get(6)?)?,
                    epoch: Epoch(from_sql(row.get(7)?)),
                    planned: from_sql(row.get(8)?),
                    authorised: from_sql(row.get(9)?),
                });
            }
            Ok(lots)
        })
    }

    pub(crate) fn lots_version(&self) -> Result<u64> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached("SELECT lots_version FROM run")?;
            Ok(from_sql(statement.query_row([], |row| row.get(0))?))
        })
    }

    pub(crate) fn data_version(&self) -> Result<u64> {
        let read = || -> Result<u64> {
            let mut statement = self.conn.prepare_cached("PRAGMA data_version")?;
            Ok(from_sql(statement.query_row([], |row| row.get(0))?))
        };
        read().map_err(|e| self.explain(e))
    }

    pub(crate) fn wal_bytes(&self) -> u64 {
        files::wal_bytes(&self.path)
    }
}
