//! The loader of this program: where backends are looked for, and how a strange library is probed.

use crate::exit::Failure;
use std::path::Path;
use std::process::Command;
use twinhaul_backend_host::{Loader, Search};

/// A loader that probes a library in a throw-away child of this binary before it loads it (backends.md 1).
pub(crate) fn loader() -> Result<Loader, Failure> {
    let exe = std::env::current_exe().map_err(|e| Failure::other("finding this program", e))?;
    Ok(Loader::new(Search::from_env(), move |library: &Path| {
        let mut command = Command::new(&exe);
        command.args(["backends", "check", "--in-child"]).arg(library);
        command
    }))
}
