//! Lent ranges in the ledger: rows with a holder. The home holds the rest of its transfer without a row.

use super::{Books, State};
use crate::cover::Cover;
use twinhaul_assist::{ByteRange, CHECKPOINT_BYTES_MIN, PartProgress, RangeOutcome, Unit};
use twinhaul_units::{PeerId, TransferId};

/// A range of a transfer, held apart from the rest of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    range: ByteRange,
    /// The home itself, for a range that came back to it.
    holder: PeerId,
    /// Whether a load has named it to its holder.
    seen: bool,
}

impl Books {
    /// `range` goes from `peer` to the other. Whether it could.
    pub(super) fn lend(&mut self, peer: PeerId, range: &ByteRange) -> bool {
        if !self.is_current(range) {
            return false;
        }
        if !range.hedge && range.home != peer {
            // A lent range, or the end of one, goes back.
            let Some(row) = self.row(peer, range) else { return false };
            self.rows[row].range.to = range.from;
            if self.rows[row].range.is_empty() {
                self.rows.swap_remove(row);
            }
        } else if !range.hedge
            && let Some(row) = self.row(peer, range)
        {
            // One that had come home goes out again.
            self.rows[row].range.to = range.from;
            if self.rows[row].range.is_empty() {
                self.rows.swap_remove(row);
            }
        }
        self.share(range.id);
        self.rows.push(Row { range: *range, holder: peer.other(), seen: false });
        self.lent += 1;
        true
    }

    /// A range that `peer` could not lend waits for it again.
    pub(crate) fn take_back(&mut self, peer: PeerId, range: &ByteRange) {
        if range.hedge || !self.is_current(range) {
            return;
        }
        self.share(range.id);
        if let Some(row) = self.row(peer, range) {
            self.rows[row].seen = false;
        } else if range.home == peer {
            self.rows.push(Row { range: *range, holder: range.home, seen: false });
        }
    }

    /// The range is held by two parts of one peer from `at` on.
    pub(crate) fn split(&mut self, peer: PeerId, range: &ByteRange) {
        if let Some(row) = self.row(peer, range) {
            let beyond = ByteRange { from: range.to, ..self.rows[row].range };
            self.rows[row].range.to = range.from;
            self.rows.push(Row { range: *range, holder: peer, seen: true });
            if !beyond.is_empty() {
                // Cut off before, and on its way to the other peer.
                self.rows.push(Row { range: beyond, holder: peer, seen: true });
            }
        }
        self.share(range.id);
    }

    /// The row of `peer` that holds all of `range`; of one that a copy has emptied, the row that begins there.
    fn row(&self, peer: PeerId, range: &ByteRange) -> Option<usize> {
        self.rows.iter().position(|row| {
            let r = &row.range;
            let inside = r.from == range.from || (r.from < range.from && range.from < r.to);
            row.holder == peer && r.id == range.id && inside && range.to <= r.to
        })
    }

    /// The range that `peer` holds from `from` on.
    pub(crate) fn held(&self, peer: PeerId, id: TransferId, from: u64) -> Option<ByteRange> {
        let row = self.rows.iter().find(|r| r.holder == peer && r.range.id == id && r.range.from == from);
        row.map(|row| row.range)
    }

    /// Ranges that `peer` holds, not done and not named by a load.
    pub(crate) fn load_ranges(&mut self, peer: PeerId) -> Vec<ByteRange> {
        let mut found = Vec::new();
        for row in self.rows.iter_mut().filter(|row| row.holder == peer && !row.seen) {
            row.seen = true;
            found.push(row.range);
        }
        found
    }

    /// Whether `peer` still holds the range, under the epoch it knows.
    pub(crate) fn holds(&self, peer: PeerId, range: &ByteRange) -> bool {
        self.is_current(range) && (range.home == peer || self.row(peer, range).is_some())
    }

    /// The range is durable.
    pub(crate) fn finish_range(&mut self, peer: PeerId, range: &ByteRange) -> RangeOutcome {
        if !self.is_current(range) {
            return RangeOutcome::Moot;
        }
        match self.row(peer, range) {
            Some(row) => {
                self.rows.swap_remove(row);
            }
            None if range.home == peer => {}
            None => return RangeOutcome::Moot,
        }
        self.note_done(range.id, range.from, range.to);
        RangeOutcome::Done
    }

    /// The transfer is under way under this epoch.
    fn is_current(&self, range: &ByteRange) -> bool {
        self.states.get(range.id.0 as usize) == Some(&State::Started)
            && self.lot_of(range.id).is_some_and(|lot| lot.at.epoch == range.epoch && lot.owner == range.home)
    }

    /// Several work on the transfer from now on.
    fn share(&mut self, id: TransferId) {
        self.covers.entry(id.0).or_default();
    }

