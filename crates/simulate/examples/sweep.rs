//! A sweep without the binary around it: `cargo run --release -p twinhaul-simulate --example sweep -- FILE SEED POLICY…`.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::path::PathBuf;
use twinhaul_assist::Policy;
use twinhaul_simulate::{Figures, family, sweep, worst};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = PathBuf::from(args.next().ok_or("which family?")?);
    let seed = args.next().ok_or("which seed?")?.parse()?;
    let mut named = Vec::new();
    for name in args {
        let policy = match name.as_str() {
            "none" => Policy::None,
            "learning" => Policy::Learning,
            "balanced" => Policy::Balanced,
            "steal-half" => Policy::StealHalf,
            _ => return Err(format!("unknown policy {name}").into()),
        };
        named.push((name, policy));
    }
    let families = family::read_all(&path)?;
    let scenarios: Vec<_> = families.iter().flat_map(|f| &f.scenarios).collect();
    println!("{} scenarios, hash {:016x}", scenarios.len(), family::hash(scenarios.iter().copied()));
    let policies: Vec<_> = named.iter().map(|(_, policy)| *policy).collect();
    let outcomes = sweep(&scenarios, &policies, &[seed], 2, &|_| {})?;
    for ((name, _), outcomes) in named.iter().zip(&outcomes) {
        println!("{name}: {:#?}", Figures::of(outcomes));
        for outcome in worst(outcomes, 10) {
            println!("  {:>10.2} %  {}", outcome.over_pct().unwrap_or(f64::INFINITY), outcome.scenario);
        }
    }
    Ok(())
}
