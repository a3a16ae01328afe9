//! A run under random fire: its peers, its supervisor and its consoles are killed and frozen at random moments, alone and
//! together, while files of its source change. Afterwards every object is read again and nothing may be lost, half
//! done, or overwritten by a writer of the past.
//!
//! Everything but the moments follows from one seed. Entry points: [`besiege`], [`Campaign::run`].

use crate::product::run::Run;
use crate::product::{Lab, Profile};
use crate::seed::Rng;
use field::Field;
use sources::Sources;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use twinhaul_failpoint as failpoint;
use twinhaul_wire::EventKind;
pub use verdict::Verdict;

mod campaign;
mod field;
mod sources;
mod verdict;

pub use campaign::{Campaign, Outcome};

/// Milliseconds between heartbeats; the lease is fifteen of them.
const HEARTBEAT_MS: u64 = 100;
/// Between two blows at the most; some come at once.
const PAUSE_MS: u64 = 900;
/// Durable steps that are waited at in one run.
const STEPS_MAX: u64 = 10;
/// How long an ambush waits for each thing that it waits for.
const HELD_MS: u64 = 12_000;
/// Runs that stopped because nobody was left to start them again are resumed at most so often.
const RESUMES_MAX: usize = 8;

/// What was done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blow {
    /// One peer, SIGKILL.
    Kill,
    /// Each of both peers at once, SIGKILL.
    Both,
    /// One peer, SIGSTOP for longer than the lease, then SIGCONT.
    Freeze,
    /// One peer, SIGSTOP for less than the lease, then SIGCONT.
    Doze,
    /// The supervisor, SIGKILL; the run is resumed.
    Supervisor,
    /// Supervisor and peers, SIGKILL: as if the machine had stopped, but for its memory.
    Everything,
    /// A console: SIGKILL, or its terminal is closed.
    Console,
    /// One peer, killed or frozen at a durable step that was chosen before.
    Step,
}

impl Blow {
    /// Those that fall at random moments.
    const DRAWN: [Self; 7] =
        [Self::Kill, Self::Both, Self::Freeze, Self::Doze, Self::Supervisor, Self::Everything, Self::Console];

    const fn word(self) -> &'static str {
        match self {
            Self::Kill => "one peer killed",
            Self::Both => "both peers killed",
            Self::Freeze => "frozen past the lease",
            Self::Doze => "frozen for less",
            Self::Supervisor => "supervisor killed",
            Self::Everything => "all killed at once",
            Self::Console => "console killed",
            Self::Step => "at a durable step",
        }
    }

    /// Of a hundred blows.
    const fn weight(self) -> u64 {
        match self {
            Self::Kill => 48,
            Self::Both => 12,
            Self::Freeze => 14,
            Self::Doze => 6,
            Self::Supervisor => 8,
            Self::Everything => 5,
            Self::Console => 7,
            Self::Step => 0,
        }
    }

    fn draw(rng: &mut Rng) -> Self {
        let mut at = rng.below(Self::DRAWN.iter().map(|b| b.weight()).sum());
        for blow in Self::DRAWN {
            match at.checked_sub(blow.weight()) {
                Some(rest) => at = rest,
                None => return blow,
            }
        }
        Self::Kill
    }
}

/// What happened in one siege, or in many.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Processes that were hit, by blow.
    pub hit: BTreeMap<Blow, usize>,
    pub runs: usize,
    /// Times that a run was gone on with after its supervisor's death, or after it had ended without an end.
    pub resumed: usize,
    /// Files of the source that were replaced or written to meanwhile.
    pub changed: usize,
    pub taken_over: usize,
    /// Peers that woke with bytes of the past in their hands after all of it had been done again.
    pub ambushes: usize,
    /// Ranges that peers lent each other.
    pub lent: u64,
    /// Objects compared at the end.
    pub objects: usize,
}

impl Tally {
    /// Processes killed or frozen.
    pub fn hits(&self) -> usize {
        self.hit.values().sum()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (blow, n) in &other.hit {
            *self.hit.entry(*blow).or_default() += n;
        }
        self.runs += other.runs;
        self.resumed += other.resumed;
        self.changed += other.changed;
        self.taken_over += other.taken_over;
        self.ambushes += other.ambushes;
        self.lent += other.lent;
        self.objects += other.objects;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blows: Vec<String> = self.hit.iter().map(|(blow, n)| format!("{} {n}", blow.word())).collect();
        write!(
            f,
            "{} kills and freezes ({}) in {} runs, {} resumes, {} source files changed, {} take-overs, {} ambushes, {} ranges lent, {} objects read again",
            self.hits(),
            blows.join(", "),
            self.runs,
            self.resumed,
            self.changed,
            self.taken_over,
            self.ambushes,
            self.lent,
            self.objects
        )
    }
}

