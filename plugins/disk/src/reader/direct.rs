//! Reading past the page cache: `O_DIRECT` with aligned buffers.
//!
//! Into the caller's buffer when that is aligned, else through one of its own. Any refusal (EINVAL) is the reader's signal to go
//! on buffered.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, Result, pread};

/// What every block size in use divides.
const ALIGN: usize = 4096;
const WINDOW: usize = 1 << 20;

/// A second descriptor of the file, and the bytes it read last.
#[derive(Debug)]
pub(super) struct Direct {
    file: OwnedFd,
    /// Allocated at the first read that needs it; `WINDOW` bytes from `skip` on are aligned.
    buf: Vec<u8>,
    skip: usize,
    /// Offset in the file of the window, and bytes in it.
    start: u64,
    len: usize,
}

impl Direct {
    /// `None` when the file system does not do this.
    pub(super) fn of(file: &OwnedFd) -> Option<Self> {
        let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::DIRECT | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(CWD, path, flags, Mode::empty()).ok()?;
        Some(Self { file, buf: Vec::new(), skip: 0, start: 0, len: 0 })
    }

    /// As pread(2); 0 = end.
    pub(super) fn read(&mut self, dst: &mut [u8], at: u64) -> Result<usize> {
        if let Some(n) = self.cached(dst, at) {
            return Ok(n);
        }
        let aligned = at.is_multiple_of(ALIGN as u64)
            && dst.len().is_multiple_of(ALIGN)
            && dst.as_ptr().align_offset(ALIGN) == 0;
        if aligned {
            return pread(&self.file, dst, at);
        }
        self.fill(at)?;
        Ok(self.cached(dst, at).unwrap_or(0))
    }

    fn cached(&self, dst: &mut [u8], at: u64) -> Option<usize> {
        let from = usize::try_from(at.checked_sub(self.start)?).ok()?;
        let there = self.len.checked_sub(from).filter(|n| *n > 0)?;
        let n = there.min(dst.len());
        dst[..n].copy_from_slice(&self.buf[self.skip + from..][..n]);
        Some(n)
    }

    fn fill(&mut self, at: u64) -> Result<()> {
        if self.buf.is_empty() {
            self.buf = vec![0; WINDOW + ALIGN];
            self.skip = self.buf.as_ptr().align_offset(ALIGN);
            if self.skip > ALIGN {
                return Err(Errno::INVAL);
            }
        }
        self.start = at - at % ALIGN as u64;
        self.len = 0;
        self.len = pread(&self.file, &mut self.buf[self.skip..self.skip + WINDOW], self.start)?;
        Ok(())
    }
}
