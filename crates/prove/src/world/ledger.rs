//! The ledger's thread of a process: one job, one transaction; and what the driver hears of it, later.

use super::World;
use crate::mutant::Mutant;
use crate::process::{Answer, Cleanup, Job, Taken};
use crate::seen::Rare;
use twinhaul_assist::{ByteRange, Event, FencedFigures, Interval, LoadedLot, OpId, Refusal, Sizes};
use twinhaul_ledger::{
    Assign, AssignOutcome, Lent, Refused, Remembered, Result, Sim, State, TakeOver, TakeOverOutcome,
};
use twinhaul_units::{Bytes, Epoch, Incarnation, PeerId, TransferId};

impl World {
    /// One transaction of a process; a stale one's must change nothing (S7).
    pub(crate) fn transact<T>(&mut self, at: usize, work: impl FnOnce(&mut Sim) -> Result<T>) -> Result<T> {
        let stale = !self.is_current(at);
        let before = stale.then(|| self.ledger.clone());
        if self.setup.is(Mutant::CommitNotDurable) {
            self.before = Some(Box::new(self.ledger.clone()));
        }
        let result = work(&mut self.ledger);
        if let Some(before) = before {
            self.saw(Rare::StaleRefused);
            self.check_stale_changed_nothing(&before);
        }
        self.check_ledger();
        result
    }

    /// The first job of the ledger's thread.
    pub(crate) fn step_ledger(&mut self, at: usize) -> bool {
        let process = &mut self.processes[at];
        if process.frozen || self.ledger_cut[process.me.index()] {
            return false;
        }
        let Some(job) = process.jobs.pop_front() else { return false };
        let done = match job {
            Job::Load { limit } => self.load(at, limit),
            Job::Assign(assign) => self.assign(at, &assign),
            Job::FinishRanges(finished) => {
                let (me, mine) = self.place_of(at);
                self.transact(at, |ledger| ledger.finish_ranges(me, mine, &finished)).map(|ends| {
                    let held = finished.into_iter().map(|f| f.held);
                    self.processes[at].answers.push_back(Answer::FinishedRanges(held.zip(ends).collect()));
                })
            }
            Job::ReturnRanges(ranges) => {
                let (me, mine) = self.place_of(at);
                self.transact(at, |ledger| ledger.return_ranges(me, mine, &ranges))
            }
            Job::DeclineRanges(ranges) => {
                let (me, mine) = self.place_of(at);
                self.transact(at, |ledger| ledger.decline_ranges(me, mine, &ranges))
            }
            Job::RecallRanges(id, epoch) => {
                let (me, mine) = self.place_of(at);
                self.transact(at, |ledger| ledger.recall_ranges(me, mine, &[(id, epoch)]))
            }
            Job::TakeOver(take) => self.take_over(at, take),
            Job::Remember { ratio, live, last } => {
                let (me, mine) = self.place_of(at);
                let memory = Remembered {
                    ratio: f64::from_bits(ratio),
                    live_ratio: f64::from_bits(live),
                    last: last.to_owned(),
                };
                self.transact(at, |ledger| ledger.remember(me, mine, &memory))
            }
        };
        if done.is_err() {
            self.end_process(at);
        }
        true
    }

    fn load(&mut self, at: usize, limit: usize) -> Result<()> {
        let process = &self.processes[at];
        let loaded = self.ledger.lots_since(process.me, process.incarnation, process.cursor, limit)?;
        let lots = loaded.owned.iter().map(|owned| self.loaded_lot(owned.interval)).collect();
        let ranges = self.load_ranges(at)?;
        let process = &mut self.processes[at];
        process.cursor = loaded.next;
        let all_planned = loaded.complete && !loaded.growing;
        process.answers.push_back(Answer::Loaded { lots, ranges, all_planned });
        Ok(())
    }

