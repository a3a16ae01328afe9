//! The conformance suite: does a backend keep the promises of its capabilities? (`twinhaul backends conformance CONFIG`)
//!
//! It knows a target only through this crate, works below one prefix of its own and removes that at the end. A capability
//! that is not claimed makes its cases not applicable; one that is claimed and broken fails at least one case: tests keep a
//! set of liars, one for each promise (backends.md 1). It must never touch a key outside its prefix.

mod data;
mod fixture;
mod names;
mod nodes;
mod objects;
mod ranges;
mod trouble;
mod two_phase;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::BackendError;
use crate::target::Target;

pub(crate) use fixture::{Fixture, Stop, Verdict, check};

/// How much to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of the large object.
    pub large: usize,
    /// Only cases whose name contains this.
    pub only: Option<String>,
}

/// Bytes of the large object unless the caller names another size.
pub const LARGE_DEFAULT: usize = 64 << 20;

impl Default for Options {
    fn default() -> Self {
        Self { large: LARGE_DEFAULT, only: None }
    }
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    /// What was promised and what happened; sanitised.
    Fail(String),
    /// The capability that is not claimed.
    NotApplicable(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub name: &'static str,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub cases: Vec<Case>,
}

impl Report {
    /// Whether nothing failed and something passed.
    pub fn passed(&self) -> bool {
        self.failures().next().is_none() && self.cases.iter().any(|c| c.outcome == Outcome::Pass)
    }

    /// Names and reasons.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.cases.iter().filter_map(|c| match &c.outcome {
            Outcome::Fail(why) => Some((c.name, why.as_str())),
            _ => None,
        })
    }
}

type CaseFn = fn(&Fixture) -> Verdict;

/// Every case, in order; the first ones find what would confuse the others.
const CASES: &[&[(&str, CaseFn)]] =
    &[objects::CASES, ranges::CASES, two_phase::CASES, names::CASES, nodes::CASES, trouble::CASES];

/// Names of all cases, for help texts.
pub fn case_names() -> impl Iterator<Item = &'static str> {
    CASES.iter().flat_map(|group| group.iter()).map(|(name, _)| *name)
}

/// Runs the suite. `open` opens the target anew each time (two are open at once: two peers); `told` hears of each case as it ends.
///
/// # Errors
/// When the target cannot be opened at all.
pub fn run(
    open: &dyn Fn() -> Result<Target, BackendError>,
    options: &Options,
    told: &mut dyn FnMut(&Case),
) -> Result<Report, BackendError> {
    let mut report = Report::default();
    let fixture = Fixture::new(open, options)?;
    for (name, case) in CASES.iter().flat_map(|group| group.iter()) {
        if options.only.as_ref().is_some_and(|part| !name.contains(part.as_str())) {
            continue;
        }
        let here = fixture.begin(name);
        let verdict = catch_unwind(AssertUnwindSafe(|| case(&here)));
        let outcome = match verdict {
            Ok(Ok(())) => Outcome::Pass,
            Ok(Err(Stop::Skip(capability))) => Outcome::NotApplicable(capability),
            Ok(Err(Stop::Fail(why))) => Outcome::Fail(twinhaul_units::text::show(&why).into_owned()),
            Err(_) => Outcome::Fail("the suite itself panicked".to_owned()),
        };
        let case = Case { name, outcome };
        told(&case);
        report.cases.push(case);
    }
    if let Err(Stop::Fail(why)) = fixture.clean() {
        let why = twinhaul_units::text::show(&why).into_owned();
        report.cases.push(Case { name: "cleaning up", outcome: Outcome::Fail(why) });
    }
    Ok(report)
}
