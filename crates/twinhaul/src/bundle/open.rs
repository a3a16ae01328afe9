//! Finds the recording inside a bundle, whoever made it: for `replay`. Nothing is unpacked, and nothing is believed.

use super::archive::MANIFEST;
use super::files::RECORDING;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use twinhaul_console::RECORDING_BYTES_MAX;

/// Parts that are looked at: a bundle has some thirty.
const PARTS_MAX: usize = 1_000;
/// Where a tar file says that it is one.
const MAGIC_AT: u64 = 257;
const MAGIC: &[u8] = b"ustar";

/// The recording in the bundle at `path`; `None`: it is no tar file.
///
/// # Errors
/// In words: it cannot be read, or holds no recording.
pub(crate) fn recording(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let words = |e: io::Error| e.to_string();
    let mut file = File::open(path).map_err(words)?;
    if !is_tar(&mut file).map_err(words)? {
        return Ok(None);
    }
    file.rewind().map_err(words)?;
    let mut archive = tar::Archive::new(file);
    let mut is_whole = false;
    for entry in archive.entries_with_seek().map_err(words)?.take(PARTS_MAX) {
        let entry = entry.map_err(|e| format!("the bundle was cut or damaged: {e}"))?;
        let path = entry.path().map_err(words)?.into_owned();
        is_whole |= path.file_name() == Some(OsStr::new(MANIFEST));
        // One directory, and the recording in it; not that of a bundle within.
        if entry.header().entry_type().is_file()
            && path.file_name() == Some(OsStr::new(RECORDING))
            && path.components().count() <= 2
        {
            let mut bytes = Vec::new();
            entry.take(RECORDING_BYTES_MAX).read_to_end(&mut bytes).map_err(words)?;
            return Ok(Some(bytes));
        }
    }
    // The manifest is the last part.
    Err(if is_whole {
        format!("no {RECORDING} is in it; its {MANIFEST} says why")
    } else {
        format!("neither {RECORDING} nor {MANIFEST} is in it: it is no bundle, or it was cut")
    })
}

fn is_tar(file: &mut File) -> io::Result<bool> {
    let mut magic = [0; MAGIC.len()];
    file.seek(SeekFrom::Start(MAGIC_AT))?;
    match file.read_exact(&mut magic) {
        Ok(()) => Ok(magic == *MAGIC),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}
