//! What `cargo xtask drill` runs: situations brought about for real, and what the product says of each. Ends with 1 when the right
//! cause came first too seldom, or something healthy was called a fault.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool for developers")]

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use twinhaul_tests::drill::{Drill, situations};
use twinhaul_tests::needs;

const USAGE: &str = "\
drill [--seed S] [--trials N] [--parallel K] [--only WORDS]   one of each, 3 side by side
drill --list                                                  what is brought about";
/// Set in the name space in which the drill may mount.
const INSIDE: &str = "TWINHAUL_DRILL_INSIDE";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--list") {
        for s in situations() {
            println!("{:?}\t{}", s.kind, s.name);
        }
        return ExitCode::SUCCESS;
    }
    let drill = match wishes(args.iter()) {
        Ok(drill) => drill,
        Err(words) => {
            eprintln!("{words}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if std::env::var_os(INSIDE).is_none() {
        return inside(&args);
    }
    println!("drill: seed {}, {} trials", drill.seed, drill.trials);
    let score = drill.run(&|line| println!("{line}"));
    println!("\n{score}");
    if score.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Begins again where it may mount, and where nobody else sees it.
fn inside(args: &[String]) -> ExitCode {
    let Some(head) = needs::mount_namespace() else {
        eprintln!("drill: this machine allows no mount name space (unshare --mount)");
        return ExitCode::FAILURE;
    };
    let Ok(own) = std::env::current_exe() else { return ExitCode::FAILURE };
    let error = Command::new(head[0]).args(&head[1..]).arg(own).args(args).env(INSIDE, "1").exec();
    eprintln!("drill: {error}");
    ExitCode::FAILURE
}

fn wishes<'a>(mut args: impl Iterator<Item = &'a String>) -> Result<Drill, String> {
    let seed =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut drill = Drill { seed, trials: situations().len(), at_once: 3, only: None };
    let mut trials = None;
    while let Some(flag) = args.next() {
        let value = args.next().ok_or_else(|| format!("{} needs a value", flag.escape_debug()))?;
        let number = || value.parse::<u64>().map_err(|e| format!("{}: {e}", flag.escape_debug()));
        let size = || number().map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        match flag.as_str() {
            "--seed" => drill.seed = number()?,
            "--trials" => trials = Some(size()?),
            "--parallel" => drill.at_once = size()?,
            "--only" => drill.only = Some(value.clone()),
            _ => return Err(format!("unknown option {}", flag.escape_debug())),
        }
    }
    if let Some(only) = &drill.only {
        drill.trials = situations().iter().filter(|s| s.name.contains(only.as_str())).count();
    }
    drill.trials = trials.unwrap_or(drill.trials);
    Ok(drill)
}
