//! Ranges of large transfers: lending, giving back, finishing, and what becomes of them when a process or an attempt ends.

use super::Sim;
use crate::rules::lending::{self, Kind, Range};
use crate::{
    Assign, CHAINS_MAX, CUTS_MAX, Chain, FinishedRange, HeldRange, Holding, LedgerError, Lent, LoadedRanges,
    RANGES_MAX, RangeCursor, RangeCut, RangeEnd, RangeRow, Refused, Result, SharedObject, State,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use twinhaul_assist::ByteRange;
use twinhaul_units::{Epoch, Incarnation, LotId, PeerId, TransferId};

/// The ranges of all transfers that have any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Ranges {
    shared: BTreeMap<u64, Shared>,
    /// Holdings so far.
    last_seq: u64,
}

/// One transfer's private object and its ranges, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shared {
    home: PeerId,
    epoch: u64,
    object: Arc<SharedObject>,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Row {
    range: Range,
    unwanted: bool,
    chains: Vec<Chain>,
}

impl Shared {
    fn is_of(&self, epoch: Epoch, attempt: &str) -> bool {
        self.epoch == epoch.0 && self.object.attempt == attempt
    }

    fn insert(&mut self, range: Range) {
        self.rows.push(Row { range, unwanted: false, chains: Vec::new() });
        self.rows.sort_by_key(|r| (r.range.from, r.range.hedge, r.range.seq));
    }

    fn row(&mut self, seq: u64) -> Option<&mut Row> {
        self.rows.iter_mut().find(|r| r.range.seq == seq)
    }

    /// The range ends at `to` now; from its beginning on: it goes. It never grows: an earlier cut of the same assignment
    /// may have taken more of it.
    fn shorten(&mut self, range: &Range, to: u64) {
        if range.from == to {
            self.rows.retain(|r| r.range.seq != range.seq);
        } else if let Some(row) = self.row(range.seq) {
            row.range.to = row.range.to.min(to);
        }
    }
}

impl Ranges {
    fn next_seq(&mut self) -> u64 {
        self.last_seq += 1;
        self.last_seq
    }

    /// The number of every holding.
    pub(super) fn numbers(&mut self) -> impl Iterator<Item = &mut u64> {
        let rows = self.shared.values_mut().flat_map(|shared| shared.rows.iter_mut());
        rows.map(|row| &mut row.range.seq)
    }

    /// So many holdings were so far.
    pub(super) const fn numbered(&mut self, last: u64) {
        self.last_seq = last;
    }

    /// The transfer is done, given up, redone or published.
    pub(super) fn forget(&mut self, id: u64) {
        self.shared.remove(&id);
    }

    /// Whether a transfer in `first..=last` is shared: it has started.
    pub(super) fn any_in(&self, first: u64, last: u64) -> bool {
        first <= last && self.shared.range(first..=last).next().is_some()
    }

    fn all(&self) -> impl Iterator<Item = (u64, &Shared, &Row)> + '_ {
        self.shared.iter().flat_map(|(id, shared)| shared.rows.iter().map(move |row| (*id, shared, row)))
    }

    /// Where the range that `held` names is, if this incarnation of `peer` holds it.
    fn held(&mut self, peer: PeerId, mine: Incarnation, held: &HeldRange) -> Option<&mut Row> {
        self.held_from(peer, mine, held).filter(|row| row.range.to == held.to)
    }

    /// The one that begins where `held` does, wherever it ends: a cut of it may have been refused.
    fn held_from(&mut self, peer: PeerId, mine: Incarnation, held: &HeldRange) -> Option<&mut Row> {
        let shared = self.shared.get_mut(&held.id.0).filter(|s| s.is_of(held.epoch, &held.attempt))?;
        shared.rows.iter_mut().find(|Row { range: r, .. }| {
            (r.from, r.hedge) == (held.from, held.hedge) && (r.holder, r.incarnation) == (peer, mine)
        })
    }

    /// A range that is not done goes back to its home; of a hedge the home has the other copy.
    fn come_home(&mut self, id: u64, range: &Range, home: PeerId, incarnation: Incarnation) {
        let Some(shared) = self.shared.get_mut(&id) else { return };
        if range.hedge {
            shared.shorten(range, range.from);
            return;
        }
        let seq = self.last_seq + 1;
        self.last_seq = seq;
        if let Some(row) = shared.row(range.seq) {
            row.range = Range { seq, holder: home, incarnation, ..row.range };
            row.unwanted = false;
            shared.rows.sort_by_key(|r| (r.range.from, r.range.hedge, r.range.seq));
        }
    }
}

