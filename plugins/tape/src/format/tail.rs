//! The end of a cartridge's file as it is being written: what is complete goes past the page cache, in whole pages.
//!
//! A tape is written once and in order, so its pages in the cache help nobody, and filling them costs as much processor as
//! the digest of the data (a GiB on two cores: 0.5 s of 2.8). Where the file system refuses, the cache is used.

use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{Advice, Mode, OFlags, fadvise};

/// What direct writes are aligned to in memory and in the file: no logical sector is larger.
const PAGE: usize = 4096;
/// Bytes after which what lies in the page cache is pushed to the medium, so that a sync finds little left to do.
const BEHIND: u64 = 8 << 20;

/// How pages get into the file.
#[derive(Debug)]
enum Way {
    /// The same file, past the page cache.
    Direct(File),
    /// The file system refused that.
    Cached,
}

/// Bytes that are not yet in the file, and where they go.
#[derive(Debug)]
pub(super) struct Tail {
    file: File,
    /// `None` before the first page.
    way: Option<Way>,
    /// Where the buffer's first byte goes: a page's border.
    at: u64,
    buffer: Vec<u8>,
    /// The buffer begins here, at a page's border in memory.
    skip: usize,
    len: usize,
    /// Up to here the page cache was pushed to the medium.
    pushed: u64,
}

impl Tail {
    /// Goes on at `at`; at most `room` bytes are ever kept.
    ///
    /// # Errors
    /// Of the file: what lies before `at` in its page is read.
    pub(super) fn new(file: File, at: u64, room: usize) -> io::Result<Self> {
        let before = (at % PAGE as u64) as usize;
        let buffer = vec![0; room + 2 * PAGE];
        let skip = buffer.as_ptr().align_offset(PAGE);
        let mut tail =
            Self { file, way: None, at: at - before as u64, buffer, skip, len: before, pushed: at };
        tail.file.read_exact_at(&mut tail.buffer[skip..skip + before], tail.at)?;
        Ok(tail)
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Where the next byte goes.
    pub(super) fn position(&self) -> u64 {
        self.at + self.len as u64
    }

    /// Kept bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// # Errors
    /// When there is no room: too little was pushed.
    pub(super) fn extend(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.skip + self.len;
        let Some(room) = self.buffer.get_mut(end..end + bytes.len()) else {
            return Err(io::Error::other("more bytes wait for the cartridge than there is room for"));
        };
        room.copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }

    /// Replaces kept bytes, from the `from`th on.
    pub(super) fn patch(&mut self, from: usize, bytes: &[u8]) {
        let from = self.skip + from;
        self.buffer[from..from + bytes.len()].copy_from_slice(bytes);
    }

    /// The whole pages among the first `complete` bytes go to the file. How many bytes are no longer kept.
    ///
    /// # Errors
    /// Of the file.
    pub(super) fn push(&mut self, complete: usize) -> io::Result<usize> {
        let pages = complete / PAGE * PAGE;
        if pages > 0 && !self.direct(pages)? {
            self.cached(pages)?;
        }
        Ok(self.forget(pages))
    }

    /// The first `complete` bytes are in the file, not yet on the medium. How many bytes are no longer kept.
    ///
    /// # Errors
    /// Of the file.
    pub(super) fn flush(&mut self, complete: usize) -> io::Result<usize> {
        self.cached(complete)?;
        Ok(self.forget(complete / PAGE * PAGE))
    }

    /// Past the page cache; whether the file system could.
    fn direct(&mut self, n: usize) -> io::Result<bool> {
        let way = self.way.get_or_insert_with(|| open_direct(&self.file).map_or(Way::Cached, Way::Direct));
        let Way::Direct(file) = way else { return Ok(false) };
        match file.write_all_at(&self.buffer[self.skip..self.skip + n], self.at) {
            Ok(()) => Ok(true),
            // Not with these borders, or after a short write: the cache takes anything.
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
                self.way = Some(Way::Cached);
                Ok(false)
            }
            Err(e) => Err(e),
        }
    }

    fn cached(&mut self, n: usize) -> io::Result<()> {
        self.file.write_all_at(&self.buffer[self.skip..self.skip + n], self.at)?;
        let end = self.at + n as u64;
        if let Some(len) = NonZeroU64::new(end.saturating_sub(self.pushed)).filter(|len| len.get() >= BEHIND)
        {
            // A hint: starts write-back of dirty pages, drops those already written.
            let _ = fadvise(&self.file, self.pushed, Some(len), Advice::DontNeed);
            self.pushed = end;
        }
        Ok(())
    }

    fn forget(&mut self, n: usize) -> usize {
        self.buffer.copy_within(self.skip + n..self.skip + self.len, self.skip);
        self.at += n as u64;
        self.len -= n;
        n
    }
}

/// A lock belongs to the open file it was taken on, so a second one does not disturb it.
fn open_direct(file: &File) -> Option<File> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).ok().map(File::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// File systems that can, as `statfs` names them.
    const EXT4: i64 = 0xEF53;
    const XFS: i64 = 0x5846_5342;

    /// Appends in uneven steps from a place within a page on; everything is there, and what was there before too.
    fn written(file: &File) {
        file.write_all_at(&[9; 5000], 0).unwrap();
        let (mut tail, mut wanted) =
            (Tail::new(file.try_clone().unwrap(), 5000, 40_000).unwrap(), vec![9; 5000]);
        for (i, step) in [1, 30_000, 3, 8192, 4096, 17, 39_000].into_iter().enumerate() {
            let bytes = vec![i as u8; step];
            tail.extend(&bytes).unwrap();
            wanted.extend_from_slice(&bytes);
            assert_eq!(tail.position(), wanted.len() as u64);
            let kept = tail.len();
            let gone = if i % 3 == 2 { tail.flush(kept) } else { tail.push(kept) };
            assert_eq!(tail.len(), kept - gone.unwrap());
        }
        let kept = tail.len();
        tail.flush(kept).unwrap();
        let mut found = vec![0; wanted.len()];
        file.read_exact_at(&mut found, 0).unwrap();
        assert!(found == wanted);
        assert_eq!(file.metadata().unwrap().len(), wanted.len() as u64);
    }

    #[test]
    fn what_is_pushed_and_flushed_arrives_in_order() {
        // Not in the temporary directory: that may be in memory, where there may be no way past the page cache.
        let named = tempfile::NamedTempFile::new_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let file = named.as_file();
        let kind = rustix::fs::fstatfs(file).unwrap().f_type;
        if [EXT4, XFS].contains(&kind) {
            assert!(open_direct(file).is_some(), "no way past the page cache here");
        } else {
            eprintln!(
                "not ext4 or xfs here (file system {kind:#x}): writing past the page cache may go untested"
            );
        }
        written(file);
    }

    #[test]
    fn a_file_that_cannot_be_written_past_the_cache_is_written_all_the_same() {
        let fd = rustix::fs::memfd_create("tape", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        written(&File::from(fd));
    }

    #[test]
    fn more_than_there_is_room_for_is_an_error() {
        let mut tail = Tail::new(tempfile::tempfile().unwrap(), 0, 10).unwrap();
        assert!(tail.extend(&vec![0; 3 * PAGE]).is_err());
        assert_eq!(tail.len(), 0);
    }
}
