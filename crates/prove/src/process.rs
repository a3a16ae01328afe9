//! One peer's process: the production core, and what its threads have in hand. All of it is memory: a crash takes it.
//!
//! The threads are those of the engine: the driver (which feeds the core), the ledger's, the slots, the committer, and
//! whoever recovers, takes over or finishes. Each goes on one durable step at a time, so that a crash, a freeze or
//! another process can come between any two.

use crate::aside::Aside;
use crate::target::{Attempt, Content};
use crate::whole::{Cutting, Guest, Whole};
use std::collections::VecDeque;
use twinhaul_assist::{AskId, Core, Episode, LoadedLot, OpId, Unit};
use twinhaul_ledger::{
    Assign, AssignOutcome, FinishedRange, HeldRange, Lent, LotCursor, RangeCursor, RangeEnd, Settled,
    TakeOver,
};
use twinhaul_units::{Epoch, Incarnation, Moment, PeerId, TransferId};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) me: PeerId,
    pub(crate) incarnation: Incarnation,
    /// Nothing of it goes on until it wakes.
    pub(crate) frozen: bool,
    /// `None` before recovery is over.
    pub(crate) core: Option<Core>,
    /// Recovery, or a take-over.
    pub(crate) cleanup: Option<Cleanup>,
    /// The take-over under way: until its cleanup is over no lots are loaded, and no other take-over begins.
    pub(crate) taking: Option<u64>,
    pub(crate) later_take_over: Option<TakeOver>,
    pub(crate) later_load: Option<usize>,
    pub(crate) timer: Option<Moment>,
    pub(crate) jobs: VecDeque<Job>,
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) cursor: LotCursor,
    pub(crate) range_cursor: RangeCursor,
    pub(crate) flights: Vec<Flight>,
    /// Large transfers in flight here.
    pub(crate) wholes: Vec<Whole>,
    /// Ranges of the other peer's.
    pub(crate) guests: Vec<Guest>,
    /// Cuts that the ledger has not decided about.
    pub(crate) cuttings: Vec<Cutting>,
    /// Lent ranges that the ledger was told are not needed: once is enough.
    pub(crate) declined: Vec<(TransferId, u64, bool)>,
    /// Ended in their slots, waiting for a group.
    pub(crate) settling: VecDeque<Item>,
    pub(crate) group: Option<Group>,
    /// With `durability: end`: published, not yet known to be durable.
    pub(crate) published: Vec<Settled>,
    pub(crate) finish: Option<Finish>,
    /// The incarnation of the other peer that the core was told is dead.
    pub(crate) told_dead: Option<Incarnation>,
    pub(crate) notes: Aside<Notes>,
}

/// What a process knows of itself that changes nothing it does, as long as nothing is measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    /// The latest ask that it answered, and whether with "needed".
    pub(crate) answered: Option<(AskId, bool)>,
    /// Bytes that it copied.
    pub(crate) moved: u64,
    /// The question that is being answered, and the one for which the ratio was raised last.
    pub(crate) hears: Option<(Incarnation, Episode)>,
    pub(crate) raised_for: Option<(Incarnation, Episode)>,
    /// The transfers that an operator names at this moment, by their bits.
    pub(crate) named: Option<u64>,
    /// Since when it has been idle without asking.
    pub(crate) idle_since: Option<Moment>,
}

/// What the ledger's thread is to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Job {
    Load {
        limit: usize,
    },
    FinishRanges(Vec<FinishedRange>),
    ReturnRanges(Vec<HeldRange>),
    DeclineRanges(Vec<HeldRange>),
    RecallRanges(TransferId, Epoch),
    Assign(Assign),
    TakeOver(TakeOver),
    /// The bits of the ratios.
    Remember {
        ratio: u64,
        live: u64,
        last: &'static str,
    },
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Loaded {
        lots: Vec<LoadedLot>,
        ranges: Vec<Lent>,
        all_planned: bool,
    },
    FinishedRanges(Vec<(HeldRange, RangeEnd)>),
    Assigned {
        op: u64,
        outcome: AssignOutcome,
    },
    /// The take-over was refused; a successful one is told by its cleanup.
    NotTaken {
        op: OpId,
    },
    Taken {
        op: OpId,
        incarnation: Incarnation,
        count: u64,
        bytes: u64,
    },
}

/// A transfer in a slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Flight {
    pub(crate) unit: Unit,
    /// Failed in its group, and done again without asking the core.
    pub(crate) redo: bool,
    pub(crate) step: FlightStep,
    /// Of the source, as it was opened.
    pub(crate) version: u8,
    pub(crate) overwrite: bool,
    /// Grains copied.
    pub(crate) reached: u8,
    pub(crate) nr: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FlightStep {
    Begin,
    Copy,
    /// Whether the source is what it was.
    Check,
}

/// What a slot hands to the committer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    Sealed(Sealed),
    Skipped(Unit),
}

/// A complete private object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sealed {
    pub(crate) unit: Unit,
    pub(crate) version: u8,
    pub(crate) overwrite: bool,
    pub(crate) nr: u8,
    /// What was written, as those who read it know.
    pub(crate) content: Content,
}

