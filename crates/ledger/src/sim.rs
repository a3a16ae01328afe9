//! The ledger as plain values in memory: for the simulator and the model checker, never for a run.
//!
//! [`Sim`] does what the SQLite store does, operation by operation (the contract suite runs on both, and a random test
//! compares everything they answer), but it can be cloned, compared and hashed: a state of the world holds one. What
//! changes no decision (times, versions, figures for people) is kept but not compared. It must never touch a file or a
//! clock. [`SimStore`] and [`SimView`] are connections to one that is shared, so that it can stand behind [`Store`].

#![allow(
    clippy::unnecessary_wraps,
    reason = "the same shape as the other stores, of which any call can fail"
)]

mod canonical;
mod check;
mod checkpoints;
mod end;
mod lots;
mod moves;
mod plan;
mod queue;
mod ranges;
mod read;
mod retry;
mod rows;
mod settle;
mod tally;
mod tamper;

use crate::{Checkpoint, Interval, LedgerError, NewRun, Remembered, Result, RunState, State, Store, View};
use lots::Lot;
use moves::{Answer, Operation};
use plan::Plan;
use rows::Line;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tally::Tally;
use twinhaul_units::{Dial, Epoch, Incarnation, PeerId, TransferId, Turned};

/// One run's ledger as a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sim {
    plan: Still<Plan>,
    lines: Vec<Line>,
    /// By their first transfer.
    lots: Vec<Lot>,
    next_lot: u64,
    ranges: ranges::Ranges,
    checkpoints: BTreeMap<u64, Checkpoint>,
    tally: Tally,
    peers: [Peer; 2],
    /// The oldest first.
    operations: VecDeque<(Operation, Answer)>,
    state: RunState,
    finishing: Option<(PeerId, Incarnation)>,
    finished: bool,
    aside: Aside<Figures>,
}

/// A row of `peer`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Peer {
    incarnation: Incarnation,
    memory: Option<Memory>,
    dials: BTreeMap<Dial, Turned>,
}

/// What the method remembers; the ratios as the bits of floating point numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Memory {
    ratio: u64,
    live_ratio: u64,
    last: String,
}

impl Peer {
    fn remembered(&self) -> Option<Remembered> {
        let memory = self.memory.as_ref()?;
        Some(Remembered {
            ratio: f64::from_bits(memory.ratio),
            live_ratio: f64::from_bits(memory.live_ratio),
            last: memory.last.clone(),
        })
    }
}

/// What changes no decision.
#[derive(Clone, Debug, Default)]
struct Figures {
    lots_version: u64,
    data_version: u64,
    state_at_ms: u64,
    peers: [end::About; 2],
    events: VecDeque<end::Kept>,
    last_seq: u64,
}

impl Sim {
    /// A new run without transfers.
    pub fn new(run: &NewRun) -> Self {
        let figures = Figures { state_at_ms: run.created_at_ms, ..Figures::default() };
        Self {
            plan: Still(Arc::new(Plan::new(run.clone()))),
            lines: Vec::new(),
            lots: Vec::new(),
            next_lot: 1,
            ranges: ranges::Ranges::default(),
            checkpoints: BTreeMap::new(),
            tally: Tally::default(),
            peers: Default::default(),
            operations: VecDeque::new(),
            state: RunState::Starting,
            finishing: None,
            finished: false,
            aside: Aside(figures),
        }
    }

    /// The incarnation that has `peer`'s place; 0: none ever had.
    pub const fn incarnation(&self, peer: PeerId) -> Incarnation {
        match peer {
            PeerId::First => self.peers[0].incarnation,
            PeerId::Second => self.peers[1].incarnation,
        }
    }

    /// Whose lot a transfer is in, and its epoch.
    pub fn owner(&self, id: TransferId) -> Option<(PeerId, Epoch)> {
        self.lot_of(id.0).map(|lot| (lot.owner, Epoch(lot.epoch)))
    }

    /// The durable state of a transfer.
    pub fn state_of(&self, id: TransferId) -> Option<State> {
        Some(self.lines[self.place(id.0)?].state)
    }

    /// Transfers that are not settled.
    pub fn remaining(&self) -> u64 {
        self.tally.rows().filter(|((_, _, state), ..)| !state.settled()).map(|(_, n, _)| n).sum()
    }

