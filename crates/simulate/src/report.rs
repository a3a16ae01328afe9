//! A sweep as a table and as JSON. Both halves of the seeds are always shown: a threshold that was chosen on one half
//! must hold on the other.

use crate::{Figures, Job, Outcome, SimulateError, family, filter, worst};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What was run, and what came of it: outcomes by policy, in the order of the jobs.
#[derive(Debug)]
pub struct Report<'a> {
    pub jobs: &'a [Job<'a>],
    pub policies: &'a [&'a str],
    pub outcomes: &'a [Vec<Outcome>],
    /// How many of the worst are named.
    pub worst: usize,
    /// One more table for each value of this axis.
    pub by: Option<&'a str>,
}

/// The policy whose worst are named: the product's own, or the last.
const OWN: &str = "balanced";

impl Report<'_> {
    /// Hash of the scenarios.
    fn hash(&self) -> u64 {
        family::hash(self.jobs.iter().map(|job| job.scenario))
    }

    /// Hash of everything that happened under one policy.
    fn trace(outcomes: &[Outcome]) -> u64 {
        use std::hash::Hasher as _;
        let mut fnv = crate::chance::Fnv::default();
        for outcome in outcomes {
            fnv.write_u64(outcome.trace_hash);
        }
        fnv.finish()
    }

    fn own(&self) -> Option<(&str, &Vec<Outcome>)> {
        let at = self.policies.iter().position(|p| *p == OWN).or(self.policies.len().checked_sub(1))?;
        Some((self.policies.get(at)?, self.outcomes.get(at)?))
    }

    /// For people.
    ///
    /// # Errors
    /// When a group can not be told.
    pub fn table(&self) -> Result<String, SimulateError> {
        let mut out = format!("{} runs, scenarios {:016x}\n\n", self.jobs.len(), self.hash());
        out.push_str(HEAD);
        for (policy, outcomes) in self.policies.iter().zip(self.outcomes) {
            row(&mut out, policy, &Figures::of(outcomes));
            for half in 0..2 {
                let figures = Figures::of(outcomes.iter().filter(|o| o.half == half));
                row(&mut out, if half == 0 { "  half A" } else { "  half B" }, &figures);
            }
            let _ = writeln!(out, "  trace {:016x}", Self::trace(outcomes));
        }
        if let Some(axis) = self.by {
            self.groups(axis, &mut out)?;
        }
        if let Some((policy, outcomes)) = self.own()
            && self.worst > 0
        {
            let _ = writeln!(out, "\nworst of {policy}, per cent over the bound");
            for o in worst(outcomes, self.worst) {
                let over = o.over_pct().map_or_else(|| "never ends".to_owned(), |over| format!("{over:.2}"));
                let _ = writeln!(out, "{over:>11}  {}  --seed {}", o.scenario, o.seed);
            }
        }
        Ok(out)
    }

    fn groups(&self, axis: &str, out: &mut String) -> Result<(), SimulateError> {
        let names = self
            .jobs
            .iter()
            .map(|job| filter::group(job.scenario, job.seed, axis))
            .collect::<Result<Vec<_>, _>>()?;
        let mut distinct: Vec<&String> = Vec::new();
        for name in &names {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        }
        for (policy, outcomes) in self.policies.iter().zip(self.outcomes) {
            let _ = write!(out, "\n{policy} by {axis}\n{HEAD}");
            for name in &distinct {
                let of = outcomes.iter().zip(&names).filter(|(_, n)| n == name).map(|(o, _)| o);
                row(out, &format!("  {name}"), &Figures::of(of));
            }
        }
        Ok(())
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let mut policies = serde_json::Map::new();
        for (policy, outcomes) in self.policies.iter().zip(self.outcomes) {
            let mut value = figures(&Figures::of(outcomes));
            if let Some(map) = value.as_object_mut() {
                let half = |h: u8| figures(&Figures::of(outcomes.iter().filter(|o| o.half == h)));
                map.insert("halves".to_owned(), json!([half(0), half(1)]));
                map.insert("trace".to_owned(), json!(format!("{:016x}", Self::trace(outcomes))));
                let breaches: u64 = outcomes.iter().map(|o| o.breaches).sum();
                map.insert("breaches".to_owned(), json!(breaches));
            }
            policies.insert((*policy).to_owned(), value);
        }
        let named = self.own().map_or_else(Vec::new, |(policy, outcomes)| {
            let one = |o: &Outcome| {
                json!({ "policy": policy, "scenario": o.scenario, "seed": o.seed, "over_pct": o.over_pct() })
            };
            worst(outcomes, self.worst).into_iter().map(one).collect()
        });
        json!({
            "scenarios": self.jobs.len(),
            "hash": format!("{:016x}", self.hash()),
            "policies": policies,
            "worst": named,
        })
    }
}

fn figures(f: &Figures) -> Value {
    json!({
        "runs": f.runs,
        "mean_over_pct": f.mean_over_pct,
        "median_over_pct": f.median_over_pct,
        "p95_over_pct": f.p95_over_pct,
        "worst_over_pct": f.worst_over_pct,
        "within_1_pct": f.within_1_pct,
        "within_5_pct": f.within_5_pct,
        "unfinished": f.unfinished,
        "messages_median": f.messages_median,
        "messages_max": f.messages_max,
        "assignments_median": f.assignments_median,
        "ranges_median": f.ranges_median,
        "idle_pct": f.idle_pct,
    })
}

const HEAD: &str = "policy          runs   median     mean      p95    worst  in 1 %  in 5 %  never  msgs   (max)  assign  ranges  idle %\n";

fn row(out: &mut String, name: &str, f: &Figures) {
    let _ = writeln!(
        out,
        "{name:<14}{:>6}{:>9}{:>9}{:>9}{:>9}{:>8.1}{:>8.1}{:>7}{:>6}{:>8}{:>8}{:>8}{:>8.2}",
        f.runs,
        over(f.median_over_pct),
        over(f.mean_over_pct),
        over(f.p95_over_pct),
        over(f.worst_over_pct),
        f.within_1_pct,
        f.within_5_pct,
        f.unfinished,
        f.messages_median,
        f.messages_max,
        f.assignments_median,
        f.ranges_median,
        f.idle_pct,
    );
}

/// Two decimals where they matter.
fn over(pct: f64) -> String {
    if pct < 100.0 { format!("{pct:.2}") } else { format!("{pct:.0}") }
}
