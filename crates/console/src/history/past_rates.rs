//! How fast the peers were before this console came: the end of the recording that the supervisor writes. Only rates are taken of
//! it, and a recording that is not there, or cannot be read, is none.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use twinhaul_wire::{Frame, decode};

/// The end of the recording that is read: with a picture of each peer a second, more than the plot shows.
pub const TAIL_BYTES: u64 = 8 << 20;

/// When (milliseconds since the epoch) each peer was how fast (bytes a second), in the order of the recording.
pub(super) fn read(recording: &Path, names: &[String]) -> [Vec<(u64, u64)>; 2] {
    let mut rates = [Vec::new(), Vec::new()];
    let Some(tail) = tail(recording, TAIL_BYTES) else { return rates };
    for line in tail.split(|b| *b == b'\n') {
        // The first line begins anywhere, the last one may be half written.
        let Ok(Frame::Snapshot(snapshot)) = decode(line) else { continue };
        let peer = names.iter().position(|name| *name == snapshot.peer);
        if let Some(of) = peer.and_then(|at| rates.get_mut(at)) {
            of.push((snapshot.at_ms, snapshot.rate.now));
        }
    }
    rates
}

/// The last bytes of a recording, at most so many; the first line of them begins anywhere.
pub fn tail(recording: &Path, most: u64) -> Option<Vec<u8>> {
    let mut file = File::open(recording).ok()?;
    let size = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(most))).ok()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
