//! AWSTAPE: each tape block, and each tapemark, behind a header of six bytes (tape-format.md 2.1).
//!
//! Every block is one segment of at most 65,535 bytes, because SIMH reads nothing else. Writing appends at the end of
//! what was written; reading hops from header to header and believes none that does not fit.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::tail::Tail;

/// Bytes of a header.
pub const HEADER: usize = 6;
/// Bytes of the data of one block at most.
pub const DATA_MAX: usize = 65_535;
const WHOLE_BLOCK: u8 = 0xA0;
const MARK: u8 = 0x40;
/// Bytes collected before they go to the file.
const PUSH: usize = 1 << 20;

/// The header of a block of `len` bytes after one of `previous`.
pub fn header(len: u16, previous: u16) -> [u8; HEADER] {
    let ([a, b], [c, d]) = (len.to_le_bytes(), previous.to_le_bytes());
    [a, b, c, d, if len == 0 { MARK } else { WHOLE_BLOCK }, 0]
}

/// Appends blocks to a cartridge.
#[derive(Debug)]
pub struct BlockWriter {
    tail: Tail,
    previous: u16,
    /// Where the open block's header lies among the kept bytes.
    open: Option<usize>,
}

impl BlockWriter {
    /// Goes on at `at`, behind a block of `previous` bytes (0 = a tapemark or the beginning).
    ///
    /// # Errors
    /// Of the file.
    pub fn new(file: File, at: u64, previous: u16) -> io::Result<Self> {
        Ok(Self { tail: Tail::new(file, at, PUSH + 2 * (DATA_MAX + HEADER))?, previous, open: None })
    }

    /// Where the next header goes, the open block counted as it is.
    pub fn position(&self) -> u64 {
        self.tail.position()
    }

    pub fn file(&self) -> &File {
        self.tail.file()
    }

    /// Bytes of the open block.
    pub fn open_len(&self) -> usize {
        self.open.map_or(0, |header| self.tail.len() - header - HEADER)
    }

    /// Adds to the open block, beginning one if there is none; the caller minds the block size.
    ///
    /// # Errors
    /// When a block would become too long.
    pub fn extend(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.open_len() + bytes.len() > DATA_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a tape block of more than 65,535 bytes",
            ));
        }
        if self.open.is_none() {
            self.open = Some(self.tail.len());
            self.tail.extend(&[0; HEADER])?;
        }
        self.tail.extend(bytes)
    }

    /// Ends the open block, if there is one.
    ///
    /// # Errors
    /// Of the file.
    pub fn end_block(&mut self) -> io::Result<()> {
        let len = self.open_len() as u16;
        if let Some(at) = self.open.take() {
            self.tail.patch(at, &header(len, self.previous));
            self.previous = len;
        }
        if self.tail.len() >= PUSH {
            self.tail.push(self.tail.len())?;
        }
        Ok(())
    }

    /// One whole block.
    ///
    /// # Errors
    /// Of the file.
    pub fn block(&mut self, data: &[u8]) -> io::Result<()> {
        self.end_block()?;
        self.extend(data)?;
        self.end_block()
    }

    /// A tapemark.
    ///
    /// # Errors
    /// Of the file.
    pub fn mark(&mut self) -> io::Result<()> {
        self.end_block()?;
        self.tail.extend(&header(0, self.previous))?;
        self.previous = 0;
        Ok(())
    }

    /// All complete blocks are in the file (not yet on the medium).
    ///
    /// # Errors
    /// Of the file.
    pub fn flush(&mut self) -> io::Result<()> {
        let gone = self.tail.flush(self.open.unwrap_or(self.tail.len()))?;
        self.open = self.open.map(|at| at - gone);
        Ok(())
    }
}

/// What lies at a position of a cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Data begin at the position plus [`HEADER`].
    Block {
        len: u16,
    },
    Mark,
    /// The file ends here.
    End,
}

