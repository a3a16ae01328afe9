//! What the snapshot shows of transfers in flight: those in slots, those that wait for ranges elsewhere, and whose bytes
//! are whose.

use super::Driver;
use crate::whole::{Shares, Whole};
use twinhaul_assist::{ByteRange, Interval};
use twinhaul_units::Bytes;
use twinhaul_wire::{
    AssignWhy, EventKind, InFlight, KeyText, LotIds, Phase, RangeName, RangeShown, Wait, WaitReason,
};

/// Ranges shown of one transfer.
const SHOWN_MAX: usize = 16;
/// Transfers shown that wait for ranges.
const AWAITING_MAX: usize = 64;
/// Ranges named in one event; the others are counted.
const NAMED_MAX: usize = 8;
/// Lots named in one event; the others are counted.
const LOTS_NAMED_MAX: usize = 32;
/// Longest tail of a key that is shown, in bytes.
const KEY_SHOWN_MAX: usize = 512;

/// A stretch of a transfer before neighbours are joined.
struct Stretch {
    from: u64,
    to: u64,
    here: bool,
    done: u64,
}

impl Driver {
    /// In slots, and waiting for ranges.
    pub(super) fn in_flight(&self) -> (Vec<InFlight>, Vec<InFlight>) {
        let mut rows: Vec<InFlight> =
            self.shared.slots.iter().zip(0..).filter_map(|(slot, number)| slot.shown(number)).collect();
        let mut awaiting = Vec::new();
        let wholes = self.shared.wholes.all();
        for whole in &wholes {
            let shares = whole.shares();
            let ranges = self.shown(&shares);
            if shares.parked && awaiting.len() < AWAITING_MAX {
                awaiting.push(self.waits(whole, &ranges));
            } else if ranges.len() > 1
                && let Some(row) =
                    rows.iter_mut().find(|row| row.id == whole.id().0 && row.bytes == whole.job.row.size)
            {
                row.done = ranges.iter().map(|r| r.done).sum::<u64>().min(row.bytes);
                row.ranges = ranges;
            }
        }
        for guest in self.ranges.lent_here() {
            let is_it = |row: &&mut InFlight| {
                row.id == guest.id.0
                    && matches!(row.ranges[..], [RangeShown { from, .. }] if from == guest.from)
            };
            if let Some(row) = rows.iter_mut().find(is_it) {
                // Its end may have been cut off since it began.
                row.bytes = guest.to.saturating_sub(guest.from);
                row.done = row.done.min(row.bytes);
                row.ranges[0].to = guest.to;
                row.ranges[0].done = row.done;
            }
        }
        for row in rows.iter_mut().filter(|row| row.ranges.len() == 1) {
            self.options.name().clone_into(&mut row.ranges[0].peer);
        }
        (rows, awaiting)
    }

    fn waits(&self, whole: &Whole, ranges: &[RangeShown]) -> InFlight {
        let row = &whole.job.row;
        let age_ms = u64::try_from(whole.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        InFlight {
            id: row.id.0,
            slot: 0,
            key: KeyText::from_bytes(&row.key[row.key.len().saturating_sub(KEY_SHOWN_MAX)..]),
            target: self.shared.storage.target_name(row.target).to_owned(),
            phase: Phase::Ranges,
            bytes: row.size,
            done: ranges.iter().map(|r| r.done).sum::<u64>().min(row.size),
            rate: 0,
            age_ms,
            attempts: whole.attempts,
            wait: Some(Wait::new(
                WaitReason::PeerAnswer,
                format!("{} brings the rest", self.options.other_name()),
                age_ms,
            )),
            ranges: ranges.to_vec(),
        }
    }

    /// Whose bytes are whose; of hedges, the first copy.
    fn shown(&self, shares: &Shares) -> Vec<RangeShown> {
        let mut all: Vec<Stretch> = Vec::new();
        let mut add = |from, to, here, done| all.push(Stretch { from, to, here, done });
        shares.done.iter().for_each(|(here, s)| add(s.from, s.to, *here, s.to - s.from));
        shares.own.iter().for_each(|(s, _, reached)| add(s.from, s.to, true, reached.saturating_sub(s.from)));
        shares.due.iter().for_each(|s| add(s.from, s.to, true, 0));
        shares.lent.iter().filter(|(_, hedge)| !hedge).for_each(|(s, _)| add(s.from, s.to, false, 0));
        all.sort_by_key(|s| (s.from, s.to));
        let name = |here: bool| if here { self.options.name() } else { self.options.other_name() };
        let mut shown: Vec<RangeShown> = Vec::new();
        for Stretch { from, to, here, done } in all {
            let end = shown.last().map_or(0, |last| last.to);
            if to <= end {
                continue;
            }
            let full = shown.len() >= SHOWN_MAX;
            match shown.last_mut() {
                Some(last) if last.peer == name(here) || full => {
                    last.to = to;
                    last.done += done;
                }
                _ => shown.push(RangeShown { peer: name(here).to_owned(), from: from.max(end), to, done }),
            }
        }
        shown
    }

    /// Which transfers an assignment moved, for the event that comes next.
    pub(super) fn note_lots(&mut self, op: u64, lots: &[Interval]) {
        let ids = |lot: &Interval| LotIds { first: lot.first.0, last: lot.last.0 };
        self.lots_told = (op, lots.iter().take(LOTS_NAMED_MAX).map(ids).collect());
    }

    /// An assignment is durable: the history has it, with its first lots.
    pub(super) fn record_assigned(&mut self, op: u64, count: u64, bytes: u64, why: AssignWhy) {
        let to = self.options.other_name().to_owned();
        let (of, lots) = std::mem::take(&mut self.lots_told);
        let lots = if of == op { lots } else { Vec::new() };
        self.record(EventKind::Assigned { op, to, count, bytes, why, lots });
    }

    /// The history names what was lent in an assignment.
    pub(super) fn note_lent(&mut self, op: u64, ranges: &[ByteRange]) {
        let bytes: u64 = ranges.iter().map(ByteRange::len).sum();
        self.view.was_assisted.ranges += ranges.len() as u64;
        self.view.was_assisted.range_bytes += bytes;
        let name = |r: &ByteRange| RangeName { id: r.id.0, from: r.from, to: r.to };
        self.record(EventKind::RangesLent {
            op,
            to: self.options.other_name().to_owned(),
            count: ranges.len() as u64,
            bytes: Bytes(bytes).0,
            ranges: ranges.iter().take(NAMED_MAX).map(name).collect(),
        });
    }

    /// … and who wrote what, when all of a transfer came home.
    pub(super) fn note_home(&mut self, whole: &Whole) {
        let ranges = self.shown(&whole.shares());
        if whole.ever_lent() && whole.failure().is_none() {
            let key = KeyText::from_bytes(&whole.job.row.key);
            self.record(EventKind::RangesHome { id: whole.id().0, key, ranges });
        }
    }
}
