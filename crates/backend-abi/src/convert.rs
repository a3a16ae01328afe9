//! Between the C structs and the safe types, in both directions: used by the glue here and by `backend-host`.
//!
//! `load_*` copies out of a C struct and believes nothing (lengths are clamped, texts checked); `*View` borrows a safe value
//! for the time of one call; `store_*` fills a struct that the other side allocated, as far as its `struct_size` goes (R3).

mod describe;
mod error;
mod object;

use twinhaul_units::Key;

pub use describe::{load_limits, load_probe, store_limits, store_probe};
pub use error::{load_error, raw_error, store_error};
pub use object::{
    AttrsView, PutViews, load_attrs, load_info, load_put, load_stat, raw_info, raw_stat, store_info,
    store_stat,
};

use crate::error::{Code, Error, Result};
use crate::raw::{self, Sized32};

/// The bytes behind a view; a null pointer or no length is the empty slice.
///
/// # Safety
/// `b.ptr` holds `b.len` bytes that do not change for `'a`.
pub unsafe fn bytes<'a>(b: raw::Bytes) -> &'a [u8] {
    if b.ptr.is_null() || b.len == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(b.ptr, b.len) }
}

/// The text behind a view.
///
/// # Safety
/// As [`bytes`].
///
/// # Errors
/// [`Code::InvalidArg`] when it is not UTF-8.
pub unsafe fn text<'a>(s: raw::Str) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    let b = unsafe { bytes(raw::Bytes { ptr: s.ptr.cast(), len: s.len }) };
    std::str::from_utf8(b).map_err(|_| Error::new(Code::InvalidArg, "text is not UTF-8"))
}

/// The text behind a view, for messages: what is not UTF-8 is replaced.
///
/// # Safety
/// As [`bytes`].
pub unsafe fn text_lossy(s: raw::Str) -> String {
    // SAFETY: the caller's promise.
    let b = unsafe { bytes(raw::Bytes { ptr: s.ptr.cast(), len: s.len }) };
    String::from_utf8_lossy(b).into_owned()
}

/// Copies as much of a struct as its allocator says there is; the rest is zero.
///
/// # Safety
/// `p` is null or points to a struct whose first field is its size in bytes.
pub unsafe fn read_prefix<T: Sized32>(p: *const T) -> Option<T> {
    if p.is_null() {
        return None;
    }
    let mut v = T::zeroed();
    // SAFETY: struct_size comes first, and that many bytes are there; T is valid for any prefix of them over zeros.
    unsafe {
        let there = p.cast::<u32>().read() as usize;
        let n = there.min(size_of::<T>());
        std::ptr::copy_nonoverlapping(p.cast::<u8>(), std::ptr::from_mut(&mut v).cast::<u8>(), n);
    }
    Some(v)
}

/// Fills a struct that the other side allocated, as far as it goes; its `struct_size` stays.
///
/// # Safety
/// `p` is null or points to a struct whose first field is its size in bytes, writable for that many.
pub unsafe fn write_prefix<T: Sized32>(p: *mut T, v: &T) {
    if p.is_null() {
        return;
    }
    // SAFETY: as many bytes as both sides know; the first four stay the allocator's.
    unsafe {
        let there = p.cast::<u32>().read();
        let n = (there as usize).min(size_of::<T>());
        std::ptr::copy_nonoverlapping(std::ptr::from_ref(v).cast::<u8>(), p.cast::<u8>(), n);
        p.cast::<u32>().write(there);
    }
}

/// A checked key from bytes.
///
/// # Errors
/// [`Code::InvalidArg`] with what is wrong.
pub fn key(b: &[u8]) -> Result<Key> {
    Key::new(b).map_err(|e| Error::new(Code::InvalidArg, format!("the key {e}")))
}

/// As [`key`]; the empty key is the root.
///
/// # Errors
/// As [`key`].
pub fn key_or_root(b: &[u8]) -> Result<Option<Key>> {
    if b.is_empty() { Ok(None) } else { key(b).map(Some) }
}

/// Whether `id` may name a private object (header R9): no component climbs, nothing a file name could not hold.
pub fn attempt_ok(id: &[u8]) -> bool {
    id.len() <= raw::ATTEMPT_MAX
        && id.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-'))
        && (id.is_empty() || id.split(|b| *b == b'/').all(|c| !matches!(c, b"" | b"." | b"..")))
}

fn known_u32(v: u32) -> Option<u32> {
    (v != raw::UNKNOWN_U32).then_some(v)
}

fn known_u64(v: u64) -> Option<u64> {
    (v != raw::UNKNOWN_U64).then_some(v)
}

fn known_i64(v: i64) -> Option<i64> {
    (v != raw::UNKNOWN_I64).then_some(v)
}

/// At most `max` bytes of `s`, cut between characters.
fn cut(s: &str, max: usize) -> &str {
    &s[..s.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempt_ids_cannot_climb() {
        for good in [&b""[..], b"run-3/17/2/1", b"a.b_c"] {
            assert!(attempt_ok(good));
        }
        for bad in [&b"../x"[..], b"a//b", b"a b", b"a\0", b"/a", b"a/", &[b'x'; 129]] {
            assert!(!attempt_ok(bad), "{bad:?}");
        }
    }

    #[test]
    fn an_older_struct_is_read_as_far_as_it_goes_and_no_further() {
        let mut limits = raw::Limits::zeroed();
        limits.struct_size = 24; // up to and with caps
        limits.caps = 7;
        limits.preferred_chunk = 99;
        // SAFETY: a valid struct that says it is shorter.
        let seen = unsafe { read_prefix(&raw const limits) }.unwrap();
        assert_eq!((seen.caps, seen.preferred_chunk, seen.struct_size), (7, 0, 24));

        let mut short = raw::Limits::zeroed();
        short.struct_size = 24;
        // SAFETY: as above.
        unsafe { write_prefix(&raw mut short, &limits) };
        assert_eq!((short.struct_size, short.caps, short.preferred_chunk), (24, 7, 0));
    }
}
