//! `cargo xtask privileged`: whatever needs more than a user's rights (mounts, loop devices, FUSE, control groups, other processes'
//! descriptors), and nothing else: the tests, then each situation of the drill. Where it cannot run it fails, as in CI.

use crate::process::{cargo, pass};
use crate::{drill, suite};
use std::path::Path;

/// Binaries of whole-program tests that have such tests.
const BINARIES: [&str; 9] =
    ["bad_input", "bundle", "copy_exact", "diagnose", "limits", "media", "power", "reflink", "takeover"];

/// False when a test failed, or could not run here.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool, String> {
    if !args.is_empty() {
        return Err(format!("privileged takes nothing, not {args:?}"));
    }
    suite::install(root);
    let product = ["twinhaul", "twinhaul-disk", "twinhaul-tape", "twinhaul-cloud"];
    let build = ["build"].into_iter().chain(product.into_iter().flat_map(|package| ["-p", package]));
    if !pass(cargo(root, &build.collect::<Vec<_>>()))? {
        return Ok(false);
    }
    let tests = ["test", "-p", "twinhaul-tests", "--no-fail-fast"].into_iter();
    let mut tests =
        cargo(root, &tests.chain(BINARIES.into_iter().flat_map(|b| ["--test", b])).collect::<Vec<_>>());
    // A suite that lacks something is a failure then, and not a skip.
    tests.env("CI", "true");
    let passed = pass(tests)?;
    Ok(drill::run(root, &[])? && passed)
}
