//! `cargo xtask bench data`: the product beside the tools that people use today, on the same files, in pairs.
//!
//! Single runs vary more than what is looked for (`cp -a` of D1 took 0.6 to 6.5 s on one quiet machine), so two sides run one right
//! after the other, in alternating order, and what counts is the ratio within a pair. Before each run everything dirty is
//! written out, else one side would pay for what the other left.

use super::args::{Args, USAGE};
use super::comparisons::{Job, jobs};
use super::machine::Machine;
use super::measure::{Spent, measure};
use super::place::{self, Place};
use super::product::Product;
use super::sets::{MIB, Set};
use super::sides::Side;
use super::{json, make, table};
use crate::process::{cargo, pass};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Everything that was measured, and what was not, with its reason.
#[derive(Debug)]
pub(super) struct Results {
    pub(super) machine: Machine,
    pub(super) version: String,
    pub(super) sets: Vec<Set>,
    pub(super) measured: Vec<Measured>,
    pub(super) left_out: Vec<(Job, String)>,
    /// What a reader should know of a copy that was counted.
    pub(super) notes: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) struct Measured {
    pub(super) job: Job,
    pub(super) pairs: Vec<Pair>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) ours: Spent,
    pub(super) theirs: Option<Spent>,
}

pub(super) fn run(root: &Path, words: &[String]) -> Result<bool, String> {
    if words.iter().any(|w| matches!(w.as_str(), "--help" | "-h")) {
        print!("{USAGE}");
        return Ok(true);
    }
    let args = Args::read(words)?;
    let Some(exe) = binary(root, args.twinhaul.as_deref())? else { return Ok(false) };
    let product = Product::at(&exe)?;
    let dir = args.dir.clone().map_or_else(|| super::target_dir().map(|t| t.join("bench")), Ok)?;
    let place = Place::open(&dir)?;
    let machine = Machine::of(place.dir());
    let mut bench = Bench { product, place, notes: BTreeSet::new() };
    let mut results = Results {
        machine,
        version: bench.product.version()?,
        sets: args.sets.clone(),
        measured: Vec::new(),
        left_out: Vec::new(),
        notes: BTreeSet::new(),
    };
    bench.all(&args, &mut results);
    results.notes = std::mem::take(&mut bench.notes);
    if args.json {
        println!("{}", json::object(&results));
    } else {
        print!("{}", table::table(&results));
    }
    // Last: a million small files take minutes to remove, and whoever loses patience then has the figures.
    if !args.keep {
        bench.place.clear()?;
    }
    Ok(true)
}

/// The binary that was named, or one that is built now; `None` when it does not build.
fn binary(root: &Path, named: Option<&Path>) -> Result<Option<PathBuf>, String> {
    if let Some(path) = named {
        return Ok(Some(path.to_path_buf()));
    }
    let words = ["build", "--release", "--quiet", "-p", "twinhaul", "-p", "twinhaul-disk"];
    if !pass(cargo(root, &words))? {
        return Ok(None);
    }
    Ok(Some(super::target_dir()?.join("release/twinhaul")))
}

struct Bench {
    product: Product,
    place: Place,
    notes: BTreeSet<String>,
}

impl Bench {
    /// One comparison that cannot be made does not end the others: it is named, and never counted.
    fn all(&mut self, args: &Args, results: &mut Results) {
        let mut ready = None;
        for job in jobs(args) {
            if ready != Some(job.set) {
                ready = None;
            }
            let pairs = job.pairs(args.pairs);
            let outcome = here(&job).and_then(|()| self.get_ready(job.set, &mut ready));
            match outcome.and_then(|()| self.compare(&job, pairs)) {
                Ok(pairs) => results.measured.push(Measured { job, pairs }),
                Err(why) => {
                    eprintln!("{}: left out: {why}", title(&job));
                    results.left_out.push((job, why));
                }
            }
        }
    }

    fn get_ready(&self, set: Set, ready: &mut Option<Set>) -> Result<(), String> {
        if *ready == Some(set) {
            return Ok(());
        }
        let dir = self.place.set(set);
        if !dir.exists() {
            self.place.room_for(set.amount().disk)?;
        }
        make::make(set, &dir)?;
        make::warm(&dir)?;
        *ready = Some(set);
        Ok(())
    }

