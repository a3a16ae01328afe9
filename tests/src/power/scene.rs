//! A real run whose disk is recorded: what was written, what somebody saw done meanwhile, and how long the log was then.
//!
//! The disk holds everything that must survive: in one part the run's state, in the other its target. On one file system a
//! barrier for the ledger would make the target's names safe by the way. Entry points: [`Recording::make`],
//! [`Recording::instants`], [`Recording::recover`].

use super::after::{Recovered, read};
use super::cut::{Flushes, blank};
use super::log::Log;
use super::part::{FileSystem, Part};
use super::recorder::Recorder;
use crate::mounts::{Mounted, shell};
use crate::product::end::{assert_nobody_is_left, examine};
use crate::product::run::CONDITION_WAIT_MAX;
use crate::product::{Lab, Profile, Run, poll};
use crate::seed::Rng;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use twinhaul_ledger::{State, View};

/// Between two looks at what is done.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Where the parts are mounted in the lab.
const STATE: &str = "disk-state";
const TARGET: &str = "disk-target";

/// What somebody saw in the ledger of the living run, and how long the log was after that look.
#[derive(Debug)]
struct Seen {
    log_bytes: u64,
    done: BTreeSet<u64>,
}

/// A run that was recorded to its end.
#[derive(Debug)]
pub struct Recording {
    _boot: Mounted,
    _memory: Mounted,
    pub(super) lab: Lab,
    kind: FileSystem,
    /// Its id.
    pub(super) run: String,
    log: Log,
    /// The entries before the run was asked for, and before `run --detach` had answered.
    asked: usize,
    pub(super) answered: usize,
    /// Before somebody had seen that it was complete.
    ended: usize,
    seen: Vec<Seen>,
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, answered, ended, seen, .. } = self;
        let entries = &self.log.entries()[*asked..];
        let flushes = entries.iter().filter(|entry| entry.flushes()).count();
        write!(
            f,
            "{} entries, {flushes} of them flushes; told after {asked}+{}, complete at {ended}; something new was done in {} looks",
            entries.len(),
            answered - asked,
            seen.len()
        )
    }
}

impl Recording {
    /// Records a run of a profile over what `dress` puts into the lab's source.
    ///
    /// # Errors
    /// In words, where this machine cannot record.
    ///
    /// # Panics
    /// When the run does not end well.
    pub fn make(kind: FileSystem, dress: impl FnOnce(&Lab) -> Profile) -> Result<Self, String> {
        let mut lab = Lab::new();
        let memory = lab.path("memory");
        std::fs::create_dir(&memory).expect("mount point");
        shell("mount -t tmpfs -o size=2g tmpfs \"$1\"", &[&memory])?;
        let in_memory = Mounted::at(&memory);
        let recorder = Recorder::start(&memory, kind.disk_bytes(2))?;
        for (part, at) in parts(&lab, kind) {
            std::fs::create_dir(at).expect("mount point");
            part.make(recorder.file())?;
        }
        let (mounted, _) = mount(&lab, kind, recorder.file())?;
        lab.set_state(lab.path(STATE).join("state"));
        lab.set_target(lab.path(TARGET).join("target"));
        let profile = lab.write_profile(&dress(&lab));
        shell("sync -f \"$1\"; sync -f \"$2\"", &[&lab.path(STATE), &lab.path(TARGET)])?;

        let asked = recorder.log_bytes();
        let run = Run::start(&lab, &profile);
        let answered = recorder.log_bytes();
        let (seen, ended) = watch(&run, &recorder);
        run.wait().expect_code(0);
        assert_nobody_is_left(&run);
        examine(&run);
        let run = run.id;
        mounted.into_iter().try_for_each(Mounted::end).unwrap_or_else(|e| panic!("{e}"));
        let log = Log::open(&recorder.end()).unwrap_or_else(|e| panic!("{e}"));

        let boot = another_boot(&lab)?;
        let [asked, answered, ended] = [asked, answered, ended].map(|bytes| log.begun_at(bytes));
        Ok(Self { _boot: boot, _memory: in_memory, lab, kind, run, log, asked, answered, ended, seen })
    }

