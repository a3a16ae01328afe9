//! A sweep without the binary around it, for who tunes a policy:
//! `cargo run --release -p twinhaul-simulate --example sweep -- FILE SEEDS FILTER AXIS POLICY…` ("" for no filter or axis;
//! seeds as "7" or "1-8").

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::path::PathBuf;
use twinhaul_simulate::{Filter, Job, Report, family, policy, run, sweep};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = PathBuf::from(args.next().ok_or("which family?")?);
    let seeds = args.next().ok_or("which seeds?")?;
    let (from, to) = seeds.split_once('-').unwrap_or((&seeds, &seeds));
    let seeds = from.parse::<u64>()?..=to.parse::<u64>()?;
    let filter = Filter::parse(&args.next().unwrap_or_default())?;
    let by = args.next().filter(|axis| !axis.is_empty());
    let names: Vec<String> = args.collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let policies = names.iter().map(|name| policy(name)).collect::<Result<Vec<_>, _>>()?;
    let families = family::read_all(&path)?;
    let mut jobs = Vec::new();
    for scenario in families.iter().flat_map(|f| &f.scenarios) {
        for seed in seeds.clone() {
            if filter.takes(scenario, seed)? {
                jobs.push(Job { scenario, seed });
            }
        }
    }
    if let ([job], [policy]) = (&jobs[..], &policies[..]) {
        for line in run(job.scenario, *policy, job.seed, true)?.1 {
            println!("{line}");
        }
    }
    let outcomes = sweep(&jobs, &policies, 2, &|_| {})?;
    let report = Report { jobs: &jobs, policies: &names, outcomes: &outcomes, worst: 20, by: by.as_deref() };
    println!("{}", report.table()?);
    Ok(())
}
