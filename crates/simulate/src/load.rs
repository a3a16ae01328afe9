//! What is to be moved: sizes drawn from a scenario's distribution, and divided odd and even by rank.

use crate::chance::{Chance, seed_of};
use crate::{Distribution, Scenario};

/// Sigma of log-normal sizes.
const SIGMA: f64 = 2.0;
/// Alpha of Pareto sizes, and the largest of them in means.
const ALPHA: f64 = 1.1;
const PARETO_MAX: f64 = 1000.0;

/// Sizes by transfer id.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) sizes: Vec<u64>,
    /// How many of them, from id 0 on, begin at the first peer.
    pub(crate) first: usize,
}

impl Load {
    /// The load of a scenario under a seed: each peer's share is one lot, largest first. Chance decides who begins
    /// with the largest.
    pub(crate) fn new(scenario: &Scenario, seed: u64) -> Self {
        let mut chance = Chance::new(seed_of(seed, "sizes"));
        let mut sizes = draw(scenario, &mut chance);
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let odd = usize::from(chance.happens(0.5));
        let share = |rank: usize| sizes.iter().skip(rank).step_by(2).copied();
        let first: Vec<u64> = share(odd).collect();
        let count = first.len();
        Self { sizes: first.into_iter().chain(share(1 - odd)).collect(), first: count }
    }
}

fn draw(scenario: &Scenario, chance: &mut Chance) -> Vec<u64> {
    let mean = scenario.mean.0 as f64;
    let n = scenario.transfers;
    if scenario.sizes == Distribution::Giant {
        let half = mean * n as f64 / 2.0;
        let other = half / (n.max(2) - 1) as f64;
        return (0..n).map(|i| whole(if i == 0 { half } else { other })).collect();
    }
    let size = |chance: &mut Chance| match scenario.sizes {
        Distribution::Equal | Distribution::Giant => mean,
        Distribution::Uniform => 2.0 * mean * chance.unit(),
        Distribution::Lognormal => mean * chance.lognormal(SIGMA),
        Distribution::Pareto => (mean * (ALPHA - 1.0) / ALPHA * chance.pareto(ALPHA)).min(PARETO_MAX * mean),
    };
    (0..n).map(|_| whole(size(chance))).collect()
}

/// No transfer is empty here: an empty one is nothing but its cost.
fn whole(size: f64) -> u64 {
    (size.round() as u64).max(1)
}
