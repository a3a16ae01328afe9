//! The slots of a process that work on large transfers: parts of own ones, ranges of the other peer's; and the closer,
//! which seals what has come home.

use super::World;
use super::slots::index;
use crate::mutant::Mutant;
use crate::process::{Flight, FlightStep, Item, Job, Sealed};
use crate::seen::Rare;
use crate::target::GRAIN;
use crate::whole::{Part, Stage, Whole, bytes};
use twinhaul_assist::{ByteRange, Event, RangeOutcome, SlotOutcome};
use twinhaul_ledger::{Chain, FinishedRange};

impl World {
    /// One grain of an own part, or its end.
    pub(crate) fn step_part(&mut self, at: usize, which: usize, slot: usize) -> bool {
        let whole = &self.processes[at].wholes[which];
        let (id, attempt, version) = (whole.unit.id, whole.attempt, whole.version);
        let part = whole.own[slot];
        let now = self.sources[index(id)];
        if part.stopped || whole.failed {
            self.part_stops(at, which, slot);
            return true;
        }
        if !part.open {
            if self.target.private(attempt).is_none() {
                self.part_stops(at, which, slot);
            } else if now == version {
                self.processes[at].wholes[which].own[slot].open = true;
            } else {
                self.part_fails(at, which, slot);
            }
            return true;
        }
        if !part.is_complete() {
            self.target.write(attempt, part.reached, now);
            self.processes[at].notes.moved += GRAIN;
            self.processes[at].wholes[which].own[slot].reached += 1;
            return true;
        }
        if part.undecided.is_some() {
            return false; // it may grow back
        }
        if part.from == 0 {
            self.park(at, which);
        } else if now == version {
            self.part_done(at, which, part);
        } else {
            self.part_fails(at, which, slot);
        }
        true
    }

    /// The first part is complete: its slot goes, now or with the whole transfer.
    fn park(&mut self, at: usize, which: usize) {
        let whole = &mut self.processes[at].wholes[which];
        whole.parked = true;
        whole.bring(0, whole.version);
        whole.look();
        let (id, redo) = (whole.unit.id, whole.redo);
        if whole.closing {
            let whole = self.processes[at].wholes.remove(which);
            match self.sealed(&whole) {
                Some(sealed) => {
                    self.processes[at].settling.push_back(Item::Sealed(sealed));
                    if !redo {
                        self.tell(at, Event::SlotDone { id, outcome: SlotOutcome::Settling });
                    }
                }
                None => self.again_in_slot(at, &whole),
            }
        } else if !redo {
            self.saw(Rare::AwaitingRanges);
            self.tell(at, Event::SlotDone { id, outcome: SlotOutcome::AwaitingRanges });
        }
    }

    fn part_done(&mut self, at: usize, which: usize, part: Part) {
        let whole = &mut self.processes[at].wholes[which];
        whole.bring(part.from, whole.version);
        whole.look();
        let range = whole.own_range(part.from, part.end);
        self.range_over(at, part, range, RangeOutcome::Done);
    }

    /// Somebody else has its bytes, or the attempt is over.
    fn part_stops(&mut self, at: usize, which: usize, slot: usize) {
        let whole = &mut self.processes[at].wholes[which];
        let part = whole.own.remove(slot);
        if part.from == 0 {
            let whole = self.processes[at].wholes.remove(which);
            self.again_in_slot(at, &whole);
            return;
        }
        whole.look();
        let range = whole.own_range(part.from, part.end);
        self.range_over(at, part, range, RangeOutcome::Moot);
    }

    /// The source is not what it was: nothing may be sealed without these bytes.
    fn part_fails(&mut self, at: usize, which: usize, slot: usize) {
        self.saw(Rare::SourceChanged);
        let whole = &mut self.processes[at].wholes[which];
        let part = whole.own.remove(slot);
        whole.fail();
        let range = whole.own_range(part.from, part.end);
        self.range_over(at, part, range, RangeOutcome::Failed);
    }

    fn range_over(&mut self, at: usize, part: Part, range: ByteRange, outcome: RangeOutcome) {
        if part.core_waits {
            self.tell(at, Event::RangeDone { range, outcome });
        }
    }

    /// This attempt is over, and its slot begins the next one. The core knows its other parts as ranges of their own:
    /// they end as they come to their turn.
    fn again_in_slot(&mut self, at: usize, whole: &Whole) {
        self.give_up(at, whole);
        let flight = Flight { nr: whole.attempt.nr + 1, ..Flight::new(whole.unit, whole.redo) };
        self.processes[at].flights.push(flight);
    }

    /// What is lent of an attempt that is over is moot, its object goes, and its other parts here end.
    fn give_up(&mut self, at: usize, whole: &Whole) {
        if whole.ever_lent {
            self.saw(Rare::Recalled);
            let (id, epoch) = (whole.unit.id, whole.unit.epoch);
            self.processes[at].jobs.push_back(Job::RecallRanges(id, epoch));
        }
        self.target.discard(whole.attempt);
        for part in whole.own.iter().filter(|part| part.core_waits && part.from > 0) {
            let range = whole.own_range(part.from, part.end);
            self.later(at, Event::RangeDone { range, outcome: RangeOutcome::Moot });
        }
    }

