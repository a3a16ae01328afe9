//! The sweep: every failpoint, at either peer, killed there or frozen there for longer than the lease; each seen to fire,
//! and after it the run ends complete and exact (store.md 3, faults.md 1 to 8, 22 to 24).
//!
//! Real processes over real files, a lab for each case. Entry points: [`Case::all`], [`Case::run`].

use crate::product::end::{assert_nobody_is_left, examine};
use crate::product::run::{CONDITION_WAIT_MAX, Run};
use crate::product::{Lab, poll, processes};
use rustix::process::Signal;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};
use twinhaul_failpoint as failpoint;
use twinhaul_failpoint::Point;
use twinhaul_wire::EventKind;

mod stage;

/// Milliseconds between heartbeats; the lease is fifteen of them.
const HEARTBEAT_MS: u64 = 100;
const LEASE: Duration = Duration::from_millis(15 * HEARTBEAT_MS);
/// A peer is left frozen for so long after everything that a case wants has happened.
const FROZEN: Duration = Duration::from_millis(30 * HEARTBEAT_MS);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const END_LOOK_EVERY: Duration = Duration::from_secs(2);
/// Runs that may end before they come by a point.
const ATTEMPTS_MAX: u32 = 4;

/// What happens to the peer at the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Kill,
    /// For longer than its lease; then it wakes.
    Freeze,
}

/// One place, one peer, one fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    pub point: Point,
    pub peer: &'static str,
    pub fate: Fate,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.peer, self.point.name(), self.fate.word())
    }
}

impl Fate {
    const fn word(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Freeze => "freeze",
        }
    }
}

/// What a case came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// Take-overs in its history.
    pub taken_over: usize,
    /// Transfers and private objects that somebody found half-way.
    pub accepted: u64,
    pub discarded: u64,
}

impl Case {
    /// The whole matrix.
    pub fn all() -> Vec<Self> {
        let fates = [Fate::Kill, Fate::Freeze];
        let of = |point| {
            ["alpha", "beta"].into_iter().flat_map(move |peer| fates.map(|fate| Self { point, peer, fate }))
        };
        Point::ALL.iter().copied().flat_map(of).collect()
    }

    /// Runs it in a lab of its own; in another one when the run was over before it came by the point, because some
    /// points need two peers to meet: at most [`ATTEMPTS_MAX`] times.
    ///
    /// # Panics
    /// When a point is never reached, or the run does not end as it must.
    pub fn run(&self) -> Told {
        let mut missed = String::new();
        for _ in 0..ATTEMPTS_MAX {
            match self.once() {
                Ok(told) => return told,
                Err(words) => missed = words,
            }
        }
        panic!("never fired in {ATTEMPTS_MAX} runs: {missed}")
    }

    /// One run; `Err`: it ended without coming by the point, and says what happened instead.
    fn once(&self) -> Result<Told, String> {
        let mut lab = Lab::new();
        let marks = lab.path("marks");
        std::fs::create_dir(&marks).expect("marks");
        let specs = stage::specs(self);
        lab.set_env(failpoint::HEARTBEAT_MS, HEARTBEAT_MS.to_string());
        lab.set_env(failpoint::DIRECTORY, &marks);
        lab.set_env(failpoint::SPECS, specs.join(","));
        let profile = stage::set(&lab, self);
        let run = lab.start(&profile);
        stage::interfere(&lab, self, &marks);
        let wanted = if stage::needs_all(self.point) { &specs[..] } else { &specs[specs.len() - 1..] };
        let seen = wake_when_due(&run, &marks, wanted);
        let ended = run.wait();
        assert!(ended.code == 0, "it does not end well: {ended}\n{:#?}\n{:#?}", run.status(), run.events());
        examine(&run);
        assert_nobody_is_left(&run);
        seen.map(|()| told(&run))
    }
}