/// Transfers that become durable together (store.md 3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Group {
    pub(crate) step: GroupStep,
    pub(crate) entries: Vec<Entry>,
    pub(crate) skipped: Vec<Unit>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) sealed: Sealed,
    /// It is done again.
    pub(crate) failed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum GroupStep {
    Seal,
    Authorise,
    Publish(usize),
    SyncNames,
    Verify,
    Release,
    Settle,
}

/// What is left of a dead process is brought into order: discard before redo.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cleanup {
    /// `None`: of former lives of this peer's place, before anything else.
    pub(crate) taken: Option<Taken>,
    pub(crate) step: CleanupStep,
    pub(crate) rows: Vec<Left>,
    pub(crate) accepted: Vec<Left>,
    pub(crate) redo: Vec<(TransferId, Epoch)>,
}

/// A take-over whose cleanup is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Taken {
    pub(crate) op: OpId,
    /// Of the dead peer, after the bump.
    pub(crate) incarnation: Incarnation,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

/// An authorised transfer that no process is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Left {
    pub(crate) id: TransferId,
    pub(crate) epoch: Epoch,
    pub(crate) attempt: Attempt,
    pub(crate) digest: [u8; 32],
    pub(crate) size: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CleanupStep {
    List,
    /// Discards the object, and looks at what was published; row by row.
    Look(usize),
    Sync,
    Settle,
    Release,
    Sweep,
}

/// The last step of a run, by one peer (store.md 3, finishing).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Finish {
    /// Who was fenced must be gone.
    EndFenced,
    Sweep,
    Done,
}

impl Process {
    /// A process that has just joined and will recover first.
    pub(crate) fn new(me: PeerId, incarnation: Incarnation) -> Self {
        Self {
            me,
            incarnation,
            frozen: false,
            core: None,
            cleanup: Some(Cleanup::begin(None)),
            taking: None,
            later_take_over: None,
            later_load: None,
            timer: None,
            jobs: VecDeque::new(),
            answers: VecDeque::new(),
            cursor: LotCursor::default(),
            range_cursor: RangeCursor::default(),
            flights: Vec::new(),
            wholes: Vec::new(),
            guests: Vec::new(),
            cuttings: Vec::new(),
            declined: Vec::new(),
            settling: VecDeque::new(),
            group: None,
            published: Vec::new(),
            finish: None,
            told_dead: None,
            notes: Aside::default(),
        }
    }

    pub(crate) const fn attempt(&self, unit: &Unit, nr: u8) -> Attempt {
        Attempt { id: unit.id, epoch: unit.epoch, peer: self.me, incarnation: self.incarnation, nr }
    }

    /// Whether a thread of it has this transfer in hand.
    pub(crate) fn holds(&self, id: TransferId) -> bool {
        let group = self.group.iter().flat_map(|g| {
            g.entries.iter().map(|e| e.sealed.unit.id).chain(g.skipped.iter().map(|unit| unit.id))
        });
        let flying = self.flights.iter().map(|f| f.unit.id).chain(self.wholes.iter().map(|w| w.unit.id));
        flying.into_iter().any(|held| held == id)
            || self.settling.iter().any(|item| item.id() == id)
            || group.into_iter().any(|held| held == id)
            || self.published.iter().any(|end| end.id == id)
    }

    /// No thread has anything in hand.
    pub(crate) fn is_idle(&self) -> bool {
        self.flights.is_empty()
            && self.wholes.is_empty()
            && self.guests.is_empty()
            && self.settling.is_empty()
            && self.group.is_none()
            && self.published.is_empty()
            && self.jobs.is_empty()
            && self.answers.is_empty()
            && self.cleanup.is_none()
            && self.core.as_ref().is_some_and(Core::is_idle)
    }

    pub(crate) fn begin_to_take(&mut self, take: TakeOver) {
        self.taking = Some(take.op);
        self.jobs.push_back(Job::TakeOver(take));
    }

    /// The take-over of this number is done in the ledger, and not yet told.
    pub(crate) fn is_taking(&self, number: OpId) -> bool {
        self.cleanup.as_ref().and_then(|c| c.taken).is_some_and(|taken| taken.op == number)
            || self.answers.iter().any(|a| matches!(a, Answer::Taken { op, .. } if *op == number))
    }

    /// Between two durable steps of a group.
    pub(crate) fn is_in_a_group(&self) -> bool {
        self.group.as_ref().is_some_and(|g| g.step != GroupStep::Seal)
    }
}

impl Item {
    pub(crate) const fn id(&self) -> TransferId {
        match self {
            Self::Sealed(sealed) => sealed.unit.id,
            Self::Skipped(unit) => unit.id,
        }
    }
}

impl Cleanup {
    pub(crate) const fn begin(taken: Option<Taken>) -> Self {
        Self { taken, step: CleanupStep::List, rows: Vec::new(), accepted: Vec::new(), redo: Vec::new() }
    }
}
