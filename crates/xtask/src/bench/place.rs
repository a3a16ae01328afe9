//! Where the sets and the copies are, how much room there is, and when copies are removed.
//!
//! Removing many small files just before the next run would spoil that run: ext4 without a journal passes over every inode that
//! was freed in the last minutes (`recently_deleted` in the kernel, 60 to 300 s) when it looks for a free one, and after an
//! `rm -rf` of 20,000 files `cp -a` was seen to take 10 to 15 s of processor time instead of 0.8 s. So each run gets a
//! directory of its own, and all go at the end. Copies of a few large files free few inodes and need much room: those are removed
//! after each run.

use super::sets::{Amount, GIB, Set};
use std::fs::{self, File, Metadata};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What stays free for ledgers, logs and the machine's other users.
const MARGIN: u64 = 2 * GIB;
/// How long ext4 may pass over what was removed.
const RECENT: Duration = Duration::from_mins(5);

#[derive(Debug)]
pub(super) struct Place {
    dir: PathBuf,
    count: usize,
    /// Held as long as this lives: two benches at a time would measure each other.
    _lock: File,
}

impl Place {
    pub(super) fn open(dir: &Path) -> Result<Self, String> {
        let told = |what: &str, e: &dyn std::fmt::Display| format!("{what} {}: {e}", dir.display());
        fs::create_dir_all(dir.join("sets")).map_err(|e| told("cannot make", &e))?;
        let dir = dir.canonicalize().map_err(|e| told("cannot resolve", &e))?;
        let lock = File::create(dir.join("lock")).map_err(|e| told("cannot lock", &e))?;
        lock.try_lock().map_err(|e| told("another bench works in", &e))?;
        let mut place = Self { dir, count: 0, _lock: lock };
        let removed =
            fs::metadata(place.mark()).and_then(|m| m.modified()).ok().and_then(|t| t.elapsed().ok());
        if let Some(ago) = removed.filter(|ago| *ago < RECENT) {
            let s = ago.as_secs();
            eprintln!(
                "xtask: copies were removed here {s} s ago: on ext4 the first runs may be slow by that"
            );
        }
        // A bench that was killed left its copies, or what it had not removed yet: they stay until this one has ended too.
        let left = fs::read_dir(place.runs()).into_iter().flatten().flatten();
        let numbers = left.filter_map(|e| e.file_name().to_str()?.parse::<usize>().ok());
        place.count = numbers.max().map_or(0, |n| n + 1);
        Ok(place)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn set(&self, set: Set) -> PathBuf {
        self.dir.join("sets").join(set.name())
    }

    /// A new directory, nobody else's to look into: a run's state is refused elsewhere.
    pub(super) fn fresh(&mut self) -> Result<PathBuf, String> {
        let dir = self.runs().join(self.count.to_string());
        self.count += 1;
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir);
        made.map_err(|e| format!("cannot make {}: {e}", dir.display()))?;
        Ok(dir)
    }

    /// Whether so many bytes fit, with a margin; else in words what is missing.
    pub(super) fn room_for(&self, bytes: u64) -> Result<(), String> {
        let stat = rustix::fs::statvfs(&self.dir).map_err(|e| format!("cannot ask for free space: {e}"))?;
        let free = stat.f_bavail * stat.f_frsize;
        if free >= bytes + MARGIN {
            return Ok(());
        }
        let gib = |n: u64| n as f64 / GIB as f64;
        let (want, free) = (gib(bytes + MARGIN), gib(free));
        let margin = gib(MARGIN);
        Err(format!("no room: wants {want:.1} GiB, {margin:.0} of them to stay free; {free:.1} GiB are free"))
    }

    /// Removes every copy of this bench, and of earlier ones that were killed.
    pub(super) fn clear(&self) -> Result<(), String> {
        let runs = self.runs();
        if !runs.exists() {
            return Ok(());
        }
        eprintln!("xtask: removing the copies");
        remove(&runs)?;
        fs::write(self.mark(), "").map_err(|e| format!("cannot write {}: {e}", self.mark().display()))
    }

    fn runs(&self) -> PathBuf {
        self.dir.join("runs")
    }

    fn mark(&self) -> PathBuf {
        self.dir.join("removed")
    }
}

pub(super) fn remove(dir: &Path) -> Result<(), String> {
    fs::remove_dir_all(dir).map_err(|e| format!("cannot remove {}: {e}", dir.display()))
}

/// Counts a copy, so that nobody is timed for doing nothing.
pub(super) fn count(dir: &Path) -> Result<Amount, String> {
    let mut amount = Amount::default();
    each_file(dir, &mut |_, meta| {
        amount.files += 1;
        amount.bytes += meta.len();
        amount.disk += meta.blocks() * 512;
        Ok(())
    })?;
    Ok(amount)
}

/// Calls `see` for every regular file below `dir`.
pub(super) fn each_file(
    dir: &Path,
    see: &mut impl FnMut(&Path, &Metadata) -> std::io::Result<()>,
) -> Result<(), String> {
    let told = |path: &Path, e: std::io::Error| format!("cannot read {}: {e}", path.display());
    for entry in fs::read_dir(dir).map_err(|e| told(dir, e))? {
        let entry = entry.map_err(|e| told(dir, e))?;
        let (path, meta) = (entry.path(), entry.metadata().map_err(|e| told(dir, e))?);
        if meta.is_dir() {
            each_file(&path, see)?;
        } else if meta.is_file() {
            see(&path, &meta).map_err(|e| told(&path, e))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_get_new_directories_and_go_at_the_end() {
        let dir = std::env::temp_dir().join(format!("xtask-place-{}", std::process::id()));
        let mut place = Place::open(&dir).unwrap();
        assert!(Place::open(&dir).unwrap_err().contains("another bench"));
        let (one, two) = (place.fresh().unwrap(), place.fresh().unwrap());
        assert_ne!(one, two);
        fs::create_dir(one.join("sub")).unwrap();
        fs::write(one.join("sub/file"), "four").unwrap();
        let found = count(&one).unwrap();
        assert_eq!((found.files, found.bytes), (1, 4));
        // One that was killed left a copy, but not the first: the next one does not write into it.
        drop(place);
        fs::remove_dir_all(&one).unwrap();
        let mut place = Place::open(&dir).unwrap();
        let three = place.fresh().unwrap();
        assert!(three != one && three != two);
        assert!(place.room_for(1 << 60).unwrap_err().starts_with("no room"));
        place.clear().unwrap();
        assert!(!two.exists());
        fs::remove_dir_all(&dir).unwrap();
    }
}
