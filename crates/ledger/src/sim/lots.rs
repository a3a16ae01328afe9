//! Lots: finding the one that holds a transfer, cutting pieces out exactly, merging what is settled (invariant S4).

use super::Sim;
use crate::{Interval, LOTS_COMPACT, State};
use twinhaul_units::{Epoch, LotId, PeerId, TransferId};

/// A row of `lot`; its meaning is the schema's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lot {
    pub(super) id: u64,
    pub(super) born: u64,
    pub(super) wave: u64,
    pub(super) target: u16,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) low: u64,
    pub(super) owner: PeerId,
    pub(super) epoch: u64,
    pub(super) planned: u64,
    pub(super) authorised: u64,
}

impl Lot {
    /// Transfers `first..=last` of it.
    pub(super) const fn interval(&self, first: u64, last: u64) -> Interval {
        Interval {
            lot: LotId(self.id),
            epoch: Epoch(self.epoch),
            first: TransferId(first),
            last: TransferId(last),
        }
    }

    pub(super) const fn open(&self) -> u64 {
        self.planned + self.authorised
    }
}

/// Transfers that are not settled.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Open {
    pub(super) planned: u64,
    pub(super) planned_bytes: u64,
    pub(super) authorised: u64,
}

impl Sim {
    /// Where in `lots` the lot is that holds `id`.
    pub(super) fn lot_place(&self, id: u64) -> Option<usize> {
        let at = self.lots.partition_point(|lot| lot.first <= id).checked_sub(1)?;
        (id <= self.lots[at].last).then_some(at)
    }

    pub(super) fn lot_of(&self, id: u64) -> Option<&Lot> {
        self.lot_place(id).map(|at| &self.lots[at])
    }

    pub(super) const fn take_number(&mut self) -> u64 {
        let id = self.next_lot;
        self.next_lot += 1;
        id
    }

    /// Lots were added or have moved.
    pub(super) fn lots_changed(&mut self) {
        self.aside.0.lots_version += 1;
        self.committed();
    }

    /// What is open in `first..=last`.
    pub(super) fn open_in(&self, first: u64, last: u64) -> Open {
        let mut open = Open::default();
        for at in self.places(first, last) {
            match self.lines[at].state {
                State::Planned => {
                    open.planned += 1;
                    open.planned_bytes += self.size(at);
                }
                State::Authorised => open.authorised += 1,
                State::Done | State::Skipped | State::Failed => {}
            }
        }
        open
    }

    /// Cuts `first..=last` out of the lot at `place`, exactly, and gives that piece a new id, `owner` and a higher
    /// epoch. What is left keeps its owner, its epoch and its place in the order.
    pub(super) fn cut(&mut self, place: usize, first: u64, last: u64, owner: PeerId) -> (Lot, Open) {
        let lot = self.lots[place];
        let id = self.take_number();
        let renamed = Lot { id, born: id, owner, epoch: lot.epoch + 1, ..lot };
        let (moved, open) = self.piece(renamed, first, last);
        let mut pieces = Vec::with_capacity(3);
        if lot.first < first {
            pieces.push(self.piece(lot, lot.first, first - 1).0);
        }
        pieces.push(moved);
        if last < lot.last {
            let tail = if lot.first < first { Lot { id: self.take_number(), ..lot } } else { lot };
            pieces.push(self.piece(tail, last + 1, lot.last).0);
        }
        self.lots.splice(place..=place, pieces);
        (moved, open)
    }

    /// `lot` with only `first..=last`, counted.
    fn piece(&self, lot: Lot, first: u64, last: u64) -> (Lot, Open) {
        let open = self.open_in(first, last);
        let low = lot.low.clamp(first, last + 1);
        (Lot { first, last, low, planned: open.planned, authorised: open.authorised, ..lot }, open)
    }

    /// Gives the whole lot at `place` a new id, birth, owner and epoch.
    pub(super) fn renew(&mut self, place: usize, owner: PeerId) {
        let id = self.take_number();
        let lot = &mut self.lots[place];
        *lot = Lot { id, born: id, owner, epoch: lot.epoch + 1, ..*lot };
    }

    /// Moves a lot's cursor past what is settled.
    pub(super) fn advance(&mut self, place: usize) {
        let lot = self.lots[place];
        let open = |at: &usize| !self.lines[*at].state.settled();
        let first = self.places(lot.low, lot.last).find(open).map(|at| self.plan.0.transfers[at].id.0);
        self.lots[place].low = first.unwrap_or(lot.last + 1);
    }

    /// Keeps the number of lots small: from [`LOTS_COMPACT`] on, settled neighbours of the same wave, target and owner
    /// become one. Epochs only grow (S5): the merged lot has the highest.
    pub(super) fn compact(&mut self) {
        if (self.lots.len() as u64) < LOTS_COMPACT {
            return;
        }
        let mut kept: Vec<Lot> = Vec::with_capacity(self.lots.len());
        for lot in self.lots.drain(..) {
            match kept.last_mut() {
                Some(before)
                    if before.open() + lot.open() == 0
                        && (before.wave, before.target, before.owner)
                            == (lot.wave, lot.target, lot.owner)
                        && before.last + 1 == lot.first =>
                {
                    before.last = lot.last;
                    before.low = lot.last + 1;
                    before.epoch = before.epoch.max(lot.epoch);
                }
                _ => kept.push(lot),
            }
        }
        self.lots = kept;
    }

    /// A peer's lots that hold planned transfers, born at `born` or later, in the order in which they are started.
    pub(super) fn queued_lots(&self, peer: PeerId, born: u64) -> Vec<Lot> {
        let mut lots: Vec<Lot> = self
            .lots
            .iter()
            .filter(|lot| lot.owner == peer && lot.planned > 0 && lot.born >= born)
            .copied()
            .collect();
        lots.sort_unstable_by_key(|lot| (lot.born, lot.first));
        lots
    }
}
