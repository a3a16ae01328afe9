//! Many runs on several threads; what comes out does not depend on how many.

use crate::{Outcome, Scenario, SimulateError, run};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use twinhaul_assist::Policy;

/// Threads of one sweep.
pub const THREADS_MAX: usize = 64;
/// Seeds of one sweep.
pub const SEEDS_MAX: usize = 10_000;

/// One run to make under every policy.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    pub scenario: &'a Scenario,
    pub seed: u64,
}

/// Makes every run under every policy; for each policy the outcomes in the order of the jobs. `progress` hears after
/// each run how many are done.
///
/// # Errors
/// Of the first run that has one.
pub fn sweep(
    jobs: &[Job<'_>],
    policies: &[Policy],
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Vec<Outcome>>, SimulateError> {
    let total = jobs.len() * policies.len();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let found: Mutex<Vec<Option<Result<Outcome, SimulateError>>>> =
        Mutex::new(std::iter::repeat_with(|| None).take(total).collect());
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= total {
                return;
            }
            let (policy, job) = (policies[number / jobs.len()], jobs[number % jobs.len()]);
            let outcome = run(job.scenario, policy, job.seed, false).map(|(outcome, _)| outcome);
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
    policies.iter().map(|_| outcomes.by_ref().take(jobs.len()).collect()).collect()
}
