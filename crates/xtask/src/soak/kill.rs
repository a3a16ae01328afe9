//! `cargo xtask soak kill`: real binaries over real files, under fire. Done by an example of the whole-program tests, which
//! stands beside the product it starts.

use crate::process::{cargo, pass};
use std::path::Path;
use std::process::{Command, Stdio};

/// Builds the product and what attacks it, and lets it begin; false when it found something.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool, String> {
    // In one build, so that all of it is of the same sources.
    let packages = ["-p", "twinhaul", "-p", "twinhaul-disk", "-p", "twinhaul-tests"];
    let words = [&["build", "--quiet"][..], &packages, &["--lib", "--bins", "--examples"]].concat();
    if !pass(cargo(root, &words))? {
        return Ok(false);
    }
    let here = std::env::current_exe().map_err(|e| format!("cannot tell where cargo builds: {e}"))?;
    let mut kill = Command::new(here.with_file_name("examples").join("kill"));
    kill.args(args).current_dir(root).stdin(Stdio::null());
    pass(kill)
}
