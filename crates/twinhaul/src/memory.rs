//! How much memory a process with backends in it may take (fault 36): one that takes it without bound dies of it, before the machine
//! does, and the other peer takes over.
//!
//! The kernel counts what can be written to and is the process's own (`RLIMIT_DATA`): not libraries, not files that are mapped, not
//! what is only reserved. Entry point: [`limit`].

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use twinhaul_units::Bytes;

/// Another limit, as a size: for a machine that is shared, and for tests.
const LIMIT: &str = "TWINHAUL_PEER_MEMORY";
/// So much at least: sixteen times what a peer was ever seen to take.
const LEAST: Bytes = Bytes::mib(4096);

/// Sets the limit of this process, which its children inherit. A lower one that it was given stays.
pub(crate) fn limit() {
    let asked = std::env::var(LIMIT).ok();
    let limit = asked.as_deref().and_then(|text| Bytes::parse(text).ok()).unwrap_or_else(usual);
    let now = getrlimit(Resource::Data);
    let lowest = [now.current, now.maximum, Some(limit.0)].into_iter().flatten().min();
    if let Err(error) = setrlimit(Resource::Data, Rlimit { current: lowest, ..now }) {
        tracing::warn!(%error, "the memory of this process is not limited");
    }
}

/// Half of the machine's memory: both peers together leave the machine alive.
fn usual() -> Bytes {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    Bytes(total_kib(&text).saturating_mul(1024) / 2).max(LEAST)
}

fn total_kib(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_from_what_the_kernel_writes() {
        assert_eq!(total_kib("MemFree: 1 kB\nMemTotal:       16384 kB\n"), 16_384);
        assert_eq!(total_kib(""), 0);
        assert!(usual() >= LEAST);
    }
}
