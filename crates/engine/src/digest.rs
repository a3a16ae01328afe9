//! The digest of an object as the medium has it: for reading back, for recovery, and for the verb `verify`.

use crate::storage::Opened;
use twinhaul_backend_host::{BackendError, OpContext, ReadOptions};
use twinhaul_units::Key;

/// Where the bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// Past the cache, as far as the backend can.
    Medium,
    /// From wherever they are at hand.
    Cache,
}

/// BLAKE3 of the object under `key`. `buffer` holds what is read at a time; a mebibyte is good.
///
/// # Errors
/// The backend's, for instance that there is no such object.
pub(crate) fn digest_of(
    op: &OpContext,
    target: &Opened,
    key: &Key,
    through: Through,
    buffer: &mut [u8],
) -> Result<[u8; 32], BackendError> {
    read(op, target, key, through, buffer, &|_| {})
}

/// As the medium has it; `tell` hears of the bytes as they are read, from whoever shows progress.
///
/// # Errors
/// The backend's.
pub fn digest_told(
    op: &OpContext,
    target: &Opened,
    key: &Key,
    buffer: &mut [u8],
    tell: &dyn Fn(usize),
) -> Result<[u8; 32], BackendError> {
    read(op, target, key, Through::Medium, buffer, tell)
}

fn read(
    op: &OpContext,
    target: &Opened,
    key: &Key,
    through: Through,
    buffer: &mut [u8],
    tell: &dyn Fn(usize),
) -> Result<[u8; 32], BackendError> {
    let options = ReadOptions { uncached: through == Through::Medium, ..ReadOptions::default() };
    let (mut reader, _) = target.target.reader_open(op, key, options)?;
    let mut hasher = blake3::Hasher::new();
    loop {
        let n = reader.read(op, buffer)?;
        if n == 0 {
            return Ok(*hasher.finalize().as_bytes());
        }
        hasher.update(&buffer[..n]);
        tell(n);
    }
}
