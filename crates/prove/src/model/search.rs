//! One search, to its end or to its limits.

use super::{Case, Checked, DRAINS, SAFE, State};
use crate::world::Broken;
use stateright::{Checker, HasDiscoveries, Model};
use std::time::{Duration, Instant};

/// When a search is cut.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub states: usize,
    pub time: Duration,
    pub threads: usize,
    /// The shortest way to what is broken is looked for first. Otherwise hardly any state has to be kept whole: a search
    /// then needs some 40 bytes for each, and not 5 KiB for each that waits.
    pub shortest: bool,
}

/// What a search came to.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub states: usize,
    pub depth: usize,
    /// Every state was looked at: the search was not cut.
    pub exhausted: bool,
    pub took: Duration,
    pub found: Option<Found>,
}

/// A broken invariant, and the way to it.
#[derive(Clone, Debug)]
pub struct Found {
    pub broken: Broken,
    /// By the number of each action among those that were possible.
    pub path: Vec<usize>,
}

/// How often the limits are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often is told how far a search is.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Who hears how many states a search has found, and how long it has taken.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(usize, Duration);

/// Searches a case.
pub fn search(case: &Case, limits: Limits) -> Verdict {
    search_telling(case, limits, &mut |_, _| {})
}

/// … and tells now and then how far it is.
pub(crate) fn search_telling(case: &Case, limits: Limits, tell: Tell<'_>) -> Verdict {
    let begun = Instant::now();
    let checker =
        Checked::new(case).checker().threads(limits.threads).finish_when(HasDiscoveries::AnyFailures);
    if limits.shortest {
        watch(checker.spawn_bfs(), limits, begun, tell)
    } else {
        watch(checker.spawn_dfs(), limits, begun, tell)
    }
}

/// Cuts a search when it is at its limits.
fn watch(checker: impl Checker<Checked>, limits: Limits, begun: Instant, tell: Tell<'_>) -> Verdict {
    let mut cut = false;
    let mut told = Duration::ZERO;
    while !(checker.is_done() || cut && begun.elapsed() > limits.time * 2) {
        std::thread::sleep(LOOK_EVERY);
        if begun.elapsed() >= told + TELL_EVERY {
            told = begun.elapsed();
            tell(checker.unique_state_count(), told);
        }
        if !cut && (checker.unique_state_count() >= limits.states || begun.elapsed() >= limits.time) {
            cut = true;
            checker.model().cut(true);
        }
    }
    let checker = checker.join();
    let took = begun.elapsed();
    let model = checker.model();
    model.cut(false);
    let path = [SAFE, DRAINS].iter().find_map(|name| checker.discovery(name));
    let found = path.and_then(|path| {
        let state: &State = path.last_state();
        let broken = state.world.broken().cloned().or_else(|| model.drain_breaks(state))?;
        Some(Found { broken, path: model.numbers(&path.into_actions()) })
    });
    Verdict {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        exhausted: !cut && found.is_none(),
        took,
        found,
    }
}
