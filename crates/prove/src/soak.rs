//! The searches as commands: millions of seeds, one seed told step by step.

use crate::walk::{self, Outcome};
use crate::{Rare, Seen, Swarm};
use std::fmt::Write as _;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Seeds when no number is given.
const SEEDS: u64 = 1_000_000;
/// Failing seeds after which looking on tells nothing new.
const FAILURES_MAX: usize = 20;
/// Seeds that a thread takes at a time.
const CHUNK: u64 = 500;

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    pub seeds: u64,
    pub seen: Seen,
    /// The first of them.
    pub failures: Vec<(u64, Outcome)>,
}

/// The command that walks one seed again.
pub fn replay(seed: u64) -> String {
    format!("cargo xtask soak sim --seed {seed}")
}

/// Walks the seeds from `from` on, `count` of them or until `until`, on as many threads as there are processors.
pub fn seeds(from: u64, count: u64, until: Option<Instant>, tell: impl Fn(u64) + Sync) -> Sum {
    let (next, enough) = (AtomicU64::new(0), AtomicBool::new(false));
    let sum = Mutex::new(Sum::default());
    let work = || {
        while !enough.load(Ordering::Relaxed) {
            let begin = next.fetch_add(CHUNK, Ordering::Relaxed);
            if begin >= count || until.is_some_and(|until| Instant::now() >= until) {
                return;
            }
            let mut part = Sum::default();
            for seed in (from + begin)..(from + count.min(begin + CHUNK)) {
                let outcome = walk::walk(seed, None);
                part.seeds += 1;
                part.seen.add(&outcome.seen);
                if outcome.broken.is_some() {
                    part.failures.push((seed, outcome));
                }
            }
            let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            sum.seeds += part.seeds;
            sum.seen.add(&part.seen);
            sum.failures.append(&mut part.failures);
            enough.fetch_or(sum.failures.len() >= FAILURES_MAX, Ordering::Relaxed);
            tell(sum.seeds);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let mut sum = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    sum.failures.sort_by_key(|(seed, _)| *seed);
    sum
}

/// The verb `sim`; false when something was found.
///
/// # Errors
/// Words that it does not know, or a broken pipe.
pub fn sim(args: &[&str], out: &mut dyn Write, progress: &mut (dyn Write + Send)) -> Result<bool, String> {
    let number = |name: &str| -> Result<Option<u64>, String> {
        let Some(at) = args.iter().position(|arg| *arg == name) else { return Ok(None) };
        let value = args.get(at + 1).ok_or_else(|| format!("{name} takes a number"))?;
        value
            .parse()
            .map(Some)
            .map_err(|_| format!("{name} takes a number, not \"{}\"", value.escape_debug()))
    };
    let known = ["--seed", "--seeds", "--minutes", "--from"];
    if let Some(odd) = args.iter().step_by(2).find(|arg| !known.contains(arg)) {
        return Err(format!("sim does not take \"{}\"", odd.escape_debug()));
    }
    let failed = |e: std::io::Error| e.to_string();
    if let Some(seed) = number("--seed")? {
        let (story, outcome) = walk::told(seed);
        out.write_all(story.as_bytes()).map_err(failed)?;
        return Ok(outcome.broken.is_none());
    }
    let minutes = number("--minutes")?;
    let count = number("--seeds")?.unwrap_or(if minutes.is_some() { u64::MAX / 2 } else { SEEDS });
    let begun = Instant::now();
    let until = minutes.map(|minutes| begun + Duration::from_secs(60 * minutes));
    let progress = Mutex::new(progress);
    let sum = seeds(number("--from")?.unwrap_or(0), count, until, |done| {
        if let Ok(mut progress) = progress.lock() {
            // Who looks away misses nothing.
            let _ = write!(progress, "\r{done} seeds");
        }
    });
    let report = report(&sum, begun.elapsed());
    writeln!(out, "\n{report}").map_err(failed)?;
    Ok(sum.failures.is_empty())
}

fn report(sum: &Sum, took: Duration) -> String {
    let mut text = String::new();
    for rare in Rare::ALL {
        let _ = writeln!(text, "{:>12}  {}", sum.seen.of(*rare), rare.words());
    }
    for (seed, outcome) in sum.failures.iter().take(FAILURES_MAX) {
        let what = outcome.broken.as_ref().map(ToString::to_string).unwrap_or_default();
        let transfers = Swarm::of(*seed, None).setup.transfers();
        let _ = writeln!(text, "BROKEN {what} ({transfers} transfers)\n  {}", replay(*seed));
    }
    let rate = sum.seeds as f64 / took.as_secs_f64().max(0.001);
    let _ = write!(
        text,
        "{} seeds, {} broken, {:.0} s, {rate:.0} seeds a second",
        sum.seeds,
        sum.failures.len(),
        took.as_secs_f64()
    );
    text
}