/// Looks at the header at `at`; `previous` is what it must say about the one before (`None` = not known).
///
/// # Errors
/// `InvalidData` when what lies there is not a header; errors of the file.
pub fn look(file: &File, at: u64, size: u64, previous: Option<u16>) -> io::Result<Segment> {
    let bad = |what: String| io::Error::new(io::ErrorKind::InvalidData, format!("at byte {at}: {what}"));
    if at == size {
        return Ok(Segment::End);
    }
    if at + HEADER as u64 > size {
        return Err(bad("the file ends within a block header".to_owned()));
    }
    let mut h = [0; HEADER];
    file.read_exact_at(&mut h, at)?;
    parse(h, previous).map_err(bad).and_then(|segment| match segment {
        Segment::Block { len } if at + HEADER as u64 + u64::from(len) > size => {
            Err(bad("the file ends within a block".to_owned()))
        }
        segment => Ok(segment),
    })
}

/// What a header says.
///
/// # Errors
/// Why it is not one of a whole block or a tapemark.
pub fn parse(h: [u8; HEADER], previous: Option<u16>) -> Result<Segment, String> {
    let (len, before) = (u16::from_le_bytes([h[0], h[1]]), u16::from_le_bytes([h[2], h[3]]));
    let segment = match (h[4], h[5], len) {
        (MARK, 0, 0) => Segment::Mark,
        (WHOLE_BLOCK, 0, 1..) => Segment::Block { len },
        (a, b, _) => {
            return Err(format!("not the header of a whole block (flags {a:02x} {b:02x}, length {len})"));
        }
    };
    match previous {
        Some(p) if p != before => Err(format!("the block before has {p} bytes, the header says {before}")),
        _ => Ok(segment),
    }
}

/// Reads the data of the block whose header is at `at`.
///
/// # Errors
/// Of the file.
pub fn data(file: &File, at: u64, len: u16) -> io::Result<Vec<u8>> {
    let mut out = vec![0; usize::from(len)];
    file.read_exact_at(&mut out, at + HEADER as u64)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_marks_are_those_of_the_page() {
        let file = tempfile::tempfile().unwrap();
        let mut w = BlockWriter::new(file.try_clone().unwrap(), 0, 0).unwrap();
        w.block(&[7; 80]).unwrap();
        w.extend(&[1; 300]).unwrap();
        w.extend(&[2; 212]).unwrap();
        w.mark().unwrap();
        w.mark().unwrap();
        w.flush().unwrap();
        let size = file.metadata().unwrap().len();
        assert_eq!(size, w.position());
        let mut bytes = vec![0; size as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(bytes[..6], [80, 0, 0, 0, 0xA0, 0]);
        assert_eq!(bytes[86..92], [0, 2, 80, 0, 0xA0, 0]);
        assert_eq!(bytes[604..616], [0, 0, 0, 2, 0x40, 0, 0, 0, 0, 0, 0x40, 0]);
        assert_eq!(look(&file, 0, size, Some(0)).unwrap(), Segment::Block { len: 80 });
        assert_eq!(look(&file, 86, size, Some(80)).unwrap(), Segment::Block { len: 512 });
        assert_eq!(look(&file, 604, size, Some(512)).unwrap(), Segment::Mark);
        assert_eq!(look(&file, size, size, Some(0)).unwrap(), Segment::End);
        for (at, size, previous) in [(86, size, 81), (87, size, 80), (86, 300, 80), (86, 90, 80)] {
            assert!(look(&file, at, size, Some(previous)).is_err());
        }
    }

    #[test]
    fn a_block_may_stay_open_over_a_flush() {
        let file = tempfile::tempfile().unwrap();
        let mut w = BlockWriter::new(file.try_clone().unwrap(), 0, 0).unwrap();
        w.block(&[1; 10]).unwrap();
        w.extend(&[2; 5]).unwrap();
        w.flush().unwrap();
        assert_eq!(file.metadata().unwrap().len(), 16);
        w.extend(&[3; 5]).unwrap();
        assert_eq!((w.open_len(), w.position()), (10, 32));
        w.mark().unwrap();
        w.flush().unwrap();
        assert_eq!(look(&file, 16, 38, Some(10)).unwrap(), Segment::Block { len: 10 });
        assert!(w.extend(&vec![0; DATA_MAX + 1]).is_err());
    }
}
