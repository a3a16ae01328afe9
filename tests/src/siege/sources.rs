//! The source of a siege: small files for the groups, sizes as they are in life, one that is cut into ranges, links; and
//! which versions of which file there have been.

use crate::seed::Rng;
use crate::tree;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// A digest of one version.
type Version = blake3::Hash;

/// Cut into ranges, half of the times large enough for checkpoints, and last by name.
const LARGE: &str = "z-large";
/// What is at the target from before.
const OLD: &[u8] = b"of an earlier time";

#[derive(Debug)]
pub(super) struct Sources {
    root: PathBuf,
    /// Files that may change, by key; the others never do.
    may_change: Vec<String>,
    /// All versions of those that did.
    versions: BTreeMap<String, BTreeSet<[u8; 32]>>,
}

impl Sources {
    pub(super) fn make(root: &Path, rng: &mut Rng) -> Self {
        tree::small_files(
            &root.join("small"),
            240 + rng.below(160) as usize,
            1 + rng.below(6000) as usize,
            rng.next_u64(),
        );
        tree::lognormal(&root.join("mixed"), 50, 30_000, 1.5, rng.next_u64());
        tree::file(&root.join(LARGE), (8 << 20) + rng.below(16 << 20), rng.next_u64());
        tree::file(&root.join("middle"), rng.below(3 << 20), rng.next_u64());
        std::fs::create_dir_all(root.join("deep/er")).expect("directory");
        std::fs::hard_link(root.join("middle"), root.join("deep/linked")).expect("hard link");
        for n in 0..6 {
            std::os::unix::fs::symlink(format!("../small/{n}"), root.join(format!("deep/link-{n}")))
                .expect("symlink");
        }
        tree::set_mtime(&root.join("deep/er"), 1_000_000_000, 5);
        tree::set_mtime(&root.join("deep"), 1_100_000_000, 7);
        let mut may_change: Vec<String> = (0..200).map(|n| format!("small/d000/f{n:06}")).collect();
        may_change.extend((0..30).map(|n| format!("mixed/d000/l{n:06}")));
        may_change.push(LARGE.to_owned());
        Self { root: root.to_owned(), may_change, versions: BTreeMap::new() }
    }

    /// Another version of a file that had none yet.
    pub(super) fn change_one(&mut self, rng: &mut Rng) {
        if !self.may_change.is_empty() {
            let at = rng.below(self.may_change.len() as u64) as usize;
            self.change(at, rng);
        }
    }

    /// Lays something else at the target under the names that may change: then every publish replaces, and nothing but
    /// the method keeps a writer of the past from replacing what is newer.
    pub(super) fn lay_old(&self, target: &Path) {
        for key in &self.may_change {
            let path = target.join(key);
            std::fs::create_dir_all(path.parent().unwrap_or(target)).expect("target directory");
            std::fs::write(&path, OLD).expect("target file");
        }
    }

    /// Other versions of all files that may change and are not at the target yet: whoever holds their old bytes ready must not
    /// publish them any more once somebody else has done them again.
    pub(super) fn change_missing(&mut self, target: &Path, rng: &mut Rng) -> Vec<String> {
        // The large one is what the run goes on with when all of them are done again.
        let is_missing =
            |key: &String| key != LARGE && std::fs::read(target.join(key)).map_or(true, |bytes| bytes == OLD);
        let missing = |(at, key): (usize, &String)| is_missing(key).then_some(at);
        let missing: Vec<usize> = self.may_change.iter().enumerate().filter_map(missing).collect();
        // From the end, so that those before keep their places.
        missing.into_iter().rev().map(|at| self.change(at, rng)).collect()
    }

    /// Whether the target has some version of all these. Not the newest: what was sealed before the change is as good.
    pub(super) fn are_there(keys: &[String], target: &Path) -> bool {
        keys.iter().all(|key| std::fs::read(target.join(key)).is_ok_and(|bytes| bytes != OLD))
    }

    /// Another file in its place, or other bytes in the middle of it.
    fn change(&mut self, at: usize, rng: &mut Rng) -> String {
        let key = self.may_change.remove(at);
        let path = self.root.join(&key);
        let before = digest(&path);
        // In one step: a reader finds the one version or the other, and knows from the times that it changed.
        if key == LARGE {
            let file = std::fs::OpenOptions::new().write(true).open(&path).expect("source file");
            file.write_all_at(&rng.next_u64().to_le_bytes(), 4096 * rng.below(2000)).expect("source file");
        } else {
            let new = self.root.with_extension("new");
            tree::file(&new, rng.below(8000), rng.next_u64());
            std::fs::rename(&new, &path).expect("source file");
        }
        let versions = [before, digest(&path)].map(|v| *v.as_bytes());
        self.versions.entry(key.clone()).or_default().extend(versions);
        key
    }

    pub(super) fn changed(&self) -> usize {
        self.versions.len()
    }

    /// Whether this file changed while the run went on, or something in this directory.
    pub(super) fn has_changed(&self, key: &[u8]) -> bool {
        let inside = |k: &String| k.as_bytes().strip_prefix(key).is_some_and(|rest| rest.starts_with(b"/"));
        self.versions.keys().any(|k| k.as_bytes() == key || inside(k))
    }

    /// Of the files that changed: those whose copy is none of their versions.
    pub(super) fn torn(&self, target: &Path) -> Vec<String> {
        let torn = |(key, versions): &(&String, &BTreeSet<[u8; 32]>)| {
            let copy = target.join(key.as_str());
            copy.exists() && !versions.contains(digest(&copy).as_bytes())
        };
        self.versions.iter().filter(torn).map(|(key, _)| key.clone()).collect()
    }
}

fn digest(path: &Path) -> Version {
    let mut hasher = blake3::Hasher::new();
    let shown = twinhaul_units::text::show_bytes(path.as_os_str().as_bytes());
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("cannot open {shown}: {e}"));
    hasher.update_reader(file).unwrap_or_else(|e| panic!("cannot read {shown}: {e}"));
    hasher.finalize()
}
