//! What `cargo xtask soak kill` runs: runs under random fire, or every failpoint at every peer. Ends with 1 when anything was
//! lost, half done, stale or otherwise not as it must be, and says how to see it again.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool for developers")]

use std::process::ExitCode;
use twinhaul_tests::siege::Campaign;
use twinhaul_tests::sweep::{self, Case};

const USAGE: &str = "\
soak kill [--kills N] [--runs N] [--minutes M] [--seed S] [--parallel K]   200 kills, 4 runs side by side
soak kill --failpoints [--at PEER/POINT:FATE] [--parallel K]               every failpoint x both peers x kill and freeze";

#[derive(Debug)]
struct Wishes {
    campaign: Campaign,
    failpoints: bool,
    at: Option<String>,
}

fn main() -> ExitCode {
    match wishes(std::env::args().skip(1)) {
        Ok(wishes) if wishes.failpoints => failpoints(&wishes),
        Ok(wishes) => {
            let outcome = wishes.campaign.run();
            println!("{outcome}");
            if outcome.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(words) => {
            eprintln!("{words}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn failpoints(wishes: &Wishes) -> ExitCode {
    let mut cases = Case::all();
    if let Some(at) = &wishes.at {
        cases.retain(|case| case.to_string().contains(at.as_str()));
        if cases.is_empty() {
            eprintln!("there is no such case: {}", at.escape_debug());
            return ExitCode::from(2);
        }
    }
    let passed = sweep::pass(cases, wishes.campaign.at_once);
    println!("{passed}");
    if passed.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn wishes(mut args: impl Iterator<Item = String>) -> Result<Wishes, String> {
    let seed =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    let campaign = Campaign { hits: 200, hits_per_run: 12, minutes: None, seed, at_once: 4, runs: None };
    let mut wishes = Wishes { campaign, failpoints: false, at: None };
    while let Some(flag) = args.next() {
        if flag == "--failpoints" {
            wishes.failpoints = true;
            continue;
        }
        let value = args.next().ok_or_else(|| format!("{} needs a value", flag.escape_debug()))?;
        let number = || value.parse::<u64>().map_err(|e| format!("{}: {e}", flag.escape_debug()));
        let size = || number().map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let campaign = &mut wishes.campaign;
        match flag.as_str() {
            "--kills" => campaign.hits = size()?,
            "--runs" => (campaign.runs, campaign.hits) = (Some(size()?), usize::MAX),
            "--minutes" => campaign.minutes = Some(number()?),
            "--seed" => campaign.seed = number()?,
            "--parallel" => campaign.at_once = size()?,
            "--at" => wishes.at = Some(value.clone()),
            _ => return Err(format!("unknown option {}", flag.escape_debug())),
        }
    }
    Ok(wishes)
}
