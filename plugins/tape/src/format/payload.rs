//! The payload of one section: a stretch of bytes cut into blocks of one size, so that any byte is found by counting.
//!
//! Byte `p` lies in block `p / size` at `start + block * (size + 6) + 6` (tape-format.md 2.4). Every block header that is passed
//! is checked: what does not fit is damage, never data.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::aws::{self, HEADER, Segment};

/// Blocks read at a time.
const BATCH: usize = 32;

/// Where the payload of a section lies on its cartridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Of the first block's header.
    pub start: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Of every block but the last.
    pub block: u32,
}

impl Span {
    /// Where byte `at` of the payload lies on the cartridge.
    pub fn place(&self, at: u64) -> u64 {
        let size = u64::from(self.block);
        self.start + at / size * (size + HEADER as u64) + HEADER as u64 + at % size
    }

    /// Where the tapemark behind the last block lies.
    pub fn end(&self) -> u64 {
        self.start + self.bytes + self.bytes.div_ceil(u64::from(self.block)) * HEADER as u64
    }

    /// Reads from byte `at` of the payload into `dst`; 0 = the end. Fewer bytes than asked for are no end.
    ///
    /// # Errors
    /// `InvalidData` when a block header does not fit; errors of the file.
    pub fn read(&self, file: &File, at: u64, dst: &mut [u8], raw: &mut Vec<u8>) -> io::Result<usize> {
        let size = u64::from(self.block);
        if at >= self.bytes || dst.is_empty() {
            return Ok(0);
        }
        let (first, skip) = (at / size, (at % size) as usize);
        let blocks = (skip + dst.len()).div_ceil(size as usize).min(BATCH) as u64;
        let begin = self.start + first * (size + HEADER as u64);
        let want = self.end().min(begin + blocks * (size + HEADER as u64)) - begin;
        raw.resize(want as usize, 0);
        file.read_exact_at(raw, begin)?;
        let (mut done, mut from) = (0, 0);
        for index in first..first + blocks {
            let Some(header) = raw.get(from..from + HEADER) else { break };
            let len = self.check(header, index).map_err(|why| {
                let at = begin + from as u64;
                io::Error::new(io::ErrorKind::InvalidData, format!("block {index} at byte {at}: {why}"))
            })?;
            let data = &raw[from + HEADER..from + HEADER + len];
            let data = if index == first { &data[skip..] } else { data };
            let n = data.len().min(dst.len() - done);
            dst[done..done + n].copy_from_slice(&data[..n]);
            done += n;
            from += HEADER + len;
        }
        Ok(done)
    }

    /// The length of block `index`, if its header says what it must.
    fn check(&self, header: &[u8], index: u64) -> Result<usize, String> {
        let size = u64::from(self.block);
        let expected = (self.bytes - index * size).min(size);
        let previous = if index == 0 { 0 } else { self.block as u16 };
        let header = <[u8; HEADER]>::try_from(header).map_err(|e| e.to_string())?;
        match aws::parse(header, Some(previous))? {
            Segment::Block { len } if u64::from(len) == expected => Ok(usize::from(len)),
            _ => Err(format!("expected a block of {expected} bytes")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::aws::BlockWriter;

    #[test]
    fn any_byte_is_found_by_counting() {
        let file = tempfile::tempfile().unwrap();
        let data: Vec<u8> = (0..1000u32).map(|i| (i % 251) as u8).collect();
        let mut w = BlockWriter::new(file.try_clone().unwrap(), 0, 0).unwrap();
        w.block(&[0; 80]).unwrap();
        w.mark().unwrap();
        let start = w.position();
        for chunk in data.chunks(64) {
            w.block(chunk).unwrap();
        }
        w.mark().unwrap();
        w.flush().unwrap();
        let span = Span { start, bytes: 1000, block: 64 };
        assert_eq!(span.end() + HEADER as u64, w.position());
        let mut raw = Vec::new();
        for (at, len) in [(0, 1000), (0, 64), (63, 2), (64, 1), (999, 10), (500, 333), (1000, 5)] {
            let mut got = Vec::new();
            let mut dst = vec![0; len];
            while got.len() < len {
                let rest = len - got.len();
                match span.read(&file, at + got.len() as u64, &mut dst[..rest], &mut raw).unwrap() {
                    0 => break,
                    n => got.extend_from_slice(&dst[..n]),
                }
            }
            let end = (at as usize + len).min(1000);
            assert_eq!(got, data[(at as usize).min(end)..end], "{at}+{len}");
        }
        file.write_all_at(&[1], start + 70).unwrap();
        assert!(span.read(&file, 0, &mut [0; 200], &mut raw).is_err(), "a header that was changed is found");
    }
}
