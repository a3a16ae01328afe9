//! What of a large object is in the page cache already, without reading anything into it (`RWF_NOWAIT`).
//!
//! A large object is read past the cache, so that it pushes nothing else out; but what was just written, or read by somebody else, is
//! there at the speed of memory. (Figures: crates/README.md.)

use std::io::IoSliceMut;
use std::os::fd::AsFd;

use rustix::io::{Errno, ReadWriteFlags, preadv2};

/// A short answer is cut to a multiple of this, so that reading past the cache stays aligned.
const ALIGN: usize = 4096;

/// Whether to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cached {
    First,
    Never,
}

impl Cached {
    /// Bytes at `at` that were in the cache; `None`: none, or none that can be used.
    pub(super) fn read(&mut self, file: impl AsFd, dst: &mut [u8], at: u64) -> Option<usize> {
        if *self == Self::Never {
            return None;
        }
        let want = dst.len();
        match preadv2(file, &mut [IoSliceMut::new(dst)], at, ReadWriteFlags::NOWAIT) {
            // The end of the object looks the same as a miss on some file systems: the other way tells.
            Ok(n) if n == want => Some(n),
            Ok(n) => Some(n - n % ALIGN).filter(|n| *n > 0),
            Err(Errno::AGAIN | Errno::INTR) => None,
            // A file system that does not do this; a true error is met again on the other way.
            Err(_) => {
                *self = Self::Never;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_just_written_comes_from_the_cache_and_the_end_is_told_by_the_other_way() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let bytes: Vec<u8> = (0..10_000u32).map(|i| i as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let mut dst = vec![0; 8192];
        // tmpfs and others may not know how: then it is never asked again.
        let mut cached = Cached::First;
        match cached.read(&file, &mut dst, 0) {
            Some(n) => assert_eq!((n, &dst[..]), (8192, &bytes[..8192])),
            None => assert_eq!(cached, Cached::Never),
        }
        assert_eq!(cached.read(&file, &mut dst, 8192), None, "shorter than an aligned piece");
        assert_eq!(Cached::Never.read(&file, &mut dst, 0), None);
    }
}
