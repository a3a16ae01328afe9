//! `cargo xtask bench`: what the product costs, measured on release builds. Figures are printed, never judged: they are of one
//! machine on one day.
//!
//! [`console`] is about the screen, [`data`] about moving data, [`cloud`] about sending it to an object store, beside the tools that are
//! found here.

mod args;
mod chance;
mod cloud;
mod comparisons;
mod console;
mod data;
mod figures;
mod json;
mod machine;
mod make;
mod measure;
mod memory;
mod place;
mod product;
mod sets;
mod sides;
mod table;
mod tools;

use std::path::Path;

pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool, String> {
    match args.split_first() {
        Some((what, rest)) if what == "console" => console::run(root, rest),
        Some((what, rest)) if what == "data" => data::run(root, rest),
        Some((what, rest)) if what == "cloud" => cloud::run(root, rest),
        _ => Err("bench takes console, data or cloud".to_owned()),
    }
}

/// Where cargo builds: this executable stands in `<target>/debug/`.
fn target_dir() -> Result<std::path::PathBuf, String> {
    let here = std::env::current_exe().map_err(|e| format!("cannot tell where cargo builds: {e}"))?;
    let target = here.ancestors().nth(2).ok_or("this program is in no target directory")?;
    Ok(target.to_path_buf())
}