impl Sim {
    /// See [`crate::Store::finish_ranges`].
    pub fn finish_ranges(
        &mut self,
        peer: PeerId,
        mine: Incarnation,
        finished: &[FinishedRange],
    ) -> Result<Vec<RangeEnd>> {
        lending::check_number(finished.len())?;
        if finished.iter().any(|f| f.chains.len() > CHAINS_MAX) {
            return Err(LedgerError::TooMany { what: "chaining values of a range", max: CHAINS_MAX as u64 });
        }
        self.fence(peer, mine)?;
        let mut end = |item: &FinishedRange| match self.ranges.held(peer, mine, &item.held) {
            None => RangeEnd::Moot,
            Some(row) => {
                if !std::mem::replace(&mut row.range.done, true) {
                    row.chains.clone_from(&item.chains);
                }
                RangeEnd::Done
            }
        };
        let ends = finished.iter().map(&mut end).collect();
        self.committed();
        Ok(ends)
    }

    /// See [`crate::Store::split_range`].
    pub fn split_range(&mut self, peer: PeerId, mine: Incarnation, tail: &HeldRange) -> Result<bool> {
        self.fence(peer, mine)?;
        let room = (self.ranges.all().count() as u64) < RANGES_MAX;
        let shared = self.ranges.shared.get(&tail.id.0).filter(|s| s.is_of(tail.epoch, &tail.attempt));
        let rows: Vec<Range> = shared.iter().flat_map(|s| s.rows.iter().map(|r| r.range)).collect();
        let of = lending::holds_apart(&rows, (peer, mine), tail).filter(|_| room);
        if let Some(of) = of {
            let seq = self.ranges.next_seq();
            if let Some(shared) = self.ranges.shared.get_mut(&tail.id.0) {
                shared.shorten(&of, tail.from);
                shared.insert(Range { seq, from: tail.from, to: tail.to, ..of });
            }
        }
        self.committed();
        Ok(of.is_some())
    }

    /// See [`crate::Store::return_ranges`].
    pub fn return_ranges(&mut self, peer: PeerId, mine: Incarnation, ranges: &[HeldRange]) -> Result<()> {
        lending::check_number(ranges.len())?;
        self.fence(peer, mine)?;
        for item in ranges {
            let held = self.ranges.held_from(peer, mine, item).map(|row| row.range);
            let Some(range) = held.filter(|range| !range.done) else {
                continue;
            };
            self.send_home(item.id.0, &range);
        }
        self.committed();
        Ok(())
    }

    fn send_home(&mut self, id: u64, range: &Range) {
        if let Some(home) = self.ranges.shared.get(&id).map(|s| s.home) {
            let incarnation = self.incarnation(home);
            self.ranges.come_home(id, range, home, incarnation);
        }
    }

    /// See [`crate::Store::decline_ranges`].
    pub fn decline_ranges(&mut self, home: PeerId, mine: Incarnation, ranges: &[HeldRange]) -> Result<()> {
        lending::check_number(ranges.len())?;
        self.fence(home, mine)?;
        for item in ranges {
            let shared = self.ranges.shared.get_mut(&item.id.0);
            let Some(shared) = shared.filter(|s| s.home == home && s.is_of(item.epoch, &item.attempt)) else {
                continue;
            };
            for row in &mut shared.rows {
                let r = &row.range;
                row.unwanted |= (r.from, r.to, r.hedge) == (item.from, item.to, item.hedge)
                    && r.holder != home
                    && !r.done;
            }
        }
        self.committed();
        Ok(())
    }

    /// See [`crate::Store::recall_ranges`].
    pub fn recall_ranges(
        &mut self,
        home: PeerId,
        mine: Incarnation,
        transfers: &[(TransferId, Epoch)],
    ) -> Result<()> {
        lending::check_number(transfers.len())?;
        self.fence(home, mine)?;
        for (id, epoch) in transfers {
            if self.ranges.shared.get(&id.0).is_some_and(|s| s.home == home && s.epoch == epoch.0) {
                self.ranges.forget(id.0);
            }
        }
        self.committed();
        Ok(())
    }

    /// The process at `peer`'s place has ended: what it was home of is redone, what it held and had not finished
    /// goes back.
    pub(super) fn ranges_of_ended(&mut self, peer: PeerId) {
        let mut ended: Vec<(u64, Arc<SharedObject>, Vec<Chain>)> = Vec::new();
        for (id, shared) in self.ranges.shared.iter().filter(|(_, shared)| shared.home == peer) {
            let done = shared.rows.iter().filter(|row| row.range.done).flat_map(|row| row.chains.clone());
            ended.push((*id, Arc::clone(&shared.object), done.collect()));
        }
        for (id, object, chains) in ended {
            self.keep_of_ended(id, &object, &chains);
        }
        self.ranges.shared.retain(|_, shared| shared.home != peer);
        let mut open: Vec<(u64, Range)> = self
            .ranges
            .all()
            .filter(|(_, _, row)| row.range.holder == peer && !row.range.done)
            .map(|(id, _, row)| (id, row.range))
            .collect();
        open.sort_unstable_by_key(|(_, range)| range.seq);
        for (id, range) in open {
            self.send_home(id, &range);
        }
    }

