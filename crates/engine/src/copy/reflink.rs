//! A source on the same file system: the new object shares its blocks, and what is left is to read and hash the source
//! (faults.md, "file copy"). No bytes are written, and holes stay holes.
//!
//! Whether two places can do that only they know, so they are asked with each object; a refusal takes about a
//! microsecond. Copies in the kernel that share nothing are not made: on ext4 they move 2.7 GiB/s where reading, hashing and
//! writing in one pass move 4.2, and the digest would take a second pass.

use super::bytes::Left;
use super::ranged::Open;
use super::{Desk, Failure, Route, Stop};
use crate::feeder::Job;
use twinhaul_backend_host::Code;
use twinhaul_wire::WaitReason;

/// Smaller objects are read and written sooner than the file system has noted that they share a block.
const WORTH_SHARING: u64 = 64 * 1024;

/// Gives the fresh object of `open` all bytes of its source, if these two places can share them.
///
/// # Errors
/// Those of the target but "cannot": an object that failed half-way is no reason to try otherwise.
pub(super) fn attempt(desk: &Desk, job: &Job, route: &Route<'_>, open: &mut Open) -> Result<Left, Stop> {
    // What an earlier attempt wrote is taken over by the other way, and its object with it.
    let size = open.before.size.filter(|size| *size >= WORTH_SHARING && job.checkpoint.is_none());
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
