//! Memory that a control group allows: in a container with too little of it the kernel kills, whatever the machine has left.

use super::groups::{self, Version};
use std::path::Path;
use twinhaul_diagnose::MemoryLimit;
use twinhaul_units::text::show;

/// A limit that is larger is none: version 1 writes a number near 2^63 for it.
const NO_LIMIT: u64 = 1 << 60;

/// The limit of the process's group, or of one above it: of several the one that killed most, else the tightest. `None`: there is none,
/// or it is not known.
pub(crate) fn of(pid: u32) -> Option<MemoryLimit> {
    let all = groups::of(pid, "memory")?;
    let limits = all.iter().flat_map(|group| {
        group.upwards().into_iter().filter_map(|dir| limit(&dir, group.version)).collect::<Vec<_>>()
    });
    limits.max_by_key(|of| (of.kills, std::cmp::Reverse(of.limit_bytes)))
}

fn limit(dir: &Path, version: Version) -> Option<MemoryLimit> {
    let read = |file: &str| std::fs::read_to_string(dir.join(file)).ok();
    let (most, used, events) = match version {
        Version::One => ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control"),
        Version::Two => ("memory.max", "memory.current", "memory.events"),
    };
    // "max" in version 2 is no number, and no limit.
    let limit_bytes = read(most)?.trim().parse().ok().filter(|bytes| *bytes < NO_LIMIT)?;
    let kills = read(events)
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()));
    Some(MemoryLimit {
        path: show(&dir.to_string_lossy()).into_owned(),
        limit_bytes,
        used_bytes: read(used).and_then(|text| text.trim().parse().ok()),
        kills: kills.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read_and_no_limit_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| std::fs::write(dir.path().join(file), text).unwrap();
        write("memory.limit_in_bytes", "9223372036854771712\n");
        write("memory.max", "max\n");
        assert_eq!(limit(dir.path(), Version::One), None);
        assert_eq!(limit(dir.path(), Version::Two), None);
        write("memory.limit_in_bytes", "67108864\n");
        write("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
        write("memory.max", "33554432\n");
        write("memory.current", "1000\n");
        write("memory.events", "low 0\nmax 9\noom 4\noom_kill 4\noom_group_kill 7\n");
        let one = limit(dir.path(), Version::One).unwrap();
        assert_eq!((one.limit_bytes, one.used_bytes, one.kills), (64 << 20, None, 3));
        let two = limit(dir.path(), Version::Two).unwrap();
        assert_eq!((two.limit_bytes, two.used_bytes, two.kills), (32 << 20, Some(1000), 4));
    }
}