    /// What is sealed, if the source is still what was read and no byte is missing.
    fn sealed(&mut self, whole: &Whole) -> Option<Sealed> {
        let same = self.sources[index(whole.unit.id)] == whole.version;
        if whole.failed || !same {
            if !same {
                self.saw(Rare::SourceChanged);
            }
            return None;
        }
        let content = whole.content()?;
        if let Some(private) = self.target.private_mut(whole.attempt) {
            private.content.stamp(whole.version);
        }
        let (unit, version, overwrite) = (whole.unit, whole.version, whole.overwrite);
        Some(Sealed { unit, version, overwrite, nr: whole.attempt.nr, content })
    }

    /// The closer: seals a large transfer whose last range came home after its first part had left its slot.
    pub(crate) fn step_close(&mut self, at: usize) -> bool {
        let process = &self.processes[at];
        let Some(which) = process.wholes.iter().position(|w| w.closing).filter(|_| !process.frozen) else {
            return false;
        };
        let whole = self.processes[at].wholes.remove(which);
        if let Some(sealed) = self.sealed(&whole) {
            self.saw(Rare::RangesHome);
            self.processes[at].settling.push_back(Item::Sealed(sealed));
        } else {
            self.give_up(at, &whole);
            let flight = Flight { nr: whole.attempt.nr + 1, ..Flight::new(whole.unit, true) };
            self.processes[at].flights.push(flight);
        }
        if !whole.redo {
            self.tell(at, Event::RangesHome { id: whole.unit.id });
        }
        true
    }

    /// One grain of a range of the other peer's transfer, or its end.
    pub(crate) fn step_guest(&mut self, at: usize, which: usize) -> bool {
        let guest = &self.processes[at].guests[which];
        let (id, attempt, version, part) = (guest.range.id, guest.attempt, guest.version, guest.part);
        let now = self.sources[index(id)];
        if part.stopped {
            self.guest_ends(at, which, RangeOutcome::Moot);
        } else if !part.open {
            if self.target.private(attempt).is_none() {
                self.guest_ends(at, which, RangeOutcome::Moot);
            } else if now != version {
                self.guest_ends(at, which, RangeOutcome::Failed);
            } else {
                self.processes[at].guests[which].part.open = true;
                if self.processes[at].guests[which].range.hedge && self.setup.is(Mutant::HedgeClearsFirst) {
                    (part.from..part.end).for_each(|grain| _ = self.target.write(attempt, grain, 0));
                }
            }
        } else if !part.is_complete() {
            if now != version && !self.setup.is(Mutant::LentOfAnyVersion) {
                self.guest_ends(at, which, RangeOutcome::Failed);
                return true;
            }
            self.target.write(attempt, part.reached, now);
            if !self.processes[at].guests[which].range.hedge {
                self.check_fenced_writes(at, attempt);
            }
            self.processes[at].notes.moved += GRAIN;
            self.processes[at].guests[which].part.reached += 1;
        } else if part.undecided.is_some() {
            return false;
        } else if now != version {
            self.guest_ends(at, which, RangeOutcome::Failed);
        } else {
            self.target.flush(attempt, part.from, part.end);
            let guest = &mut self.processes[at].guests[which];
            guest.stage = Stage::Told;
            let chain =
                Chain { at: bytes(part.from), len: bytes(part.end - part.from), value: [version; 32] };
            let finished = FinishedRange { held: guest.held(), chains: vec![chain] };
            self.processes[at].jobs.push_back(Job::FinishRanges(vec![finished]));
            if self.setup.is(Mutant::RangePublishedTwice) && self.target.publish(attempt, true).is_ok() {
                self.check_published(attempt, None);
            }
        }
        true
    }

    fn guest_ends(&mut self, at: usize, which: usize, outcome: RangeOutcome) {
        if outcome == RangeOutcome::Failed {
            self.saw(Rare::SourceChanged);
        }
        let guest = self.processes[at].guests.remove(which);
        self.processes[at].jobs.push_back(Job::ReturnRanges(vec![guest.held()]));
        if !guest.abandoned {
            let range = ByteRange { to: bytes(guest.part.end), ..guest.range };
            self.tell(at, Event::RangeDone { range, outcome });
        }
    }

    /// Where the parts of large transfers begin among the slots.
    pub(crate) fn slots(&self, at: usize) -> usize {
        let process = &self.processes[at];
        let own: usize = process.wholes.iter().map(|w| w.own.len()).sum();
        process.flights.len() + own + process.guests.iter().filter(|g| g.stage == Stage::InSlot).count()
    }

    /// The next step of a slot that has a part of a large transfer: the `slot`-th of them.
    pub(crate) fn step_large(&mut self, at: usize, slot: usize) -> bool {
        let process = &self.processes[at];
        let mut left = slot;
        for (which, whole) in process.wholes.iter().enumerate() {
            if left < whole.own.len() {
                return self.step_part(at, which, left);
            }
            left -= whole.own.len();
        }
        let in_slots = process.guests.iter().enumerate().filter(|(_, g)| g.stage == Stage::InSlot);
        let Some(which) = in_slots.map(|(which, _)| which).nth(left) else { return false };
        self.step_guest(at, which)
    }
}

impl Flight {
    pub(crate) const fn new(unit: twinhaul_assist::Unit, redo: bool) -> Self {
        Self { unit, redo, step: FlightStep::Begin, version: 0, overwrite: false, reached: 0, nr: 0 }
    }
}
