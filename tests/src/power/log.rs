//! The recorded writes of a block device, in the format of the kernel's target `log-writes`: a superblock, then for each entry one
//! sector that describes it, and its data.

use super::SECTOR_BYTES;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// The first eight bytes of a log.
const MAGIC: u64 = 0x006a_7366_7773_6872;
const VERSION: u64 = 1;
const FLUSH: u64 = 1;
const FUA: u64 = 2;
const DISCARD: u64 = 4;
const MARK: u64 = 8;

/// One thing that was asked of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it goes on the device, in sectors.
    pub sector: u64,
    pub sectors: u64,
    flags: u64,
    /// Where its data is in the log, in bytes.
    data: u64,
}

impl Entry {
    /// Whether everything before it is on the medium from here on.
    pub fn flushes(&self) -> bool {
        self.flags & FLUSH != 0
    }

    /// Whether it is itself on the medium as soon as it has been answered.
    pub fn forced(&self) -> bool {
        self.flags & FUA != 0
    }

    /// Whether its sectors were given back: what is read there afterwards is zeros.
    pub fn discards(&self) -> bool {
        self.flags & DISCARD != 0
    }

    /// Whether it changes anything.
    pub fn writes(&self) -> bool {
        self.sectors > 0 && self.flags & MARK == 0
    }
}

/// A recording that has ended.
#[derive(Debug)]
pub struct Log {
    file: File,
    entries: Vec<Entry>,
}

impl Log {
    /// Reads where everything is; the data stays in the file.
    ///
    /// # Errors
    /// When the file is not such a log, or holds another number of entries than it says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let end = file.metadata()?.len();
        let [magic, version, count, sector] = words(&file, 0)?;
        if (magic, version, sector & 0xffff_ffff) != (MAGIC, VERSION, SECTOR_BYTES) {
            return Err(bad(format!(
                "not a log of writes: {magic:x}, version {version}, sectors of {sector}"
            )));
        }
        let mut entries = Vec::new();
        let mut at = SECTOR_BYTES;
        while at + SECTOR_BYTES <= end {
            let [sector, sectors, flags, data_len] = words(&file, at)?;
            entries.push(Entry { sector, sectors, flags, data: at + SECTOR_BYTES });
            let data = match flags {
                f if f & MARK != 0 => data_len.next_multiple_of(SECTOR_BYTES),
                f if f & DISCARD != 0 => 0,
                _ => sectors * SECTOR_BYTES,
            };
            at += SECTOR_BYTES + data;
        }
        if at != end || entries.len() as u64 != count {
            let found = entries.len();
            return Err(bad(format!("{count} entries are said, {found} found; they end at {at} of {end}")));
        }
        Ok(Self { file, entries })
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many entries had been begun when the log had `bytes` bytes: everything that was answered by then is among them.
    pub fn begun_at(&self, bytes: u64) -> usize {
        self.entries.partition_point(|entry| entry.data <= bytes)
    }

    /// What entry `i` writes; zeros where it discards.
    pub fn data(&self, i: usize) -> io::Result<Vec<u8>> {
        let entry = &self.entries[i];
        let mut data = vec![0; usize::try_from(entry.sectors * SECTOR_BYTES).map_err(io::Error::other)?];
        if !entry.discards() {
            self.file.read_exact_at(&mut data, entry.data)?;
        }
        Ok(data)
    }
}

fn words(file: &File, at: u64) -> io::Result<[u64; 4]> {
    let mut bytes = [0u8; 32];
    file.read_exact_at(&mut bytes, at)?;
    let word = |i: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[i * 8 + byte]));
    Ok([0, 1, 2, 3].map(word))
}

fn bad(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::workdir::Workdir;

    /// A write of one byte all over, or a flush.
    #[derive(Clone, Copy)]
    pub(crate) enum Asked {
        Write { sector: u64, sectors: u64, byte: u8 },
        Forced { sector: u64, byte: u8 },
        Discard { sector: u64, sectors: u64 },
        Flush,
    }

    /// A log as the recorder writes it.
    pub(crate) fn written(work: &Workdir, asked: &[Asked]) -> std::path::PathBuf {
        let sector = |words: [u64; 4]| {
            let mut bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
            bytes.resize(512, 0);
            bytes
        };
        let mut all = sector([MAGIC, VERSION, asked.len() as u64, 512]);
        for one in asked {
            let (words, byte) = match *one {
                Asked::Write { sector, sectors, byte } => ([sector, sectors, 0, 0], Some(byte)),
                Asked::Forced { sector, byte } => ([sector, 1, FUA, 0], Some(byte)),
                Asked::Discard { sector, sectors } => ([sector, sectors, DISCARD, 0], None),
                Asked::Flush => ([0, 0, FLUSH, 0], None),
            };
            all.extend(sector(words));
            if let Some(byte) = byte {
                all.extend(vec![byte; words[1] as usize * 512]);
            }
        }
        let path = work.path().join("log");
        std::fs::write(&path, all).unwrap();
        path
    }

    #[test]
    fn entries_are_found_with_their_data() {
        let work = Workdir::new();
        let path = written(
            &work,
            &[
                Asked::Write { sector: 8, sectors: 2, byte: 7 },
                Asked::Flush,
                Asked::Discard { sector: 0, sectors: 4 },
                Asked::Forced { sector: 9, byte: 3 },
            ],
        );
        let log = Log::open(&path).unwrap();
        let seen: Vec<_> =
            log.entries().iter().map(|e| (e.sector, e.sectors, e.flushes(), e.forced())).collect();
        assert_eq!(
            seen,
            [(8, 2, false, false), (0, 0, true, false), (0, 4, false, false), (9, 1, false, true)]
        );
        assert_eq!(log.data(0).unwrap(), vec![7; 1024]);
        assert_eq!(log.data(2).unwrap(), vec![0; 2048]);
        assert_eq!(log.data(3).unwrap(), vec![3; 512]);
        // The superblock and the first write take 512 + 512 + 1024 bytes.
        assert_eq!([0, 1023, 1024, 2048, 2560, 9999].map(|bytes| log.begun_at(bytes)), [0, 0, 1, 1, 2, 4]);
    }

    #[test]
    fn a_log_that_was_cut_or_is_none_is_refused() {
        let work = Workdir::new();
        let path = written(&work, &[Asked::Write { sector: 8, sectors: 2, byte: 7 }, Asked::Flush]);
        let whole = std::fs::read(&path).unwrap();
        for (bytes, why) in [(&whole[..whole.len() - 512], "2 entries"), (&[0u8; 4096][..], "not a log")] {
            std::fs::write(&path, bytes).unwrap();
            let error = Log::open(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
