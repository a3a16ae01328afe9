//! The loader of this program: where backends are looked for, and how a strange library is probed.

use crate::exit::Failure;
use crate::launch::write_private;
use crate::state::RunDir;
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

/// In a run's directory: which libraries were probed when it was started, by their files' identity.
const NOTES: &str = "backends.json";

/// As [`loader`], for a process of a run: what was probed when the run was started, and has not changed since, is not
/// probed again.
pub(crate) fn loader_of(run: &RunDir) -> Result<Loader, Failure> {
    let loader = loader()?;
    let notes = std::fs::read(run.path.join(NOTES)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    Ok(match notes {
        Some(notes) => loader.with_notes(&notes),
        None => loader,
    })
}

/// Leaves what `loader` has probed for the processes of a run. Without it they probe for themselves.
pub(crate) fn leave_notes(run: &RunDir, loader: &Loader) {
    let _ = write_private(&run.path.join(NOTES), loader.notes().to_string().as_bytes());
}
