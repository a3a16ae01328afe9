//! `simulate`: policies in virtual time, against the bound that none can beat. Touches nothing but its YAML.

use crate::cli::SimulateArgs;
use crate::exit::{self, Failure};
use crate::output;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use twinhaul_simulate::{
    AXES, Family, Filter, Job, POLICIES, Report, SEEDS_MAX, Scenario, SimulateError, family, policy, run,
    shipped, sweep,
};
use twinhaul_units::text::show;

/// What is taken if nothing is named.
const GRID: &str = "grid";

pub(crate) fn simulate(args: &SimulateArgs) -> Result<u8, Failure> {
    let mut families = families(args)?;
    if let Some(every) = args.checkpoint {
        families.iter_mut().flat_map(|f| &mut f.scenarios).for_each(|s| s.checkpoint = every.0);
    }
    let seeds: Vec<u64> = args.seed.iter().flat_map(|seeds| seeds.0.clone()).take(SEEDS_MAX + 1).collect();
    if seeds.len() > SEEDS_MAX {
        return Err(Failure::usage(format!("more than {SEEDS_MAX} seeds")));
    }
    if let Some(axis) = args.by.as_deref().filter(|axis| !AXES.contains(axis)) {
        return Err(Failure::usage(format!("no axis \"{}\"; there are {}", show(axis), AXES.join(", "))));
    }
    let names: Vec<&str> = if args.policy.is_empty() {
        POLICIES.to_vec()
    } else {
        args.policy.iter().map(String::as_str).collect()
    };
    let policies = names.iter().map(|name| policy(name)).collect::<Result<Vec<_>, _>>().map_err(usage)?;
    let jobs = jobs(args, &families, &seeds)?;
    if args.trace {
        return trace(&jobs, &names);
    }
    let threads = args
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    let on_terminal = std::io::stderr().is_terminal();
    let (total, told) = (jobs.len() * policies.len(), AtomicUsize::new(0));
    let progress = |done: usize| {
        let percent = done * 100 / total.max(1);
        if told.fetch_max(percent, Ordering::Relaxed) < percent && (on_terminal || percent.is_multiple_of(10))
        {
            output::progress(&format!("{done} of {total} runs"), on_terminal);
        }
    };
    let outcomes = sweep(&jobs, &policies, threads, &progress).map_err(usage)?;
    output::progress_end(on_terminal);
    let report = Report {
        jobs: &jobs,
        policies: &names,
        outcomes: &outcomes,
        worst: args.worst,
        by: args.by.as_deref(),
    };
    if args.json.json {
        output::json(&report.json())?;
    } else {
        output::line(report.table().map_err(usage)?.trim_end());
    }
    Ok(exit::COMPLETE)
}

fn usage(e: SimulateError) -> Failure {
    match e {
        SimulateError::Broken => Failure::other("simulating", e),
        e => Failure::usage(e.to_string()),
    }
}

/// The families that are meant.
fn families(args: &SimulateArgs) -> Result<Vec<Family>, Failure> {
    let all = match args.grid.as_deref() {
        Some(path) => family::read_all(path).map_err(usage)?,
        None => shipped().map_err(usage)?,
    };
    // One file is meant as a whole; of several, the grid unless others are named.
    let single = args.grid.as_deref().is_some_and(|path| !Path::is_dir(path));
    let anywhere = args.scenario.is_some() && args.family.is_empty();
    if anywhere || (single && args.family.is_empty()) || args.family.iter().any(|name| name == "all") {
        return Ok(all);
    }
    let wanted: Vec<&str> =
        if args.family.is_empty() { vec![GRID] } else { args.family.iter().map(String::as_str).collect() };
    if let Some(name) = wanted.iter().find(|name| all.iter().all(|f| f.name != **name)) {
        let known: Vec<_> = all.iter().map(|f| show(&f.name)).collect();
        return Err(Failure::usage(format!("no family \"{}\"; there are {}", show(name), known.join(", "))));
    }
    Ok(all.into_iter().filter(|f| wanted.contains(&f.name.as_str())).collect())
}

fn jobs<'a>(args: &SimulateArgs, families: &'a [Family], seeds: &[u64]) -> Result<Vec<Job<'a>>, Failure> {
    let filter = Filter::parse(&args.filter).map_err(usage)?;
    let named = |s: &&Scenario| args.scenario.as_ref().is_none_or(|name| s.name == *name);
    let mut jobs = Vec::new();
    for scenario in families.iter().flat_map(|f| &f.scenarios).filter(named) {
        for seed in seeds {
            if filter.takes(scenario, *seed).map_err(usage)? {
                jobs.push(Job { scenario, seed: *seed });
            }
        }
    }
    if jobs.is_empty() {
        return Err(Failure::usage("no scenario is meant by --filter and --scenario"));
    }
    Ok(jobs)
}

/// Everything that happens in one scenario.
fn trace(jobs: &[Job<'_>], names: &[&str]) -> Result<u8, Failure> {
    for job in jobs {
        for name in names {
            let policy = policy(name).map_err(usage)?;
            let (outcome, lines) = run(job.scenario, policy, job.seed, true).map_err(usage)?;
            for line in lines {
                output::line(&show(&line));
                if !output::is_read() {
                    return Ok(exit::COMPLETE);
                }
            }
            let over =
                outcome.over_pct().map_or_else(|| "never ends".to_owned(), |over| format!("{over:.3} %"));
            output::line(&format!(
                "{name}: {over} over the bound of {:.3} s, {} messages, {} ranges, trace {:016x}",
                outcome.bound_ns as f64 / 1e9,
                outcome.messages,
                outcome.ranges,
                outcome.trace_hash
            ));
        }
    }
    Ok(exit::COMPLETE)
}
