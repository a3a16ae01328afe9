//! Processor time that a control group allows: a container with too small a quota is starved on an idle machine.

use super::groups::{self, Version};
use std::path::Path;

/// Nanoseconds that the process's group, or one above it, was kept from running so far, summed over processors; `None`: not known.
pub(super) fn throttled_ns(pid: u32) -> Option<u64> {
    groups::of(pid, "cpu")?.into_iter().find_map(|group| {
        // The quota may be of a slice or a pod far above the process.
        let of = |dir: &Path| throttled(&std::fs::read_to_string(dir.join("cpu.stat")).ok()?, group.version);
        group.upwards().iter().filter_map(|dir| of(dir)).max()
    })
}

fn throttled(stat: &str, version: Version) -> Option<u64> {
    let (name, ns) = match version {
        Version::One => ("throttled_time", 1),
        Version::Two => ("throttled_usec", 1_000),
    };
    let value = |line: &str| line.strip_prefix(name)?.trim().parse::<u64>().ok();
    stat.lines().find_map(value).map(|n| n.saturating_mul(ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        let one = "nr_periods 4\nnr_throttled 3\nthrottled_time 2500000\n";
        assert_eq!(throttled(one, Version::One), Some(2_500_000));
        let two = "usage_usec 9\nnr_throttled 3\nthrottled_usec 2500\n";
        assert_eq!(throttled(two, Version::Two), Some(2_500_000));
        assert_eq!(throttled("usage_usec 9\n", Version::Two), None);
    }
}
