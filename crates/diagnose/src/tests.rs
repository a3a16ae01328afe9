//! Tables: a healthy run, one thing spoilt, and what must be said about it first.

mod blame;
mod healthy;
mod sample;
mod trouble;
mod words;

use crate::{Diagnosis, Evidence, Finding, diagnose};
use sample::NOW;

/// Spoils a run.
type Spoil = fn(&mut Evidence);

fn of(mut evidence: Evidence, spoil: Spoil) -> Diagnosis {
    spoil(&mut evidence);
    diagnose(&evidence, NOW)
}

fn first(d: &Diagnosis) -> &Finding {
    d.findings.first().unwrap_or_else(|| panic!("nothing was found: {d:#?}"))
}
