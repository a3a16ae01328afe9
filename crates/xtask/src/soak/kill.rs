//! `cargo xtask soak kill`: real binaries over real files, under fire. Done by an example of the whole-program tests.

use crate::process::example;
use std::path::Path;

/// Builds the product and what attacks it, and lets it begin; false when it found something.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool, String> {
    example(root, &["twinhaul", "twinhaul-disk"], "kill", args)
}