/// One run, hit at most `blows_max` times.
///
/// # Panics
/// When the product does not do what it must: no end, a wrong end, a verb that fails.
pub fn besiege(seed: u64, blows_max: usize) -> (Tally, Verdict) {
    let mut rng = Rng::new(seed);
    let mut lab = Lab::new();
    let ambush = rng.below(4) == 0;
    let marks = lab.path("marks");
    std::fs::create_dir(&marks).expect("marks");
    lab.set_env(failpoint::HEARTBEAT_MS, HEARTBEAT_MS.to_string());
    lab.set_env(failpoint::DIRECTORY, marks);
    lab.set_env(failpoint::SPECS, if ambush { loaded(&mut rng) } else { steps(&mut rng) });
    let mut sources = Sources::make(&lab.source(), &mut rng);
    if ambush || rng.below(2) == 0 {
        sources.lay_old(&lab.target());
    }
    let run = lab.start(&profile(&lab, ambush, &mut rng));
    let mut field = Field::new(&run);
    if ambush {
        lie_in_wait(&mut field, &mut sources, &mut rng);
    }
    // Some labs hold their sources still, so that everything about them can be compared.
    let changes = ambush || rng.below(2) == 0;
    while field.tally.hits() < blows_max {
        field.pass(Duration::from_millis(rng.below(PAUSE_MS)));
        if !field.goes_on() {
            break;
        }
        if changes && rng.below(3) == 0 {
            sources.change_one(&mut rng);
        }
        field.strike(Blow::draw(&mut rng), &mut rng);
    }
    let resumed = std::thread::scope(|scope| {
        let end = scope.spawn(|| finish(&run));
        // Who is frozen, or freezes now, is woken in the meantime.
        while !end.is_finished() {
            field.pass(Duration::from_millis(100));
        }
        end.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let mut tally = field.tally;
    tally.resumed += resumed;
    tally.runs = 1;
    tally.changed = sources.changed();
    for kind in run.kinds() {
        match kind {
            EventKind::TakenOver { .. } => tally.taken_over += 1,
            EventKind::RangesLent { count, .. } => tally.lent += count,
            _ => {}
        }
    }
    let verdict = Verdict::of(&run, &sources);
    tally.objects = verdict.objects;
    (tally, verdict)
}

/// A peer freezes with bytes in its hand that it may publish; then everything that is not yet at the target changes, and
/// the other takes over and does it again. Only then the frozen one wakes: were its publish still possible, old bytes
/// would replace new ones.
fn lie_in_wait(field: &mut Field<'_>, sources: &mut Sources, rng: &mut Rng) {
    let target = field.target();
    if hold_fire(field, Field::has_frozen) {
        let changed = sources.change_missing(&target, rng);
        field.tally.ambushes += usize::from(hold_fire(field, |_| Sources::are_there(&changed, &target)));
    }
    field.wake_all();
}

/// Until something is so, but no longer than anybody is left frozen; says whether it came to be.
fn hold_fire<'a>(field: &mut Field<'a>, until: impl Fn(&Field<'a>) -> bool) -> bool {
    const LOOK_MS: u64 = 20;
    for _ in 0..HELD_MS / LOOK_MS {
        if until(field) {
            return true;
        }
        field.pass(Duration::from_millis(LOOK_MS));
    }
    false
}

fn draw(rng: &mut Rng, of: &[&'static str]) -> &'static str {
    of[rng.below(of.len() as u64) as usize]
}

/// Durable steps at which a peer is killed or frozen when it comes by: in two of three runs some, so that faults meet at
/// their worst moments.
fn steps(rng: &mut Rng) -> String {
    let n = if rng.below(3) == 0 { 0 } else { 2 + rng.below(STEPS_MAX - 1) };
    let names: Vec<&'static str> = failpoint::Point::ALL.iter().map(|p| p.name()).collect();
    let one = |_| {
        let (peer, point) = (draw(rng, &["alpha", "beta"]), draw(rng, &names));
        format!("{peer}/{point}:{}:{}", draw(rng, &["kill", "freeze"]), draw(rng, &["1", "1", "2", "5"]))
    };
    (0..n).map(one).collect::<Vec<_>>().join(",")
}

/// A step at which a peer is frozen with bytes that it may publish: beta, whose queue has the large file at its end, so
/// that the run goes on when all small ones are done again.
fn loaded(rng: &mut Rng) -> String {
    format!("beta/{}:freeze:1", draw(rng, &["authorised", "published_half"]))
}

/// Brings the run to its end, resuming it when whoever is left has given up; says how often that was.
fn finish(run: &Run<'_>) -> usize {
    for resumes in 0..=RESUMES_MAX {
        run.verb("limit", &["none"]);
        let done = run.wait();
        if done.code == 0 {
            return resumes;
        }
        assert!(resumes < RESUMES_MAX, "resumed {resumes} times, and no end: {done}\n{:#?}", run.events());
        field::resume(run);
    }
    RESUMES_MAX
}

/// Every policy, durability and way to verify; limits that make it last for some seconds. For an ambush there must be a
/// group to freeze with, and something left to do after it.
fn profile(lab: &Lab, ambush: bool, rng: &mut Rng) -> Profile {
    let limits = ["1 MiB/s", "2 MiB/s", "3 MiB/s"];
    let mut profile = Profile::new("siege", &lab.source(), &lab.target());
    profile.policy = draw(rng, &["balanced", "balanced", "learning", "none"]).into();
    profile.durability = draw(rng, &["each", "group", "group", "end"]).into();
    profile.verify = draw(rng, &["hash", "hash", "read-back", "none"]).into();
    profile.more = draw(rng, &["order: size\n", "order: name\n"]).into();
    let splits = ["by: count, share: 50 %", "by: bytes, share: 50 %", "by: count, share: 90 %"];
    profile.split = draw(rng, &splits).into();
    if ambush {
        (profile.durability, profile.more) = ("group".into(), "order: name\n".into());
        profile.split = "by: count, share: 50 %".into();
        return profile.limits("4 MiB/s", "4 MiB/s");
    }
    profile.limits(draw(rng, &limits), draw(rng, &limits))
}
