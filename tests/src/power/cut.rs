//! The disk as a power cut leaves it: what had been flushed, and of the rest what chance says.

use super::SECTOR_BYTES;
use super::log::Log;
use crate::seed::Rng;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// One power cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Entries that had been asked of the device.
    pub at: usize,
    /// Of these, the first ones that a flush has made safe.
    pub flushed: usize,
    /// Writes after that flush which arrived whole, in part, and not at all.
    pub whole: usize,
    pub torn: usize,
    pub lost: usize,
    /// File systems that could not be mounted until they had been repaired.
    pub repaired: usize,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, flushed, whole, torn, lost, repaired } = self;
        write!(f, "cut after {at} entries, {flushed} flushed; then {whole} whole, {torn} torn, {lost} lost")?;
        if *repaired > 0 { f.write_str(", repaired") } else { Ok(()) }
    }
}

/// What a disk makes of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushes {
    /// It obeys.
    Obeyed,
    /// It says so, and has not yet done the last few.
    Owed(usize),
}

impl Log {
    /// Makes in `image` the disk as it is when the power goes after the first `at` entries.
    pub fn cut(&self, at: usize, flushes: Flushes, rng: &mut Rng, image: &File) -> io::Result<Cut> {
        let flushed = self.flushed(at, flushes);
        for i in 0..flushed {
            self.write(i, 0..self.entries()[i].sectors, image)?;
        }
        let mut cut = Cut { at, flushed, ..Cut::default() };
        let mut rest: Vec<usize> = (flushed..at).filter(|i| self.entries()[*i].writes()).collect();
        shuffle(&mut rest, rng);
        // Some cuts lose nearly everything, some nearly nothing; most tear something, if there is something.
        let kept_of_eight = 1 + rng.below(7);
        let mut tears = rng.below(4) > 0;
        for i in rest {
            let entry = &self.entries()[i];
            // Of a discard nothing is torn: it is told as one, and may be forgotten as one.
            let can_be_torn = entry.sectors > 1 && !entry.discards();
            let sectors = match rng.below(8) {
                _ if entry.forced() => 0..entry.sectors,
                _ if can_be_torn && std::mem::take(&mut tears) => part(entry.sectors, rng),
                0 if can_be_torn => part(entry.sectors, rng),
                kept if kept < kept_of_eight => 0..entry.sectors,
                _ => 0..0,
            };
            match sectors.end - sectors.start {
                0 => cut.lost += 1,
                n if n == entry.sectors => cut.whole += 1,
                _ => cut.torn += 1,
            }
            self.write(i, sectors, image)?;
        }
        Ok(cut)
    }

    /// How many writes are at stake at an instant.
    pub fn unflushed(&self, at: usize) -> usize {
        let rest = self.flushed(at, Flushes::Obeyed)..at;
        self.entries()[rest].iter().filter(|entry| entry.writes()).count()
    }

    /// How many of the first `at` entries are safe.
    fn flushed(&self, at: usize, flushes: Flushes) -> usize {
        let owed = match flushes {
            Flushes::Obeyed => 0,
            Flushes::Owed(owed) => owed,
        };
        let last = (0..at).rev().filter(|i| self.entries()[*i].flushes()).nth(owed);
        // A flush that carries data makes safe what came before it.
        last.unwrap_or(0)
    }

    fn write(&self, i: usize, sectors: Range<u64>, image: &File) -> io::Result<()> {
        if sectors.is_empty() || !self.entries()[i].writes() {
            return Ok(());
        }
        let data = self.data(i)?;
        let byte = |sector: u64| usize::try_from(sector * SECTOR_BYTES).map_err(io::Error::other);
        let part = &data[byte(sectors.start)?..byte(sectors.end)?];
        image.write_all_at(part, (self.entries()[i].sector + sectors.start) * SECTOR_BYTES)
    }
}

/// A fresh image of `bytes` zeros.
pub fn blank(path: &Path, bytes: u64) -> io::Result<File> {
    let _ = std::fs::remove_file(path);
    let file = File::create_new(path)?;
    file.set_len(bytes)?;
    Ok(file)
}

/// The first or the last sectors of a write, not all of them.
fn part(sectors: u64, rng: &mut Rng) -> Range<u64> {
    let torn_at = 1 + rng.below(sectors - 1);
    if rng.below(2) == 0 { 0..torn_at } else { torn_at..sectors }
}

fn shuffle(list: &mut [usize], rng: &mut Rng) {
    for i in (1..list.len()).rev() {
        list.swap(i, usize::try_from(rng.below(i as u64 + 1)).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::super::log::tests::{Asked, written};
    use super::*;
    use crate::workdir::Workdir;
    use std::collections::BTreeSet;

    const SECTORS: usize = 8;

    /// Four sectors of 1 and a flush, then twice the same four, a forced one and a discarded one.
    const ASKED: [Asked; 6] = [
        Asked::Write { sector: 0, sectors: 4, byte: 1 },
        Asked::Flush,
        Asked::Write { sector: 0, sectors: 4, byte: 2 },
        Asked::Write { sector: 0, sectors: 4, byte: 3 },
        Asked::Forced { sector: 4, byte: 4 },
        Asked::Discard { sector: 0, sectors: 1 },
    ];

    /// What each sector holds after many cuts at `at`.
    fn outcomes(at: usize, flushes: Flushes) -> BTreeSet<[u8; SECTORS]> {
        let work = Workdir::new();
        let log = Log::open(&written(&work, &ASKED)).unwrap();
        let mut rng = Rng::new(1);
        let outcome = |_| {
            let path = work.path().join("image");
            let image = blank(&path, SECTORS as u64 * SECTOR_BYTES).unwrap();
            log.cut(at, flushes, &mut rng, &image).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            std::array::from_fn(|sector| {
                let sector = &bytes[sector * 512..(sector + 1) * 512];
                assert!(sector.iter().all(|b| *b == sector[0]), "a torn sector");
                sector[0]
            })
        };
        (0..300).map(outcome).collect()
    }

    #[test]
    fn what_was_flushed_is_always_there_and_what_was_forced_too() {
        assert_eq!(outcomes(2, Flushes::Obeyed), BTreeSet::from([[1, 1, 1, 1, 0, 0, 0, 0]]));
        let all = outcomes(6, Flushes::Obeyed);
        assert!(all.iter().all(|s| s[4] == 4 && s[1..4].iter().all(|b| (1..=3).contains(b))), "{all:?}");
    }

    #[test]
    fn the_rest_is_lost_torn_and_reordered() {
        let all = outcomes(6, Flushes::Obeyed);
        for (what, found) in [
            ("nothing of the rest", [1, 1, 1, 1, 4, 0, 0, 0]),
            ("the first write only", [2, 2, 2, 2, 4, 0, 0, 0]),
            ("both, and the discard", [0, 3, 3, 3, 4, 0, 0, 0]),
            ("a write torn over the other", [2, 2, 3, 3, 4, 0, 0, 0]),
        ] {
            assert!(all.contains(&found), "{what}: {all:?}");
        }
    }

    #[test]
    fn a_disk_that_owes_a_flush_loses_what_it_said_was_safe() {
        assert!(outcomes(2, Flushes::Owed(1)).contains(&[0; SECTORS]));
    }
}
