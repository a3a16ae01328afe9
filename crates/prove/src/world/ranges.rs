//! Ranges, as the engine's driver handles them: cutting transfers in flight for the other peer or an own slot, starting
//! what was lent, and following in the ledger what becomes of it. A cut is made here first, then in the ledger; refused
//! there, the part grows back.

use super::World;
use crate::mutant::Mutant;
use crate::process::{Job, Process};
use crate::seen::Rare;
use crate::target::Attempt;
use crate::whole::{Cutting, Guest, Lending, Part, Stage, Whole, bytes, grains, object};
use twinhaul_assist::{ByteRange, Core, Cut, Event, RangeOutcome};
use twinhaul_ledger::{HeldRange, Lent, RangeCut, RangeEnd, RangeRow};
use twinhaul_units::TransferId;

// --- cutting

impl World {
    /// Cuts what can be cut now of what the core wants to hand over; the same assignment again cuts nothing further.
    pub(crate) fn cut(&mut self, at: usize, op: u64, cuts: &[Cut]) -> Vec<RangeCut> {
        let exact = |cutting: &Cutting| cutting.cuts.iter().map(|(_, cut)| cut.clone()).collect();
        if self.setup.is(Mutant::CutsAgain) {
            self.cuts_decided(at, op, true);
        }
        if let Some(cutting) = self.processes[at].cuttings.iter().find(|c| c.op == op) {
            return exact(cutting);
        }
        let made: Vec<_> = cuts.iter().filter_map(|cut| self.cut_one(at, cut)).collect();
        let cutting = Cutting { op, cuts: made };
        let made = exact(&cutting);
        // Also when nothing could be cut: asked again, it must not be something, because the ledger has decided.
        if !cuts.is_empty() {
            self.processes[at].cuttings.push(cutting);
        }
        made
    }

    fn cut_one(&mut self, at: usize, cut: &Cut) -> Option<(u8, RangeCut)> {
        let from = grains(cut.from);
        let place = |part: &mut Part, waiting: bool| {
            if cut.hedge { part.tail(grains(cut.bytes)) } else { part.cut(grains(cut.bytes), waiting) }
        };
        let process = &mut self.processes[at];
        let (span, epoch, object) =
            if let Some(whole) = process.wholes.iter_mut().find(|w| w.unit.id == cut.id) {
                let (part, waiting) = whole.part(from)?;
                (place(part, waiting)?, whole.unit.epoch, whole.object())
            } else {
                let mut guests =
                    process.guests.iter_mut().filter(|g| g.range.id == cut.id && g.range.from == cut.from);
                let guest = guests.find(|g| g.stage != Stage::Told)?;
                let span = place(&mut guest.part, guest.stage == Stage::Waiting)?;
                let size = self.setup.grains_of(cut.id);
                (span, guest.range.epoch, object(guest.attempt, guest.version, size))
            };
        let (begin, end) = (bytes(span.0), bytes(span.1));
        Some((from, RangeCut { id: cut.id, epoch, from: begin, to: end, hedge: cut.hedge, object }))
    }

    /// The ledger has decided about an assignment's cuts.
    pub(crate) fn cuts_decided(&mut self, at: usize, op: u64, granted: bool) {
        let process = &mut self.processes[at];
        let Some(found) = process.cuttings.iter().position(|c| c.op == op) else { return };
        let cutting = process.cuttings.remove(found);
        for (part_from, cut) in cutting.cuts {
            let (from, to) = (grains(cut.from), grains(cut.to));
            let whole = process.wholes.iter_mut().find(|w| w.attempt.name() == cut.object.attempt);
            if let Some(whole) = whole {
                if granted {
                    whole.lend(Lending { from, hedge: cut.hedge, to });
                }
                if let Some((part, _)) = whole.part(part_from).filter(|_| !cut.hedge) {
                    part.decide(granted);
                    if granted && part.end == part.from {
                        whole.due.retain(|part| part.end > part.from);
                    }
                }
                continue;
            }
            for guest in
                process.guests.iter_mut().filter(|g| g.range.id == cut.id && g.part.from == part_from)
            {
                if !cut.hedge {
                    guest.part.decide(granted);
                }
            }
            if granted && from == part_from && !cut.hedge {
                process.guests.retain(|g| g.range.id != cut.id || g.part.from != from);
            }
        }
    }

