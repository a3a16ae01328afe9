//! What is in the slots, byte by byte: how far each part has come, how much of it is left, where the host can cut.
//!
//! Between two measurements a part is taken to go on as the peer does. What is cut off is gone from its part at once.

use super::{Core, speed::Begun};
use crate::{ByteRange, CHECKPOINT_BYTES_MIN, Pace, PartProgress};
use std::time::Duration;
use twinhaul_units::{Moment, TransferId};

/// Ranges begin and end at multiples of this.
pub(super) const GRAIN: u64 = 256 * 1024;
/// What a slot claims at a time is not cut any more: what it does in this time, from [`GRAIN`] to [`CLAIM_MAX`].
const CLAIM_TIME: f64 = 0.05;
const CLAIM_MAX: u64 = 8 * 1024 * 1024;
/// A part is taken to go on for so long without being measured.
const GUESS_MAX: Duration = Duration::from_millis(300);

/// One part of a transfer in a slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub(super) id: TransferId,
    pub(super) from: u64,
    pub(super) to: u64,
    reached: u64,
    seen: Moment,
    began: Begun,
    /// When some of it was seen to be copied.
    under_way: Option<Begun>,
    /// What this peer had moved before it began, as far as was measured.
    moved: u64,
    /// Bytes that an earlier attempt had left: more had been reached than this peer has moved since.
    kept: u64,
    /// The target takes ranges from two.
    pub(super) shared: bool,
    /// A copy of what the other peer works on.
    pub(super) hedge: bool,
    /// The host could cut nothing off; until it is measured again.
    pub(super) uncut: bool,
}

impl Part {
    /// Forgets when it began and was seen, which only a measured pace makes use of (see [`super::canonical`]).
    pub(super) fn forget(&mut self, mark: &Begun) {
        (self.seen, self.began, self.under_way) = (Moment::ZERO, mark.clone(), None);
        (self.moved, self.kept) = (0, 0);
    }

    /// Whether `range` is of this part.
    pub(super) fn holds(&self, range: &ByteRange) -> bool {
        self.id == range.id && self.from <= range.from && range.from < self.to
    }
}

/// A part and what is left of it now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    pub(super) id: TransferId,
    pub(super) from: u64,
    pub(super) to: u64,
    /// Bytes not copied.
    pub(super) left: u64,
    /// Of those, what can be cut off.
    pub(super) free: u64,
    /// The target takes ranges from two.
    pub(super) shared: bool,
    pub(super) hedge: bool,
}

impl Core {
    pub(super) fn part_begins(
        &mut self,
        now: Moment,
        id: TransferId,
        from: u64,
        to: Option<u64>,
        hedge: bool,
    ) {
        let known = self.work.book.transfer(id);
        let (to, shared) = match to {
            // Somebody lent it, so it can be lent.
            Some(to) => (to, true),
            None => (known.bytes, known.shared_ranges),
        };
        self.work.parts.push(Part {
            id,
            from,
            to,
            reached: from,
            seen: now,
            began: self.speed.mark(),
            under_way: None,
            moved: self.speed.moved(),
            kept: 0,
            shared,
            hedge,
            uncut: false,
        });
        self.speed.begun();
    }

    /// The part needs its slot no more; `complete`: it was copied to its end.
    pub(super) fn part_ends(&mut self, id: TransferId, from: u64, complete: bool) {
        let Some(at) = self.work.parts.iter().position(|p| p.id == id && p.from == from) else { return };
        let part = self.work.parts.remove(at);
        if complete {
            let bytes = (part.to - part.from).saturating_sub(part.kept);
            // Done before anybody saw how far it was: if something may have been left of it, nobody knows what it cost.
            let known = part.under_way.is_some() || bytes < CHECKPOINT_BYTES_MIN || !self.inherits();
            if let Some(seen) = part.under_way {
                self.speed.streamed(part.to.saturating_sub(part.reached), &seen);
            }
            self.speed.completed(known.then_some((bytes, &part.began)));
        }
    }

