//! What the figures are figures of: kernel, processors, file system, and how busy the machine was.

use std::path::Path;

#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) kernel: String,
    pub(super) cpus: usize,
    pub(super) memory_bytes: u64,
    pub(super) filesystem: String,
    /// Load over the last minute when the bench began: what others did.
    pub(super) load: String,
}

impl Machine {
    pub(super) fn of(dir: &Path) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let first = |text: &str| text.split_whitespace().next().unwrap_or("?").to_owned();
        let memory = read("/proc/meminfo").lines().find_map(|l| {
            let kib = l.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim();
            kib.parse::<u64>().ok().map(|n| n * 1024)
        });
        Self {
            kernel: first(&read("/proc/sys/kernel/osrelease")),
            cpus: std::thread::available_parallelism().map_or(0, usize::from),
            memory_bytes: memory.unwrap_or(0),
            filesystem: filesystem(&read("/proc/self/mountinfo"), dir).unwrap_or_else(|| "?".to_owned()),
            load: first(&read("/proc/loadavg")),
        }
    }
}

/// The type of the mount that `dir` is on: the longest mount point above it, the last one mounted there.
fn filesystem(mounts: &str, dir: &Path) -> Option<String> {
    let mount = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let point = before.split(' ').nth(4)?.replace("\\040", " ");
        let kind = after.split(' ').next()?.to_owned();
        dir.starts_with(&point).then_some((point.len(), kind))
    };
    mounts.lines().filter_map(mount).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_counts() {
        let mounts = "1 0 8:1 / / rw - ext4 /dev/sda rw\n\
                      2 1 0:5 / /mnt/my\\040disk rw,noatime shared:1 - xfs /dev/sdb rw\n\
                      3 1 0:6 / /mnt rw - tmpfs tmpfs rw";
        let of = |dir: &str| filesystem(mounts, Path::new(dir));
        assert_eq!(of("/mnt/my disk/bench").as_deref(), Some("xfs"));
        assert_eq!(of("/mnt/else").as_deref(), Some("tmpfs"));
        assert_eq!(of("/mntx").as_deref(), Some("ext4"));
        assert_eq!(filesystem("", Path::new("/")), None);
    }
}