    /// Why the cuts of an assignment may not be made, or what they mean.
    pub(super) fn refuse_cuts(&self, assign: &Assign) -> std::result::Result<Vec<Kind>, Refused> {
        let rows = self.ranges.all().count() as u64;
        if assign.cuts.len() > CUTS_MAX || rows + assign.cuts.len() as u64 > RANGES_MAX {
            return Err(Refused::TooManyRanges);
        }
        if let Some(why) = lending::overlapping(&assign.cuts) {
            return Err(why);
        }
        let kind = |cut: &RangeCut| self.judge(assign, cut).ok_or(Refused::RangeNotHeld { id: cut.id });
        assign.cuts.iter().map(kind).collect()
    }

    fn judge(&self, assign: &Assign, cut: &RangeCut) -> Option<Kind> {
        let lot = self.lot_of(cut.id.0).filter(|lot| lot.epoch == cut.epoch.0)?;
        if !lending::well_cut(cut) || self.state_of(cut.id) != Some(State::Planned) {
            return None;
        }
        let shared = self.ranges.shared.get(&cut.id.0).filter(|s| s.is_of(cut.epoch, &cut.object.attempt));
        if shared.is_some_and(|s| *s.object != cut.object || s.home != lot.owner) {
            return None;
        }
        let by_home = lot.owner == assign.from;
        if !by_home && shared.is_none() {
            return None;
        }
        let rows: Vec<Range> = shared.iter().flat_map(|s| s.rows.iter().map(|r| r.range)).collect();
        lending::kind(&rows, assign, cut, by_home)
    }

    /// Makes the cuts; what was handed over, in their order.
    pub(super) fn lend(&mut self, assign: &Assign, kinds: &[Kind]) -> Vec<ByteRange> {
        let mut handed = Vec::new();
        for (cut, kind) in assign.cuts.iter().zip(kinds) {
            let Some(lot) = self.lot_of(cut.id.0).copied() else { continue };
            let home = (lot.owner, self.incarnation(lot.owner));
            match kind {
                Kind::Lend { shortened } => {
                    let shared = self.share(cut, lot.owner);
                    if let Some(range) = shortened {
                        shared.shorten(range, cut.from);
                    }
                    self.insert(assign, cut, false);
                }
                Kind::Hedge => {
                    self.share(cut, lot.owner);
                    self.insert(assign, cut, true);
                }
                Kind::GiveBack { of } if of.from == cut.from => {
                    self.ranges.come_home(cut.id.0, of, home.0, home.1);
                }
                Kind::GiveBack { of } => {
                    if let Some(shared) = self.ranges.shared.get_mut(&cut.id.0) {
                        shared.shorten(of, cut.from);
                    }
                    if !of.hedge {
                        self.insert(assign, cut, false);
                    }
                }
            }
            // Of a hedge that is given back the home has the other copy: nothing arrives.
            if !matches!(kind, Kind::GiveBack { of } if of.hedge) {
                handed.push(ByteRange {
                    id: cut.id,
                    lot: LotId(lot.id),
                    epoch: cut.epoch,
                    home: lot.owner,
                    target: lot.target,
                    from: cut.from,
                    to: cut.to,
                    hedge: cut.hedge,
                });
            }
        }
        let about = &mut self.aside.0.peers[assign.from.index()];
        about.lent += handed.len() as u64;
        about.lent_bytes += handed.iter().map(ByteRange::len).sum::<u64>();
        handed
    }

    /// The private object, recorded once for each attempt.
    fn share(&mut self, cut: &RangeCut, home: PeerId) -> &mut Shared {
        let known = self.ranges.shared.get(&cut.id.0);
        if known.is_some_and(|s| !s.is_of(cut.epoch, &cut.object.attempt)) {
            self.ranges.forget(cut.id.0);
        }
        self.ranges.shared.entry(cut.id.0).or_insert_with(|| Shared {
            home,
            epoch: cut.epoch.0,
            object: Arc::new(cut.object.clone()),
            rows: Vec::new(),
        })
    }

