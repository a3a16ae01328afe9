//! Copies between two local files without passing the bytes through this process: reflink, else in the kernel, else by hand.
//!
//! `copy_file_range` over a hole fills it (2,097,152 blocks against 8, store.md 4, trap 9), so only data is copied. A reflink that
//! fails with EIO is an error, never a reason to try otherwise. Entry points: [`copy`], [`share`].

use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;

use rustix::fs::{copy_file_range, ftruncate, ioctl_ficlone};
use rustix::io::{Errno, pread, pwrite};
use twinhaul_backend_abi::Op;

use crate::extents;
use crate::node::Node;

/// Bytes between two looks at the operation.
const STEP: u64 = 8 << 20;
const BY_HAND: usize = 1 << 20;

/// Why a copy ended early.
#[derive(Debug)]
pub(crate) enum Stopped {
    Cancelled,
    /// The source ends before the range does.
    Shorter,
    Failed(Errno),
}

impl From<Errno> for Stopped {
    fn from(e: Errno) -> Self {
        Self::Failed(e)
    }
}

/// Copies `len` bytes at `offset` to the same offset of `to`, holes kept.
pub(crate) fn copy(
    op: &Op<'_>,
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    offset: u64,
    len: u64,
) -> Result<(), Stopped> {
    let end = offset.checked_add(len).ok_or(Stopped::Failed(Errno::FBIG))?;
    let source = Node::of(from)?.size;
    if source < end {
        return Err(Stopped::Shorter);
    }
    if offset == 0 && len == source && len > 0 && Node::of(to)?.size == 0 && share(from, to, len)? {
        op.progress(0, len);
        return Ok(());
    }
    let mut stopped = None;
    extents::walk(from, offset, end, |at, len| match stretch(op, from, to, offset, at, len) {
        Ok(()) => ControlFlow::Continue(()),
        Err(e) => {
            stopped = Some(e);
            ControlFlow::Break(())
        }
    })?;
    if let Some(stopped) = stopped {
        return Err(stopped);
    }
    // A hole at the end has no bytes that would make the file long enough.
    if Node::of(to)?.size < end {
        ftruncate(to, end)?;
    }
    op.progress(0, len);
    if Node::of(from)?.size < end { Err(Stopped::Shorter) } else { Ok(()) }
}

/// Makes all `len` bytes of `from` those of the empty `to`, by sharing the blocks. False: these two files cannot.
pub(crate) fn share(from: BorrowedFd<'_>, to: BorrowedFd<'_>, len: u64) -> Result<bool, Stopped> {
    if !reflink(from, to)? {
        return Ok(false);
    }
    if Node::of(to)?.size == len { Ok(true) } else { Err(Stopped::Shorter) }
}

/// Whether it was done; all but "cannot" is an error.
fn reflink(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<bool, Errno> {
    match ioctl_ficlone(to, from) {
        Ok(()) => Ok(true),
        Err(
            Errno::NOTSUP
            | Errno::XDEV
            | Errno::INVAL
            | Errno::NOTTY
            | Errno::NOSYS
            | Errno::PERM
            | Errno::ISDIR
            // An active swap file; a policy; a descriptor that only reads in another way. Nothing was written.
            | Errno::TXTBSY
            | Errno::ACCESS
            | Errno::BADF,
        ) => Ok(false),
        Err(e) => Err(e),
    }
}

fn stretch(
    op: &Op<'_>,
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    start: u64,
    at: u64,
    len: u64,
) -> Result<(), Stopped> {
    let (mut done, mut in_kernel) = (0, true);
    while done < len {
        if op.is_cancelled() {
            return Err(Stopped::Cancelled);
        }
        let step = (len - done).min(STEP);
        let (mut src, mut dst) = (at + done, at + done);
        if in_kernel {
            match copy_file_range(from, Some(&mut src), to, Some(&mut dst), step as usize) {
                Err(Errno::INTR) => {}
                // 0 before the end, and "cannot": by hand, which also finds out whether the source is shorter.
                Ok(0)
                | Err(
                    Errno::XDEV | Errno::INVAL | Errno::NOTSUP | Errno::NOSYS | Errno::PERM | Errno::BADF,
                ) => {
                    in_kernel = false;
                }
                Ok(n) => done += n as u64,
                Err(e) => return Err(e.into()),
            }
        } else {
            by_hand(from, to, src, step)?;
            done += step;
        }
        op.progress(0, at + done - start);
    }
    Ok(())
}

fn by_hand(from: BorrowedFd<'_>, to: BorrowedFd<'_>, at: u64, len: u64) -> Result<(), Stopped> {
    let mut buf = vec![0; BY_HAND.min(len as usize)];
    let mut done = 0;
    while done < len {
        let want = (len - done).min(buf.len() as u64) as usize;
        let got = match pread(from, &mut buf[..want], at + done) {
            Ok(0) => return Err(Stopped::Shorter),
            Err(Errno::INTR) => continue,
            got => got?,
        };
        let mut rest = &buf[..got];
        while !rest.is_empty() {
            match pwrite(to, rest, at + done) {
                Ok(0) => return Err(Errno::IO.into()),
                Err(Errno::INTR) => {}
                n => {
                    let n = n?;
                    rest = &rest[n..];
                    done += n as u64;
                }
            }
        }
    }
    Ok(())
}
