//! What a test mounts in its own mount name space, and takes down again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs a shell script that must do what it is for.
///
/// # Errors
/// What it said.
pub(crate) fn shell(script: &str, args: &[&Path]) -> Result<(), String> {
    let mut command = Command::new("sh");
    command.args(["-ec", script, "sh"]).args(args).stdin(Stdio::null());
    let done = command.output().map_err(|e| format!("sh: {e}"))?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!("{script}: {}: {}", done.status, String::from_utf8_lossy(&done.stderr).trim()))
}

/// A mounted file system, which goes when this does.
#[derive(Debug)]
pub struct Mounted(PathBuf);

impl Mounted {
    /// Of what has been mounted at `at`.
    pub(crate) fn at(at: &Path) -> Self {
        Self(at.to_owned())
    }

    /// Unmounts it, which everybody must have left: all of it is on its device then.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn end(self) -> Result<(), String> {
        shell("umount \"$1\"", &[&self.0])
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = shell("if mountpoint -q \"$1\"; then umount -l \"$1\"; fi", &[&self.0]);
    }
}