    fn compare(&mut self, job: &Job, pairs: usize) -> Result<Vec<Pair>, String> {
        self.place.room_for(job.room(pairs))?;
        let ours = Runner::new(self, job.set, job.ours)?;
        let theirs = job.theirs.map(|side| Runner::new(self, job.set, side)).transpose()?;
        let done: Result<Vec<_>, _> = (1..=pairs)
            .map(|number| {
                let pair = self.pair(number % 2 == 1, &ours, theirs.as_ref())?;
                let seconds = |spent: &Spent| format!("{:.2} s", spent.wall.as_secs_f64());
                let beside = pair.theirs.map_or_else(String::new, |t| format!(" beside {}", seconds(&t)));
                eprintln!("{}: {number} of {pairs}: {}{beside}", title(job), seconds(&pair.ours));
                Ok(pair)
            })
            .collect();
        // Also after a failure: the next comparison needs the room.
        let freed = ours.end().and(theirs.map_or(Ok(()), Runner::end));
        done.and_then(|pairs| freed.map(|()| pairs))
    }

    fn pair(&mut self, ours_first: bool, ours: &Runner, theirs: Option<&Runner>) -> Result<Pair, String> {
        let beside = |bench: &mut Self| theirs.map(|runner| runner.run(bench)).transpose();
        if ours_first {
            Ok(Pair { ours: ours.run(self)?, theirs: beside(self)? })
        } else {
            let theirs = beside(self)?;
            Ok(Pair { ours: ours.run(self)?, theirs })
        }
    }
}

/// One side's runs, one after the other.
struct Runner {
    set: Set,
    side: Side,
    from: PathBuf,
    /// The directory that all its runs share, where a complete copy stands.
    standing: Option<PathBuf>,
}

impl Runner {
    fn new(bench: &mut Bench, set: Set, side: Side) -> Result<Self, String> {
        let from = bench.place.set(set);
        let mut runner = Self { set, side, from, standing: None };
        if let Some(first) = side.first() {
            let dir = bench.place.fresh()?;
            first.lay_out(set, &runner.from, &dir)?;
            runner.once(bench, first, &dir).or_else(|why| runner.free(&dir).and(Err(why)))?;
            runner.standing = Some(dir);
        }
        Ok(runner)
    }

    fn run(&self, bench: &mut Bench) -> Result<Spent, String> {
        if let Some(dir) = self.standing.clone() {
            return self.once(bench, self.side, &dir);
        }
        let dir = bench.place.fresh()?;
        self.side.lay_out(self.set, &self.from, &dir)?;
        let spent = self.once(bench, self.side, &dir);
        self.free(&dir)?;
        spent
    }

    fn once(&self, bench: &mut Bench, side: Side, dir: &Path) -> Result<Spent, String> {
        let steps = side.steps(&bench.product, self.set, &self.from, dir);
        rustix::fs::sync();
        let spent = measure(steps, &dir.join("log"))?;
        if side.leaves_a_copy() {
            self.check(bench, side, &dir.join("copy"))?;
        }
        Ok(spent)
    }

    /// Nobody is timed for doing nothing, or half of it.
    fn check(&self, bench: &mut Bench, side: Side, copy: &Path) -> Result<(), String> {
        let (wanted, found) = (self.set.amount(), place::count(copy)?);
        if (wanted.files, wanted.bytes) != (found.files, found.bytes) {
            return Err(format!(
                "{} left {} files and {} bytes, not {} and {}",
                side.says(),
                found.files,
                found.bytes,
                wanted.files,
                wanted.bytes
            ));
        }
        if self.set.sparse() && found.disk > 2 * wanted.disk {
            let (name, mib) = (self.set.name(), found.disk / MIB);
            bench.notes.insert(format!("{name}: {} fills holes: {mib} MiB on the disk", side.says()));
        }
        Ok(())
    }

    fn end(self) -> Result<(), String> {
        self.standing.as_deref().map_or(Ok(()), |dir| self.free(dir))
    }

    /// Only what takes much room and few inodes: see [`super::place`].
    fn free(&self, dir: &Path) -> Result<(), String> {
        let copy = dir.join("copy");
        if self.set.many() || !copy.exists() { Ok(()) } else { place::remove(&copy) }
    }
}

fn here(job: &Job) -> Result<(), String> {
    match job.sides().find_map(Side::missing) {
        Some(program) => Err(format!("{program}: not here")),
        None => Ok(()),
    }
}

fn title(job: &Job) -> String {
    format!("{} {} / {}", job.set.name(), job.comparison.says, job.against())
}
