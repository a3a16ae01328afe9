//! `cargo xtask bench`: what the product costs, measured on release builds. Figures are printed, never judged: they are of one
//! machine on one day.

use crate::process::{cargo, pass};
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool, String> {
    match args.split_first() {
        Some((what, rest)) if what == "console" => console(root, rest),
        _ => Err("bench takes console".to_owned()),
    }
}

/// Done by an example of the whole-program tests, which stands beside the product it starts.
fn console(root: &Path, args: &[String]) -> Result<bool, String> {
    let packages = ["-p", "twinhaul", "-p", "twinhaul-disk", "-p", "twinhaul-tests"];
    let words =
        [&["build", "--release", "--quiet"][..], &packages, &["--lib", "--bins", "--example", "console"]]
            .concat();
    if !pass(cargo(root, &words))? {
        return Ok(false);
    }
    let here = std::env::current_exe().map_err(|e| format!("cannot tell where cargo builds: {e}"))?;
    let target = here.ancestors().nth(2).ok_or("this program is in no target directory")?;
    let mut bench = Command::new(target.join("release/examples/console"));
    bench.args(args).current_dir(root).stdin(Stdio::null());
    pass(bench)
}
