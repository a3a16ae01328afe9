//! The invariants of protocol.md 6, as far as one state and what was seen before can tell.
//!
//! A world remembers the first that was broken. What only a whole run can tell (L1 to L4) is in `drain`.

use super::World;
use super::slots::index;
use crate::target::Attempt;
use crate::whole::bytes;
use twinhaul_ledger::{Assign, Sim, State};
use twinhaul_units::{Epoch, Incarnation, PeerId, TransferId};

/// An invariant of protocol.md 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    S1,
    S2,
    S3,
    S4,
    S5,
    S6,
    S7,
    S8,
    S9,
    S10,
    S11,
    L1,
    L2,
    L3,
    L4,
    /// The method itself (claims 4.2, 5.2, 6, 7; protocol.md 2).
    Claims,
    /// An assertion in the production code.
    Assert,
}

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Broken {
    pub invariant: Invariant,
    pub what: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.what)
    }
}

/// What was true before, and may not become less true.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Marks {
    epochs: Vec<u64>,
    incarnations: [u64; 2],
    /// How each transfer ended, once it has.
    ended: Vec<Option<(State, Option<[u8; 32]>)>>,
}

impl Marks {
    pub(super) fn new(ledger: &Sim, transfers: u64) -> Self {
        Self {
            epochs: ledger.epochs().map(|(_, epoch)| epoch.0).collect(),
            incarnations: [0; 2],
            ended: (0..transfers).map(|_| None).collect(),
        }
    }
}

