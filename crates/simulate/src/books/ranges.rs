//! Lent ranges in the ledger: rows with a holder. The home holds the rest of its transfer without a row.

use super::{Books, State};
use crate::cover::Cover;
use twinhaul_assist::{ByteRange, RangeOutcome};
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

    /// A range that could not be lent, or that its second holder gave up, waits for its home again.
    pub(crate) fn take_back(&mut self, range: &ByteRange) {
        if !range.hedge && self.is_current(range) {
            self.share(range.id);
            self.rows.push(Row { range: *range, holder: range.home, seen: false });
        }
    }

    /// The range is held by two parts of one peer from `at` on.
    pub(crate) fn split(&mut self, peer: PeerId, range: &ByteRange) {
        if let Some(row) = self.row(peer, range) {
            self.rows[row].range.to = range.from;
            self.rows.push(Row { range: *range, holder: peer, seen: true });
        }
        self.share(range.id);
    }

    /// The row of `peer` that holds all of `range`.
    fn row(&self, peer: PeerId, range: &ByteRange) -> Option<usize> {
        self.rows.iter().position(|row| {
            let r = &row.range;
            row.holder == peer && r.id == range.id && r.from <= range.from && range.to <= r.to
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
            self.rows.retain(|row| row.range.id != id);
        }
    }

    /// The holder is gone: its homes have the ranges again, and do them themselves; copies vanish.
    pub(super) fn ranges_come_home(&mut self, dead: PeerId) {
        self.rows.retain(|row| row.holder != dead || !row.range.hedge);
        for row in self.rows.iter_mut().filter(|row| row.holder == dead) {
            row.holder = row.range.home;
            row.seen = false;
        }
    }
}
