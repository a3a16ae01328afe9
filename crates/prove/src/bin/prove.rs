//! `prove sim`: what `cargo xtask soak sim` runs. Results on stdout, progress on stderr.

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
  sim --seed N                                  walk through one seed and tell what happened
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.split_first() {
        Some((&"sim", rest)) => soak::sim(rest, &mut std::io::stdout(), &mut std::io::stderr()),
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
