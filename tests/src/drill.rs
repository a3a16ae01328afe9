//! Drills: a situation is brought about for real, the product says what is wrong, and only then is it told what it was.
//!
//! Every situation draws its parameters from a seed, so that a right answer is no accident of one arrangement. Three kinds: faults,
//! what somebody asked for, and what only looks odd; in the last two nothing may be called a fault. What counts is the cause that
//! stands first, within [`AFTER_BUDGET`] of the moment from which it can be known. Entry points: [`Drill::run`], [`situations`].

#![allow(
    clippy::unnecessary_wraps,
    reason = "all situations have one shape; some are not possible on every machine"
)]

mod asked;
mod backends;
mod machine;
mod odd;
mod peers;
mod places;
mod score;
mod servers;
mod stage;
mod tapes;

pub use score::{Answer, Score};

use crate::product::run::Run;
use crate::product::{Lab, processes};
use crate::seed::Rng;
use crate::{cloud, crowd, shim};
use stage::Stage;
use std::time::{Duration, Instant};
use twinhaul_diagnose::{Cause, Diagnosis, Standing, Undo, Verdict};

/// The right cause stands first so soon after the budget of its situation.
pub const AFTER_BUDGET: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// What kind of thing it is, and so what must never be said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Fault,
    /// Somebody asked for it.
    Asked,
    /// It is as it should be, and looks odd.
    Odd,
}

/// One way to bring something about.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    pub name: &'static str,
    pub kind: Kind,
    /// Any of them first is right. Of what looks odd: it must be named at some moment; none: nothing needs to be.
    pub right: &'static [Cause],
    /// From when on it can be known; of what looks odd, how long it is watched.
    pub budget: Duration,
    /// It would disturb others.
    pub alone: bool,
    /// Its processes stand behind a library of ours: see [`crate::shim`].
    shimmed: bool,
    /// `None`: this machine has not what it needs.
    bring: Bring,
}

type Bring = fn(&Lab, &mut Rng) -> Option<Stage>;

/// A fault that can be known after so many seconds.
const fn fault(name: &'static str, seconds: u64, right: &'static [Cause], bring: Bring) -> Situation {
    Situation {
        name,
        kind: Kind::Fault,
        right,
        budget: Duration::from_secs(seconds),
        alone: false,
        shimmed: false,
        bring,
    }
}

/// Something that was asked for.
const fn asked(name: &'static str, right: &'static [Cause], bring: Bring) -> Situation {
    Situation { kind: Kind::Asked, ..fault(name, 5, right, bring) }
}

/// Something that only looks odd, watched for so many seconds.
const fn odd(name: &'static str, seconds: u64, right: &'static [Cause], bring: Bring) -> Situation {
    Situation { kind: Kind::Odd, ..fault(name, seconds, right, bring) }
}

/// As it is, behind the library.
const fn shimmed(situation: Situation) -> Situation {
    Situation { shimmed: true, ..situation }
}

/// All of them, in a fixed order.
pub fn situations() -> Vec<&'static Situation> {
    [peers::ALL, backends::ALL, places::ALL, servers::ALL, tapes::ALL, asked::ALL, machine::ALL, odd::ALL]
        .into_iter()
        .flatten()
        .collect()
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Drill {
    pub seed: u64,
    pub trials: usize,
    pub at_once: usize,
    /// Only situations whose name has this.
    pub only: Option<String>,
}

/// One trial: which situation, and its seed.
#[derive(Clone, Copy, Debug)]
struct Trial {
    number: usize,
    situation: &'static Situation,
    seed: u64,
}

impl Drill {
    /// `told`: a line for each trial, the verdict before what it was.
    pub fn run(&self, told: &(dyn Fn(String) + Sync)) -> Score {
        let (alone, together): (Vec<Trial>, Vec<Trial>) =
            self.drawn().into_iter().partition(|t| t.situation.alone);
        let mut score = Score::default();
        for (trials, at_once) in [(together, self.at_once), (alone, 1)] {
            for (trial, answer) in
                crowd::each(trials.into_iter(), at_once, |trial| held(trial, told), |_| false)
            {
                score.add(trial.number, trial.situation, answer.unwrap_or_else(Answer::broken));
            }
        }
        score
    }

