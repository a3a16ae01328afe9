//! Ranges, as the driver handles them: cutting transfers in flight for the other peer or an own slot, starting what was
//! lent, and following in the ledger what becomes of it. The ledger is the truth; messages only make it be looked at.
//!
//! A cut is made here first, then in the ledger; refused there, the part grows back. It must never tell the core that a
//! range moved before the ledger said so.

mod follow;
mod work;

use super::Driver;
use crate::error::Result;
use crate::ledger_thread::Job;
use crate::parts::Part;
use crate::whole::{Span, WHOLES_MAX, Whole};
use std::collections::BTreeMap;
use std::sync::Arc;
use twinhaul_assist::{ByteRange, Cut, Event};
use twinhaul_ledger::{HeldRange, RANGE_ALIGN, RangeCut, Row, SharedObject};
use twinhaul_units::TransferId;

/// A lent range by transfer, beginning, hedge.
type Key = (TransferId, u64, bool);

/// What the driver knows of ranges.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// Lent to this peer by the other, not finished.
    guests: BTreeMap<Key, Guest>,
    /// Cuts that the ledger has not decided about, by the number of their assignment.
    undecided: BTreeMap<u64, Vec<Cutting>>,
    /// Ends of lent ranges that the ledger is asked to hold apart, and what the core wanted.
    splits: BTreeMap<(TransferId, u64), Cut>,
    /// Further cuts of one of those; one at a time. At most as many as there are slots.
    later_splits: Vec<Cut>,
}

/// A range of the other peer's transfer.
#[derive(Debug)]
struct Guest {
    object: SharedObject,
    row: Row,
    part: Arc<Part>,
    range: ByteRange,
    stage: Stage,
    /// The core has let go of it.
    abandoned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    InSlot,
    /// Durable; the ledger is being told.
    Told,
}

/// A cut on its way through the ledger.
#[derive(Debug)]
struct Cutting {
    part: Arc<Part>,
    cut: RangeCut,
    /// This peer is its home.
    whole: Option<Arc<Whole>>,
}

fn key(range: &ByteRange) -> Key {
    (range.id, range.from, range.hedge)
}

impl Guest {
    /// For the next free slot. The object's home may want other boundaries than ours; a lent range is cut on leaves.
    fn new(range: ByteRange, object: SharedObject, row: Row) -> Self {
        let part = Arc::new(Part::new(range.from, range.to, RANGE_ALIGN));
        Self { object, row, part, range, stage: Stage::Waiting, abandoned: false }
    }

    fn held(&self) -> HeldRange {
        HeldRange {
            id: self.range.id,
            epoch: self.range.epoch,
            from: self.range.from,
            to: self.part.end(),
            hedge: self.range.hedge,
            attempt: self.object.attempt.clone(),
        }
    }
}

impl Ranges {
    /// Lent ranges that slots here work on, or that are being recorded.
    pub(super) fn guests_in_hand(&self) -> usize {
        self.guests.values().filter(|g| g.stage != Stage::Waiting).count()
    }

    /// Lent ranges in slots here, as they are now.
    pub(super) fn lent_here(&self) -> impl Iterator<Item = ByteRange> + '_ {
        let in_slots = self.guests.values().filter(|g| g.stage == Stage::InSlot);
        in_slots.map(|g| ByteRange { to: g.part.end(), ..g.range })
    }

    /// The home of everything that was lent to this peer is gone.
    fn let_go(&mut self) {
        self.guests.retain(|_, g| g.stage != Stage::Waiting);
        self.guests.values().for_each(|g| g.part.stop());
    }

    /// Stops what is held here of a former attempt and meets `range` of `attempt`; whether there was any. The home has
    /// begun again, and what it lent before is of no use.
    fn end_former(&self, range: &ByteRange, attempt: &str) -> bool {
        let former = |g: &&Guest| g.object.attempt != attempt && g.range.overlaps(range);
        let mut any = false;
        for guest in self.guests.values().filter(former) {
            guest.part.stop();
            any = true;
        }
        any
    }

    pub(super) fn has_guests(&self) -> bool {
        !self.guests.is_empty()
    }
}

impl Driver {
    /// Cuts what can be cut now of what the core wants to hand over; the same assignment again cuts nothing further.
    pub(super) fn cut(&mut self, op: u64, cuts: &[Cut]) -> Vec<RangeCut> {
        if let Some(cuttings) = self.ranges.undecided.get(&op) {
            return cuttings.iter().map(|c| c.cut.clone()).collect();
        }
        let cuttings: Vec<Cutting> = cuts.iter().filter_map(|cut| self.cut_one(cut)).collect();
        let made = cuttings.iter().map(|c| c.cut.clone()).collect();
        if !cuttings.is_empty() {
            self.ranges.undecided.insert(op, cuttings);
        }
        made
    }

