//! The data of a demonstration: real files with real bytes, the same for the same seed.

use crate::exit::{Failure, USAGE};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use twinhaul_profile::{DemoData, DemoStore};
use twinhaul_units::Bytes;
use twinhaul_wire::{Storm, Weather};

/// Files per directory.
const PER_DIRECTORY: u64 = 100;
/// Room asked for, as a multiple of the data: source and target.
const ROOM: u64 = 2;
/// What HTTP says to whom it asks to slow down.
const TOO_MANY: u16 = 429;

/// A directory that is removed when the demonstration ends, however it ends.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    keep: bool,
}

impl Place {
    /// Makes it below the directory for temporary files, after a look at the room there.
    pub(crate) fn make(data: &DemoData, keep: bool) -> Result<Self, Failure> {
        let base = std::env::temp_dir();
        let needed = Bytes(data.bytes().0 * ROOM);
        let stat =
            rustix::fs::statvfs(&base).map_err(|e| Failure::other("the directory for temporary files", e))?;
        let free = Bytes(stat.f_bavail * stat.f_frsize);
        if free < needed {
            let text = format!(
                "the demonstration needs {needed} in {}, and {free} are free. Set TMPDIR to a directory with room.",
                crate::state::shown(&base)
            );
            return Err(Failure::new(USAGE, text));
        }
        let path = base.join(format!("twinhaul-demo-{}", std::process::id()));
        std::fs::create_dir(&path).map_err(|e| Failure::other(&crate::state::shown(&path), e))?;
        Ok(Self { path, keep })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.keep {
            // Left over at worst: it is in the directory for temporary files.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Where the store of a demonstration reads what the weather is.
pub(crate) fn weather_file(place: &Path) -> PathBuf {
    place.join("weather")
}

pub(crate) fn fair(store: &DemoStore) -> Weather {
    Weather { storm: None, delay_ms: u32::try_from(store.delay.0.as_millis()).unwrap_or(u32::MAX) }
}

/// To a part of the requests: too many, come again later.
pub(crate) fn storm(store: &DemoStore) -> Weather {
    let retry_after_s = u32::try_from(store.retry_after.0.as_secs()).unwrap_or(u32::MAX);
    let storm = Storm { status: TOO_MANY, share: store.share.get(), retry_after_s };
    Weather { storm: Some(storm), ..fair(store) }
}

/// Writes the source tree and makes the empty target.
pub(crate) fn fill(place: &Path, data: &DemoData) -> Result<(), Failure> {
    let fail = |e: std::io::Error| Failure::other("making the demonstration's files", e);
    let source = place.join("source");
    std::fs::create_dir_all(place.join("target")).map_err(fail)?;
    let mut bytes = Vec::new();
    for n in 0..data.files {
        let directory = source.join(format!("batch-{:02}", n / PER_DIRECTORY));
        if n % PER_DIRECTORY == 0 {
            std::fs::create_dir_all(&directory).map_err(fail)?;
        }
        let mut stream = stream_of(data, n);
        let mut word = [0u8; 8];
        stream.fill(&mut word);
        bytes.resize(usize::try_from(size_of(data, u64::from_le_bytes(word))).unwrap_or(0), 0);
        stream.fill(&mut bytes);
        let path = directory.join(format!("sample-{n:04}.dat"));
        std::fs::File::create(&path).and_then(|mut f| f.write_all(&bytes)).map_err(fail)?;
    }
    if let Some(giant) = data.giant {
        std::fs::create_dir_all(&source).map_err(fail)?;
        write_giant(&source.join("giant.dat"), stream_of(data, data.files), giant).map_err(fail)?;
    }
    Ok(())
}

fn stream_of(data: &DemoData, n: u64) -> blake3::OutputReader {
    blake3::Hasher::new().update(&data.seed.to_le_bytes()).update(&n.to_le_bytes()).finalize_xof()
}

fn write_giant(path: &Path, mut stream: blake3::OutputReader, size: Bytes) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    let mut left = size.0;
    let mut bytes = vec![0; 1 << 20];
    while left > 0 {
        let piece = usize::try_from(left.min(bytes.len() as u64)).unwrap_or(bytes.len());
        stream.fill(&mut bytes[..piece]);
        file.write_all(&bytes[..piece])?;
        left -= piece as u64;
    }
    Ok(())
}

/// `size`, give or take the jitter.
fn size_of(data: &DemoData, random: u64) -> u64 {
    let jitter = data.jitter.map_or(0.0, twinhaul_units::Share::get);
    let unit = random as f64 / u64::MAX as f64 * 2.0 - 1.0;
    (data.size.0 as f64 * (1.0 + jitter * unit)).round().max(1.0) as u64
}
