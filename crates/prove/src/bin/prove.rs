//! `prove sim | model | mutants`: what `cargo xtask soak` runs. Results on stdout, progress on stderr.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool for developers: printing is what it does"
)]

use std::process::ExitCode;
use twinhaul_prove::soak;

const USAGE: &str = "\
usage: cargo xtask soak <what>

  sim [--seeds N] [--minutes M] [--from SEED]   walk through so many seeds (default 1,000,000), or as long as that
  sim --seed N [--mutant NAME]                  walk through one seed and tell what happened
  model [--all] [--states N] [--minutes M]      the model check: the quick searches, or all; each until it is cut
  model --class A [--with B] [--n 2|3]          one or two kinds of fault, so many transfers; or --shape lots-2, ...
        [--brisk] [--shortest]                  --brisk: what leaves nothing behind it is no step of its own, as
                                                --all has it for two faults and for three transfers; --shortest:
                                                the shortest way to what is broken, with far more memory
  model --replay CASE --path N.N.N              go one way again and tell what happened
  mutants [--write] [--only NAME]               both over every deliberate bug; --write renews the table in crates/README.md
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.split_first() {
        Some((&"sim", rest)) => soak::sim(rest, &mut std::io::stdout(), &mut std::io::stderr()),
        Some((&"model", rest)) => soak::model(rest, &mut std::io::stdout(), &mut std::io::stderr()),
        Some((&"mutants", rest)) => soak::mutants(rest, &mut std::io::stdout()),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}
