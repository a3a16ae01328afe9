//! The searches as commands: millions of seeds, one seed told step by step; the model check; the mutants.

mod model;
mod mutants;
mod options;

pub use model::{command as replay_of, model, quick};
pub use mutants::{Kill, hunt, mutants};

use crate::walk::{self, Outcome};
use crate::{Mutant, Rare, Seen, Swarm};
use options::Options;
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
pub fn replay(seed: u64, mutant: Option<Mutant>) -> String {
    let mutant = mutant.map(|m| format!(" --mutant {}", m.name())).unwrap_or_default();
    format!("cargo xtask soak sim --seed {seed}{mutant}")
}

/// Walks the seeds from `from` on, `count` of them or until `until`, on as many threads as there are processors.
pub fn seeds(
    from: u64,
    count: u64,
    until: Option<Instant>,
    mutant: Option<Mutant>,
    tell: impl Fn(u64) + Sync,
) -> Sum {
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
                let outcome = walk::walk(seed, mutant);
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
    let options = Options::read("sim", args, &["--seed", "--seeds", "--minutes", "--from", "--mutant"], &[])?;
    let unknown = |name: &str| format!("no mutant \"{}\"", name.escape_debug());
    let named = options.word("--mutant");
    let mutant = named.map(|name| Mutant::parse(name).ok_or_else(|| unknown(name))).transpose()?;
    let failed = |e: std::io::Error| e.to_string();
    if let Some(seed) = options.number("--seed")? {
        let (story, outcome) = walk::told(seed, mutant);
        out.write_all(story.as_bytes()).map_err(failed)?;
        return Ok(outcome.broken.is_none());
    }
    let minutes = options.number("--minutes")?;
    let count = options.number("--seeds")?.unwrap_or(if minutes.is_some() { u64::MAX / 2 } else { SEEDS });
    let begun = Instant::now();
    let until = minutes.map(|minutes| begun + Duration::from_secs(60 * minutes));
    let progress = Mutex::new(progress);
    let sum = seeds(options.number("--from")?.unwrap_or(0), count, until, mutant, |done| {
        if let Ok(mut progress) = progress.lock() {
            // Who looks away misses nothing.
            let _ = write!(progress, "\r{done} seeds");
        }
    });
    let report = report(&sum, mutant, begun.elapsed());
    writeln!(out, "\n{report}").map_err(failed)?;
    Ok(sum.failures.is_empty())
}

fn report(sum: &Sum, mutant: Option<Mutant>, took: Duration) -> String {
    let mut text = String::new();
    for rare in Rare::ALL {
        let _ = writeln!(text, "{:>12}  {}", sum.seen.of(*rare), rare.words());
    }
    for (seed, outcome) in sum.failures.iter().take(FAILURES_MAX) {
        let what = outcome.broken.as_ref().map(ToString::to_string).unwrap_or_default();
        let transfers = Swarm::of(*seed, mutant).setup.transfers();
        let _ = writeln!(text, "BROKEN {what} ({transfers} transfers)\n  {}", replay(*seed, mutant));
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

/// Assertions that fail are findings here, and told as such: nothing else is to be printed about them.
pub fn hush_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}
