//! A digest of what a file says, whatever of it is holes: only blocks with something in them are read and counted.

use rustix::fs::{SeekFrom, seek};
use rustix::io::{Errno, pread};
use std::os::fd::BorrowedFd;

const BLOCK_BYTES: usize = 4096;
const READ_BYTES: usize = 256 * BLOCK_BYTES;

/// The digest of a file of `size` bytes: of its length, and of each block that is not all zeros with its offset.
///
/// # Panics
/// When it cannot be read.
pub(super) fn digest(fd: BorrowedFd<'_>, size: u64) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&size.to_le_bytes());
    let mut buffer = vec![0u8; READ_BYTES.min(usize::try_from(size).unwrap_or(READ_BYTES).max(1))];
    let mut at = next_data(fd, 0, size);
    while let Some(start) = at {
        let end = hole_after(fd, start, size);
        let mut offset = start / BLOCK_BYTES as u64 * BLOCK_BYTES as u64;
        while offset < end {
            let n = read_full(fd, &mut buffer, offset);
            assert!(n > 0, "a file of {size} bytes ended at {offset}");
            for (i, block) in buffer[..n].chunks(BLOCK_BYTES).enumerate() {
                if block.iter().any(|b| *b != 0) {
                    hasher.update(&(offset + (i * BLOCK_BYTES) as u64).to_le_bytes());
                    hasher.update(block);
                }
            }
            offset += n as u64;
        }
        at = next_data(fd, offset, size);
    }
    hasher.finalize().as_bytes().to_vec()
}

/// Where data begins at or after `from`; `None` at the end.
fn next_data(fd: BorrowedFd<'_>, from: u64, size: u64) -> Option<u64> {
    if from >= size {
        return None;
    }
    match seek(fd, SeekFrom::Data(from)) {
        Ok(at) => (at < size).then_some(at),
        Err(Errno::NXIO) => None,
        Err(Errno::INVAL) => Some(from), // no holes here: all of it is data
        Err(e) => panic!("cannot seek to data: {e}"),
    }
}

fn hole_after(fd: BorrowedFd<'_>, from: u64, size: u64) -> u64 {
    seek(fd, SeekFrom::Hole(from)).unwrap_or(size).min(size)
}

fn read_full(fd: BorrowedFd<'_>, buffer: &mut [u8], offset: u64) -> usize {
    let mut n = 0;
    while n < buffer.len() {
        match pread(fd, &mut buffer[n..], offset + n as u64) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(Errno::INTR) => {}
            Err(e) => panic!("cannot read: {e}"),
        }
    }
    n
}