    /// The exact size of a transfer that was started whole, unless something was cut off already.
    pub(super) fn on_began(&mut self, id: TransferId, bytes: u64) {
        let planned = self.work.book.transfer(id).bytes;
        let whole = |p: &&mut Part| p.id == id && p.from == 0 && (p.to == planned || p.to == 0);
        if let Some(part) = self.work.parts.iter_mut().find(whole) {
            part.to = bytes;
        }
    }

    /// Whether what begins here may have been in flight elsewhere: in an earlier life, or in a process that is gone.
    const fn inherits(&self) -> bool {
        self.incarnation.0 > 1 || self.watch.took
    }

    /// How far the parts are, and what this peer has `moved` in all.
    pub(super) fn on_progress(&mut self, now: Moment, moved: u64, parts: &[PartProgress]) {
        let mark = self.speed.mark();
        for new in parts {
            let known = self.work.parts.iter_mut().find(|p| p.id == new.id && p.from == new.from);
            if let Some(part) = known {
                part.to = new.to;
                part.reached = new.reached.clamp(part.from, new.to.max(part.from));
                part.seen = now;
                if part.under_way.is_none() {
                    let most = moved.saturating_sub(part.moved);
                    part.kept = (part.reached - part.from).saturating_sub(most);
                }
                part.under_way = (part.reached > part.from).then(|| mark.clone());
                part.uncut = false;
            }
        }
    }

    /// `range` was cut off here.
    pub(super) fn was_cut(&mut self, range: &ByteRange) {
        if range.hedge {
            return;
        }
        for part in self.work.parts.iter_mut().filter(|p| p.holds(range)) {
            part.to = range.from;
        }
        for held in self.work.range_slots.iter_mut().filter(|held| held.overlaps(range)) {
            held.to = range.from.max(held.from);
        }
    }

    /// What is left of each part in a slot, without what is being cut off.
    pub(super) fn rests(&self, now: Moment) -> Vec<Rest> {
        let parts = &self.work.parts;
        let stream = self.speed.rate().0 as f64 / parts.len().max(1) as f64;
        let claim = self.claim();
        let mut rests: Vec<Rest> = parts
            .iter()
            .map(|part| {
                let guessed = stream * now.since(part.seen).min(GUESS_MAX).as_secs_f64();
                let left = part.to.saturating_sub(part.reached).saturating_sub(guessed as u64);
                let free = if part.shared && !part.uncut { left.saturating_sub(claim) } else { 0 };
                Rest {
                    id: part.id,
                    from: part.from,
                    to: part.to,
                    left,
                    free,
                    shared: part.shared,
                    hedge: part.hedge,
                }
            })
            .collect();
        for cut in self.owning.pending.iter().flat_map(|p| &p.cuts).filter(|cut| !cut.hedge) {
            if let Some(rest) = rests.iter_mut().find(|r| r.id == cut.id && r.from == cut.from) {
                rest.left = rest.left.saturating_sub(cut.bytes);
                rest.free = rest.free.saturating_sub(cut.bytes);
                rest.to = rest.to.saturating_sub(cut.bytes);
            }
        }
        rests
    }

    /// What a slot takes at a time.
    pub(super) fn claim(&self) -> u64 {
        claim_at(self.speed.rate().0 as f64, self.tuning.slots as u64)
    }

    pub(super) fn slots_used(&self) -> usize {
        self.work.in_flight.len() + self.work.range_slots.len()
    }
}

/// What one of `slots` takes at a time, where they make `rate` bytes a second together.
pub(super) fn claim_at(rate: f64, slots: u64) -> u64 {
    ((rate * CLAIM_TIME / slots as f64) as u64).clamp(GRAIN, CLAIM_MAX).next_multiple_of(GRAIN)
}

/// Seconds for a byte, and for a transfer.
pub(super) fn prices(pace: Pace) -> (f64, f64) {
    (pace.per_byte_ps as f64 * 1e-12, pace.per_transfer_ns as f64 * 1e-9)
}
