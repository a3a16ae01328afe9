//! `user.*` extended attributes: the only ones that are carried from one file system to another.
//!
//! They are read through `/proc/self/fd`, which names the very inode without opening it: no permission to read its bytes
//! is needed, and no symlink is followed.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::{XattrFlags, fsetxattr, getxattr, lgetxattr, listxattr, llistxattr};
use rustix::io::{Errno, Result};

/// What most nodes need; the second try is as large as Linux allows.
const FIRST_BYTES: usize = 1024;
const LIST_BYTES_MAX: usize = 64 << 10;
const PREFIX: &str = "user.";

/// Names with their values.
pub(crate) type Xattrs = Vec<(String, Vec<u8>)>;

/// Of the node behind a handle.
pub(crate) fn of_handle(handle: impl AsFd) -> Result<Xattrs> {
    let path = format!("/proc/self/fd/{}", handle.as_fd().as_raw_fd());
    read(|out| listxattr(path.as_str(), out), |name, out| getxattr(path.as_str(), name, out))
}

/// Of `name` (one component, not followed) in `dir`.
pub(crate) fn of_entry(dir: impl AsFd, name: &[u8]) -> Result<Xattrs> {
    let path = [format!("/proc/self/fd/{}/", dir.as_fd().as_raw_fd()).as_bytes(), name].concat();
    read(|out| llistxattr(&path, out), |name, out| lgetxattr(&path, name, out))
}

fn read(
    list: impl Fn(&mut [u8]) -> Result<usize>,
    get: impl Fn(&str, &mut [u8]) -> Result<usize>,
) -> Result<Xattrs> {
    let names = match filled(list) {
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    // A name that is not UTF-8 has no place in the interface.
    for name in names.split(|b| *b == 0).filter_map(|n| std::str::from_utf8(n).ok()) {
        if !name.starts_with(PREFIX) {
            continue;
        }
        match filled(|out| get(name, out)) {
            Ok(value) => found.push((name.to_owned(), value)),
            // Removed meanwhile, or not readable, as its file is not.
            Err(Errno::NODATA | Errno::ACCESS | Errno::PERM) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(found)
}

fn filled(call: impl Fn(&mut [u8]) -> Result<usize>) -> Result<Vec<u8>> {
    let mut out = vec![0; FIRST_BYTES];
    let len = match call(&mut out) {
        Err(Errno::RANGE) => {
            out.resize(LIST_BYTES_MAX, 0);
            call(&mut out)?
        }
        other => other?,
    };
    out.truncate(len);
    Ok(out)
}

/// Whether all were kept.
///
/// # Errors
/// Only those of the medium.
pub(crate) fn give(fd: BorrowedFd<'_>, wanted: &[(String, Vec<u8>)]) -> Result<bool> {
    let mut all = true;
    for (name, value) in wanted {
        if !name.starts_with(PREFIX) {
            all = false;
            continue;
        }
        match fsetxattr(fd, name.as_str(), value, XattrFlags::empty()) {
            Ok(()) => {}
            Err(e @ (Errno::IO | Errno::ROFS)) => return Err(e),
            // ENOSPC and EDQUOT too: the space for attributes is full, not the file system.
            Err(_) => all = false,
        }
    }
    Ok(all)
}
