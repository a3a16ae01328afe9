//! The durable steps of single transfers, in groups: authorise, settle, release (store.md 3).
//!
//! One bad member fails the whole group: a group is all or nothing.

use super::lots::{self, Finder, Lot};
use super::number::{bound, from_sql, peer_from_sql, peer_to_sql, state_from_sql, state_to_sql, to_sql};
use super::tally::{Tally, VERIFIED};
use super::{SqliteStore, checkpoints, fence, ranges};
use crate::{Authorise, LedgerError, Outcome, Result, Settled, State, rules};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use twinhaul_units::{Epoch, Incarnation, PeerId, TransferId};

impl SqliteStore {
    pub(crate) fn authorise(&self, peer: PeerId, mine: Incarnation, group: &[Authorise]) -> Result<()> {
        rules::check_group(group.len())?;
        self.write(|conn| {
            let mut work = Work::begin(conn, peer, mine)?;
            for item in group {
                let old = work.old(item.id)?;
                let lot = work.unsettled(&old, item.id, item.epoch)?;
                write_authorised(conn, peer, mine, item)?;
                work.step(&lot, &old, State::Authorised);
            }
            work.end()
        })
    }

    pub(crate) fn settle(&self, peer: PeerId, mine: Incarnation, group: &[Settled]) -> Result<()> {
        rules::check_group(group.len())?;
        self.write(|conn| {
            let mut work = Work::begin(conn, peer, mine)?;
            let mut update = conn.prepare_cached(SETTLED)?;
            for item in group {
                let old = work.old(item.id)?;
                if work.repeated(&old, item)? {
                    continue;
                }
                let lot = work.unsettled(&old, item.id, item.epoch)?;
                write_settled(&mut update, peer, mine, item)?;
                work.step(&lot, &old, item.outcome.state());
                if matches!(item.outcome, Outcome::Done { verified: true, .. }) {
                    work.tally.count(peer, lot.target, VERIFIED, 1, old.size);
                }
            }
            work.end()
        })
    }

    pub(crate) fn release(
        &self,
        peer: PeerId,
        mine: Incarnation,
        group: &[(TransferId, Epoch)],
    ) -> Result<()> {
        rules::check_group(group.len())?;
        self.write(|conn| {
            let mut work = Work::begin(conn, peer, mine)?;
            for (id, epoch) in group {
                let old = work.old(*id)?;
                let lot = work.unsettled(&old, *id, *epoch)?;
                conn.prepare_cached("UPDATE transfer SET state = 0 WHERE id = ?1")?.execute([old.id])?;
                work.step(&lot, &old, State::Planned);
            }
            work.end()
        })
    }
}

/// What a transfer was before the step.
struct Old {
    id: i64,
    state: State,
    size: i64,
    by: Option<i64>,
    epoch: Option<i64>,
}

/// One group on its way through a transaction.
struct Work<'a> {
    conn: &'a Connection,
    /// Prepared once: a group has thousands of members, and each is looked at.
    select: CachedStatement<'a>,
    peer: PeerId,
    finder: Finder,
    tally: Tally,
    /// Whether any transfer of the run has ranges: those of a transfer that takes a step are over.
    shared: bool,
    /// Whether there are checkpoints: they end with that step too.
    checkpoints: bool,
}

impl<'a> Work<'a> {
    fn begin(conn: &'a Connection, peer: PeerId, mine: Incarnation) -> Result<Self> {
        fence::check(conn, peer, mine)?;
        let (shared, checkpoints) = (ranges::any(conn)?, checkpoints::any(conn)?);
        let select =
            conn.prepare_cached("SELECT id, state, size, by_peer, epoch FROM transfer WHERE id = ?1")?;
        let (finder, tally) = (Finder::default(), Tally::default());
        Ok(Self { conn, select, peer, finder, tally, shared, checkpoints })
    }

