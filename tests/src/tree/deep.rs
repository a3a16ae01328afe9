//! Paths as long as they may be, made by descriptors: below a root, a key of 4,095 bytes is legal although no path
//! from `/` could name it.

use rustix::fs::{CWD, Mode, OFlags};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

/// A file below `root` whose key has exactly `key_bytes` bytes, in directories with names of `component_bytes`.
///
/// # Panics
/// When the key cannot be made of such components.
pub fn file(root: &Path, first: &str, key_bytes: usize, component_bytes: usize, content: &[u8]) {
    let (directories, last) = components(first, key_bytes, component_bytes);
    let open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at: OwnedFd = rustix::fs::openat(CWD, root, open, Mode::empty()).expect("root");
    for name in &directories {
        match rustix::fs::mkdirat(at.as_fd(), name.as_str(), Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(e) => panic!("cannot make a directory {} deep: {e}", directories.len()),
        }
        at = rustix::fs::openat(at.as_fd(), name.as_str(), open, Mode::empty()).expect("directory");
    }
    let create = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let fd =
        rustix::fs::openat(at.as_fd(), last.as_str(), create, Mode::from_raw_mode(0o644)).expect("deep file");
    File::from(fd).write_all(content).expect("content");
}

/// Directories and the file's name; joined by slashes they have `key_bytes` bytes.
fn components(first: &str, key_bytes: usize, component_bytes: usize) -> (Vec<String>, String) {
    let mut directories = vec![first.to_owned()];
    let mut used = first.len() + 1;
    while key_bytes - used > component_bytes + 1 {
        directories.push("d".repeat(component_bytes));
        used += component_bytes + 1;
    }
    let last = "f".repeat(key_bytes - used);
    assert!((1..=255).contains(&last.len()), "a name of {} bytes", last.len());
    (directories, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_length_asked_for() {
        for (key, component) in [(4095, 255), (4095, 200), (3900, 1), (10, 3)] {
            let (directories, last) = components("deep", key, component);
            assert_eq!(directories.join("/").len() + 1 + last.len(), key);
        }
    }
}
