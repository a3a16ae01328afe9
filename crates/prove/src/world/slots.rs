//! The slots of a process: a transfer is read, and written to a private object, grain by grain.

use super::World;
use crate::mutant::Mutant;
use crate::process::{Flight, FlightStep, Item, Sealed};
use crate::seen::Rare;
use crate::target::{Content, GRAIN};
use crate::whole::{Stage, Whole, bytes};
use twinhaul_assist::{Event, PartProgress, SlotOutcome, Unit};
use twinhaul_units::{Bytes, TransferId};

impl World {
    /// The core wants this transfer started, or its group failed it and it is done again.
    pub(crate) fn start(&mut self, at: usize, unit: Unit, redo: bool) {
        self.processes[at].flights.push(Flight::new(unit, redo));
    }

    /// The next step of one slot.
    pub(crate) fn step_slot(&mut self, at: usize, slot: usize) -> bool {
        let process = &self.processes[at];
        if process.frozen {
            return false;
        }
        let Some(flight) = process.flights.get(slot) else {
            return self.step_large(at, slot - process.flights.len());
        };
        match flight.step {
            FlightStep::Begin => self.begin(at, slot),
            FlightStep::Copy => self.copy(at, slot),
            FlightStep::Check => self.check_source(at, slot),
        }
        true
    }

    /// What is at the target already decides: skip, or a private object is opened (its reference is its attempt).
    fn begin(&mut self, at: usize, slot: usize) {
        let flight = &self.processes[at].flights[slot];
        let (unit, redo) = (flight.unit, flight.redo);
        let grains = self.setup.grains_of(unit.id);
        if !redo {
            self.tell(at, Event::Began { id: unit.id, bytes: Bytes(u64::from(grains) * GRAIN) });
        }
        let there = self.target.public(unit.id).map(|public| public.object.content.mtime());
        let planned = self.ledger.mtime_of(unit.id);
        let written = (redo || self.ledger.is_written(unit.id)) && !self.setup.is(Mutant::SkipsItsOwn);
        if self.setup.skip_same && !written && there.is_some_and(|mtime| Some(i64::from(mtime)) == planned) {
            self.saw(Rare::Skipped);
            self.leave_slot(at, slot, Item::Skipped(unit));
            return;
        }
        let attempt = self.processes[at].attempt(&unit, self.processes[at].flights[slot].nr);
        self.target.open(attempt, grains);
        let version = self.sources[index(unit.id)];
        if self.setup.ranges && grains > 1 {
            self.processes[at].flights.remove(slot);
            let whole = Whole::new(unit, redo, attempt, version, there.is_some(), grains);
            self.processes[at].wholes.push(whole);
            return;
        }
        let flight = &mut self.processes[at].flights[slot];
        (flight.version, flight.overwrite, flight.reached) = (version, there.is_some(), 0);
        flight.step = if grains == 0 { FlightStep::Check } else { FlightStep::Copy };
    }

    /// One grain. A private object that was discarded meanwhile takes it and nobody sees it.
    fn copy(&mut self, at: usize, slot: usize) {
        let flight = &self.processes[at].flights[slot];
        let (unit, reached) = (flight.unit, flight.reached);
        let attempt = self.processes[at].attempt(&unit, flight.nr);
        let version = self.sources[index(unit.id)];
        self.target.write(attempt, reached, version);
        self.processes[at].notes.moved += GRAIN;
        let done = reached + 1 >= self.setup.grains_of(unit.id);
        let flight = &mut self.processes[at].flights[slot];
        flight.reached += 1;
        if done || self.setup.is(Mutant::HalfCopied) {
            flight.step = FlightStep::Check;
        }
    }

    /// The source is looked at again (store.md 4.8): if it changed, all is read once more.
    fn check_source(&mut self, at: usize, slot: usize) {
        let flight = &self.processes[at].flights[slot];
        let (unit, version, overwrite, nr) = (flight.unit, flight.version, flight.overwrite, flight.nr);
        let attempt = self.processes[at].attempt(&unit, nr);
        if self.sources[index(unit.id)] != version && !self.setup.is(Mutant::SourceNotChecked) {
            self.saw(Rare::SourceChanged);
            self.target.discard(attempt);
            let flight = &mut self.processes[at].flights[slot];
            (flight.step, flight.nr) = (FlightStep::Begin, nr + 1);
            return;
        }
        if let Some(private) = self.target.private_mut(attempt) {
            private.content.stamp(version);
        }
        let content = Content::of(self.setup.grains_of(unit.id), version);
        self.leave_slot(at, slot, Item::Sealed(Sealed { unit, version, overwrite, nr, content }));
    }

    /// The transfer goes to the committer; its slot is free.
    fn leave_slot(&mut self, at: usize, slot: usize, item: Item) {
        let flight = self.processes[at].flights.remove(slot);
        let outcome = match item {
            Item::Sealed(_) => SlotOutcome::Settling,
            Item::Skipped(_) => SlotOutcome::Skipped,
        };
        self.processes[at].settling.push_back(item);
        if !flight.redo {
            self.tell(at, Event::SlotDone { id: flight.unit.id, outcome });
        }
    }

    /// How far each part in flight has come.
    pub(crate) fn progress(&self, at: usize) -> Vec<PartProgress> {
        let part = |flight: &Flight| PartProgress {
            id: flight.unit.id,
            from: 0,
            reached: u64::from(flight.reached) * GRAIN,
            to: u64::from(self.setup.grains_of(flight.unit.id)) * GRAIN,
        };
        let process = &self.processes[at];
        let own = process.wholes.iter().flat_map(|whole| {
            whole.own.iter().filter(|part| part.core_waits).map(|part| (whole.unit.id, part))
        });
        let in_slots = process.guests.iter().filter(|guest| guest.stage == Stage::InSlot);
        let large = own.chain(in_slots.map(|guest| (guest.range.id, &guest.part)));
        let large = large.map(|(id, part)| PartProgress {
            id,
            from: bytes(part.from),
            reached: bytes(part.reached),
            to: bytes(part.end),
        });
        process.flights.iter().filter(|flight| !flight.redo).map(part).chain(large).collect()
    }
}

pub(crate) fn index(id: TransferId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}