    fn old(&mut self, id: TransferId) -> Result<Old> {
        let row = self
            .select
            .query_row([bound(id.0)], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })
            .optional()?;
        let (id, state, size, by, epoch) = row.ok_or(LedgerError::Unknown { id })?;
        Ok(Old { id, state: state_from_sql(state)?, size, by, epoch })
    }

    /// Whether exactly this end is recorded already: the caller did not hear of it.
    fn repeated(&self, old: &Old, item: &Settled) -> Result<bool> {
        let by = old.by.map(peer_from_sql).transpose()?;
        Ok(old.state == item.outcome.state()
            && by == Some(self.peer)
            && old.epoch.map(from_sql) == Some(item.epoch.0))
    }

    /// The lot of the transfer, if it is this peer's under this epoch and not settled (S3, S7).
    fn unsettled(&mut self, old: &Old, id: TransferId, epoch: Epoch) -> Result<Lot> {
        let lot = self.finder.at(self.conn, old.id)?;
        if lot.owner != self.peer || from_sql(lot.epoch) != epoch.0 {
            let current = Epoch(from_sql(lot.epoch));
            return Err(LedgerError::LotFenced { id, epoch, current, owner: lot.owner });
        }
        if old.state.settled() {
            return Err(LedgerError::Settled { id, state: old.state });
        }
        if self.shared {
            ranges::forget(self.conn, old.id)?;
        }
        if self.checkpoints {
            checkpoints::forget(self.conn, old.id)?;
        }
        Ok(lot)
    }

    fn step(&mut self, lot: &Lot, old: &Old, to: State) {
        self.tally.step(lot, old.id, old.size, (old.state, self.peer), (to, self.peer));
    }

    fn end(self) -> Result<()> {
        self.tally.write(self.conn)?;
        for lot in self.tally.lots() {
            lots::advance(self.conn, lot)?;
        }
        Ok(())
    }
}

fn write_authorised(conn: &Connection, peer: PeerId, mine: Incarnation, item: &Authorise) -> Result<()> {
    let mut update = conn.prepare_cached(
        "UPDATE transfer SET state = ?2, by_peer = ?3, by_incarnation = ?4, epoch = ?5, reference = ?6, blake3 = ?7,
         actual_size = ?8, mtime_ns = ?9 WHERE id = ?1",
    )?;
    update.execute(params![
        bound(item.id.0),
        state_to_sql(State::Authorised),
        peer_to_sql(peer),
        to_sql("an incarnation", mine.0)?,
        to_sql("an epoch", item.epoch.0)?,
        item.reference,
        item.blake3,
        to_sql("a size", item.size)?,
        item.mtime_ns
    ])?;
    Ok(())
}

/// The reference of a failed one stays: what could not be discarded must still be found (S8, L4).
const SETTLED: &str = "UPDATE transfer SET state = ?2, attempts = ?3, by_peer = ?4, by_incarnation = ?5, epoch = ?6,
         reference = CASE WHEN ?2 = 4 THEN reference END, blake3 = ?7, etag = ?8, actual_size = ?9, verified = ?10,
         lost = ?11, error = ?12, class = ?13, settled_at_ms = ?14,
         started_at_ms = coalesce(started_at_ms, ?15), first_error = coalesce(first_error, ?16) WHERE id = ?1";

fn write_settled(
    update: &mut CachedStatement<'_>,
    peer: PeerId,
    mine: Incarnation,
    item: &Settled,
) -> Result<()> {
    let (blake3, etag, size, verified, lost, error, class) = match &item.outcome {
        Outcome::Done { verified, etag, lost, blake3, size } => {
            let size = to_sql("a size", *size)?;
            (Some(blake3), etag.as_deref(), Some(size), Some(*verified), Some(*lost), None, None)
        }
        Outcome::Skipped => (None, None, None, None, None, None, None),
        Outcome::Failed { error, class } => {
            (None, None, None, None, None, Some(rules::cut(error)), Some(rules::cut(class)))
        }
    };
    update.execute(params![
        bound(item.id.0),
        state_to_sql(item.outcome.state()),
        item.attempts,
        peer_to_sql(peer),
        to_sql("an incarnation", mine.0)?,
        to_sql("an epoch", item.epoch.0)?,
        blake3,
        etag,
        size,
        verified,
        lost,
        error,
        class,
        to_sql("a time", item.at_ms)?,
        item.started_at_ms.map(|at| to_sql("a time", at)).transpose()?,
        item.first_error.as_deref().map(rules::cut)
    ])?;
    Ok(())
}
