//! A seed decides everything; and nothing that happens breaks a rule of the ledger.

use super::scenario;
use twinhaul_assist::Policy;
use twinhaul_simulate::{Filter, Job, POLICIES, policy, run, shipped, sweep};

#[test]
fn the_same_seed_gives_the_same_run_bit_by_bit() {
    let busy = scenario("network/1000/lognormal/1:4/10ms/8sharing/none/all-at-once");
    for name in POLICIES {
        let policy = policy(name).unwrap();
        let (first, lines) = run(&busy, policy, 5, true).unwrap();
        let (again, lines_again) = run(&busy, policy, 5, true).unwrap();
        assert_eq!(first, again, "{name}");
        assert!(lines == lines_again && lines.len() > 1000, "{name}");
        // Being watched changes nothing; another seed changes all.
        assert_eq!(run(&busy, policy, 5, false).unwrap().0, first, "{name}");
        assert_ne!(run(&busy, policy, 6, false).unwrap().0.trace_hash, first.trace_hash, "{name}");
    }
}

#[test]
fn threads_change_nothing() {
    let families = shipped().unwrap();
    let jobs: Vec<_> =
        families[0].scenarios.iter().step_by(101).map(|scenario| Job { scenario, seed: 2 }).collect();
    let one = sweep(&jobs, &[Policy::Learning], 1, &|_| {}).unwrap();
    let four = sweep(&jobs, &[Policy::Learning], 4, &|_| {}).unwrap();
    assert_eq!(one, four);
    assert!(jobs.iter().zip(&one[0]).all(|(job, o)| job.scenario.name == o.scenario));
}

#[test]
fn no_rule_of_the_ledger_is_broken() {
    let filter = Filter::parse("transfers=100|1000").unwrap();
    let families = shipped().unwrap();
    let small = families.iter().flat_map(|f| &f.scenarios).filter(|s| filter.takes(s, 1).unwrap());
    let jobs: Vec<_> = small.step_by(13).map(|scenario| Job { scenario, seed: 4 }).collect();
    let policies = POLICIES.map(|name| policy(name).unwrap());
    let outcomes = sweep(&jobs, &policies, 2, &|_| {}).unwrap();
    for outcome in outcomes.iter().flatten() {
        assert_eq!(outcome.breaches, 0, "{}", outcome.scenario);
        let over = outcome.over_pct();
        assert!(over.is_none_or(|over| over > -1e-6), "{} is {over:?} % over its bound", outcome.scenario);
    }
}
