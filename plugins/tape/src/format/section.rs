//! Writing one section of a data set: header labels, blocks, trailer labels, three tapemarks.
//!
//! A section is what of a data set lies on one cartridge. Nothing counts before [`SectionWriter::finish`] has written the
//! trailer and its tapemark and the caller has synced the file (tape-format.md 5).

use std::fs::File;
use std::io;

use super::EARLY_WARNING;
use super::aws::{BlockWriter, HEADER};
use super::labels::{self, Charset, Group, SetLabel};
use super::payload::Span;

/// Bytes of a trailer group and the marks behind it, generously.
const TRAILER: u64 = 8 * (labels::LABEL as u64 + HEADER as u64) + 3 * HEADER as u64;

/// See the module.
#[derive(Debug)]
pub struct SectionWriter {
    out: BlockWriter,
    charset: Charset,
    label: SetLabel,
    begin: u64,
    start: u64,
    bytes: u64,
    blocks: u64,
    capacity: u64,
}

/// A section that is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    pub span: Span,
    pub blocks: u64,
    /// Where its first label lies.
    pub begin: u64,
    /// Just behind the trailer's tapemark: the next data set goes here, over the end mark.
    pub end: u64,
}

impl SectionWriter {
    /// Begins behind the last data set of a cartridge (`at`, over its end mark), or behind VOL1 (`first_of_all`). `user` are the
    /// texts of UHL1, UHL2, ….
    ///
    /// # Errors
    /// Of the file.
    pub fn begin(
        file: File,
        at: u64,
        first_of_all: bool,
        capacity: u64,
        charset: Charset,
        label: SetLabel,
        user: &[String],
    ) -> io::Result<Self> {
        let previous = if first_of_all { labels::LABEL as u16 } else { 0 };
        let mut out = BlockWriter::new(file, at, previous)?;
        let group = Group::Header;
        let head = SetLabel { blocks: 0, ..label.clone() };
        out.block(&labels::block(charset, &labels::first(charset, group, &head)))?;
        out.block(&labels::block(charset, &labels::second(charset, group, &head)))?;
        for (i, text) in user.iter().enumerate() {
            out.block(&labels::block(charset, &labels::user(&format!("UHL{}", i + 1), text)))?;
        }
        out.mark()?;
        let start = out.position();
        Ok(Self { out, charset, label, begin: at, start, bytes: 0, blocks: 0, capacity })
    }

    /// Whether a whole block and the trailer still fit below the capacity (early warning, tape-format.md 4).
    pub fn has_room(&self) -> bool {
        let block = u64::from(self.label.block_size) + HEADER as u64;
        let warning = EARLY_WARNING.min(self.capacity / 8).max(block + TRAILER);
        self.out.position() + warning <= self.capacity
    }

    /// Takes as much as fits: all of it, or up to a block border behind which there is no more room.
    ///
    /// # Errors
    /// Of the file.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let size = self.label.block_size as usize;
        let mut done = 0;
        while done < bytes.len() {
            if self.out.open_len() == 0 && !self.has_room() {
                break;
            }
            let n = (size - self.out.open_len()).min(bytes.len() - done);
            self.out.extend(&bytes[done..done + n])?;
            done += n;
            self.bytes += n as u64;
            if self.out.open_len() == size {
                self.out.end_block()?;
                self.blocks += 1;
            }
        }
        Ok(done)
    }

    /// Payload bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Complete blocks so far.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    pub fn position(&self) -> u64 {
        self.out.position()
    }

    pub fn begin_at(&self) -> u64 {
        self.begin
    }

    pub fn label(&self) -> &SetLabel {
        &self.label
    }

    pub fn file(&self) -> &File {
        self.out.file()
    }

    /// Writes the trailer, its tapemark and the end mark; everything is in the file then, not yet on the medium.
    ///
    /// # Errors
    /// Of the file.
    pub fn finish(mut self, group: Group, user: &[String]) -> io::Result<(File, Finished)> {
        if self.out.open_len() > 0 {
            self.out.end_block()?;
            self.blocks += 1;
        }
        self.out.mark()?;
        let (charset, label) = (self.charset, SetLabel { blocks: self.blocks, ..self.label });
        self.out.block(&labels::block(charset, &labels::first(charset, group, &label)))?;
        self.out.block(&labels::block(charset, &labels::second(charset, group, &label)))?;
        for (i, text) in user.iter().enumerate() {
            self.out.block(&labels::block(charset, &labels::user(&format!("UTL{}", i + 1), text)))?;
        }
        self.out.mark()?;
        let end = self.out.position();
        self.out.mark()?;
        self.out.flush()?;
        // What a former, longer tail left behind the end mark is cut off.
        self.out.file().set_len(self.out.position())?;
        let span = Span { start: self.start, bytes: self.bytes, block: label.block_size };
        let done = Finished { span, blocks: self.blocks, begin: self.begin, end };
        Ok((self.out.file().try_clone()?, done))
    }
}

/// What a new, empty cartridge holds: VOL1 and two tapemarks. Never an empty file: `hetmap` writes into those.
///
/// # Errors
/// Of the file.
pub fn label_cartridge(file: File, charset: Charset, volser: &str) -> io::Result<u64> {
    let mut out = BlockWriter::new(file, 0, 0)?;
    out.block(&labels::block(charset, &labels::volume(charset, volser)))?;
    let end = out.position();
    out.mark()?;
    out.mark()?;
    out.flush()?;
    out.file().set_len(out.position())?;
    Ok(end)
}
