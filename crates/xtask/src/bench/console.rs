//! `cargo xtask bench console`: done by an example of the whole-program tests, which stands beside the product it starts.

use crate::process::{cargo, pass};
use std::path::Path;
use std::process::{Command, Stdio};

pub(super) fn run(root: &Path, args: &[String]) -> Result<bool, String> {
    let packages = ["-p", "twinhaul", "-p", "twinhaul-disk", "-p", "twinhaul-tests"];
    let words =
        [&["build", "--release", "--quiet"][..], &packages, &["--lib", "--bins", "--example", "console"]]
            .concat();
    if !pass(cargo(root, &words))? {
        return Ok(false);
    }
    let mut bench = Command::new(super::target_dir()?.join("release/examples/console"));
    bench.args(args).current_dir(root).stdin(Stdio::null());
    pass(bench)
}
