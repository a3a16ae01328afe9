//! A peer's queue: loads, pages and sizes.

use super::Sim;
use super::lots::Lot;
use crate::{Interval, Loaded, LotCursor, Owned, QueueAt, Result, Row, State};
use twinhaul_units::{Amount, Bytes, Incarnation, LotId, PeerId, TransferId};

/// As the blocks of the SQLite store.
const BLOCK: u64 = 1024;
/// Transfers at the head of an interval whose sizes are told one by one.
const SIZES_EXACT: u64 = 2 * BLOCK;

impl Sim {
    /// See [`crate::View::lots_since`].
    pub fn lots_since(
        &self,
        peer: PeerId,
        mine: Incarnation,
        after: LotCursor,
        limit: usize,
    ) -> Result<Loaded> {
        self.fence(peer, mine)?;
        let mut loaded = Loaded { next: after, growing: self.plan.0.growing, ..Loaded::default() };
        loaded.complete = self.load(peer, after, limit, &mut loaded);
        if loaded.complete {
            // Whatever comes later is born later.
            let born = LotId(self.next_lot - 1).max(after.born);
            loaded.next = LotCursor { born, id: TransferId(u64::MAX) };
        }
        Ok(loaded)
    }

    /// Fills `loaded`; false when the limit ended it.
    fn load(&self, peer: PeerId, after: LotCursor, limit: usize, loaded: &mut Loaded) -> bool {
        for lot in self.queued_lots(peer, after.born.0) {
            let past = if lot.born == after.born.0 { after.id.0.saturating_add(1) } else { 0 };
            for (first, last) in self.planned_runs(lot.low.max(past), lot.last) {
                if loaded.owned.len() >= limit {
                    return false;
                }
                let interval = lot.interval(first, last);
                loaded.next = LotCursor { born: LotId(lot.born), id: interval.last };
                loaded.owned.push(Owned { interval, target: lot.target });
            }
        }
        true
    }

    /// The maximal intervals of planned transfers in `first..=last`, in order.
    fn planned_runs(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for at in self.places(first, last).filter(|at| self.lines[*at].state == State::Planned) {
            let id = self.plan.0.transfers[at].id.0;
            match runs.last_mut() {
                Some(run) if run.1 + 1 == id => run.1 = id,
                _ => runs.push((id, id)),
            }
        }
        runs
    }

    /// See [`crate::View::interval_bytes`].
    pub fn interval_bytes(&self, intervals: &[Interval]) -> Result<u64> {
        let places = intervals.iter().flat_map(|i| self.places(i.first.0, i.last.0));
        Ok(places.map(|at| self.size(at)).sum())
    }

    /// See [`crate::View::sizes`].
    pub fn sizes(&self, interval: &Interval) -> Result<Vec<(TransferId, Bytes)>> {
        let mut points = Vec::new();
        let mut below = 0;
        for at in self.places(interval.first.0, interval.last.0) {
            let id = self.plan.0.transfers[at].id;
            if id.0 - interval.first.0 < SIZES_EXACT || id.0.is_multiple_of(BLOCK) {
                points.push((id, Bytes(below)));
            }
            below += self.size(at);
        }
        if interval.count() > 0 {
            points.push((TransferId(interval.last.0 + 1), Bytes(below)));
        }
        Ok(points)
    }

    pub(crate) fn tail_for_bytes(&self, peer: PeerId, wanted: u64) -> Result<Amount> {
        let (mut count, mut bytes) = (0, 0);
        for lot in self.queued_lots(peer, 0).into_iter().rev() {
            for at in self.places(lot.low, lot.last).rev() {
                if self.lines[at].state != State::Planned {
                    continue;
                }
                let with: u64 = bytes + self.size(at);
                // The one that crosses the line goes to the nearer side.
                if with > wanted && with - wanted >= wanted.saturating_sub(bytes) {
                    return Ok(Amount { transfers: count, bytes: Bytes(bytes) });
                }
                (count, bytes) = (count + 1, with);
            }
            if bytes >= wanted {
                break;
            }
        }
        Ok(Amount { transfers: count, bytes: Bytes(bytes) })
    }

    pub(crate) fn queue_place(&self, peer: PeerId, id: TransferId) -> Result<Option<u64>> {
        let mut before = 0;
        for lot in self.queued_lots(peer, 0) {
            let planned = |at: &usize| self.lines[*at].state == State::Planned;
            if !(lot.first..=lot.last).contains(&id.0) {
                before += self.places(lot.low, lot.last).filter(planned).count() as u64;
                continue;
            }
            let to_it: Vec<usize> = self.places(lot.low, id.0).filter(planned).collect();
            let found = to_it.last().is_some_and(|at| self.row(*at).id == id);
            return Ok(found.then(|| before + to_it.len() as u64 - 1));
        }
        Ok(None)
    }

    pub(crate) fn queue_page(&self, peer: PeerId, at: QueueAt, limit: usize) -> Result<Vec<Row>> {
        let mut skip = 0;
        let mut from: Option<(Lot, u64)> = None;
        match at {
            QueueAt::Offset(offset) => skip = offset,
            QueueAt::After(id) => {
                from = self.lot_of(id.0).filter(|lot| lot.owner == peer).map(|lot| (*lot, id.0));
            }
        }
        let mut rows = Vec::new();
        for lot in self.queued_lots(peer, from.map_or(0, |(lot, _)| lot.born)) {
            let first = match from {
                Some((begin, _)) if (lot.born, lot.first) < (begin.born, begin.first) => continue,
                Some((begin, id)) if lot.id == begin.id => id.saturating_add(1).max(lot.low),
                _ => lot.low,
            };
            for at in self.places(first, lot.last).filter(|at| self.lines[*at].state == State::Planned) {
                if skip > 0 {
                    skip -= 1;
                } else if rows.len() < limit {
                    rows.push(self.row(at));
                } else {
                    return Ok(rows);
                }
            }
        }
        Ok(rows)
    }
}