    fn insert(&mut self, assign: &Assign, cut: &RangeCut, hedge: bool) {
        let seq = self.ranges.next_seq();
        let (holder, incarnation) = (assign.to, assign.to_incarnation);
        if let Some(shared) = self.ranges.shared.get_mut(&cut.id.0) {
            shared.insert(Range { seq, from: cut.from, to: cut.to, holder, incarnation, hedge, done: false });
        }
    }

    /// What this incarnation of `peer` holds and has not done, in the order of lending.
    fn holding(&self, peer: PeerId, mine: Incarnation) -> Vec<(u64, &Shared, &Row)> {
        let is_mine = |r: &Range| (r.holder, r.incarnation, r.done) == (peer, mine, false);
        let mut found: Vec<_> = self.ranges.all().filter(|(_, _, row)| is_mine(&row.range)).collect();
        found.sort_unstable_by_key(|(_, _, row)| row.range.seq);
        found
    }

    /// See [`crate::View::ranges_since`].
    pub fn ranges_since(
        &self,
        peer: PeerId,
        mine: Incarnation,
        after: RangeCursor,
        limit: usize,
    ) -> Result<LoadedRanges> {
        self.fence(peer, mine)?;
        let mut loaded = LoadedRanges { next: after, ..LoadedRanges::default() };
        for (id, shared, row) in self.holding(peer, mine) {
            let range = row.range;
            if range.seq <= after.0 || loaded.ranges.len() >= limit {
                continue;
            }
            let unknown = || LedgerError::Unknown { id: TransferId(id) };
            let lot = self.lot_of(id).ok_or_else(unknown)?;
            loaded.next = RangeCursor(range.seq);
            loaded.ranges.push(Lent {
                range: ByteRange {
                    id: TransferId(id),
                    lot: LotId(lot.id),
                    epoch: Epoch(shared.epoch),
                    home: shared.home,
                    target: lot.target,
                    from: range.from,
                    to: range.to,
                    hedge: range.hedge,
                },
                object: (*shared.object).clone(),
                row: self.row(self.place(id).ok_or_else(unknown)?),
            });
        }
        loaded.complete = loaded.ranges.len() < limit;
        Ok(loaded)
    }

    /// See [`crate::View::holdings`].
    pub fn holdings(&self, peer: PeerId, mine: Incarnation, limit: usize) -> Result<Vec<Holding>> {
        let brief = |(id, shared, row): (u64, &Shared, &Row)| Holding {
            held: HeldRange {
                id: TransferId(id),
                epoch: Epoch(shared.epoch),
                from: row.range.from,
                to: row.range.to,
                hedge: row.range.hedge,
                attempt: shared.object.attempt.clone(),
            },
            unwanted: row.unwanted,
        };
        Ok(self.holding(peer, mine).into_iter().take(limit).map(brief).collect())
    }

    /// See [`crate::View::ranges`].
    pub fn ranges(&self, id: TransferId) -> Result<Vec<RangeRow>> {
        let rows = self.ranges.shared.get(&id.0).into_iter().flat_map(|shared| {
            shared.rows.iter().map(|row| RangeRow {
                from: row.range.from,
                to: row.range.to,
                holder: row.range.holder,
                hedge: row.range.hedge,
                done: row.range.done,
                chains: row.chains.clone(),
                attempt: shared.object.attempt.clone(),
            })
        });
        Ok(rows.collect())
    }

    /// S4, S6 for ranges, as the SQLite store checks them.
    pub(super) fn check_ranges(&self, broken: &mut Vec<String>) {
        for (id, shared) in &self.ranges.shared {
            let state = self.state_of(TransferId(*id));
            if state != Some(State::Planned) {
                broken.push(format!("transfer {id} is shared in state {state:?}"));
            }
            let owner = self.lot_of(*id).map(|lot| (lot.owner, lot.epoch));
            if owner != Some((shared.home, shared.epoch)) {
                broken.push(format!("transfer {id} is shared by {:?}, owned by {owner:?}", shared.home));
            }
            let mut ends = [0, 0];
            let mut seen = BTreeSet::new();
            for Row { range: r, .. } in &shared.rows {
                let name = format!("range {}..{} of transfer {id}", r.from, r.to);
                let end = &mut ends[usize::from(r.hedge)];
                if r.from < *end || r.from >= r.to || r.to > shared.object.version.size {
                    broken.push(format!("{name} overlaps, or is ill cut"));
                }
                *end = r.to;
                if !r.done && r.incarnation != self.incarnation(r.holder) {
                    broken.push(format!("{name} is held by {}", r.incarnation));
                }
                if !seen.insert(r.seq) || r.seq > self.ranges.last_seq {
                    broken.push(format!("{name} has the number of another holding"));
                }
            }
        }
    }
}
