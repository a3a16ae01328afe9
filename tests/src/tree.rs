//! Trees to copy, the same for the same seed: many small files, sizes as they are in life, and everything awkward that
//! a Linux file system can hold.
//!
//! Entry points: [`small_files`], [`hollow_files`], [`lognormal`], [`file`], [`sparse`], [`hostile::make`].

use crate::seed::Rng;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

pub mod deep;
pub mod hostile;
pub mod names;

/// Files in one directory before the next one begins.
const FILES_PER_DIRECTORY: usize = 250;
/// Written at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// `n` files of exactly `size` bytes, spread over directories `d000`, `d001`, ….
pub fn small_files(directory: &Path, n: usize, size: usize, seed: u64) {
    let mut rng = Rng::new(seed);
    let mut content = vec![0u8; size];
    for i in 0..n {
        let parent = parent_of(directory, i);
        rng.fill(&mut content);
        std::fs::write(parent.join(format!("f{i:06}")), &content).expect("small file");
    }
}

/// `n` files of `size` bytes that hold nothing but their length: read and copied like others, they take no room.
pub fn hollow_files(directory: &Path, n: usize, size: u64) {
    for i in 0..n {
        let file = File::create(parent_of(directory, i).join(format!("f{i:06}"))).expect("hollow file");
        file.set_len(size).expect("length");
    }
}

/// `n` files whose sizes are lognormal around `median_bytes`, none above 1,000 x that; gives the sum of the sizes.
pub fn lognormal(directory: &Path, n: usize, median_bytes: u64, sigma: f64, seed: u64) -> u64 {
    let mut rng = Rng::new(seed);
    let mut sum = 0;
    for i in 0..n {
        let factor = (rng.normal() * sigma).exp().min(1000.0);
        let size = (median_bytes as f64 * factor) as u64;
        file(&parent_of(directory, i).join(format!("l{i:06}")), size, rng.next_u64());
        sum += size;
    }
    sum
}

fn parent_of(directory: &Path, i: usize) -> std::path::PathBuf {
    let parent = directory.join(format!("d{:03}", i / FILES_PER_DIRECTORY));
    if i.is_multiple_of(FILES_PER_DIRECTORY) {
        std::fs::create_dir_all(&parent).expect("directory");
    }
    parent
}

/// A file of `size` bytes; its directory is made if missing.
pub fn file(path: &Path, size: u64, seed: u64) {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).expect("directory");
    }
    let mut file = File::create_new(path).expect("file");
    write_at_cursor(&mut file, size, &mut Rng::new(seed));
}

/// A file of `size` bytes with `data` bytes of content in `pieces` places, the rest holes; it ends in a hole.
pub fn sparse(path: &Path, size: u64, data: u64, pieces: u64, seed: u64) {
    assert!(pieces > 0 && data < size, "a sparse file has more holes than data");
    let mut rng = Rng::new(seed);
    let mut file = File::create_new(path).expect("sparse file");
    file.set_len(size).expect("length");
    for piece in 0..pieces {
        let page = 4096;
        let offset = (size / pieces * piece + rng.below(size / pieces - data / pieces - page)) / page * page;
        file.seek(SeekFrom::Start(offset)).expect("seek");
        write_at_cursor(&mut file, data / pieces, &mut rng);
    }
}

fn write_at_cursor(file: &mut File, size: u64, rng: &mut Rng) {
    let mut left = size;
    let mut chunk = vec![0u8; CHUNK_BYTES.min(usize::try_from(size).unwrap_or(CHUNK_BYTES))];
    while left > 0 {
        let n = usize::try_from(left).map_or(chunk.len(), |l| l.min(chunk.len()));
        rng.fill(&mut chunk[..n]);
        file.write_all(&chunk[..n]).expect("content");
        left -= n as u64;
    }
}

/// Sets the modification time of the object itself, not of what a link points at.
pub fn set_mtime(path: &Path, seconds: i64, nanoseconds: u32) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).expect("mtime");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{same, workdir::Workdir};
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn the_same_seed_makes_the_same_tree() {
        let work = Workdir::new();
        let [a, b, c] = ["a", "b", "c"].map(|n| work.path().join(n));
        for (dir, seed) in [(&a, 1), (&b, 1), (&c, 2)] {
            small_files(&dir.join("s"), 300, 10, seed);
            lognormal(&dir.join("l"), 50, 1000, 2.0, seed);
        }
        let contents =
            |x, y| same::differences(x, y).into_iter().filter(|d| !d.what.contains("mtime")).count();
        assert_eq!(contents(&a, &b), 0);
        assert!(contents(&a, &c) > 300);
    }

    #[test]
    fn a_sparse_file_has_its_size_and_little_else() {
        let work = Workdir::new();
        let path = work.path().join("sparse");
        sparse(&path, 256 << 20, 1 << 20, 4, 1);
        let meta = std::fs::metadata(&path).unwrap();
        assert_eq!(meta.len(), 256 << 20);
        assert!((1 << 20..4 << 20).contains(&(meta.blocks() * 512)), "{} bytes on disk", meta.blocks() * 512);
    }

    #[test]
    fn times_before_1970_are_set() {
        let work = Workdir::new();
        let path = work.path().join("old");
        file(&path, 1, 1);
        set_mtime(&path, -1, 999_999_999);
        let meta = std::fs::metadata(&path).unwrap();
        assert_eq!((meta.mtime(), meta.mtime_nsec()), (-1, 999_999_999));
    }
}
