//! Diagnosis: what is wrong with a run, how that is known, what it is not, and what can be done about it.
//!
//! Evidence in, [`Diagnosis`] out: no files, no processes, no clock (`now_ms` is passed in). Whoever calls it brings what it
//! knows: snapshots alone (the console), or snapshots, history and a look at the processes (`twinhaul diagnose`). What is not in
//! the evidence is "not known", never guessed. It must never call healthy what is broken, nor broken what only looks odd: a
//! mount, a huge file at the end, a limit or a pause that somebody asked for have a [`Standing`] of their own.
//!
//! Entry point: [`diagnose`]. One file per rule in `rules`; `budget` holds what they compare with.

mod beliefs;
mod budget;
mod cause;
mod evidence;
mod finding;
mod look;
mod offer;
mod rules;
mod suspects;
mod words;

pub use cause::Cause;
pub use evidence::{
    EVENTS_MAX, Evidence, FrozenGroup, LedgerFacts, MemoryLimit, PeerEvidence, Pressure, Probes,
    ProcessFacts, Space, THREADS_MAX, ThreadFacts, Writer,
};
pub use finding::{Confidence, Diagnosis, Finding, Note, Offer, RuledOut, Standing, Subject, Undo, Verdict};

use look::Look;

/// Findings of one diagnosis; the least important are dropped.
pub const FINDINGS_MAX: usize = 32;

/// What the evidence says. `now_ms`: milliseconds since the epoch, by the clock that stamped the snapshots.
pub fn diagnose(evidence: &Evidence, now_ms: u64) -> Diagnosis {
    let look = Look::new(evidence, now_ms);
    let mut findings = rules::all(&look);
    findings.sort_by_key(Finding::importance);
    findings.truncate(FINDINGS_MAX);
    suspects::rule_out(&look, &mut findings);
    let (verdict, sentence) = rules::overall(&look, &findings);
    Diagnosis {
        run: evidence.run.clone(),
        at_ms: now_ms,
        verdict,
        sentence,
        ruled_out: suspects::cleared(&look, &findings),
        beliefs: beliefs::all(&look),
        findings,
    }
}

#[cfg(test)]
mod tests;