    /// Every situation once in each round, in an order of the seed.
    fn drawn(&self) -> Vec<Trial> {
        let mut rng = Rng::new(self.seed);
        let wanted = |s: &&Situation| self.only.as_ref().is_none_or(|only| s.name.contains(only.as_str()));
        let all: Vec<&'static Situation> = situations().into_iter().filter(wanted).collect();
        let mut drawn = Vec::new();
        while drawn.len() < self.trials && !all.is_empty() {
            let mut round = all.clone();
            while !round.is_empty() && drawn.len() < self.trials {
                let at = usize::try_from(rng.below(round.len() as u64)).unwrap_or(0);
                drawn.push(Trial {
                    number: drawn.len(),
                    situation: round.swap_remove(at),
                    seed: rng.next_u64(),
                });
            }
        }
        drawn
    }
}

fn held(trial: &Trial, told: &(dyn Fn(String) + Sync)) -> Answer {
    let mut lab = Lab::new();
    // Servers of objects know these; other runs never ask.
    cloud::give_keys(&mut lab);
    if trial.situation.shimmed {
        shim::give(&mut lab);
    }
    let mut rng = Rng::new(trial.seed);
    let Some(stage) = (trial.situation.bring)(&lab, &mut rng) else {
        told(format!("trial {}: not possible on this machine: {}", trial.number, trial.situation.name));
        return Answer::impossible();
    };
    let answer = watched(&lab, &stage.run, trial.situation);
    // The verdict is written down before it is told what it was.
    told(format!("trial {}: {}; it was: {}", trial.number, answer, trial.situation.name));
    stage.over(|| processes::end_all(lab.state()));
    answer
}

fn watched(lab: &Lab, run: &str, situation: &Situation) -> Answer {
    let run = Run::named(lab, run);
    let begun = Instant::now();
    let limit = match situation.kind {
        Kind::Fault | Kind::Asked => situation.budget + AFTER_BUDGET,
        Kind::Odd => situation.budget,
    };
    let mut answer = Answer::default();
    loop {
        let d = run.diagnosis();
        let elapsed = begun.elapsed();
        answer.look(situation, &d, elapsed);
        let over =
            situation.kind == Kind::Odd && d.verdict == Verdict::NothingWrong && run.status().state.ended();
        if (answer.is_right() && situation.kind != Kind::Odd) || over || elapsed >= limit {
            answer.end(situation);
            return answer;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What the diagnosis says first, if it says that something is wrong.
fn fault_named(d: &Diagnosis) -> Option<Cause> {
    d.findings.first().filter(|f| f.standing == Standing::Trouble).map(|f| f.cause)
}

/// Whether the first finding offers what cannot be taken back.
fn offers_no_way_back(d: &Diagnosis) -> bool {
    let first = d.findings.first();
    first.is_some_and(|f| f.offers.iter().any(|o| o.danger || o.undo == Undo::CannotBeUndone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_forty_situations_and_ten_of_them_only_look_odd() {
        let all = situations();
        let names: BTreeSet<&str> = all.iter().map(|s| s.name).collect();
        assert_eq!(names.len(), all.len(), "two have one name");
        let harmless = all.iter().filter(|s| s.kind != Kind::Fault).count();
        assert!(all.len() >= 40 && harmless >= 10, "{} situations, {harmless} without a fault", all.len());
        for s in &all {
            assert!(s.kind == Kind::Odd || !s.right.is_empty(), "{}: nothing would be right", s.name);
        }
    }

    #[test]
    fn a_seed_draws_the_same_and_every_situation_comes_before_one_comes_twice() {
        let drawn = |seed| {
            let drill = Drill { seed, trials: situations().len(), at_once: 1, only: None };
            drill.drawn().iter().map(|t| (t.situation.name, t.seed)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let names: BTreeSet<&str> = drawn(7).iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), situations().len());
    }
}
