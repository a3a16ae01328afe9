//! A source on the same file system: the new object shares its blocks, and what is left is to read and hash the source
//! (faults.md, "file copy"). No bytes are written, and holes stay holes.
//!
//! What is hashed is the source, not what was shared: so it must be certain that a change between the two is noticed. Times of
//! change have a grain of some milliseconds; one that is seconds old is another after any change.
//!
//! Whether two places can do that only they know, so they are asked with each object; a refusal takes about a
//! microsecond. Copies in the kernel that share nothing are not made: on ext4 they move 2.7 GiB/s where reading, hashing and
//! writing in one pass move 4.2, and the digest would take a second pass.

use super::bytes::Left;
use super::ranged::Open;
use super::{Desk, Failure, Route, Stop};
use crate::feeder::Job;
use std::time::Duration;
use twinhaul_backend_host::Code;
use twinhaul_wire::WaitReason;

/// A source that was changed less long ago is copied: its clock may not tell a change between sharing and reading.
const SETTLED: Duration = Duration::from_secs(2);
/// Smaller objects are read and written sooner than the file system has noted that they share a block.
const WORTH_SHARING: u64 = 64 * 1024;

/// Gives the fresh object of `open` all bytes of its source, if these two places can share them.
///
/// # Errors
/// Those of the target but "cannot": an object that failed half-way is no reason to try otherwise.
pub(super) fn attempt(desk: &Desk, job: &Job, route: &Route<'_>, open: &mut Open) -> Result<Left, Stop> {
    // What an earlier attempt wrote is taken over by the other way, and its object with it.
    let fit = |size: &u64| {
        *size >= WORTH_SHARING
            && job.checkpoint.is_none()
            && has_settled(open.before.ctime_ns, crate::clock::wall_ms())
    };
    let size = open.before.size.filter(fit);
    let (Some(size), Some(source)) = (size, open.reader.fd()) else { return Ok(Left::Everything) };
    desk.slot().wait(WaitReason::TargetWrite, route.target.name.clone());
    let shared = open.writer.reflink(&desk.op(), source, size);
    desk.slot().wait_over();
    match shared {
        Ok(()) => Ok(Left::Hash),
        Err(e) if e.code() == Code::Unsupported => Ok(Left::Everything),
        // It became shorter meanwhile.
        Err(e) if e.code() == Code::Precondition => Err(Failure::changing("its size").into()),
        Err(e) => Err(Failure::writing(route, &e).into()),
    }
}

/// Whether a time of change is certain to differ from that of a change from now on.
fn has_settled(ctime_ns: Option<i64>, now_ms: u64) -> bool {
    let changed_ms = ctime_ns.and_then(|ns| u64::try_from(ns / 1_000_000).ok());
    // One in the future is of another clock.
    changed_ms.and_then(|at| now_ms.checked_sub(at)).is_some_and(|age| u128::from(age) >= SETTLED.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_not_changed_lately_is_shared() {
        let at = |ms: i64| Some(ms * 1_000_000 + 999);
        assert!(has_settled(at(10_000), 12_000));
        assert!(!has_settled(at(10_001), 12_000), "a moment ago");
        assert!(!has_settled(at(12_500), 12_000), "another clock");
        assert!(!has_settled(None, 12_000), "not known");
    }
}