impl World {
    pub(crate) fn unless(&mut self, holds: bool, invariant: Invariant, what: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some(Broken { invariant, what: what() });
        }
    }

    /// After a transaction: S3, S4, S5, S11.
    pub(crate) fn check_ledger(&mut self) {
        match self.ledger.check_invariants() {
            Ok(broken) => {
                if let Some(words) = broken.first() {
                    let counts = words.contains("counter");
                    let invariant = if counts { Invariant::S11 } else { Invariant::S4 };
                    self.unless(false, invariant, || words.clone());
                }
            }
            Err(error) => self.unless(false, Invariant::S4, || error.to_string()),
        }
        let epochs: Vec<u64> = self.ledger.epochs().map(|(_, epoch)| epoch.0).collect();
        let fell = self.marks.epochs.iter().zip(&epochs).position(|(before, now)| now < before);
        self.unless(fell.is_none(), Invariant::S5, || format!("the epoch of transfer {fell:?} fell"));
        self.marks.epochs = epochs;
        let incarnations = PeerId::BOTH.map(|peer| self.ledger.incarnation(peer).0);
        let fell = self.marks.incarnations.iter().zip(&incarnations).any(|(before, now)| now < before);
        self.unless(!fell, Invariant::S5, || "an incarnation fell".to_owned());
        self.marks.incarnations = incarnations;
        self.check_ends();
    }

    /// S3: what has ended stays as it ended.
    fn check_ends(&mut self) {
        for id in (0..self.setup.transfers()).map(TransferId) {
            let state = self.state(id);
            let now = state.settled().then(|| (state, self.ledger.digest_of(id)));
            let before = self.marks.ended[index(id)];
            if let Some(before) = before {
                self.unless(now == Some(before), Invariant::S3, || {
                    format!("transfer {id} had ended as {}, and is {}", before.0.words(), state.words())
                });
            } else if now.is_some() {
                self.marks.ended[index(id)] = now;
            }
        }
    }

    /// S1: for what is done the target durably holds the complete object with the recorded hash. For what was skipped
    /// it holds a complete object.
    pub(crate) fn check_targets(&mut self) {
        for id in (0..self.setup.transfers()).map(TransferId) {
            let Some((state, digest)) = self.marks.ended[index(id)] else { continue };
            let public = self.target.public(id);
            let durable =
                public.is_some_and(|p| p.before.is_none() && p.object.durable == Some(p.object.content));
            let content = public.map(|p| p.object.content);
            let right = match state {
                State::Done => content.map(|c| c.digest()) == digest,
                State::Skipped => content.is_some_and(|c| c.is_whole(c.mtime())),
                _ => true,
            };
            let failed = state == State::Failed;
            self.unless(failed || (right && durable), Invariant::S1, || {
                let what = if right { "not durably" } else { "not" };
                format!("transfer {id} is {}, and the target does {what} hold it", state.words())
            });
        }
    }

    /// After a publication: S2, S3, S8.
    pub(crate) fn check_published(&mut self, attempt: Attempt, older: Option<Attempt>) {
        let id = attempt.id;
        if let Some(there) = older {
            self.unless(attempt.age() >= there.age(), Invariant::S2, || {
                format!(
                    "transfer {id}: an attempt of epoch {} replaced one of epoch {}",
                    attempt.epoch, there.epoch
                )
            });
        }
        let state = self.state(id);
        self.unless(!state.settled(), Invariant::S2, || {
            format!("transfer {id} was {}, and was published again", state.words())
        });
        let recorded = self.ledger.reference_of(id).and_then(Attempt::parse);
        self.unless(recorded == Some(attempt) && state != State::Planned, Invariant::S8, || {
            format!("transfer {id} was published without its reference in the ledger")
        });
    }

    /// S2: what a process that was taken over still writes goes where nobody looks. A second copy of it is another matter:
    /// it could only come when the first was gone.
    pub(crate) fn check_fenced_writes(&mut self, at: usize, attempt: Attempt) {
        let (me, mine) = self.place_of(at);
        if self.is_current(at) || self.joined[me.index()] != mine {
            return;
        }
        let published = self.target.public(attempt.id).is_some_and(|p| p.object.attempt == attempt);
        let goes_on = (0..self.processes.len())
            .filter(|other| self.is_current(*other))
            .any(|other| self.processes[other].wholes.iter().any(|w| w.attempt == attempt && !w.failed));
        self.unless(!published && !goes_on, Invariant::S2, || {
            format!("a process that was taken over writes into {}, which is in use", attempt.name())
        });
    }

    /// S7.
    pub(crate) fn check_stale_changed_nothing(&mut self, before: &Sim) {
        let same = *before == self.ledger;
        self.unless(same, Invariant::S7, || "a stale incarnation changed the ledger".to_owned());
    }

    /// S6: what was assigned had not started at its giver; and the receiver was the one that asked (S7).
    pub(crate) fn check_assignment(&mut self, at: usize, assign: &Assign) {
        for id in assign.intervals.iter().flat_map(|i| i.first.0..=i.last.0).map(TransferId) {
            let started = self.processes[at].holds(id);
            self.unless(!started, Invariant::S6, || {
                format!("transfer {id} was assigned after it had started")
            });
            let state = self.state(id);
            self.unless(state == State::Planned, Invariant::S6, || {
                format!("transfer {id} was assigned, and is {}", state.words())
            });
        }
        for cut in assign.cuts.iter().filter(|cut| !cut.hedge) {
            let claimed =
                |part: &crate::whole::Part| bytes(part.from) <= cut.from && cut.from < bytes(part.reached);
            let process = &self.processes[at];
            let own = process.wholes.iter().filter(|w| w.attempt.name() == cut.object.attempt);
            let mut parts = own.flat_map(|w| &w.own);
            let mut guests = process.guests.iter().filter(|g| g.range.id == cut.id).map(|g| &g.part);
            let claimed = parts.any(claimed) || guests.any(claimed);
            self.unless(!claimed, Invariant::S6, || format!("a claimed range of transfer {} moved", cut.id));
        }
        let current = self.ledger.incarnation(assign.to);
        self.unless(current == assign.to_incarnation, Invariant::S7, || {
            format!("assigned to incarnation {}, it is at {current}", assign.to_incarnation)
        });
    }

    /// S10: a message gives no work to a peer and takes none away.
    pub(crate) fn check_messages_move_nothing(&mut self, at: usize, before: u64) {
        let now = self.held(at);
        self.unless(now == before, Invariant::S10, || {
            format!("a message changed what a peer holds from {before} to {now} transfers")
        });
        self.check_processes();
    }

    /// S4, seen from the processes that have their place: what they queue and what they work on is theirs.
    pub(crate) fn check_processes(&mut self) {
        let mut wrong = None;
        for at in 0..self.processes.len() {
            let process = &self.processes[at];
            let Some(core) = process.core.as_ref().filter(|_| self.is_current(at)) else { continue };
            for part in core.queue() {
                for id in part.first.0..=part.last.0 {
                    if !self.is_planned_for(process.me, TransferId(id), part.epoch) {
                        wrong = Some((TransferId(id), "queued"));
                    }
                }
            }
            for unit in core.in_flight() {
                if self.ledger.owner(unit.id) != Some((process.me, unit.epoch)) {
                    wrong = Some((unit.id, "worked on"));
                }
            }
        }
        let astray = (0..self.processes.len()).filter(|at| self.is_current(*at)).find_map(|at| {
            let mut wholes = self.processes[at].wholes.iter().filter(|w| !w.failed && !w.closing);
            wholes.find_map(|w| Some((w.unit.id, w.astray()?)))
        });
        if let Some((id, grain)) = astray {
            self.unless(false, Invariant::S4, || {
                format!("grain {grain} of transfer {id} has no owner, or two")
            });
        }
        if let Some((id, how)) = wrong {
            self.unless(false, Invariant::S4, || {
                format!("transfer {id} is {how} by a peer that does not own it")
            });
        }
        let strays = self.target.strays;
        self.unless(strays == 0, Invariant::S9, || format!("{strays} names at the target that are nobody's"));
    }

    fn is_planned_for(&self, peer: PeerId, id: TransferId, epoch: Epoch) -> bool {
        self.ledger.owner(id) == Some((peer, epoch)) && self.state(id) == State::Planned
    }

    /// L4: at the end nothing private is left, but of processes that still live.
    pub(crate) fn check_nothing_private(&mut self) {
        let lives: Vec<(PeerId, Incarnation)> =
            self.processes.iter().map(|p| (p.me, p.incarnation)).collect();
        let left = |a: &Attempt| !lives.contains(&(a.peer, a.incarnation));
        let found = self.target.privates.iter().map(|p| p.attempt).find(left);
        self.unless(found.is_none(), Invariant::L4, || format!("a private object is left: {found:?}"));
    }
}