    /// A second part of an own transfer, for an own idle slot.
    pub(crate) fn split(&mut self, at: usize, cut: Cut) {
        let whole = self.processes[at].wholes.iter_mut().find(|w| w.unit.id == cut.id);
        let range = whole.and_then(|whole| {
            let (part, waiting) = whole.part(grains(cut.from)).filter(|_| !cut.hedge)?;
            let (from, to) = part.cut(grains(cut.bytes), waiting)?;
            part.decide(true);
            whole.due.push(Part::new(from, to));
            Some(whole.own_range(from, to))
        });
        if range.is_some() {
            self.saw(Rare::Split);
        }
        self.later(at, Event::Split { cut, range });
    }
}

// --- working

impl World {
    /// A load named ranges: lent by the other peer, or of own transfers and come back. Returns those for the core.
    pub(crate) fn ranges_loaded(&mut self, at: usize, loaded: &[Lent]) -> Vec<ByteRange> {
        let mut ranges = Vec::new();
        for Lent { range, object, .. } in loaded {
            let Some(attempt) = Attempt::parse(&object.reference) else { continue };
            let (from, to) = (grains(range.from), grains(range.to));
            let process = &mut self.processes[at];
            if range.home == process.me {
                let whole = process.wholes.iter_mut().find(|w| w.attempt == attempt);
                let Some(whole) = whole else { continue };
                let taken = if range.hedge { whole.copy_too(from, to) } else { whole.came_back(from, to) };
                if !taken {
                    continue;
                }
                self.saw(Rare::RangeReturned);
            } else if end_former(process, range, attempt) {
                // Its place is taken until the slot has let go of the former attempt: back, and the home lends it again.
                let ByteRange { id, epoch, from, to, hedge, .. } = *range;
                let held = HeldRange { id, epoch, from, to, hedge, attempt: object.attempt.clone() };
                process.jobs.push_back(Job::ReturnRanges(vec![held]));
                continue;
            } else if process.guests.iter().any(|g| g.is(range.id, range.from, range.hedge)) {
                // The end of one that was divided here: known since then.
                continue;
            } else {
                let version = object.version.mtime_ns.and_then(|v| u8::try_from(v).ok()).unwrap_or(0);
                let part = Part::new(from, to);
                let stage = Stage::Waiting;
                process.guests.push(Guest { range: *range, attempt, version, part, stage, abandoned: false });
            }
            ranges.push(*range);
        }
        ranges
    }

    pub(crate) fn start_range(&mut self, at: usize, range: ByteRange) {
        let process = &mut self.processes[at];
        if range.home == process.me {
            let from = grains(range.from);
            let whole = process.wholes.iter_mut().find(|w| w.unit.id == range.id && !w.failed);
            let begun = whole.and_then(|whole| {
                let due = whole.due.iter().position(|part| part.from == from)?;
                let part = whole.due.remove(due);
                whole.own.push(part);
                Some(())
            });
            if begun.is_none() {
                self.later(at, Event::RangeDone { range, outcome: RangeOutcome::Moot });
            }
            return;
        }
        let mut guests = process.guests.iter_mut();
        match guests.find(|g| g.is(range.id, range.from, range.hedge) && g.stage == Stage::Waiting) {
            Some(guest) => guest.stage = Stage::InSlot,
            None => self.later(at, Event::RangeDone { range, outcome: RangeOutcome::Moot }),
        }
    }

