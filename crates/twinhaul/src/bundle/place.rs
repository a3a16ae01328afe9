//! Where the archive stands: under a name of its own while it is written, in its place when it is whole.

use std::io;
use std::path::{Path, PathBuf};

/// Ends the name of an archive that is not whole.
const UNFINISHED: &str = ".unfinished";

/// Removed when it is dropped before it is moved to its place.
#[derive(Debug)]
pub(super) struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Moved away already, at best.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Unfinished {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// # Errors
    /// `AlreadyExists`: something stands there that may not be replaced.
    pub(super) fn place(&self, to: &Path, replace: bool) -> io::Result<()> {
        place(&self.0, to, replace)
    }
}

/// What it is called until it is whole: nobody else's, and seen as what it is when its maker was killed.
pub(super) fn unfinished(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}{UNFINISHED}", std::process::id()));
    to.with_file_name(name)
}

/// Removes what makers of `to` left that were killed; only where nobody else makes one.
pub(crate) fn remove_unfinished(to: &Path) {
    let (Some(directory), Some(name)) = (to.parent(), to.file_name().and_then(|n| n.to_str())) else {
        return;
    };
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let left = |entry: &std::fs::DirEntry| {
        entry.file_name().to_str().is_some_and(|n| n.starts_with(name) && n.ends_with(UNFINISHED))
    };
    for entry in entries.filter(left) {
        // Left over at worst.
        let _ = std::fs::remove_file(entry.path());
    }
}

/// Moves the finished file; never over one that may not be replaced, also when that came a moment ago.
fn place(from: &Path, to: &Path, replace: bool) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    if replace {
        return std::fs::rename(from, to);
    }
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot: a second name is refused in the same way.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => std::fs::hard_link(from, to),
        moved => Ok(moved?),
    }
}
