//! Makes a data set on disk, once: a stamp that is written last says that it is complete, and what it is.

use super::sets::{File, Set};
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Goes into the stamp: to be raised when the same words get other bytes.
const EDITION: u32 = 1;
const BLOCK: usize = 1 << 20;

/// Makes what is not there yet. The stamp stands beside the set, so that no tool copies it.
pub(super) fn make(set: Set, dir: &Path) -> Result<(), String> {
    let stamp = dir.with_extension("complete");
    let says = format!("{} edition {EDITION}: {}\n", set.name(), set.says());
    if fs::read_to_string(&stamp).is_ok_and(|text| text == says) && dir.is_dir() {
        return Ok(());
    }
    eprintln!("xtask: making {}: {}", set.name(), set.says());
    let told = |what: &str, path: &Path, e: std::io::Error| format!("cannot {what} {}: {e}", path.display());
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(|e| told("remove", dir, e))?;
    }
    let mut block = vec![0; BLOCK];
    let mut folder = None;
    for (number, file) in (0..).zip(set.files()) {
        let path = dir.join(&file.name);
        let parent = path.parent().map(Path::to_path_buf);
        if folder != parent {
            let made = path.parent().unwrap_or(dir);
            fs::create_dir_all(made).map_err(|e| told("make", made, e))?;
            folder = parent;
        }
        write(set, number, &file, &path, &mut block).map_err(|e| told("write", &path, e))?;
    }
    // Before the stamp: after a power cut a stamp without its set would be believed.
    rustix::fs::sync();
    fs::write(&stamp, says).map_err(|e| told("write", &stamp, e))
}

fn write(set: Set, number: u64, file: &File, path: &Path, block: &mut [u8]) -> std::io::Result<()> {
    let mut chance = set.bytes_of(number);
    let mut out = fs::File::create(path)?;
    for &(offset, length) in &file.pieces {
        out.seek(SeekFrom::Start(offset))?;
        let mut left = length;
        while left > 0 {
            let part = &mut block[..usize::try_from(left).map_or(BLOCK, |n| n.min(BLOCK))];
            chance.fill(part);
            out.write_all(part)?;
            left -= part.len() as u64;
        }
    }
    // A hole at the end is only a length.
    out.set_len(file.size)
}

/// Reads a set once: the first run of a comparison should not be the only one that finds nothing in the page cache.
pub(super) fn warm(dir: &Path) -> Result<(), String> {
    let mut block = vec![0; BLOCK];
    super::place::each_file(dir, &mut |path, _| {
        let mut file = fs::File::open(path)?;
        while file.read(&mut block)? > 0 {}
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_written_where_it_belongs_and_the_same_twice() {
        let dir = std::env::temp_dir().join(format!("xtask-make-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let file = File { name: "f".to_owned(), size: 50_000, pieces: vec![(0, 10), (20_000, 5_000)] };
        let mut block = vec![0; BLOCK];
        let texts = ["a", "b"].map(|name| {
            let path = dir.join(name);
            write(Set::D5, 0, &file, &path, &mut block).unwrap();
            fs::read(path).unwrap()
        });
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(texts[0], texts[1]);
        assert_eq!(texts[0].len(), 50_000);
        assert!(texts[0][10..20_000].iter().all(|b| *b == 0) && texts[0][25_000..].iter().all(|b| *b == 0));
        assert!(texts[0][..10].iter().any(|b| *b != 0) && texts[0][20_000..25_000].iter().any(|b| *b != 0));
    }
}
