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
        tree::file(&root.join("large"), (8 << 20) + rng.below(12 << 20), rng.next_u64());
        tree::file(&root.join("middle"), rng.below(3 << 20), rng.next_u64());
        std::fs::create_dir_all(root.join("deep/er")).expect("directory");
        std::fs::hard_link(root.join("middle"), root.join("deep/linked")).expect("hard link");
        for n in 0..6 {
            std::os::unix::fs::symlink(format!("../small/{n}"), root.join(format!("deep/link-{n}")))
                .expect("symlink");
        }
        tree::set_mtime(&root.join("deep/er"), 1_000_000_000, 5);
        tree::set_mtime(&root.join("deep"), 1_100_000_000, 7);
        let mut may_change: Vec<String> = (0..60).map(|n| format!("small/d000/f{n:06}")).collect();
        may_change.extend((0..30).map(|n| format!("mixed/d000/l{n:06}")));
        may_change.push("large".to_owned());
        Self { root: root.to_owned(), may_change, versions: BTreeMap::new() }
    }

    /// Another version of a file that had none yet: another file in its place, or other bytes in the middle of it.
    pub(super) fn change_one(&mut self, rng: &mut Rng) {
        if self.may_change.is_empty() {
            return;
        }
        let key = self.may_change.swap_remove(rng.below(self.may_change.len() as u64) as usize);
        let path = self.root.join(&key);
        let before = digest(&path);
        // In one step: a reader finds the one version or the other, and knows from the times that it changed.
        if key == "large" {
            let file = std::fs::OpenOptions::new().write(true).open(&path).expect("source file");
            file.write_all_at(&rng.next_u64().to_le_bytes(), 4096 * rng.below(2000)).expect("source file");
        } else {
            let new = self.root.with_extension("new");
            tree::file(&new, rng.below(40_000), rng.next_u64());
            std::fs::rename(&new, &path).expect("source file");
        }
        let versions = [before, digest(&path)].map(|v| *v.as_bytes());
        self.versions.entry(key).or_default().extend(versions);
    }

    pub(super) fn changed(&self) -> usize {
        self.versions.len()
    }

    /// Whether this file changed while the run went on.
    pub(super) fn has_changed(&self, key: &[u8]) -> bool {
        self.versions.keys().any(|k| k.as_bytes() == key)
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
