//! `demo drill`: one thing goes wrong, or nothing, and nobody says what; whoever watches finds it. At the end it is told what it was,
//! and how `diagnose` did beside it.
//!
//! What goes wrong happens to processes and files of the demonstration alone. It is taken back after a while, so that the run can end.
//! Must not print while the console has the screen. Entry point: [`Drill::begin`].

mod trick;

use crate::state::RunDir;
use crate::{evidence, exit_file, status};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use trick::Trick;
use twinhaul_diagnose::{Cause, Standing};
use twinhaul_units::{Span, span::clock_tenths};

/// It happens so long after the run is under way, and at most so much later.
const QUIET: Duration = Duration::from_secs(8);
const QUIET_MORE_S: u8 = 12;
/// How long whoever watches has; then it is taken back.
const LASTS: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Between two diagnoses.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What is done to whom, and when, all of it drawn from a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    trick: Trick,
    peer: usize,
    after: Duration,
}

impl Plan {
    fn of(seed: u64) -> Self {
        let drawn = *blake3::hash(&seed.to_le_bytes()).as_bytes();
        Self {
            trick: Trick::ALL[usize::from(drawn[0]) % Trick::ALL.len()],
            peer: usize::from(drawn[1]) % 2,
            after: QUIET + Duration::from_secs(u64::from(drawn[2] % QUIET_MORE_S)),
        }
    }
}

/// What came of it.
#[derive(Debug, Default)]
struct Told {
    /// When it happened, after the start of the drill, and what: in words.
    happened: Option<(Duration, String)>,
    /// What the diagnosis named first, last, and after how long the right one.
    said: Option<Cause>,
    right_after: Option<Duration>,
    /// Faults that were named and were none.
    wrong: Vec<Cause>,
    /// Why it could not be done.
    failed: Option<String>,
}

/// A drill under way.
#[derive(Debug)]
pub(super) struct Drill {
    seed: u64,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Told>>,
}

impl Drill {
    pub(super) fn begin(run: &RunDir, seed: u64) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (run, ends) = (run.clone(), Arc::clone(&over));
        let drill = move || Master { run, over: ends, begun: Instant::now() }.drill(Plan::of(seed));
        let thread = std::thread::Builder::new().name("drill".into()).spawn(drill).ok();
        Self { seed, over, thread }
    }

    /// The console was left, or the run has ended: what was done is taken back. What it was, in lines.
    pub(super) fn end(self) -> Vec<String> {
        self.over.store(true, Ordering::Relaxed);
        let told = self.thread.and_then(|thread| thread.join().ok()).unwrap_or_default();
        let mut lines = words(&told);
        lines.push(format!("       the same again: twinhaul demo drill --seed {}", self.seed));
        lines
    }
}

fn words(told: &Told) -> Vec<String> {
    if let Some(why) = &told.failed {
        return vec![format!("drill: nothing was done: {why}")];
    }
    let Some((at, what)) = &told.happened else {
        return vec!["drill: nothing had happened yet".to_owned()];
    };
    let mut lines = vec![format!("drill: {} after the start {what}", clock_tenths(*at))];
    let said = told.said.map_or("nothing wrong", Cause::words);
    lines.push(match told.right_after {
        Some(after) => format!("       diagnose said it after {}: {said}", Span(after)),
        None => format!("       diagnose did not say it; its last word was: {said}"),
    });
    if !told.wrong.is_empty() {
        let wrong: Vec<&str> = told.wrong.iter().map(|cause| cause.words()).collect();
        lines.push(format!("       and for a while: {}", wrong.join(", ")));
    }
    lines
}

/// Whoever does it.
struct Master {
    run: RunDir,
    over: Arc<AtomicBool>,
    begun: Instant,
}

impl Master {
    fn drill(&self, plan: Plan) -> Told {
        let mut told = Told::default();
        let name = self.run.file.order[plan.peer].clone();
        let under_way = || status::of(&self.run).is_ok_and(|s| s.done.transfers > 0 && !s.totals.growing);
        if !self.until(under_way) || !self.rest(plan.after) {
            return told;
        }
        let done = match plan.trick.play(&self.run, &name, &|| self.is_over()) {
            Ok(done) => done,
            Err(why) => {
                told.failed = Some(why);
                return told;
            }
        };
        let happened = Instant::now();
        told.happened = Some((happened.duration_since(self.begun), plan.trick.words(&name)));
        while happened.elapsed() < LASTS && !self.is_over() {
            self.ask(plan.trick, happened, &mut told);
            if !self.rest(ASK_EVERY) {
                break;
            }
        }
        done.take_back();
        told
    }

    /// What does `diagnose` say now?
    fn ask(&self, trick: Trick, happened: Instant, told: &mut Told) {
        let Ok((evidence, now_ms)) = evidence::gather(&self.run) else { return };
        let diagnosis = twinhaul_diagnose::diagnose(&evidence, now_ms);
        let first = diagnosis.findings.iter().find(|f| f.standing != Standing::Normal);
        // A limit of the profile is nothing that happened.
        told.said = first.map(|f| f.cause).filter(|cause| *cause != Cause::Throttled);
        let is_right = match trick.causes() {
            [] => told.said.is_none(),
            causes => told.said.is_some_and(|cause| causes.contains(&cause)),
        };
        if is_right {
            told.right_after.get_or_insert(happened.elapsed());
        } else if let Some(fault) = first.filter(|f| f.standing == Standing::Trouble)
            && !told.wrong.contains(&fault.cause)
        {
            told.wrong.push(fault.cause);
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || exit_file::read(&self.run.path).is_some()
    }

    /// Waits until it is so; false when the drill is over before.
    fn until(&self, is_so: impl Fn() -> bool) -> bool {
        while !self.is_over() {
            if is_so() {
                return true;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        false
    }

    fn rest(&self, time: Duration) -> bool {
        let begun = Instant::now();
        self.until(|| begun.elapsed() >= time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trick_is_drawn_and_a_seed_draws_the_same() {
        assert_eq!(Plan::of(7), Plan::of(7));
        for trick in Trick::ALL {
            assert!((0..200).any(|seed| Plan::of(seed).trick == trick), "{trick:?}");
        }
    }

    #[test]
    fn what_it_was_is_told_with_how_the_diagnosis_did() {
        let happened = Some((Duration::from_secs(14), Trick::Freeze.words("beta")));
        let right = Told {
            happened: happened.clone(),
            said: Some(Cause::PeerFrozen),
            right_after: Some(Duration::from_millis(600)),
            ..Told::default()
        };
        let lines = words(&right).join("\n");
        assert!(lines.contains("0:14.0 after the start beta was stopped"), "{lines}");
        assert!(lines.contains("after 600 ms: peer frozen"), "{lines}");
        let lines = words(&Told { happened, ..Told::default() }).join("\n");
        assert!(lines.contains("did not say it") && lines.contains("nothing wrong"), "{lines}");
        assert!(words(&Told::default())[0].contains("nothing had happened yet"));
    }
}
