//! How a run ended, for `wait` and for whoever watched it: written by the supervisor's process as its last act.

use crate::exit::Failure;
use serde::{Deserialize, Serialize};
use std::path::Path;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ExitFile {
    /// architecture.md 7.
    pub(crate) code: u8,
    pub(crate) ended_at_ms: u64,
    /// Why, when it did not end well.
    #[serde(default)]
    pub(crate) why: Option<String>,
}

const NAME: &str = "exit.json";

/// Replaces what an earlier end of a resumed run left.
pub(crate) fn write(run_dir: &Path, end: &ExitFile) -> Result<(), Failure> {
    let text = serde_json::to_string(end).map_err(|e| Failure::other("exit file", e))?;
    let temporary = run_dir.join("exit.json.new");
    std::fs::write(&temporary, text)
        .and_then(|()| std::fs::rename(&temporary, run_dir.join(NAME)))
        .map_err(|e| Failure::other("exit file", e))
}

pub(crate) fn read(run_dir: &Path) -> Option<ExitFile> {
    serde_json::from_str(&std::fs::read_to_string(run_dir.join(NAME)).ok()?).ok()
}

pub(crate) fn clear(run_dir: &Path) {
    // Missing is what is wanted.
    let _ = std::fs::remove_file(run_dir.join(NAME));
}