    /// The other copy of a hedge is done: this one is of no use.
    pub(crate) fn abandon(&mut self, at: usize, range: &ByteRange) {
        self.saw(Rare::HedgeAbandoned);
        let process = &mut self.processes[at];
        if let Some(guest) = process.guests.iter_mut().find(|g| g.is(range.id, range.from, range.hedge)) {
            guest.abandoned = true;
            guest.part.stopped = true;
        } else if range.home == process.me && range.hedge && range.from > 0 {
            let whole = process.wholes.iter_mut().find(|w| w.unit.id == range.id);
            if let Some((part, false)) = whole.and_then(|whole| whole.part(grains(range.from))) {
                part.stopped = true;
            }
        }
    }

    /// The ledger has recorded a finished range, or says that nobody needs it.
    pub(crate) fn range_finished(&mut self, at: usize, held: &HeldRange, end: RangeEnd) {
        let process = &mut self.processes[at];
        let Some(found) = process.guests.iter().position(|g| g.is(held.id, held.from, held.hedge)) else {
            return;
        };
        let guest = process.guests.remove(found);
        let outcome = match end {
            RangeEnd::Done => RangeOutcome::Done,
            RangeEnd::Moot => RangeOutcome::Moot,
        };
        if held.hedge && end == RangeEnd::Done {
            self.saw(Rare::HedgeWonByHelper);
        }
        if !guest.abandoned {
            let range = ByteRange { to: held.to, ..guest.range };
            self.tell(at, Event::RangeDone { range, outcome });
        }
    }
}

/// Stops what is held of a former attempt and meets `range` of `attempt`; whether there was any. The home has begun again,
/// and what it lent before is of no use.
fn end_former(process: &mut Process, range: &ByteRange, attempt: Attempt) -> bool {
    let mut any = false;
    let former = |g: &&mut Guest| g.attempt != attempt && g.range.overlaps(range);
    for guest in process.guests.iter_mut().filter(former) {
        guest.part.stopped = true;
        any = true;
    }
    any
}

// --- following

impl World {
    /// What the ledger says of ranges lent by this process, and to it; whether anything came of it.
    pub(crate) fn follow(&mut self, at: usize) -> bool {
        let process = &self.processes[at];
        let lends = process.wholes.iter().any(|w| !w.lent.is_empty());
        if process.frozen || self.ledger_cut[process.me.index()] || (!lends && process.guests.is_empty()) {
            return false;
        }
        if !self.is_current(at) {
            return false;
        }
        let before = process.clone();
        let mut ranges = Vec::new();
        for whole in 0..self.processes[at].wholes.len() {
            ranges.extend(self.reconcile(at, whole));
        }
        self.follow_guests(at);
        if !ranges.is_empty() {
            let all_planned = self.processes[at].core.as_ref().is_some_and(Core::all_planned);
            let (lots, pinned) = (Vec::new(), Vec::new());
            self.later(at, Event::LotsLoaded { lots, pinned, ranges, all_planned });
        }
        self.processes[at] != before
    }

    fn follow_guests(&mut self, at: usize) {
        let (me, mine) = self.place_of(at);
        let holdings = self.ledger.holdings(me, mine, usize::MAX).unwrap_or_default();
        let process = &mut self.processes[at];
        let mut returned = Vec::new();
        process.guests.retain_mut(|guest| {
            let held = guest.held();
            let same = |h: &&twinhaul_ledger::Holding| {
                (h.held.id, h.held.from, h.held.hedge) == (held.id, held.from, held.hedge)
            };
            match holdings.iter().find(same) {
                Some(holding) if !holding.unwanted => true,
                _ if guest.stage == Stage::Told => true,
                _ if guest.stage == Stage::InSlot => {
                    guest.part.stopped = true;
                    true
                }
                holding => {
                    returned.extend(holding.map(|h| h.held.clone()));
                    false
                }
            }
        });
        if !returned.is_empty() {
            process.jobs.push_back(Job::ReturnRanges(returned));
        }
    }

