//! `cargo xtask drill`: situations brought about for real, and what `twinhaul diagnose` says of them before it is told. Done by an
//! example of the whole-program tests; servers and tools are installed as for the tests.

use crate::process::example;
use crate::suite;
use std::path::Path;

/// Builds the product and the drill, and lets it begin; false when the diagnosis did not do well enough, or could not be asked.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool, String> {
    suite::install(root);
    example(root, &["twinhaul", "twinhaul-disk", "twinhaul-tape", "twinhaul-cloud"], "drill", args)
}
