//! The model check: every state that a small world can reach, by every interleaving of its threads and letters and
//! every placing of a bounded number of faults, over the production core and the ledger's rules.
//!
//! Two properties are asked of every state: no invariant is broken, and it "drains from here": healed, the run ends well
//! with both peers, with either one alone, and with either one beside a frozen one (L1). An `eventually` would be
//! unsound on cycles (protocol.md 7). What bounds a search is part of its [`Case`], and printed with its result.

mod budget;
mod canonical;
mod case;
mod drains;
mod mix;
mod renumber;
mod retell;
mod search;

pub(crate) use budget::Budget;
pub use case::{Case, Shape};
pub(crate) use mix::mixed;
pub use retell::retell;
pub(crate) use search::search_telling;
pub use search::{Found, Limits, Verdict, search};

use crate::world::{Action, Broken, Invariant, Thread, World};
use drains::Drains;
use stateright::{Model, Property};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use twinhaul_units::PeerId;

/// A world, and what may still go wrong in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) left: Budget,
}

/// A case as the checker walks it.
#[derive(Debug)]
pub(crate) struct Checked {
    case: Case,
    setup: Arc<crate::Setup>,
    drains: Drains,
    /// The search has been cut: nothing further is looked at.
    cut: AtomicBool,
}

impl Checked {
    pub(crate) fn new(case: &Case) -> Self {
        Self {
            case: case.clone(),
            setup: Arc::new(case.setup()),
            drains: Drains::default(),
            cut: AtomicBool::new(false),
        }
    }

    pub(crate) fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }

    /// Both peers have joined and found nothing to recover; nothing else has happened.
    fn begin(&self) -> Option<State> {
        let mut world = World::new(Arc::clone(&self.setup)).ok()?;
        for peer in PeerId::BOTH {
            world.act(Action::Start { peer, second: false });
        }
        for process in 0..world.processes.len() {
            while world.act(Action::Step { process, thread: Thread::Cleanup }) {}
        }
        Some(State { world, left: self.case.budget() })
    }

    /// The state after an action; an assertion of the production code that fails is a finding like any other.
    fn after(state: &State, action: Action) -> Option<State> {
        let left = state.left.after(action)?;
        let mut world = state.world.clone();
        let next = AssertUnwindSafe(move || {
            world.act(action).then(|| {
                let mut state = State { world, left };
                state.make_canonical();
                state
            })
        });
        match catch_unwind(next) {
            Ok(state) => state,
            Err(panic) => {
                let mut world = state.world.clone();
                world.broken = Some(Broken::assertion(&*panic));
                Some(State { world, left })
            }
        }
    }

    /// What a drain from here finds broken.
    pub(crate) fn drain_breaks(&self, state: &State) -> Option<Broken> {
        catch_unwind(AssertUnwindSafe(|| self.drains.breaks(&state.world)))
            .unwrap_or_else(|panic| Some(Broken::assertion(&*panic)))
    }
}

/// The names of the two properties.
pub(crate) const SAFE: &str = "nothing is broken";
pub(crate) const DRAINS: &str = "drains from here";

impl Model for Checked {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.begin().into_iter().collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let over = state.world.broken().is_some() || self.cut.load(Ordering::Relaxed);
        if !over {
            state.world.steps(actions);
            state.left.faults(&state.world, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        Self::after(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SAFE, |_, state: &State| state.world.broken().is_none()),
            Property::always(DRAINS, |model: &Self, state: &State| {
                let drains = state.world.broken().is_some()
                    || model.cut.load(Ordering::Relaxed)
                    || model.drain_breaks(state).is_none();
                // One is enough, and each that does not end takes as long as thousands that do.
                model.cut.fetch_or(!drains, Ordering::Relaxed);
                drains
            }),
        ]
    }
}

/// A name of the code as people type it: `FailingSync` is `failing-sync`.
pub(crate) fn kebab(name: &impl std::fmt::Debug) -> String {
    let mut words = String::new();
    for letter in format!("{name:?}").chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('-');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

impl Broken {
    pub(crate) fn assertion(panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Self { invariant: Invariant::Assert, what: text.unwrap_or_default() }
    }
}
