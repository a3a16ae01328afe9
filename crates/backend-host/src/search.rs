//! Where backends are looked for: `disk` is `libtwinhaul_disk.so` in one of a few directories.
//!
//! In this order: the path a configuration names (`library:`), `$TWINHAUL_BACKENDS` (colon-separated), the directory of the
//! program, `deps` in it (a build tree), and `../lib/twinhaul` beside it (an installation).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::HostError;

/// Environment variable with directories, colon-separated.
pub const BACKENDS_ENV: &str = "TWINHAUL_BACKENDS";
/// Longest backend name.
pub const NAME_BYTES_MAX: usize = 32;
/// Most libraries that are listed.
pub const LISTED_MAX: usize = 256;

/// The directories, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    pub dirs: Vec<PathBuf>,
}

impl Search {
    /// As the module says, for this process.
    pub fn from_env() -> Self {
        Self::new(std::env::var_os(BACKENDS_ENV).as_deref(), std::env::current_exe().ok().as_deref())
    }

    /// From a colon-separated list and the path of the program.
    pub fn new(list: Option<&OsStr>, exe: Option<&Path>) -> Self {
        let mut dirs: Vec<PathBuf> = Vec::new();
        let mut add = |dir: PathBuf| {
            let dir = std::path::absolute(&dir).unwrap_or(dir);
            if !dirs.contains(&dir) {
                dirs.push(dir);
            }
        };
        for dir in list.map(std::env::split_paths).into_iter().flatten() {
            if !dir.as_os_str().is_empty() {
                add(dir);
            }
        }
        if let Some(dir) = exe.and_then(Path::parent) {
            add(dir.to_owned());
            add(dir.join("deps"));
            if let Some(above) = dir.parent() {
                add(above.join("lib/twinhaul"));
            }
        }
        Self { dirs }
    }

    /// The library of a backend's name, or of what is already a path (it holds a slash).
    ///
    /// # Errors
    /// [`HostError::NotFound`].
    pub fn find(&self, name: &str) -> Result<PathBuf, HostError> {
        if name.contains('/') {
            return Ok(PathBuf::from(name));
        }
        let file = file_name(name);
        let found = self.dirs.iter().map(|dir| dir.join(&file)).find(|path| path.exists());
        match found {
            Some(path) if name_ok(name) => Ok(path),
            _ => Err(HostError::NotFound { name: name.to_owned(), file, looked: self.dirs.clone() }),
        }
    }

    /// Every backend in the directories by name; of two with the same name the first directory's.
    pub fn all(&self) -> Vec<(String, PathBuf)> {
        let mut found = BTreeMap::new();
        for dir in &self.dirs {
            let Ok(entries) = std::fs::read_dir(dir) else { continue };
            for entry in entries.flatten() {
                if let Some(name) = entry.file_name().to_str().and_then(name_of)
                    && found.len() < LISTED_MAX
                {
                    found.entry(name.to_owned()).or_insert_with(|| entry.path());
                }
            }
        }
        found.into_iter().collect()
    }
}

fn file_name(name: &str) -> String {
    format!("libtwinhaul_{}.so", name.replace('-', "_"))
}

fn name_of(file: &str) -> Option<&str> {
    file.strip_prefix("libtwinhaul_")?.strip_suffix(".so").filter(|name| name_ok(name))
}

/// Whether `name` may be a backend's: `[a-z][a-z0-9_-]*`.
pub fn name_ok(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_come_in_order_once() {
        let s = Search::new(Some(OsStr::new("/b:/a::/b")), Some(Path::new("/opt/x/bin/twinhaul")));
        let dirs: Vec<_> = s.dirs.iter().map(|d| d.to_str().unwrap()).collect();
        assert_eq!(dirs, ["/b", "/a", "/opt/x/bin", "/opt/x/bin/deps", "/opt/x/lib/twinhaul"]);
    }

    #[test]
    fn names_become_files_and_the_first_directory_wins() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (dir, file) in
            [(&one, "libtwinhaul_disk.so"), (&two, "libtwinhaul_disk.so"), (&two, "libtwinhaul_tape.so")]
        {
            std::fs::write(dir.path().join(file), "").unwrap();
        }
        std::fs::write(two.path().join("libother.so"), "").unwrap();
        let s = Search { dirs: vec![one.path().to_owned(), two.path().to_owned()] };
        assert_eq!(s.find("disk").unwrap(), one.path().join("libtwinhaul_disk.so"));
        assert_eq!(s.find("tape").unwrap(), two.path().join("libtwinhaul_tape.so"));
        assert_eq!(s.find("/x/y.so").unwrap(), PathBuf::from("/x/y.so"));
        let names: Vec<_> = s.all().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["disk", "tape"]);
    }

    #[test]
    fn a_backend_that_is_nowhere_says_where_it_was_looked_for() {
        let s = Search { dirs: vec!["/nowhere".into()] };
        let e = s.find("tape").unwrap_err().to_string();
        assert!(
            e.contains("libtwinhaul_tape.so in /nowhere") && e.contains("cargo build -p twinhaul-tape"),
            "{e}"
        );
        assert!(s.find("\x1b[2J").unwrap_err().to_string().contains("\\x1b[2J"));
    }
}
