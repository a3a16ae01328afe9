//! Which scenarios of a family are meant: `--filter` and the groups of `--by`.
//!
//! A filter is terms with commas between them; all must hold. A term is one or more values with `|` between them, of
//! which one must be there; `AXIS=` before it says of which axis, `!` before it that none may be there, `*` at the end
//! of a value stands for any end. Besides the axes of the families there is `length`: `short` is a run whose bound is
//! below [`SHORT_ROUND_TRIPS`] round trips, `long` is any other.

use crate::{Scenario, SimulateError, bound_ns};
use twinhaul_units::text::show;

/// A run with a bound below so many round trips is short.
pub const SHORT_ROUND_TRIPS: u64 = 100;
/// Terms of a filter.
const TERMS_MAX: usize = 64;

/// The names of the axes that a filter and `--by` know.
pub const AXES: [&str; 9] =
    ["transfers", "sizes", "speeds", "round-trip", "slots", "setup", "disturbance", "network", "length"];

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(Vec<Term>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    not: bool,
    axis: Option<String>,
    values: Vec<String>,
}

impl Filter {
    /// # Errors
    /// When an axis is not known, or a term says nothing.
    pub fn parse(text: &str) -> Result<Self, SimulateError> {
        let fail = |why: String| SimulateError::Filter { text: text.to_owned(), why };
        let mut terms = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (not, rest) = part.strip_prefix('!').map_or((false, part), |rest| (true, rest));
            let (axis, values) = rest.split_once('=').map_or((None, rest), |(axis, v)| (Some(axis), v));
            if let Some(axis) = axis
                && !AXES.contains(&axis)
            {
                return Err(fail(format!("no axis {}; there are {}", show(axis), AXES.join(", "))));
            }
            let values: Vec<String> = values.split('|').map(str::to_owned).collect();
            if values.iter().any(String::is_empty) {
                return Err(fail("a term without a value".to_owned()));
            }
            terms.push(Term { not, axis: axis.map(str::to_owned), values });
        }
        if terms.len() > TERMS_MAX {
            return Err(fail(format!("more than {TERMS_MAX} terms")));
        }
        Ok(Self(terms))
    }

    /// Whether the scenario under this seed is meant.
    ///
    /// # Errors
    /// When its bound is asked for and there is none.
    pub fn takes(&self, scenario: &Scenario, seed: u64) -> Result<bool, SimulateError> {
        for term in &self.0 {
            if term.is_met(scenario, seed)? == term.not {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Term {
    fn is_met(&self, scenario: &Scenario, seed: u64) -> Result<bool, SimulateError> {
        match self.axis.as_deref() {
            Some("length") => Ok(self.has(length(scenario, seed)?)),
            Some(axis) => Ok(scenario.axis(axis).is_some_and(|value| self.has(value))),
            None if self.values.iter().any(|v| v == "short" || v == "long") => {
                Ok(self.has(length(scenario, seed)?))
            }
            None => Ok(scenario.axes.iter().any(|(_, value)| self.has(value))),
        }
    }

    fn has(&self, value: &str) -> bool {
        self.values
            .iter()
            .any(|v| v.strip_suffix('*').map_or_else(|| v == value, |head| value.starts_with(head)))
    }
}

/// `short` or `long`.
fn length(scenario: &Scenario, seed: u64) -> Result<&'static str, SimulateError> {
    let trips = u128::from(SHORT_ROUND_TRIPS) * scenario.round_trip.as_nanos();
    Ok(if u128::from(bound_ns(scenario, seed)?) < trips { "short" } else { "long" })
}

/// The scenario's group along `axis`.
///
/// # Errors
/// As [`Filter::takes`].
pub(crate) fn group(scenario: &Scenario, seed: u64, axis: &str) -> Result<String, SimulateError> {
    match axis {
        "length" => Ok(length(scenario, seed)?.to_owned()),
        axis => Ok(scenario.axis(axis).unwrap_or("-").to_owned()),
    }
}
