//! The ledger of a simulated run: who owns which transfers, who holds which lent ranges, what is done.
//!
//! It keeps the rules of the real one (store.md; crates/ledger): one owner for each transfer, one holder for each lent
//! range, fencing numbers that only grow, each operation performed once. It panics on nothing: what the rules forbid
//! is refused, and counted as a [`Books::breach`], which a test holds at zero.

mod ranges;

use crate::cover::Cover;
use crate::load::Load;
use ranges::Row;
use std::collections::BTreeMap;
use twinhaul_assist::{
    ByteRange, CHECKPOINT_BYTES_MIN, FencedFigures, Interval, LoadedLot, OpId, Refusal, Sizes,
};
use twinhaul_units::{Bytes, Epoch, Incarnation, LotId, PeerId, TransferId};

#[derive(Clone, Debug)]
struct Lot {
    at: Interval,
    owner: PeerId,
    /// Whether a load has named it to its owner.
    seen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Planned,
    Started,
    Done,
}

/// What an assignment came to; asking again gives the same.
type Assigned = Result<(Vec<Interval>, Vec<ByteRange>, Bytes), Refusal>;

#[derive(Clone, Debug)]
pub(crate) struct Books {
    pub(crate) sizes: Vec<u64>,
    table: Sizes,
    states: Vec<State>,
    lots: BTreeMap<u64, Lot>,
    next_lot: u64,
    current: [Incarnation; 2],
    assigned: BTreeMap<OpId, Assigned>,
    fenced: BTreeMap<OpId, Result<FencedFigures, Refusal>>,
    rows: Vec<Row>,
    covers: BTreeMap<u64, Cover>,
    /// What a take-over finds recorded of large transfers in flight is kept, not done again.
    keeps: bool,
    /// Transfers not done.
    pub(crate) undone: u64,
    pub(crate) assignments: u64,
    /// Ranges lent.
    pub(crate) lent: u64,
    /// Rules broken: stays 0.
    pub(crate) breach: u64,
}

impl Books {
    pub(crate) fn new(load: &Load, keeps: bool) -> Self {
        let count = load.sizes.len();
        let mut books = Self {
            sizes: load.sizes.clone(),
            table: Sizes::exact(TransferId(0), &load.sizes),
            states: vec![State::Planned; count],
            lots: BTreeMap::new(),
            next_lot: 1,
            current: [Incarnation(1); 2],
            assigned: BTreeMap::new(),
            fenced: BTreeMap::new(),
            rows: Vec::new(),
            covers: BTreeMap::new(),
            keeps,
            undone: count as u64,
            assignments: 0,
            lent: 0,
            breach: 0,
        };
        for (owner, from, to) in [(PeerId::First, 0, load.first), (PeerId::Second, load.first, count)] {
            if from < to {
                let at = Interval {
                    lot: LotId(books.next_lot),
                    epoch: Epoch(1),
                    first: TransferId(from as u64),
                    last: TransferId(to as u64 - 1),
                };
                books.lots.insert(from as u64, Lot { at, owner, seen: false });
                books.next_lot += 1;
            }
        }
        books
    }

    pub(crate) fn size(&self, id: TransferId) -> u64 {
        self.sizes.get(id.0 as usize).copied().unwrap_or(0)
    }

    pub(crate) fn current(&self, peer: PeerId) -> Incarnation {
        self.current[peer.index()]
    }

    /// What `peer` owns and has not started in lots that no load has named.
    pub(crate) fn load(&mut self, peer: PeerId, limit: usize) -> Vec<LoadedLot> {
        let mut found = Vec::new();
        for lot in self.lots.values_mut().filter(|lot| lot.owner == peer && !lot.seen) {
            if found.len() >= limit {
                break;
            }
            lot.seen = true;
            unstarted(&lot.at, &self.states, |interval| {
                let sizes = self.table.clone();
                found.push(LoadedLot { interval, target: 0, sizes, shared_ranges: true });
            });
        }
        found
    }

    /// A transfer is begun by its owner, once.
    pub(crate) fn start(&mut self, peer: PeerId, id: TransferId, epoch: Epoch) {
        let mine = self.lot_of(id).is_some_and(|lot| lot.owner == peer && lot.at.epoch == epoch);
        match self.states.get_mut(id.0 as usize) {
            Some(state) if mine && *state == State::Planned => *state = State::Started,
            _ => self.breach += 1,
        }
    }

    /// Sealed and published by its owner.
    pub(crate) fn finish(&mut self, peer: PeerId, id: TransferId, epoch: Epoch) {
        let mine = self.lot_of(id).is_some_and(|lot| lot.owner == peer && lot.at.epoch == epoch);
        match self.states.get_mut(id.0 as usize) {
            Some(state) if mine && *state == State::Started => {
                *state = State::Done;
                self.undone -= 1;
                self.forget(id);
            }
            _ => self.breach += 1,
        }
    }

    fn lot_of(&self, id: TransferId) -> Option<&Lot> {
        let (_, lot) = self.lots.range(..=id.0).next_back()?;
        (lot.at.last >= id).then_some(lot)
    }

