//! What stands in the root, and that every crate has something in it.

use super::Finding;
use super::edges::Metadata;
use super::source::Source;
use std::path::Path;
use std::process::Command;

/// Everything the root may hold (architecture.md 3).
const ROOT: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "crates",
    "plugins",
    "profiles",
    "tests",
    ".cargo",
    ".ci",
    ".clippy.toml",
    ".config",
    ".deny.toml",
    ".gitignore",
    ".rustfmt.toml",
];

/// Fewer lines of code than this is not a crate with a use.
const CRATE_LINES_MIN: usize = 10;

/// Files of the root that nobody expects there, and those that are missing.
pub(super) fn root_files(root: &Path) -> Vec<Finding> {
    judge_root(&listed(root))
}

/// Names in the root: as git sees them (what it ignores is nobody's business), else as they are.
fn listed(root: &Path) -> Vec<String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let mut names: Vec<String> = match git.output() {
        Ok(done) if done.status.success() => {
            let text = String::from_utf8_lossy(&done.stdout).into_owned();
            text.lines()
                .filter_map(|l| l.trim_start_matches('"').split('/').next().map(str::to_owned))
                .collect()
        }
        _ => {
            let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
            let names = entries.map(|e| e.file_name().to_string_lossy().into_owned());
            names.filter(|n| n != "target" && n != ".git").collect()
        }
    };
    names.sort();
    names.dedup();
    names.retain(|n| root.join(n).exists());
    names
}

fn judge_root(names: &[String]) -> Vec<Finding> {
    let unexpected = names.iter().filter(|n| !ROOT.contains(&n.as_str())).map(|n| {
        Finding::error(
            n,
            "stands in the root",
            "the root is the first thing a reader sees; put it where it belongs",
        )
    });
    let missing = ROOT.iter().filter(|r| !names.iter().any(|n| n == *r)).map(|r| {
        Finding::error(
            *r,
            "is missing from the root",
            "architecture.md 3 and the readers of the root expect it",
        )
    });
    unexpected.chain(missing).collect()
}

/// Crates with next to nothing in them.
pub(super) fn empty_crates(metadata: &Metadata, sources: &[Source]) -> Vec<Finding> {
    let directories = metadata.packages.iter().filter_map(|p| p.directory.as_deref());
    directories
        .filter_map(|directory| {
            let inside = format!("{directory}/src/");
            let own = sources.iter().filter(|s| s.path.starts_with(&inside));
            let lines: usize = own.map(|s| s.lines().count()).sum();
            (lines < CRATE_LINES_MIN).then(|| {
                Finding::error(
                    directory,
                    format!("the crate has {lines} lines of code"),
                    "no empty crates: a crate arrives with its use",
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::edges::Package;

    #[test]
    fn the_root_is_judged() {
        let mut names: Vec<String> = ROOT.iter().map(|n| (*n).to_owned()).collect();
        assert_eq!(judge_root(&names), Vec::new());
        names.push("notes.txt".to_owned());
        names.retain(|n| n != "LICENSE-MIT");
        let said: Vec<String> =
            judge_root(&names).iter().map(|f| format!("{} {}", f.place, f.what)).collect();
        assert_eq!(said, ["notes.txt stands in the root", "LICENSE-MIT is missing from the root"]);
    }

    #[test]
    fn an_empty_crate_is_named() {
        let crate_in = |d: &str| Package { directory: Some(d.to_owned()), ..Package::default() };
        let metadata = Metadata {
            packages: vec![crate_in("crates/full"), crate_in("crates/empty")],
            ..Metadata::default()
        };
        let sources = [
            Source::new("crates/full/src/lib.rs", &"const A: u8 = 1;\n".repeat(CRATE_LINES_MIN)),
            Source::new("crates/empty/src/lib.rs", &"// words, no code\n".repeat(CRATE_LINES_MIN)),
        ];
        let found = empty_crates(&metadata, &sources);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "crates/empty");
    }
}
