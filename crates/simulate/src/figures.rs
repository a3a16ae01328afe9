//! The figures of many runs under one policy: what the table and the JSON show.

use crate::Outcome;

/// Over a set of runs. Per cents are over the bound; runs that never ended count in `unfinished`, against `within`,
/// and in no mean, median or worst.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub runs: usize,
    pub mean_over_pct: f64,
    pub median_over_pct: f64,
    pub p95_over_pct: f64,
    pub worst_over_pct: f64,
    /// Per cent of all runs.
    pub within_1_pct: f64,
    pub within_5_pct: f64,
    pub unfinished: usize,
    pub messages_median: u64,
    pub messages_max: u64,
    pub assignments_median: u64,
    pub ranges_median: u64,
    /// Mean over the runs that ended.
    pub idle_pct: f64,
}

impl Figures {
    pub fn of<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Self {
        let outcomes: Vec<_> = outcomes.into_iter().collect();
        let runs = outcomes.len();
        let ended: Vec<_> = outcomes.iter().filter(|o| o.makespan_ns.is_some()).collect();
        let mut over: Vec<f64> = ended.iter().filter_map(|o| o.over_pct()).collect();
        over.sort_by(f64::total_cmp);
        let share = |limit: f64| {
            let within = over.iter().filter(|o| **o <= limit).count();
            if runs == 0 { 0.0 } else { within as f64 / runs as f64 * 100.0 }
        };
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            if ended.is_empty() { 0.0 } else { values.sum::<f64>() / ended.len() as f64 }
        };
        let sorted = |of: fn(&Outcome) -> u64| {
            let mut values: Vec<u64> = outcomes.iter().map(|o| of(o)).collect();
            values.sort_unstable();
            values
        };
        let messages = sorted(|o| o.messages);
        Self {
            runs,
            mean_over_pct: mean(&mut over.iter().copied()),
            median_over_pct: quantile(&over, 0.5),
            p95_over_pct: quantile(&over, 0.95),
            worst_over_pct: over.last().copied().unwrap_or_default(),
            within_1_pct: share(1.0),
            within_5_pct: share(5.0),
            unfinished: runs - ended.len(),
            messages_median: quantile(&messages, 0.5),
            messages_max: messages.last().copied().unwrap_or_default(),
            assignments_median: quantile(&sorted(|o| o.assignments), 0.5),
            ranges_median: quantile(&sorted(|o| o.ranges), 0.5),
            idle_pct: mean(&mut ended.iter().map(|o| o.idle * 100.0)),
        }
    }
}

/// The smallest value that at least the part `q` of the sorted values does not exceed; the default if there is none.
fn quantile<T: Copy + Default>(sorted: &[T], q: f64) -> T {
    let rank = (sorted.len() as f64 * q).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or_default()
}

/// The `count` worst: never ended first, then by per cent over the bound; ties by name, so that two runs agree.
pub fn worst<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>, count: usize) -> Vec<&'a Outcome> {
    let mut all: Vec<_> = outcomes.into_iter().collect();
    let key = |o: &Outcome| o.over_pct().unwrap_or(f64::INFINITY);
    all.sort_by(|a, b| {
        key(b).total_cmp(&key(a)).then_with(|| (&a.scenario, a.seed).cmp(&(&b.scenario, b.seed)))
    });
    all.truncate(count);
    all
}
