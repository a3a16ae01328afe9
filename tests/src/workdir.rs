//! A temporary directory that vanishes whatever modes its directories have.

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use tempfile::TempDir;

/// A directory below `TMPDIR`, removed with everything in it when dropped.
#[derive(Debug)]
pub struct Workdir(TempDir);

impl Default for Workdir {
    fn default() -> Self {
        Self::new()
    }
}

impl Workdir {
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("twinhaul-test-").tempdir().expect("temporary directory"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Workdir {
    fn drop(&mut self) {
        let open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if let Ok(fd) = rustix::fs::openat(CWD, self.path(), open, Mode::empty()) {
            empty(fd.as_fd());
        }
    }
}

/// Removes everything below `directory`, by descriptors: paths may be longer than a path may be, and directories may
/// be read-only. What cannot be removed stays; the directory's own removal then says so.
fn empty(directory: BorrowedFd<'_>) {
    let _ = rustix::fs::fchmod(directory, Mode::RWXU);
    let Ok(entries) = rustix::fs::Dir::read_from(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
        let is_directory = stat.is_ok_and(|s| FileType::from_raw_mode(s.st_mode) == FileType::Directory);
        if is_directory {
            let _ = rustix::fs::chmodat(directory, name, Mode::RWXU, AtFlags::empty());
            let open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            if let Ok(fd) = rustix::fs::openat(directory, name, open, Mode::empty()) {
                empty(fd.as_fd());
            }
            let _ = rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR);
        } else {
            let _ = rustix::fs::unlinkat(directory, name, AtFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn it_vanishes_with_read_only_directories_in_it() {
        let work = Workdir::new();
        let path = work.path().to_owned();
        let inner = path.join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join("f"), "x").unwrap();
        std::os::unix::fs::symlink("/", inner.join("link")).unwrap();
        for directory in [&inner, &path.join("a")] {
            std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o500)).unwrap();
        }
        drop(work);
        assert!(!path.exists());
    }
}