    /// Ranges lent to this process, or come back to it, since the last load.
    fn load_ranges(&mut self, at: usize) -> Result<Vec<Lent>> {
        let process = &self.processes[at];
        let (me, mine) = (process.me, process.incarnation);
        let loaded = self.ledger.ranges_since(me, mine, process.range_cursor, usize::MAX)?;
        self.processes[at].range_cursor = loaded.next;
        Ok(loaded.ranges)
    }

    pub(crate) fn loaded_lot(&self, interval: Interval) -> LoadedLot {
        let sizes: Vec<u64> = (interval.first.0..=interval.last.0)
            .map(|id| u64::from(self.setup.grains_of(TransferId(id))) * crate::target::GRAIN)
            .collect();
        LoadedLot {
            interval,
            target: 0,
            sizes: Sizes::exact(interval.first, &sizes),
            shared_ranges: self.setup.ranges,
        }
    }

    fn assign(&mut self, at: usize, assign: &Assign) -> Result<()> {
        let (lots, before) = (self.ledger.owners().count(), self.ledger.clone());
        let mut asked = assign.clone();
        if self.setup.is(Mutant::AssignedToStale) {
            asked.to_incarnation = self.ledger.incarnation(assign.to);
        }
        let outcome = self.transact(at, |ledger| ledger.assign(&asked))?;
        if let AssignOutcome::Assigned(assigned) = &outcome {
            if before == self.ledger {
                self.saw(Rare::AssignRepeated);
            } else {
                self.saw(Rare::Assigned);
                self.check_assignment(at, assign);
            }
            if self.ledger.owners().count() > lots {
                self.saw(Rare::LotSplit);
            }
            for range in &assigned.ranges {
                self.saw(if range.hedge { Rare::Hedged } else { Rare::RangeLent });
            }
            if assigned.lots.iter().any(|lot| lot.epoch.0 > 2) {
                self.saw(Rare::GivenBack);
            }
        }
        self.processes[at].answers.push_back(Answer::Assigned { op: assign.op, outcome });
        Ok(())
    }

    fn take_over(&mut self, at: usize, take: TakeOver) -> Result<()> {
        let op = OpId(take.op);
        let dead = take.by.other();
        let authorised = !self.ledger.unsettled(dead)?.is_empty();
        let alive = self.processes.iter().any(|p| p.me == dead && p.incarnation == take.dead_incarnation);
        let outcome = self.transact(at, |ledger| ledger.take_over(&take))?;
        // The core asks again when it hears nothing for long: the first answer is being worked on.
        if self.processes[at].is_taking(op) {
            return Ok(());
        }
        match outcome {
            TakeOverOutcome::Taken(taken) => {
                self.saw(Rare::TookOver);
                for (rare, seen) in [(Rare::TookOverAuthorised, authorised), (Rare::TookOverAlive, alive)] {
                    if seen {
                        self.saw(rare);
                    }
                }
                let taken =
                    Taken { op, incarnation: taken.incarnation, count: taken.count, bytes: taken.bytes };
                self.processes[at].cleanup = Some(Cleanup::begin(Some(taken)));
                // What is known to be dead writes no more.
                if self.processes[at].told_dead != Some(take.dead_incarnation) {
                    self.leave_shared_objects(at);
                }
                if self.setup.is(Mutant::TakeOverWithoutDiscard) {
                    self.end_cleanup(at);
                }
            }
            TakeOverOutcome::Refused(_) => self.processes[at].answers.push_back(Answer::NotTaken { op }),
        }
        Ok(())
    }

