//! The committer of a process: a group of sealed transfers on its way through the durable steps, in the engine's order:
//! durable and private → authorised in the ledger → visible → names durable → done in the ledger (store.md 3).

use super::World;
use super::slots::index;
use crate::mutant::Mutant;
use crate::process::{Entry, Flight, Group, GroupStep, Item, Sealed};
use crate::seen::Rare;
use crate::setup::Durability;
use crate::target::NotPublished;
use twinhaul_assist::Unit;
use twinhaul_ledger::{Authorise, Outcome, Result, Settled};
use twinhaul_units::{Epoch, TransferId};

impl World {
    /// The next step of the committer: a group is closed, or goes on.
    pub(crate) fn step_commit(&mut self, at: usize) -> bool {
        let process = &self.processes[at];
        if process.frozen {
            return false;
        }
        let Some(group) = &process.group else { return self.close_group(at) };
        let ledger_step = matches!(group.step, GroupStep::Authorise | GroupStep::Release | GroupStep::Settle);
        if ledger_step && self.ledger_cut[process.me.index()] {
            return false;
        }
        let done = match group.step {
            GroupStep::Seal => {
                self.seal(at);
                Ok(())
            }
            GroupStep::Authorise => self.authorise(at),
            GroupStep::Publish(entry) => {
                self.publish(at, entry);
                Ok(())
            }
            GroupStep::SyncNames => {
                self.sync_names(at);
                Ok(())
            }
            GroupStep::Verify => {
                self.verify(at);
                Ok(())
            }
            GroupStep::Release => self.release(at),
            GroupStep::Settle => self.settle(at),
        };
        if done.is_err() {
            self.end_process(at);
        }
        true
    }

    pub(super) fn close_group(&mut self, at: usize) -> bool {
        let limit = self.setup.group.max(1);
        let process = &mut self.processes[at];
        let count = process.settling.len().min(limit);
        if count == 0 {
            return self.settle_published(at);
        }
        let mut group = Group { step: GroupStep::Seal, entries: Vec::new(), skipped: Vec::new() };
        for item in process.settling.drain(..count) {
            match item {
                Item::Sealed(sealed) => group.entries.push(Entry { sealed, failed: false }),
                Item::Skipped(unit) => group.skipped.push(unit),
            }
        }
        process.group = Some(group);
        true
    }

    pub(super) fn step_to(&mut self, at: usize, step: GroupStep) {
        if let Some(group) = &mut self.processes[at].group {
            group.step = step;
        }
    }

    /// The transfers of the group that no step has failed.
    fn good(&self, at: usize) -> Vec<Sealed> {
        let entries = self.processes[at].group.iter().flat_map(|group| &group.entries);
        entries.filter(|entry| !entry.failed).map(|entry| entry.sealed).collect()
    }

    fn fail(&mut self, at: usize, id: TransferId) {
        let entries = self.processes[at].group.iter_mut().flat_map(|group| &mut group.entries);
        entries.filter(|entry| entry.sealed.unit.id == id).for_each(|entry| entry.failed = true);
    }

    /// Durable and still private. With `durability: end` this waits for the end.
    fn seal(&mut self, at: usize) {
        if self.setup.durability == Durability::Group && !self.setup.is(Mutant::PublishedBeforeSealed) {
            for sealed in self.good(at) {
                let attempt = self.processes[at].attempt(&sealed.unit, sealed.nr);
                if !self.target.seal(attempt) {
                    self.fail(at, sealed.unit.id);
                }
            }
        }
        self.step_to(at, GroupStep::Authorise);
    }

    fn authorise(&mut self, at: usize) -> Result<()> {
        let (mut me, mut mine) = self.place_of(at);
        let process = &self.processes[at];
        let mut group: Vec<Authorise> = self
            .good(at)
            .iter()
            .map(|sealed| Authorise {
                id: sealed.unit.id,
                epoch: sealed.unit.epoch,
                reference: process.attempt(&sealed.unit, sealed.nr).reference(),
                blake3: sealed.content.digest(),
                size: u64::from(self.setup.grains_of(sealed.unit.id)),
                mtime_ns: sealed.version.into(),
            })
            .collect();
        for item in &mut group {
            (me, mine, item.epoch) = self.claim(at, item.id, item.epoch);
        }
        if !group.is_empty() && !self.setup.is(Mutant::NoAuthorise) {
            self.transact(at, |ledger| ledger.authorise(me, mine, &group))?;
        }
        self.step_to(at, GroupStep::Publish(0));
        Ok(())
    }

    /// One object becomes visible; a crash may come between two of a group.
    fn publish(&mut self, at: usize, entry: usize) {
        let group = self.processes[at].group.as_ref();
        let Some(found) = group.and_then(|group| group.entries.get(entry)).cloned() else {
            let verify = self.setup.durability == Durability::End;
            self.step_to(at, if verify { GroupStep::Verify } else { GroupStep::SyncNames });
            return;
        };
        self.step_to(at, GroupStep::Publish(entry + 1));
        if found.failed {
            return;
        }
        let sealed = found.sealed;
        let attempt = self.processes[at].attempt(&sealed.unit, sealed.nr);
        let older = self.target.public(sealed.unit.id).map(|public| public.object.attempt);
        match self.target.publish(attempt, sealed.overwrite) {
            Ok(()) => {
                if !self.is_current(at) {
                    self.saw(Rare::StalePublished);
                }
                if older.is_some() && self.setup.is(Mutant::NamesAside) {
                    self.target.strays += 1;
                }
                self.check_published(attempt, older);
            }
            Err(why) => {
                if why == NotPublished::NotFound && !self.is_current(at) {
                    self.saw(Rare::StalePublishFailed);
                }
                self.fail(at, sealed.unit.id);
            }
        }
    }

