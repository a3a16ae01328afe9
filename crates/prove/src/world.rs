//! A world: two peers' processes over one ledger and one target, messages between them, and everything that can go
//! wrong. One [`Action`] at a time changes it; after each the invariants are checked.
//!
//! No clock, no thread, no chance: who chooses the actions is the simulation (at random) or the model checker (all of
//! them). The method, and the ledger's rules, are the production code; the order of durable steps is the engine's.

mod actions;
mod brisk;
mod check;
mod cleanup;
mod commit;
mod drain;
mod driver;
mod faults;
mod haste;
mod ledger;
mod letters;
mod links;
mod method;
mod outside;
mod parts;
mod ranges;
mod slots;

use crate::aside::Aside;
use crate::process::Process;
use crate::seen::{Rare, Seen};
use crate::setup::{Fixed, Setup};
use crate::target::Target;
pub use actions::{Action, Thread};
use check::Marks;
pub use check::{Broken, Invariant};
pub use drain::Survivors;
pub(crate) use haste::Calm;
use letters::Letters;
use std::sync::Arc;
use twinhaul_assist::Event;
use twinhaul_ledger::Sim;
use twinhaul_units::{Incarnation, Moment, PeerId};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub(crate) setup: Fixed,
    pub(crate) ledger: Sim,
    pub(crate) target: Target,
    /// The version that each source object has now.
    pub(crate) sources: Vec<u8>,
    /// Those that live; of one peer the older one first.
    pub(crate) processes: Vec<Process>,
    pub(crate) letters: Letters,
    /// The peers do not reach each other.
    pub(crate) peers_cut: bool,
    /// A peer does not reach the ledger.
    pub(crate) ledger_cut: [bool; 2],
    pub(crate) clocks: Clocks,
    /// The incarnation that the latest process of each place took.
    pub(crate) joined: [Incarnation; 2],
    /// For a deliberate bug: the ledger before its last commit.
    before: Option<Box<Sim>>,
    /// Follows from the ledger, as long as nothing is broken.
    marks: Aside<Marks>,
    pub(crate) broken: Option<Broken>,
    pub(crate) seen: Aside<Seen>,
    /// What cores are told at the end of an action: never anything between two.
    untold: Aside<Vec<(PeerId, Incarnation, Event)>>,
}

/// What time it is, truly and at each peer. A peer's clock may run wild, but never back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Clocks {
    pub(crate) now: u64,
    pub(crate) local: [u64; 2],
    /// Parts in a hundred of true time.
    pub(crate) speed: [u64; 2],
}

impl World {
    /// The plan is made, and nobody has started.
    ///
    /// # Errors
    /// A setup that no ledger takes.
    pub fn new(setup: Arc<Setup>) -> twinhaul_ledger::Result<Self> {
        debug_assert!(setup.is_sound(), "a setup within its limits");
        let ledger = setup.ledger()?;
        let transfers = setup.transfers();
        Ok(Self {
            target: Target::new(&setup),
            sources: (0..transfers).map(|_| 1).collect(),
            processes: Vec::new(),
            letters: Letters::default(),
            peers_cut: false,
            ledger_cut: [false; 2],
            clocks: Clocks { speed: [100; 2], ..Clocks::default() },
            joined: [Incarnation(0); 2],
            before: None,
            marks: Aside(Marks::new(&ledger, transfers)),
            broken: None,
            seen: Aside::default(),
            untold: Aside::default(),
            ledger,
            setup: Fixed(setup),
        })
    }

    /// What is broken, if anything is; it stays so.
    pub const fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    pub const fn seen(&self) -> &Seen {
        &self.seen.0
    }

    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    pub(crate) fn saw(&mut self, what: Rare) {
        self.seen.count(what);
    }

    /// The time as `peer` has it.
    pub(crate) fn now(&self, peer: PeerId) -> Moment {
        Moment(self.clocks.local[peer.index()])
    }

    /// Whether this process still has its place.
    pub(crate) fn is_current(&self, at: usize) -> bool {
        let process = &self.processes[at];
        self.ledger.incarnation(process.me) == process.incarnation
    }

    /// The latest living process of a peer.
    pub(crate) fn latest(&self, peer: PeerId) -> Option<usize> {
        self.processes.iter().rposition(|p| p.me == peer)
    }

    /// The large transfers in flight in a line each: what of them is where.
    pub(crate) fn brief(&self) -> String {
        let whole = |w: &crate::whole::Whole| format!("\n    {w}");
        let wholes = self.processes.iter().flat_map(|p| &p.wholes);
        wholes.map(whole).collect()
    }

    /// Every transfer is settled.
    pub fn all_settled(&self) -> bool {
        self.ledger.remaining() == 0
    }

    /// … and the last step of the run is done.
    pub fn is_over(&self) -> bool {
        self.ledger.is_finished()
    }
}