    /// Bytes of a transfer that several work on are durable.
    pub(crate) fn note_done(&mut self, id: TransferId, from: u64, to: u64) {
        if let Some(cover) = self.covers.get_mut(&id.0) {
            cover.add(from, to);
        }
    }

    /// How far a part is becomes durable and recorded, though it is not complete, if the transfer, or the range that
    /// somebody else holds of it, is large.
    pub(crate) fn record(&mut self, part: &PartProgress) {
        let whole = if part.from == 0 { self.size(part.id) } else { part.to - part.from };
        if self.keeps && whole >= CHECKPOINT_BYTES_MIN && part.reached > part.from {
            self.covers.entry(part.id.0).or_default().add(part.from, part.reached);
        }
    }

    /// Begins a transfer of which something was kept: what is to be done of it first, and whether there is more,
    /// as ranges that came home.
    pub(crate) fn begin_kept(&mut self, peer: PeerId, unit: Unit) -> (u64, u64, bool) {
        let size = self.size(unit.id);
        let gaps = self.cover(unit.id).map_or_else(|| vec![(0, size)], |cover| cover.gaps(size));
        let mut gaps = gaps.into_iter();
        let first = gaps.next().unwrap_or((size, size));
        let more = gaps.len() > 0;
        for (from, to) in gaps {
            let Unit { id, lot, epoch } = unit;
            let range = ByteRange { id, lot, epoch, home: peer, target: 0, from, to, hedge: false };
            self.rows.push(Row { range, holder: peer, seen: false });
        }
        (first.0, first.1, more)
    }

    /// What is done of a transfer that several work on.
    pub(crate) fn cover(&self, id: TransferId) -> Option<&Cover> {
        self.covers.get(&id.0)
    }

    /// Whether all of it is done, as far as it is shared.
    pub(crate) fn is_whole(&self, id: TransferId) -> bool {
        self.cover(id).is_none_or(|cover| cover.holds(0, self.size(id)))
    }

    pub(super) fn forget(&mut self, id: TransferId) {
        if self.covers.remove(&id.0).is_some() {
            self.drop_rows(id);
        }
    }

    /// Nobody holds a range of the transfer any more.
    pub(super) fn drop_rows(&mut self, id: TransferId) {
        self.rows.retain(|row| row.range.id != id);
    }

    /// The holder is gone: its homes have the ranges again, and do them themselves; copies vanish.
    pub(super) fn ranges_come_home(&mut self, dead: PeerId) {
        self.rows.retain(|row| row.holder != dead || !row.range.hedge);
        let (lost, kept): (Vec<_>, Vec<_>) = self.rows.drain(..).partition(|row| row.holder == dead);
        self.rows = kept;
        for Row { range, .. } in lost {
            let mut settled = Cover::default();
            settled.add(0, range.from);
            settled.add(range.to, self.size(range.id));
            if let Some(cover) = self.covers.get(&range.id.0).filter(|_| self.keeps) {
                settled.add_all(cover);
            }
            for (from, to) in settled.gaps(self.size(range.id)) {
                let range = ByteRange { from, to, ..range };
                self.rows.push(Row { range, holder: range.home, seen: false });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Load;
    use twinhaul_units::{Epoch, LotId};

    const MIB: u64 = 1024 * 1024;

    fn range(from: u64, to: u64) -> ByteRange {
        let (id, lot, epoch) = (TransferId(0), LotId(1), Epoch(1));
        ByteRange { id, lot, epoch, home: PeerId::First, target: 0, from, to, hedge: false }
    }

    /// The end of a lent range is on its way back when its holder divides the rest among its own slots.
    #[test]
    fn no_byte_is_lost_between_a_cut_and_a_split() {
        for granted in [true, false] {
            let mut books = Books::new(&Load { sizes: vec![8 * MIB], first: 1 }, true);
            books.start(PeerId::First, TransferId(0), Epoch(1));
            assert!(books.lend(PeerId::First, &range(MIB, 8 * MIB)));
            assert_eq!(books.load_ranges(PeerId::Second), [range(MIB, 8 * MIB)]);
            let back = range(6 * MIB, 8 * MIB);
            books.split(PeerId::Second, &range(4 * MIB, 6 * MIB));
            if granted {
                assert!(books.lend(PeerId::Second, &back));
                assert_eq!(books.load_ranges(PeerId::First), [back]);
            } else {
                books.take_back(PeerId::Second, &back);
                assert_eq!(books.load_ranges(PeerId::Second), [back]);
            }
            let mut rows: Vec<_> = books.rows.iter().map(|row| (row.range.from, row.range.to)).collect();
            rows.sort_unstable();
            assert_eq!(rows, [(MIB, 4 * MIB), (4 * MIB, 6 * MIB), (6 * MIB, 8 * MIB)]);
            assert_eq!(books.breach, 0);
        }
    }
}