    /// One transaction: intervals and ranges go from `from` to the process `to` of the other peer, or nothing does.
    pub(crate) fn assign(
        &mut self,
        op: OpId,
        from: (PeerId, Incarnation),
        to: Incarnation,
        intervals: &[Interval],
        ranges: &[ByteRange],
    ) -> Assigned {
        if let Some(outcome) = self.assigned.get(&op) {
            return outcome.clone();
        }
        let (peer, incarnation) = from;
        let outcome = if self.current(peer) != incarnation {
            Err(Refusal::OwnerNotCurrent)
        } else if self.current(peer.other()) != to {
            Err(Refusal::ReceiverNotCurrent)
        } else if intervals.iter().all(|part| self.may_cut(peer, part)) {
            let lots: Vec<_> = intervals.iter().map(|part| self.cut(part, peer.other())).collect();
            let ranges: Vec<_> = ranges.iter().filter(|range| self.lend(peer, range)).copied().collect();
            let whole = lots.iter().map(|lot| self.table.bytes(lot.first, lot.last));
            let bytes = whole.chain(ranges.iter().map(|r| Bytes(r.len()))).sum();
            self.assignments += u64::from(!lots.is_empty() || !ranges.is_empty());
            Ok((lots, ranges, bytes))
        } else {
            Err(Refusal::LotChanged)
        };
        self.assigned.insert(op, outcome.clone());
        outcome
    }

    /// Owned under the epoch that the owner believes, and not started (S6).
    fn may_cut(&self, peer: PeerId, part: &Interval) -> bool {
        let lot = self.lot_of(part.first).filter(|lot| lot.at.last >= part.last);
        let ids = part.first.0 as usize..=part.last.0 as usize;
        lot.is_some_and(|lot| lot.owner == peer && lot.at.lot == part.lot && lot.at.epoch == part.epoch)
            && self.states.get(ids).is_some_and(|states| states.iter().all(|s| *s == State::Planned))
    }

    /// `part` becomes a lot of its own with a new owner.
    fn cut(&mut self, part: &Interval, owner: PeerId) -> Interval {
        let key = self.lots.range(..=part.first.0).next_back().map_or(0, |(key, _)| *key);
        if let Some(lot) = self.lots.remove(&key) {
            for (first, end) in [(lot.at.first.0, part.first.0), (part.last.0 + 1, lot.at.last.0 + 1)] {
                if first < end {
                    let at = Interval { first: TransferId(first), last: TransferId(end - 1), ..lot.at };
                    self.lots.insert(first, Lot { at, ..lot });
                }
            }
        }
        let moved = Interval { lot: LotId(self.next_lot), epoch: Epoch(part.epoch.0 + 1), ..*part };
        self.next_lot += 1;
        self.lots.insert(part.first.0, Lot { at: moved, owner, seen: false });
        moved
    }

    /// Everything of the other peer goes to `peer`, if `incarnation` is still the other's current one. What the dead
    /// one had started is planned again: its private objects are discarded before anybody does it again.
    pub(crate) fn fence(
        &mut self,
        op: OpId,
        peer: (PeerId, Incarnation),
        incarnation: Incarnation,
    ) -> Result<FencedFigures, Refusal> {
        if let Some(outcome) = self.fenced.get(&op) {
            return *outcome;
        }
        let (peer, me) = peer;
        let dead = peer.other();
        let outcome = if self.current(peer) != me {
            Err(Refusal::OwnerNotCurrent)
        } else if self.current(dead) != incarnation {
            Err(Refusal::ReceiverNotCurrent)
        } else {
            self.current[dead.index()].0 += 1;
            let (count, bytes) = self.release(dead, peer);
            Ok(FencedFigures { incarnation: self.current(dead), count, bytes: Bytes(bytes) })
        };
        self.fenced.insert(op, outcome);
        outcome
    }

    /// A new process takes `peer`'s place: what it still owns is planned again, under a new epoch, and unseen.
    pub(crate) fn join(&mut self, peer: PeerId) -> Incarnation {
        self.current[peer.index()].0 += 1;
        self.release(peer, peer);
        self.current(peer)
    }

    /// Lots of `dead` belong to `heir` from now on; returns the transfers not done and their bytes.
    fn release(&mut self, dead: PeerId, heir: PeerId) -> (u64, u64) {
        let (mut count, mut bytes) = (0, 0);
        let mut restarted = Vec::new();
        for lot in self.lots.values_mut().filter(|lot| lot.owner == dead) {
            lot.owner = heir;
            lot.at.epoch.0 += 1;
            lot.seen = false;
            for id in lot.at.first.0..=lot.at.last.0 {
                let Some(state) = self.states.get_mut(id as usize).filter(|s| **s != State::Done) else {
                    continue;
                };
                count += 1;
                bytes += self.sizes.get(id as usize).copied().unwrap_or(0);
                if *state == State::Started {
                    *state = State::Planned;
                    restarted.push(TransferId(id));
                }
            }
        }
        for id in restarted {
            if self.keeps && self.size(id) >= CHECKPOINT_BYTES_MIN {
                self.drop_rows(id);
            } else {
                self.forget(id);
            }
        }
        self.ranges_come_home(dead);
        (count, bytes)
    }
}

/// The parts of `at` that nobody has started.
fn unstarted(at: &Interval, states: &[State], mut found: impl FnMut(Interval)) {
    let mut from = None;
    for id in at.first.0..=at.last.0 + 1 {
        let planned = id <= at.last.0 && states.get(id as usize) == Some(&State::Planned);
        match (planned, from) {
            (true, None) => from = Some(id),
            (false, Some(first)) => {
                found(Interval { first: TransferId(first), last: TransferId(id - 1), ..*at });
                from = None;
            }
            _ => {}
        }
    }
}