    /// What the ledger's thread found is told to the core.
    pub(crate) fn step_answer(&mut self, at: usize) -> bool {
        let process = &mut self.processes[at];
        if process.frozen {
            return false;
        }
        let Some(answer) = process.answers.pop_front() else { return false };
        let event = match answer {
            Answer::Loaded { lots, ranges, all_planned } => {
                let ranges = self.ranges_loaded(at, &ranges);
                Event::LotsLoaded { lots, pinned: Vec::new(), ranges, all_planned }
            }
            Answer::FinishedRanges(ends) => {
                for (held, end) in ends {
                    self.range_finished(at, &held, end);
                }
                return true;
            }
            Answer::Assigned { op, outcome: AssignOutcome::Assigned(assigned) } => {
                self.cuts_decided(at, op, true);
                let lent: u64 = assigned.ranges.iter().map(ByteRange::len).sum();
                let bytes = Bytes(assigned.bytes + lent);
                Event::Assigned { op: OpId(op), lots: assigned.lots, ranges: assigned.ranges, bytes }
            }
            Answer::Assigned { op, outcome: AssignOutcome::Refused(why) } => {
                self.cuts_decided(at, op, false);
                Event::Refused { op: OpId(op), why: refusal(why) }
            }
            Answer::NotTaken { op } => {
                self.resume_loads(at);
                Event::Fenced { op, outcome: Err(Refusal::ReceiverNotCurrent) }
            }
            Answer::Taken { op, incarnation, count, bytes } => {
                self.resume_loads(at);
                Event::Fenced { op, outcome: Ok(FencedFigures { incarnation, count, bytes: Bytes(bytes) }) }
            }
        };
        self.tell(at, event);
        true
    }

    /// The take-over is complete: what it brought may be loaded.
    fn resume_loads(&mut self, at: usize) {
        let process = &mut self.processes[at];
        process.taking = None;
        if let Some(take) = process.later_take_over.take() {
            process.begin_to_take(take);
        } else if let Some(limit) = process.later_load.take() {
            process.jobs.push_back(Job::Load { limit });
        }
    }

    /// Looks whether this process still has its place, and whether there is nothing left to do: then it claims the last
    /// step of the run.
    pub(crate) fn poll(&mut self, at: usize) -> bool {
        if !self.may_poll(at) {
            return false;
        }
        if !self.is_current(at) {
            self.saw(Rare::StaleRefused);
            self.end_process(at);
            return true;
        }
        if self.ledger.is_finished() {
            self.end_process(at);
            return true;
        }
        // What is refused is asked for again at the next poll, in case that the other peer dies while it finishes.
        self.claim_finishing(at)
    }

    /// Whether anything comes of looking.
    pub(crate) fn may_poll(&self, at: usize) -> bool {
        let process = &self.processes[at];
        let looks = !process.frozen && process.core.is_some() && !self.ledger_cut[process.me.index()];
        let ends = || !self.is_current(at) || self.ledger.is_finished();
        looks && (ends() || (self.all_settled() && process.is_idle() && process.finish.is_none()))
    }

    /// Who a take-over or an assignment names as its own.
    pub(crate) fn place_of(&self, at: usize) -> (PeerId, Incarnation) {
        (self.processes[at].me, self.processes[at].incarnation)
    }

    /// Under which place and epoch a process ends a transfer; with a deliberate bug whatever the ledger takes.
    pub(super) fn claim(&self, at: usize, id: TransferId, epoch: Epoch) -> (PeerId, Incarnation, Epoch) {
        let (me, mine) = self.place_of(at);
        match self.ledger.owner(id).filter(|_| self.setup.is(Mutant::NoEpochCheck)) {
            Some((owner, epoch)) => (owner, self.ledger.incarnation(owner), epoch),
            None => (me, mine, epoch),
        }
    }

    /// The state of a transfer in the ledger.
    pub(crate) fn state(&self, id: TransferId) -> State {
        self.ledger.state_of(id).unwrap_or_default()
    }
}

const fn refusal(refused: Refused) -> Refusal {
    match refused {
        Refused::StaleHelper { .. } => Refusal::ReceiverNotCurrent,
        Refused::StaleOwner { .. } => Refusal::OwnerNotCurrent,
        _ => Refusal::LotChanged,
    }
}
