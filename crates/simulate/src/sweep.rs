//! Many runs on several threads; what comes out does not depend on how many.

use crate::{Outcome, Scenario, SimulateError, run};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use twinhaul_assist::Policy;

/// Threads of one sweep.
pub const THREADS_MAX: usize = 64;

/// Runs every scenario under every policy and seed; policies outermost, then scenarios, then seeds.
/// `progress` hears after each run how many are done.
///
/// # Errors
/// Of the first run that has one.
pub fn sweep(
    scenarios: &[&Scenario],
    policies: &[Policy],
    seeds: &[u64],
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Vec<Outcome>>, SimulateError> {
    let each = scenarios.len() * seeds.len();
    let total = each * policies.len();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let found: Mutex<Vec<Option<Result<Outcome, SimulateError>>>> =
        Mutex::new(std::iter::repeat_with(|| None).take(total).collect());
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= total {
                return;
            }
            let (policy, rest) = (policies[number / each], number % each);
            let (scenario, seed) = (scenarios[rest / seeds.len()], seeds[rest % seeds.len()]);
            let outcome = run(scenario, policy, seed, false).map(|(outcome, _)| outcome);
            if let Ok(mut found) = found.lock() {
                found[number] = Some(outcome);
            }
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, THREADS_MAX) {
            scope.spawn(work);
        }
    });
    let found = found.into_inner().map_err(|_| SimulateError::Broken)?;
    let mut outcomes = found.into_iter().map(|o| o.unwrap_or(Err(SimulateError::Broken)));
    policies.iter().map(|_| outcomes.by_ref().take(each).collect()).collect()
}
