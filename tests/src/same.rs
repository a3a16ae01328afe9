//! Whether two trees are the same, exactly: names, kinds, contents, modes, times, links, holes, attributes.
//!
//! It reads both trees itself, by descriptors, and asks no other program; [`diff_r`] is the second opinion. The two roots'
//! own modes and times are not compared: a root is a place, not an object. Entry points: [`differences`], [`assert_same`].

use scan::{Entry, Tree};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use twinhaul_units::text::show_bytes;

mod content;
pub mod scan;

/// Shown before the list is cut.
const SHOWN_MAX: usize = 40;
/// How much more a copy of a file with holes may take on the disk: file systems round extents up.
const HOLE_SLACK_BYTES: u64 = 1 << 20;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The key: relative to the roots.
    pub path: Vec<u8>,
    pub what: String,
}

impl Difference {
    pub fn is_missing(&self) -> bool {
        self.what == MISSING
    }

    /// Of bytes, or of their number; not of times, modes or names.
    pub fn is_of_content(&self) -> bool {
        self.what == OTHER_CONTENTS
            || self.what.starts_with("has") && self.what.contains(" bytes, in the copy ")
    }
}

const MISSING: &str = "missing in the copy";
const OTHER_CONTENTS: &str = "has other contents in the copy";

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", show_bytes(&self.path), self.what)
    }
}

/// Everything in which `copy` is not as `original`, sorted by path.
pub fn differences(original: &Path, copy: &Path) -> Vec<Difference> {
    let (a, b) = std::thread::scope(|scope| {
        let a = scope.spawn(|| scan::read(original));
        let b = scan::read(copy);
        (a.join().expect("scan"), b)
    });
    compare(&a, &b)
}

/// # Panics
/// With the list, when there is a difference.
#[track_caller]
pub fn assert_same(original: &Path, copy: &Path) {
    let found = differences(original, copy);
    let mut list: Vec<String> = found.iter().take(SHOWN_MAX).map(ToString::to_string).collect();
    if found.len() > SHOWN_MAX {
        list.push(format!("and {} more", found.len() - SHOWN_MAX));
    }
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), list.join("\n"));
}

/// The same question to `diff -r --no-dereference`: silent and successful, or what it said.
pub fn diff_r(original: &Path, copy: &Path) -> Result<(), String> {
    let mut diff = Command::new("diff");
    diff.args(["-r", "--no-dereference", "--"]).arg(original).arg(copy).stdin(Stdio::null());
    let done = diff.output().map_err(|e| format!("cannot run diff: {e}"))?;
    let said = [done.stdout, done.stderr].concat();
    if done.status.success() && said.is_empty() {
        return Ok(());
    }
    Err(format!("diff ended with {}: {}", done.status, show_bytes(&said[..said.len().min(4000)])))
}

fn compare(a: &Tree, b: &Tree) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut say = |path: &Vec<u8>, what: String| found.push(Difference { path: path.clone(), what });
    for path in a.entries.keys().chain(b.entries.keys()).collect::<BTreeSet<_>>() {
        match (a.entries.get(path), b.entries.get(path)) {
            (Some(_), None) => say(path, MISSING.to_owned()),
            (None, Some(_)) => say(path, "only in the copy".to_owned()),
            (Some(x), Some(y)) => compare_entries(x, y, &mut |what| say(path, what)),
            (None, None) => {}
        }
    }
    for (path, of_a) in &a.links {
        let of_b = b.links.get(path);
        if Some(of_a) != of_b && b.entries.contains_key(path) {
            say(path, format!("is hard-linked to {}, in the copy to {}", paths(Some(of_a)), paths(of_b)));
        }
    }
    for path in b.links.keys().filter(|p| !a.links.contains_key(*p) && a.entries.contains_key(*p)) {
        say(path, "is hard-linked only in the copy".to_owned());
    }
    found.sort();
    found
}

fn paths(group: Option<&BTreeSet<Vec<u8>>>) -> String {
    let list: Vec<String> = group.into_iter().flatten().map(|p| show_bytes(p)).collect();
    if list.is_empty() { "nothing".to_owned() } else { list.join(", ") }
}

fn compare_entries(a: &Entry, b: &Entry, say: &mut impl FnMut(String)) {
    if a.kind != b.kind {
        say(format!("is a {}, in the copy a {}", a.kind, b.kind));
        return;
    }
    if a.size != b.size {
        say(format!("has {} bytes, in the copy {}", a.size, b.size));
    } else if a.content != b.content {
        say(OTHER_CONTENTS.to_owned());
    }
    if a.mode != b.mode {
        say(format!("has mode {:o}, in the copy {:o}", a.mode, b.mode));
    }
    if a.mtime != b.mtime {
        say(format!("has mtime {}.{:09}, in the copy {}.{:09}", a.mtime.0, a.mtime.1, b.mtime.0, b.mtime.1));
    }
    if a.owner != b.owner {
        say(format!("belongs to {:?}, in the copy to {:?}", a.owner, b.owner));
    }
    if a.xattrs != b.xattrs {
        let names = |e: &Entry| e.xattrs.keys().map(|n| show_bytes(n)).collect::<Vec<_>>().join(", ");
        say(format!("has the attributes [{}], in the copy [{}], or other values", names(a), names(b)));
    }
    let holes = a.disk_bytes < a.size;
    if holes && b.disk_bytes > a.disk_bytes + a.disk_bytes / 20 + HOLE_SLACK_BYTES {
        say(format!(
            "takes {} bytes on the disk, the copy {}: holes were filled",
            a.disk_bytes, b.disk_bytes
        ));
    }
}

#[cfg(test)]
mod tests;
