//! Many sieges, some at a time, until enough processes were hit or the time is over.

use super::{Tally, Verdict, besiege};
use crate::crowd;
use std::fmt;
use std::time::{Duration, Instant};

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// Processes to hit, over all runs.
    pub hits: usize,
    /// In one run at most; then another begins, so that young and old runs are hit alike.
    pub hits_per_run: usize,
    /// No further run begins after this.
    pub minutes: Option<u64>,
    /// Of the first run; the others follow.
    pub seed: u64,
    /// Runs side by side.
    pub at_once: usize,
    /// At most.
    pub runs: Option<usize>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    pub tally: Tally,
    pub verdict: Verdict,
    /// Seeds and words of runs that went wrong.
    pub failed: Vec<(u64, String)>,
    first_seed: u64,
}

impl Campaign {
    pub fn run(&self) -> Outcome {
        let begun = Instant::now();
        let end = self.minutes.map(|m| Duration::from_secs(60 * m));
        let seeds = (self.seed..).take(self.runs.unwrap_or(usize::MAX));
        let work = |seed: &u64| {
            let (tally, verdict) = besiege(*seed, self.hits_per_run);
            eprintln!("seed {seed}: {tally}: {verdict}");
            (tally, verdict)
        };
        let results = crowd::each(seeds, self.at_once, work, |so_far| {
            let hits: usize = so_far.iter().filter_map(|(_, r)| r.as_ref().ok()).map(|(t, _)| t.hits()).sum();
            hits >= self.hits || end.is_some_and(|end| begun.elapsed() >= end)
        });
        let mut outcome = Outcome { first_seed: self.seed, ..Outcome::default() };
        for (seed, result) in results {
            match result {
                Ok((tally, verdict)) => {
                    outcome.tally.add(&tally);
                    if !verdict.is_clean() {
                        outcome.failed.push((seed, verdict.to_string()));
                    }
                    outcome.verdict.add(verdict);
                }
                Err(words) => outcome.failed.push((seed, words)),
            }
        }
        outcome
    }
}

impl Outcome {
    pub fn is_clean(&self) -> bool {
        self.failed.is_empty()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tally, verdict, failed, first_seed } = self;
        for (seed, words) in failed {
            writeln!(
                f,
                "FAILED with seed {seed}: {words}\nreplay: cargo xtask soak kill --seed {seed} --runs 1"
            )?;
        }
        write!(
            f,
            "soak kill: seeds from {first_seed}: {tally}: lost {}, half-done {}, stale overwrites {}, runs that went wrong {}",
            verdict.lost.len(),
            verdict.half.len(),
            verdict.stale.len(),
            failed.len()
        )
    }
}