    fn cut_one(&self, cut: &Cut) -> Option<Cutting> {
        if let Some(whole) = self.shared.wholes.get(cut.id) {
            let (part, waiting) = whole.part(cut.from)?;
            let target = self.options.profile.targets.get(usize::from(whole.job.row.target))?;
            let reached = self.options.profile.reaches(self.options.me.other(), &target.name);
            let room = self.shared.wholes.len() <= WHOLES_MAX;
            let (from, to) = place(&part, cut, waiting).filter(|_| reached && room)?;
            let (epoch, object) = (whole.job.unit.epoch, whole.object.clone());
            let cut = RangeCut { id: cut.id, epoch, from, to, hedge: cut.hedge, object };
            return Some(Cutting { part, cut, whole: Some(whole) });
        }
        let mut found =
            [false, true].into_iter().filter_map(|h| self.ranges.guests.get(&(cut.id, cut.from, h)));
        let guest = found.find(|g| g.stage != Stage::Told)?;
        let (from, to) = place(&guest.part, cut, guest.stage == Stage::Waiting)?;
        let (epoch, object) = (guest.range.epoch, guest.object.clone());
        let part = Arc::clone(&guest.part);
        let cut = RangeCut { id: cut.id, epoch, from, to, hedge: cut.hedge, object };
        Some(Cutting { part, cut, whole: None })
    }

    /// The ledger has decided about an assignment's cuts.
    pub(super) fn cuts_decided(&mut self, op: u64, granted: bool) {
        for Cutting { part, cut, whole } in self.ranges.undecided.remove(&op).unwrap_or_default() {
            let span = Span { from: cut.from, to: cut.to };
            match &whole {
                // First it is known to be out, then its part may end: the object must not be sealed in between.
                Some(whole) if granted => whole.lend(span, cut.hedge),
                None if granted && span.from == part.from() && !cut.hedge => {
                    self.ranges.guests.remove(&(cut.id, span.from, false));
                    self.ranges.guests.remove(&(cut.id, span.from, true));
                }
                _ => {}
            }
            match (cut.hedge, granted) {
                (false, granted) => part.decide(granted),
                (true, false) => part.unhedge(cut.to),
                (true, true) => {}
            }
        }
    }

    /// A second part of what a slot here works on, for an own idle slot.
    pub(super) fn split(&mut self, cut: Cut) -> Result<()> {
        if self.ranges.splits.values().any(|under_way| (under_way.id, under_way.from) == (cut.id, cut.from)) {
            self.ranges.later_splits.push(cut);
            return Ok(());
        }
        if let Some(tail) = self.tail_of_guest(&cut) {
            // The other peer's transfer: the ledger must hold the two apart first.
            self.ranges.splits.insert((tail.id, tail.from), cut);
            return self.ledger(Job::SplitRange(tail));
        }
        let made = self.shared.wholes.get(cut.id).and_then(|whole| {
            let (part, waiting) = whole.part(cut.from).filter(|_| !cut.hedge)?;
            let (from, to) = part.cut(cut.bytes, waiting)?;
            whole.owe(Span { from, to });
            part.decide(true);
            Some(self.own_range(&whole, Span { from, to }))
        });
        self.tell_core(Event::Split { cut, range: made })
    }

    /// Cuts the end off a lent range in a slot here, until the ledger has decided.
    fn tail_of_guest(&self, cut: &Cut) -> Option<HeldRange> {
        let guest = self.ranges.guests.get(&(cut.id, cut.from, false))?;
        let (from, to) = guest.part.cut(cut.bytes, false).filter(|_| !cut.hedge)?;
        Some(HeldRange { from, to, ..guest.held() })
    }

    /// The ledger has decided whether the end of a lent range is a range of its own.
    pub(super) fn on_guest_split(&mut self, tail: &HeldRange, made: bool) -> Result<()> {
        let Some(cut) = self.ranges.splits.remove(&(tail.id, tail.from)) else { return Ok(()) };
        self.guest_is_split(cut, tail, made)?;
        let next = |later: &Cut| (later.id, later.from) == (cut.id, cut.from);
        match self.ranges.later_splits.iter().position(next) {
            Some(at) => {
                let later = self.ranges.later_splits.remove(at);
                self.split(later)
            }
            None => Ok(()),
        }
    }

    fn guest_is_split(&mut self, cut: Cut, tail: &HeldRange, made: bool) -> Result<()> {
        let guest = self.ranges.guests.get(&(cut.id, cut.from, false));
        let Some(guest) = guest.filter(|g| g.object.attempt == tail.attempt) else {
            // Let go of meanwhile: the end goes the way of the beginning.
            if made {
                self.ledger(Job::ReturnRanges(vec![tail.clone()]))?;
            }
            return self.tell_core(Event::Split { cut, range: None });
        };
        guest.part.decide(made);
        let range = ByteRange { from: tail.from, to: tail.to, ..guest.range };
        if made {
            let guest = Guest::new(range, guest.object.clone(), guest.row.clone());
            self.ranges.guests.insert(key(&range), guest);
        }
        self.tell_core(Event::Split { cut, range: made.then_some(range) })
    }

    fn own_range(&self, whole: &Whole, span: Span) -> ByteRange {
        ByteRange {
            id: whole.id(),
            lot: whole.job.unit.lot,
            epoch: whole.job.unit.epoch,
            home: self.options.me,
            target: whole.job.row.target,
            from: span.from,
            to: span.to,
            hedge: false,
        }
    }
}

fn place(part: &Part, cut: &Cut, waiting: bool) -> Option<(u64, u64)> {
    if cut.hedge { part.hedge(cut.bytes) } else { part.cut(cut.bytes, waiting) }
}
