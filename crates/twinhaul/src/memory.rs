//! How much memory a process with backends in it may take (fault 36): one that takes it without bound dies of it, before the machine
//! does, and the other peer takes over.
//!
//! The kernel counts what can be written to and is the process's own (`RLIMIT_DATA`): not libraries, not files that are mapped, not
//! what is only reserved. Entry points: [`limit`], [`check`].

use crate::evidence::memory_limit;
use crate::exit::Failure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use twinhaul_units::Bytes;

/// Another limit, as a size: for a machine that is shared, and for tests.
const LIMIT: &str = "TWINHAUL_PEER_MEMORY";
/// So much at least: sixteen times what a peer was ever seen to take.
const LEAST: Bytes = Bytes::mib(4096);

/// Whether what the surroundings ask for can be read.
///
/// # Errors
/// It cannot.
pub(crate) fn check() -> Result<(), Failure> {
    asked().map(drop)
}

/// Sets the limit of this process, which its children inherit. A lower one that it was given stays.
///
/// # Errors
/// [`check`]'s.
pub(crate) fn limit() -> Result<(), Failure> {
    let limit = asked()?.unwrap_or_else(usual);
    let now = getrlimit(Resource::Data);
    let lowest = [now.current, now.maximum, Some(limit.0)].into_iter().flatten().min();
    if let Err(error) = setrlimit(Resource::Data, Rlimit { current: lowest, ..now }) {
        tracing::warn!(%error, "the memory of this process is not limited");
    }
    Ok(())
}

fn asked() -> Result<Option<Bytes>, Failure> {
    std::env::var_os(LIMIT).map(|text| read(&text.to_string_lossy())).transpose()
}

fn read(text: &str) -> Result<Bytes, Failure> {
    Bytes::parse(text).map_err(|e| {
        let text = twinhaul_units::text::show(text);
        Failure::usage(format!("{LIMIT}={text}: {e}. Give a size, as in {LIMIT}=8GiB, or unset it"))
    })
}

fn usual() -> Bytes {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let machine = Bytes(total_kib(&text).saturating_mul(1024));
    let group = memory_limit::of(std::process::id()).map(|of| Bytes(of.limit_bytes));
    share(machine, group)
}

/// 40 % of what there is: both peers together leave the machine, and the group that they are in, alive.
fn share(machine: Bytes, group: Option<Bytes>) -> Bytes {
    let part = |of: Bytes| Bytes(of.0 / 5 * 2);
    // Unknown is not none.
    let least = if machine.0 == 0 { LEAST } else { LEAST.min(machine) };
    let of_machine = part(machine).max(least);
    group.map_or(of_machine, |group| of_machine.min(part(group)))
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
    }

    #[test]
    fn two_peers_leave_something_of_the_machine_and_of_their_group() {
        let gib = |n: u64| Bytes(n << 30);
        assert_eq!(share(gib(100), None), gib(40));
        assert_eq!(share(gib(100), Some(gib(50))), gib(20));
        assert_eq!(share(gib(100), Some(gib(500))), gib(40), "a group may allow more than there is");
        assert_eq!(share(gib(8), None), LEAST);
        assert_eq!(share(gib(2), None), gib(2), "no more than there is");
        assert_eq!(share(Bytes(0), None), LEAST, "not known");
    }

    #[test]
    fn a_size_that_cannot_be_read_is_refused_by_name() {
        let refused = read("plenty").unwrap_err();
        assert_eq!(refused.code, crate::exit::USAGE);
        assert!(refused.text.contains(LIMIT) && refused.text.contains("plenty"), "{refused}");
        assert_eq!(read("600 MiB").unwrap(), Bytes::mib(600));
    }
}