    /// Brings home what is done, and takes what came back; returns that, for the core.
    fn reconcile(&mut self, at: usize, which: usize) -> Vec<ByteRange> {
        let whole = &self.processes[at].wholes[which];
        let (id, name, me) = (whole.unit.id, whole.attempt.name(), self.processes[at].me);
        let rows: Vec<RangeRow> = self.ledger.ranges(id).unwrap_or_default();
        let rows: Vec<RangeRow> = rows.into_iter().filter(|row| row.attempt == name).collect();
        let mut back = Vec::new();
        for lending in whole.lent.clone() {
            let whole = &mut self.processes[at].wholes[which];
            let (from, to) = (bytes(lending.from), bytes(lending.to));
            for row in rows.iter().filter(|row| !lending.hedge && row.is_back(me, from, to)) {
                let (from, to) = (grains(row.from), grains(row.to));
                back.extend(whole.came_back(from, to).then(|| whole.own_range(from, to)));
            }
            let is_it = |row: &&RangeRow| row.from == from && row.hedge == lending.hedge;
            match rows.iter().find(is_it) {
                Some(row) if row.holder != me && row.done => {
                    let version = row.chains.first().map_or(0, |chain| chain.value[0]);
                    whole.lent_done(lending.from, grains(row.to), lending.hedge, version);
                    self.saw(Rare::RangeHome);
                }
                None if lending.hedge => whole.lent_gone(lending.from, true),
                _ => {}
            }
        }
        for _ in &back {
            self.saw(Rare::RangeReturned);
        }
        self.decline(at, which, &rows);
        back
    }

    fn decline(&mut self, at: usize, which: usize, rows: &[RangeRow]) {
        let whole = &self.processes[at].wholes[which];
        let held = |l: Lending| HeldRange {
            id: whole.unit.id,
            epoch: whole.unit.epoch,
            from: bytes(l.from),
            to: rows
                .iter()
                .find(|row| grains(row.from) == l.from && row.hedge == l.hedge)
                .map_or(bytes(l.to), |row| row.to),
            hedge: l.hedge,
            attempt: whole.attempt.name(),
        };
        let unneeded: Vec<HeldRange> = whole.unneeded().into_iter().map(held).collect();
        let job = Job::DeclineRanges(unneeded);
        let nothing = matches!(&job, Job::DeclineRanges(ranges) if ranges.is_empty());
        let declined = |ranges: &[HeldRange]| {
            ranges.iter().all(|r| self.processes[at].declined.contains(&(r.id, r.from, r.hedge)))
        };
        if nothing || matches!(&job, Job::DeclineRanges(ranges) if declined(ranges)) {
            return;
        }
        self.saw(Rare::HedgeWonByHome);
        if let Job::DeclineRanges(ranges) = &job {
            let keys: Vec<(TransferId, u64, bool)> = ranges.iter().map(|r| (r.id, r.from, r.hedge)).collect();
            self.processes[at].declined.extend(keys);
        }
        self.processes[at].jobs.push_back(job);
    }

    /// After the other peer was taken over: its process may live and write on into shared objects, so what it was lent
    /// is not gone on with in the same object (interface of the ledger).
    pub(crate) fn leave_shared_objects(&mut self, at: usize) {
        if self.setup.is(Mutant::GoesOnInSharedObject) {
            return;
        }
        let process = &mut self.processes[at];
        // What an assignment lent whose answer is still on its way counts too: the engine's driver hears that one first.
        let cut: Vec<String> = process
            .cuttings
            .iter()
            .flat_map(|c| &c.cuts)
            .map(|(_, cut)| cut.object.attempt.clone())
            .collect();
        let lends = |w: &&mut Whole| !w.lent.is_empty() || cut.contains(&w.attempt.name());
        for whole in process.wholes.iter_mut().filter(lends) {
            whole.fail();
            // Its first part may be in its slot still: it ends the attempt. Otherwise the closer does.
        }
    }
}
