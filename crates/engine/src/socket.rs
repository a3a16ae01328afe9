//! Where control sockets are, and how to reach them when the path is longer than `sun_path` (architecture.md 5).

use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

/// `sun_path` holds 108 bytes with its NUL.
const SUN_PATH_MAX: usize = 107;

/// A path that fits an address, and the directory that must stay open while it is used.
#[derive(Debug)]
pub(crate) struct SocketPath {
    path: PathBuf,
    _directory: Option<std::fs::File>,
}

impl SocketPath {
    /// The socket of `name` ("alpha", "supervisor") in a run's directory.
    ///
    /// # Errors
    /// When the directory cannot be opened.
    pub(crate) fn new(run_dir: &Path, name: &str) -> io::Result<Self> {
        let path = run_dir.join(format!("{name}.sock"));
        if path.as_os_str().len() <= SUN_PATH_MAX {
            return Ok(Self { path, _directory: None });
        }
        let directory = std::fs::File::open(run_dir)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{name}.sock", directory.as_raw_fd()));
        Ok(Self { path, _directory: Some(directory) })
    }

    pub(crate) fn as_path(&self) -> &Path {
        &self.path
    }
}