    /// `n` instants, ascending: while the run is being made, when it has just been told, when its end has just been told; the
    /// others spread over all of it, there where more is at stake than around them.
    pub fn instants(&self, n: usize, rng: &mut Rng) -> Vec<usize> {
        const LOOKS: u64 = 4;
        let mut draw = |range: Range<usize>| {
            let one = |_| range.start + usize::try_from(rng.below(range.len() as u64)).unwrap_or(0);
            (0..LOOKS).map(one).max_by_key(|at| self.log.unflushed(*at)).unwrap_or(range.start)
        };
        let mut instants = vec![draw(self.asked..self.answered), self.answered, self.ended];
        let spread = n.saturating_sub(instants.len());
        let share = |i: usize| self.answered + (self.log.entries().len() + 1 - self.answered) * i / spread;
        instants.extend((0..spread).map(|i| draw(share(i)..share(i + 1))));
        instants.sort_unstable();
        instants
    }

    /// Cuts the power at an instant, lets the file system recover, and reads what the ledger says then.
    ///
    /// # Errors
    /// What is not as it was promised, in words.
    pub fn recover(&self, at: usize, flushes: Flushes, rng: &mut Rng) -> Result<Recovered<'_>, String> {
        let [image, copy] = ["memory/crashed", "memory/copy"].map(|name| self.lab.path(name));
        let file = blank(&image, self.kind.disk_bytes(2)).map_err(|e| e.to_string())?;
        let mut cut = self.log.cut(at, flushes, rng, &file).map_err(|e| e.to_string())?;
        drop(file);
        let (mounted, repaired) = mount(&self.lab, self.kind, &image).map_err(|e| format!("{cut}: {e}"))?;
        cut.repaired = repaired;
        let ledger = self.lab.state().join("runs").join(&self.run).join("ledger.sqlite");
        let acknowledged = self.acknowledged(at);
        let recovered = match read(&ledger, &copy) {
            Ok(left) => Recovered::judged(self, mounted, cut, left, &acknowledged),
            // Before the answer nobody was promised a run.
            Err(_) if at < self.answered => Ok(Recovered::empty(self, mounted, cut)),
            Err(e) => Err(e),
        };
        recovered.map_err(|e| format!("{cut}: {e}"))
    }

    /// What somebody has seen done before the instant.
    fn acknowledged(&self, at: usize) -> BTreeSet<u64> {
        let before = self.seen.partition_point(|seen| self.log.begun_at(seen.log_bytes) <= at);
        self.seen[..before].last().map(|seen| seen.done.clone()).unwrap_or_default()
    }
}

/// The parts of the disk, and where each is mounted.
fn parts(lab: &Lab, kind: FileSystem) -> [(Part, PathBuf); 2] {
    let [state, target] = kind.parts();
    [(state, lab.path(STATE)), (target, lab.path(TARGET))]
}

/// Mounts both parts of a disk; how many had to be repaired.
fn mount(lab: &Lab, kind: FileSystem, file: &Path) -> Result<([Mounted; 2], usize), String> {
    let [state, target] = parts(lab, kind);
    let (state, one) = state.0.mount(file, &state.1)?;
    let (target, other) = target.0.mount(file, &target.1)?;
    Ok(([state, target], usize::from(one) + usize::from(other)))
}

/// Looks at the ledger until the run has ended; how long the log was then.
fn watch(run: &Run<'_>, recorder: &Recorder) -> (Vec<Seen>, u64) {
    let ledger = run.lab().state().join("runs").join(&run.id).join("ledger.sqlite");
    let view = View::open(&ledger).expect("the ledger of a living run");
    let mut seen: Vec<Seen> = Vec::new();
    let ended = poll(CONDITION_WAIT_MAX, || {
        let has_ended = view.run().expect("the run").state.ended();
        let ended_at = recorder.log_bytes();
        let all = view.manifest().map(|row| row.expect("a transfer"));
        let done: BTreeSet<u64> = all.filter(|row| row.state == State::Done).map(|row| row.id.0).collect();
        let known = seen.last().map_or(0, |last| last.done.len());
        if done.len() > known {
            // Looked at after the rows: whatever they need to survive has been answered.
            seen.push(Seen { log_bytes: recorder.log_bytes(), done });
        }
        std::thread::sleep(LOOK_EVERY);
        has_ended.then_some(ended_at)
    });
    (seen, ended.expect("the recorded run does not end"))
}

/// The kernel has another boot id from here on, as after a power cut.
fn another_boot(lab: &Lab) -> Result<Mounted, String> {
    let boot = Path::new("/proc/sys/kernel/random/boot_id");
    let other = lab.write("boot_id", "00000000-0000-4000-8000-000000000001\n");
    shell("mount --bind \"$1\" \"$2\"", &[&other, boot])?;
    Ok(Mounted::at(boot))
}
