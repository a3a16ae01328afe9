//! Bytes that a backend may keep beyond the call without a copy: the one shared ownership of the interface (header R2).

use std::ffi::c_void;
use std::ops::{Deref, Range};
use std::sync::Arc;

use twinhaul_backend_abi::raw;

/// A shared piece of memory. Cloning and handing out count references; the last one frees.
#[derive(Clone, Debug)]
pub struct Chunk {
    data: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl Chunk {
    pub fn new(data: Vec<u8>) -> Self {
        let range = 0..data.len();
        Self { data: Arc::new(data), range }
    }

    /// A part of the same memory, cut at its end.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> Self {
        let end = self.range.end;
        let start = self.range.start.saturating_add(from).min(end);
        let stop = self.range.start.saturating_add(to).clamp(start, end);
        Self { data: self.data.clone(), range: start..stop }
    }

    /// The memory, if nobody else holds it any more: for a pool of buffers.
    ///
    /// # Errors
    /// The chunk itself, while a backend retains it.
    pub fn reclaim(self) -> Result<Vec<u8>, Self> {
        let range = self.range;
        Arc::try_unwrap(self.data).map_err(|data| Self { data, range })
    }

    /// References, the own one counted.
    pub fn references(&self) -> usize {
        Arc::strong_count(&self.data)
    }

    pub(crate) fn raw(&self) -> raw::Buf {
        let bytes: &[u8] = self;
        raw::Buf {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
            owner: Arc::as_ptr(&self.data).cast_mut().cast(),
            retain: Some(retain),
            release: Some(release),
        }
    }
}

impl Deref for Chunk {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.data.get(self.range.clone()).unwrap_or_default()
    }
}

/// A slice that cannot be retained.
pub(crate) fn borrowed(data: &[u8]) -> raw::Buf {
    raw::Buf { ptr: data.as_ptr(), len: data.len(), owner: std::ptr::null_mut(), retain: None, release: None }
}

unsafe extern "C" fn retain(owner: *mut c_void) {
    // SAFETY: owner is Arc::as_ptr of a chunk that lives during the call in which retain is allowed.
    unsafe { Arc::increment_strong_count(owner.cast::<Vec<u8>>().cast_const()) }
}

unsafe extern "C" fn release(owner: *mut c_void) {
    // SAFETY: exactly once for each retain, says the header.
    unsafe { Arc::decrement_strong_count(owner.cast::<Vec<u8>>().cast_const()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retained_memory_outlives_the_chunk_and_comes_back_to_the_pool() {
        let chunk = Chunk::new(b"hello".to_vec());
        assert_eq!(&chunk.slice(1, 3)[..], b"el");
        assert_eq!(&chunk.slice(3, 99)[..], b"lo");
        assert_eq!(&chunk.slice(9, 3)[..], b"");
        let buf = chunk.raw();
        // SAFETY: as a plugin would.
        unsafe { buf.retain.unwrap()(buf.owner) };
        assert_eq!(chunk.references(), 2);
        let chunk = chunk.reclaim().unwrap_err();
        // SAFETY: once for the retain above.
        unsafe { buf.release.unwrap()(buf.owner) };
        assert_eq!(chunk.reclaim().unwrap(), b"hello");
    }
}