    fn sync_names(&mut self, at: usize) {
        if !self.setup.is(Mutant::DoneBeforeNames) {
            self.target.sync_names();
        }
        self.step_to(at, GroupStep::Verify);
    }

    /// What was published is read back and compared, if the setup says so.
    fn verify(&mut self, at: usize) {
        if self.setup.read_back {
            for sealed in self.good(at) {
                let there = self.target.public(sealed.unit.id).map(|public| public.object.content.digest());
                if there != Some(sealed.content.digest()) {
                    self.fail(at, sealed.unit.id);
                }
            }
        }
        self.step_to(at, GroupStep::Release);
    }

    /// What failed is planned again, and done again here.
    fn release(&mut self, at: usize) -> Result<()> {
        let (me, mine) = self.place_of(at);
        let entries = self.processes[at].group.iter().flat_map(|group| &group.entries);
        let failed: Vec<Sealed> = entries.filter(|entry| entry.failed).map(|entry| entry.sealed).collect();
        if !failed.is_empty() {
            let group: Vec<(TransferId, Epoch)> = failed.iter().map(|s| (s.unit.id, s.unit.epoch)).collect();
            self.transact(at, |ledger| ledger.release(me, mine, &group))?;
            let forgotten = self.setup.is(Mutant::FailedForgotten);
            for sealed in failed.into_iter().filter(|_| !forgotten) {
                let again = Flight { nr: sealed.nr + 1, ..Flight::new(sealed.unit, true) };
                self.processes[at].flights.push(again);
            }
        }
        self.step_to(at, GroupStep::Settle);
        Ok(())
    }

    fn settle(&mut self, at: usize) -> Result<()> {
        let (me, mine) = self.place_of(at);
        let done = self.good(at).iter().map(|sealed| self.done(sealed)).collect();
        let skipped = self.processes[at].group.iter().flat_map(|group| &group.skipped);
        let skipped: Vec<Settled> = skipped.map(|unit| ended(*unit, Outcome::Skipped)).collect();
        let mut settled: Vec<Settled> = done;
        if self.setup.durability == Durability::End {
            self.processes[at].published.append(&mut settled);
        }
        settled.extend(skipped);
        if !settled.is_empty() {
            self.transact(at, |ledger| ledger.settle(me, mine, &settled))?;
            if self.setup.is(Mutant::CountedTwice) {
                self.ledger.tamper_counters(me);
            }
            self.check_targets();
        }
        self.processes[at].group = None;
        Ok(())
    }

    fn done(&self, sealed: &Sealed) -> Settled {
        let outcome = Outcome::Done {
            verified: true,
            etag: None,
            lost: 0,
            blake3: sealed.content.digest(),
            size: self.setup.grains_of(sealed.unit.id).into(),
        };
        ended(sealed.unit, outcome)
    }

    /// With `durability: end`: one sync of everything published so far, then all of it is done.
    fn settle_published(&mut self, at: usize) -> bool {
        let (me, mine) = self.place_of(at);
        let settled = self.processes[at].published.clone();
        if settled.is_empty() || self.ledger_cut[me.index()] {
            return false;
        }
        self.target.seal_all();
        self.target.sync_names();
        match self.transact(at, |ledger| ledger.settle(me, mine, &settled)) {
            Ok(()) => self.processes[at].published.clear(),
            Err(_) => self.end_process(at),
        }
        self.check_targets();
        true
    }

    /// A sync that fails: what it was for is done again, nothing of it is trusted (store.md 4.10).
    pub(crate) fn fail_sync(&mut self, at: usize) -> bool {
        let process = &self.processes[at];
        let step = process.group.as_ref().map(|group| group.step);
        if process.frozen || !matches!(step, Some(GroupStep::Seal | GroupStep::SyncNames)) {
            return false;
        }
        self.saw(Rare::SyncFailed);
        for sealed in self.good(at) {
            self.fail(at, sealed.unit.id);
            if step == Some(GroupStep::Seal) {
                let attempt = self.processes[at].attempt(&sealed.unit, sealed.nr);
                self.target.discard(attempt);
            }
        }
        let next = if step == Some(GroupStep::Seal) { GroupStep::Authorise } else { GroupStep::Verify };
        self.step_to(at, next);
        true
    }

    /// The source object becomes another version, as long as somebody still reads it.
    pub(crate) fn change_source(&mut self, id: TransferId) -> bool {
        let read = self.processes.iter().any(|p| {
            p.flights.iter().any(|f| f.unit.id == id && f.version > 0)
                || p.wholes.iter().any(|w| w.unit.id == id)
                || p.guests.iter().any(|g| g.range.id == id)
        });
        let version = &mut self.sources[index(id)];
        if !read || *version >= crate::VERSIONS_MAX {
            return false;
        }
        *version += 1;
        true
    }
}

fn ended(unit: Unit, outcome: Outcome) -> Settled {
    Settled {
        id: unit.id,
        epoch: unit.epoch,
        outcome,
        attempts: 1,
        at_ms: 0,
        started_at_ms: None,
        first_error: None,
    }
}
