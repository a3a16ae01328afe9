//! `cargo xtask drill`: situations brought about for real, and what `twinhaul diagnose` says of them before it is told. Done by an
//! example of the whole-program tests, which stands beside the product it starts; servers and tools are installed as for the tests.

use crate::process::{cargo, pass};
use crate::suite;
use std::path::Path;
use std::process::{Command, Stdio};

/// Builds the product and the drill, and lets it begin; false when the diagnosis did not do well enough, or could not be asked.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool, String> {
    let packages = ["twinhaul", "twinhaul-disk", "twinhaul-tape", "twinhaul-cloud", "twinhaul-tests"]
        .map(|name| ["-p", name]);
    let words =
        [&["build", "--quiet"][..], packages.as_flattened(), &["--lib", "--bins", "--examples"]].concat();
    if !pass(cargo(root, &words))? {
        return Ok(false);
    }
    suite::install(root);
    let here = std::env::current_exe().map_err(|e| format!("cannot tell where cargo builds: {e}"))?;
    let mut drill = Command::new(here.with_file_name("examples").join("drill"));
    drill.args(args).current_dir(root).stdin(Stdio::null());
    pass(drill)
}
