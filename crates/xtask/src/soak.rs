//! `cargo xtask soak`: searches that go on for as long as one likes. `sim`, `model` and `mutants` are done by the crate
//! `prove`, built with its assertions on; `kill` by the whole-program tests, on the real binaries.

mod kill;

use crate::process::{cargo, pass};
use std::path::Path;

/// Runs one; false when it found something.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool, String> {
    match args.split_first() {
        Some((what, _)) if matches!(what.as_str(), "sim" | "model" | "mutants") => prove(root, args),
        Some((what, rest)) if what == "kill" => kill::run(root, rest),
        _ => Err("soak takes sim, model, mutants or kill, and their options".to_owned()),
    }
}

fn prove(root: &Path, args: &[String]) -> Result<bool, String> {
    let mut words = vec!["run", "--quiet", "-p", "twinhaul-prove", "--bin", "prove", "--"];
    words.extend(args.iter().map(String::as_str));
    pass(cargo(root, &words))
}
