//! Control groups that are frozen: both versions, and the group that somebody froze, which may be far above the process.

use std::path::{Path, PathBuf};
use twinhaul_diagnose::FrozenGroup;
use twinhaul_units::text::show;

/// Ancestors that are looked at.
const DEPTH_MAX: usize = 64;

/// What a look at a process's groups told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Groups {
    /// Whether they could be looked at.
    pub(super) known: bool,
    pub(super) frozen: Option<FrozenGroup>,
}

/// Looks at the groups that a process is in.
pub(super) fn look(pid: u32) -> Groups {
    walk(pid).unwrap_or_default()
}

fn walk(pid: u32) -> Option<Groups> {
    let all = of(pid, "freezer")?;
    let found = all.iter().find_map(|group| frozen(&group.upwards(), group.version));
    Some(Groups { known: !all.is_empty(), frozen: found })
}

/// A group of a process, in a hierarchy that is mounted.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) root: PathBuf,
    /// Below the root, as `/proc/PID/cgroup` writes it.
    pub(super) path: String,
    pub(super) version: Version,
}

impl Group {
    /// Its directory and those above it, as far as the hierarchy reaches.
    pub(super) fn upwards(&self) -> Vec<PathBuf> {
        let own = self.root.join(self.path.trim_start_matches('/'));
        let above = own.ancestors().take(DEPTH_MAX).take_while(|dir| dir.starts_with(&self.root));
        above.map(Path::to_path_buf).collect()
    }
}

/// The groups of a process that may have this controller.
pub(super) fn of(pid: u32, controller: &str) -> Option<Vec<Group>> {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
    let group = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let version = match controllers {
            "" => Version::Two,
            list if list.split(',').any(|c| c == controller) => Version::One,
            _ => return None,
        };
        Some(Group { root: mount_of(&mounts, version, controller)?, path: path.to_owned(), version })
    };
    Some(groups.lines().filter_map(group).collect())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// Where that hierarchy is mounted.
fn mount_of(mounts: &str, version: Version, controller: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (at, kind, options) = (words.next()?, words.next()?, words.next()?);
        let right = match version {
            Version::Two => kind == "cgroup2",
            Version::One => kind == "cgroup" && options.split(',').any(|o| o == controller),
        };
        right.then(|| PathBuf::from(at))
    })
}

/// The nearest group that was itself frozen.
fn frozen(upwards: &[PathBuf], version: Version) -> Option<FrozenGroup> {
    let (file, word, [on, off]) = match version {
        Version::Two => ("cgroup.freeze", "1", ["1", "0"]),
        Version::One => ("freezer.self_freezing", "1", ["FROZEN", "THAWED"]),
    };
    let write = if version == Version::Two { "cgroup.freeze" } else { "freezer.state" };
    upwards.iter().find_map(|dir| {
        let is_on = std::fs::read_to_string(dir.join(file)).is_ok_and(|text| text.trim() == word);
        let shown = show(&dir.to_string_lossy()).into_owned();
        is_on.then(|| FrozenGroup {
            thaw: format!("echo {off} > {shown}/{write}"),
            freeze: format!("echo {on} > {shown}/{write}"),
            path: shown,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_ancestor_is_found() {
        let root = tempfile::tempdir().unwrap();
        let (outer, inner) = (root.path().join("a"), root.path().join("a/b"));
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(outer.join("cgroup.freeze"), "1\n").unwrap();
        std::fs::write(inner.join("cgroup.freeze"), "0\n").unwrap();
        let upwards = |version| {
            let group = Group { root: root.path().to_owned(), path: "/a/b".to_owned(), version };
            frozen(&group.upwards(), version)
        };
        let found = upwards(Version::Two).unwrap();
        assert_eq!(found.path, outer.to_string_lossy());
        assert_eq!(found.thaw, format!("echo 0 > {}/cgroup.freeze", outer.display()));
        std::fs::write(outer.join("cgroup.freeze"), "0\n").unwrap();
        assert_eq!(upwards(Version::Two), None);
        std::fs::write(inner.join("freezer.self_freezing"), "1\n").unwrap();
        assert!(upwards(Version::One).unwrap().thaw.contains("THAWED"));
    }

    #[test]
    fn hierarchies_are_found_by_their_mounts() {
        let mounts = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup /sys/fs/cgroup/freezer cgroup rw,freezer 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(mount_of(mounts, Version::One, "freezer"), Some("/sys/fs/cgroup/freezer".into()));
        assert_eq!(mount_of(mounts, Version::Two, "freezer"), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(mount_of("", Version::Two, "freezer"), None);
    }
}
