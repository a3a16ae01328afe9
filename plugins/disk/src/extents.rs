//! Data and holes of an open file. A file system that cannot tell them apart has one extent: all of it.
//!
//! Holes save time and space; integrity never rests on them: the logical bytes are hashed (store.md 4, trap 9).

use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;

use rustix::fs::{SeekFrom, seek};
use rustix::io::{Errno, Result};

/// Calls `each` with (offset, length) of every stretch of data in `from..to`, ascending, until it breaks.
/// Moves the file's own offset.
pub(crate) fn walk(
    fd: BorrowedFd<'_>,
    from: u64,
    to: u64,
    mut each: impl FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<()> {
    let mut at = from;
    while at < to {
        let data = match seek(fd, SeekFrom::Data(at)) {
            Ok(data) if data < to => data,
            Ok(_) | Err(Errno::NXIO) => return Ok(()),
            Err(Errno::INVAL | Errno::NOTSUP) => {
                let _ = each(at, to - at);
                return Ok(());
            }
            Err(e) => return Err(e),
        };
        let end = match seek(fd, SeekFrom::Hole(data)) {
            Ok(hole) => hole.min(to),
            Err(Errno::NXIO) => to,
            Err(e) => return Err(e),
        };
        // A file that is cut off meanwhile can answer with an empty stretch.
        if end <= data || each(data, end - data).is_break() {
            return Ok(());
        }
        at = end;
    }
    Ok(())
}