    /// … in the lots of one peer.
    pub fn remaining_of(&self, peer: PeerId) -> u64 {
        let open = |(owner, _, state): &tally::Key| *owner == peer && !state.settled();
        self.tally.rows().filter(|(key, ..)| open(key)).map(|(_, n, _)| n).sum()
    }

    /// The digest that a transfer was authorised or done with.
    pub fn digest_of(&self, id: TransferId) -> Option<[u8; 32]> {
        self.lines[self.place(id.0)?].blake3
    }

    /// The reference that a transfer was last authorised with.
    pub fn reference_of(&self, id: TransferId) -> Option<&[u8]> {
        self.lines[self.place(id.0)?].reference.as_deref()
    }

    /// The time of the source version that a transfer was planned or last authorised with.
    pub fn mtime_of(&self, id: TransferId) -> Option<i64> {
        Some(self.lines[self.place(id.0)?].mtime_ns)
    }

    /// Whether a transfer was authorised, or ended, before.
    pub fn is_written(&self, id: TransferId) -> bool {
        self.place(id.0).is_some_and(|at| self.lines[at].by.is_some())
    }

    /// What a peer's former life remembered.
    pub fn memory(&self, peer: PeerId) -> Option<Remembered> {
        self.peers[peer.index()].remembered()
    }

    /// Who has claimed the last step of the run.
    pub const fn finisher(&self) -> Option<(PeerId, Incarnation)> {
        self.finishing
    }

    /// The last step of the run is done.
    pub const fn is_finished(&self) -> bool {
        self.finished
    }

    /// All lots as intervals with their owners, in the order of their transfers.
    pub fn owners(&self) -> impl Iterator<Item = (PeerId, Interval)> + '_ {
        self.lots.iter().map(|lot| (lot.owner, lot.interval(lot.first, lot.last)))
    }

    /// The incarnation check that begins every change a peer makes (invariants S5, S7).
    fn fence(&self, peer: PeerId, mine: Incarnation) -> Result<()> {
        let current = self.incarnation(peer);
        if current == mine { Ok(()) } else { Err(LedgerError::Fenced { peer, mine, current }) }
    }

    fn peer_mut(&mut self, peer: PeerId) -> &mut Peer {
        &mut self.peers[peer.index()]
    }

    /// Something was changed: for the cheap questions.
    fn committed(&mut self) {
        self.aside.0.data_version += 1;
    }
}

/// A connection that can write to a shared [`Sim`].
#[derive(Debug)]
pub struct SimStore {
    view: View,
    sim: SimView,
}

/// A connection that reads a shared [`Sim`].
#[derive(Clone, Debug)]
pub struct SimView(Arc<Mutex<Sim>>);

impl SimStore {
    /// Shares a ledger; more connections come from [`Self::another`] and [`Self::reader`].
    pub fn new(sim: Sim) -> Self {
        Self::over(SimView(Arc::new(Mutex::new(sim))))
    }

    fn over(sim: SimView) -> Self {
        Self { view: View::Sim(sim.clone()), sim }
    }

    /// One more connection to the same ledger.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::over(self.sim.clone())
    }

    /// One more reader of the same ledger.
    pub fn reader(&self) -> View {
        View::Sim(self.sim.clone())
    }

    pub(crate) const fn view(&self) -> &View {
        &self.view
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Sim> {
        self.sim.lock()
    }
}

impl SimView {
    /// A panic elsewhere leaves a ledger as it was: every change is checked before it is made.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Sim> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<SimStore> for Store {
    fn from(store: SimStore) -> Self {
        Self::Sim(store)
    }
}

/// Shared between clones and compared, but not worth hashing: it is the same in nearly every state.
#[derive(Clone, Debug)]
struct Still<T>(Arc<T>);

impl<T: PartialEq> PartialEq for Still<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl<T: Eq> Eq for Still<T> {}

impl<T> Hash for Still<T> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// Carried along, but neither compared nor hashed.
#[derive(Clone, Debug, Default)]
struct Aside<T>(T);

impl<T> PartialEq for Aside<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Aside<T> {}

impl<T> Hash for Aside<T> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
