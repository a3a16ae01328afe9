//! `cargo xtask`: the chores of this house, in plain Rust, so that a machine with only Rust and a C compiler can do them.
//!
//! It never becomes part of the product and imports none of its crates: it must build in seconds, and it must run
//! when the product does not compile. Entry points: [`tidy`], [`suite`] (the verb `test`), [`demo`], [`bench`],
//! [`soak`], [`drill`], [`privileged`], [`stories`].

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool for developers: printing is what it does"
)]

mod bench;
mod demo;
mod drill;
mod privileged;
mod process;
mod soak;
mod stories;
mod suite;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <verb>

  test [--quick]    set up and pass all tests: format, tidy, clippy, build, tests, doc tests
                    --quick leaves out clippy and the whole-program tests
  tidy [--write]    check the rules of the house (crates/README.md); --write renews what is generated from them
  demo [ARGS...]    build what the demonstration needs and run `twinhaul demo ARGS...`
  bench console     what the console costs on a real run in a real terminal, beside what console.md wants
  bench data        what copying costs, beside cp, rsync, tar, rclone, xcp and fcp; `bench data --help` tells its words
  drill             bring about what can go wrong, and score what `diagnose` says of it; --seed, --trials, --only, --list
  privileged        the tests and situations that need mounts, FUSE, loop devices or control groups; fails where they cannot run
  soak sim          walk through millions of simulated runs; `soak sim --seed N` tells one
  soak model        visit every state of small worlds; `--all`, or `--class crash --with loss`
  soak mutants      put deliberate bugs in and see both find them; `--write` renews the table
  soak kill         kill and freeze real processes at random moments; --failpoints: at every durable step
  stories [NAME]    tell the demonstrations, and keep what the pictures of profiles/README.md are drawn from
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let root = workspace_root();
    let outcome = match args.split_first() {
        Some((verb, rest)) if verb == "test" => suite::run(&root, rest),
        Some((verb, rest)) if verb == "tidy" => tidy::run(&root, rest),
        Some((verb, rest)) if verb == "demo" => demo::run(&root, rest),
        Some((verb, rest)) if verb == "bench" => bench::run(&root, rest),
        Some((verb, rest)) if verb == "drill" => drill::run(&root, rest),
        Some((verb, rest)) if verb == "privileged" => privileged::run(&root, rest),
        Some((verb, rest)) if verb == "soak" => soak::run(&root, rest),
        Some((verb, rest)) if verb == "stories" => stories::run(&root, rest),
        Some((verb, _)) if matches!(verb.as_str(), "help" | "--help" | "-h") => {
            print!("{USAGE}");
            Ok(true)
        }
        Some((verb, _)) => Err(format!("unknown verb \"{}\"\n\n{USAGE}", verb.escape_debug())),
        None => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::from(2)
        }
    }
}

/// The workspace's root: two levels above this crate. What cargo says at run time comes first: with one target directory
/// for several checkouts, this executable may have been compiled for another of them.
fn workspace_root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.ancestors().nth(2).map_or_else(|| here.clone(), Path::to_path_buf)
}