/// What many cases came to.
#[derive(Debug, Default)]
pub struct Passed {
    pub cases: usize,
    pub told: Told,
    /// Case and words.
    pub failed: Vec<(Case, String)>,
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cases, told, failed } = self;
        for (case, words) in failed {
            writeln!(f, "FAILED at {case}: {words}\nreplay: cargo xtask soak kill --failpoints --at {case}")?;
        }
        write!(
            f,
            "failpoints: {cases} cases, each seen to fire, {} failed; {} take-overs, {} transfers accepted, {} private objects discarded",
            failed.len(),
            told.taken_over,
            told.accepted,
            told.discarded
        )
    }
}

/// Passes many cases, some at a time, and tells each that has ended.
pub fn pass(cases: Vec<Case>, at_once: usize) -> Passed {
    let work = |case: &Case| {
        let begun = Instant::now();
        let told = case.run();
        eprintln!(
            "{case}: exact after {:.1} s, {} take-overs",
            begun.elapsed().as_secs_f64(),
            told.taken_over
        );
        told
    };
    let mut passed = Passed::default();
    for (case, result) in crate::crowd::each(cases.into_iter(), at_once, work, |_| false) {
        passed.cases += 1;
        match result {
            Ok(told) => {
                passed.told.taken_over += told.taken_over;
                passed.told.accepted += told.accepted;
                passed.told.discarded += told.discarded;
            }
            Err(words) => passed.failed.push((case, words)),
        }
    }
    passed
}

fn told(run: &Run<'_>) -> Told {
    let mut told = Told::default();
    for kind in run.kinds() {
        match kind {
            EventKind::TakenOver { accepted, discarded, .. } => {
                told.taken_over += 1;
                told.accepted += accepted;
                told.discarded += discarded;
            }
            EventKind::Recovered { accepted, discarded } => {
                told.accepted += accepted;
                told.discarded += discarded;
            }
            _ => {}
        }
    }
    told
}

/// The file that a spec leaves when it fires.
pub(crate) fn mark(marks: &Path, spec: &str) -> std::path::PathBuf {
    marks.join(spec.replace(['/', ':'], "."))
}

/// Sees every spec fire, then wakes what is frozen once that has lasted longer than a lease. `Err`: the run was over, and
/// something had not fired.
///
/// # Panics
/// When neither happens.
fn wake_when_due(run: &Run<'_>, marks: &Path, specs: &[String]) -> Result<(), String> {
    let begun = Instant::now();
    let fired = || specs.iter().all(|spec| mark(marks, spec).exists());
    let words = || {
        let missing: Vec<_> = specs.iter().filter(|s| !mark(marks, s).exists()).collect();
        format!("{missing:?} of {specs:?}\n{:#?}", run.events())
    };
    let mut looked = begun;
    while !fired() {
        assert!(begun.elapsed() < CONDITION_WAIT_MAX, "never fired: {}", words());
        if looked.elapsed() > END_LOOK_EVERY {
            looked = Instant::now();
            // What fired between the two looks counts.
            if run.status().state.ended() && !fired() {
                return Err(words());
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let frozen: Vec<u32> = specs
        .iter()
        .filter(|spec| spec.contains(":freeze:"))
        .filter_map(|spec| pid_in(&mark(marks, spec)))
        .collect();
    if frozen.is_empty() {
        return Ok(());
    }
    const { assert!(FROZEN.as_millis() > LEASE.as_millis()) };
    std::thread::sleep(FROZEN);
    let state = run.lab().state();
    // Who was killed meanwhile, because it was in the way, is not there any more.
    for process in processes::of(state).iter().filter(|p| frozen.contains(&p.pid)) {
        processes::signal(process.pid, Signal::CONT);
    }
    Ok(())
}

fn pid_in(mark: &Path) -> Option<u32> {
    // Made first, written a moment later.
    poll(Duration::from_secs(5), || std::fs::read_to_string(mark).ok()?.parse().ok())
}
