//! What came of one run.

/// One scenario under one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub scenario: String,
    /// As given at the command line.
    pub seed: u64,
    /// Which half of the seeds the scenario's own belongs to, 0 or 1.
    pub half: u8,
    pub bound_ns: u64,
    /// `None`: it never ended.
    pub makespan_ns: Option<u64>,
    /// The share of what both links could have done that they did not do, from 0 to 1.
    pub idle: f64,
    /// Asks, answers and assignments; heartbeats are not counted (protocol.md 8).
    pub messages: u64,
    pub assignments: u64,
    /// Ranges lent.
    pub ranges: u64,
    /// Parts of own transfers for own idle slots.
    pub splits: u64,
    /// Take-overs.
    pub fences: u64,
    /// Rules of the ledger that were broken: always 0.
    pub breaches: u64,
    /// Of everything that happened, with its time.
    pub trace_hash: u64,
}

impl Outcome {
    /// Per cent over the bound; `None`: it never ended.
    pub fn over_pct(&self) -> Option<f64> {
        let more = self.makespan_ns? as f64 - self.bound_ns as f64;
        Some(more / self.bound_ns.max(1) as f64 * 100.0)
    }
}
