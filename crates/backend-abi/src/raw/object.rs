//! Structs that describe objects, nodes and targets; see the header for each field.

use std::ffi::c_char;

use super::constants::{CKSUM_MAX, ETAG_MAX, REF_MAX};
use super::{Bytes, Str};

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub struct_size: u32,
    pub max_inflight_calls: u32,
    pub max_open_writers: u32,
    pub max_parallel_ranges: u32,
    pub caps: u64,
    pub preferred_chunk: u64,
    pub min_part: u64,
    pub max_part: u64,
    pub max_object: u64,
    pub max_user_meta_bytes: u64,
    pub max_retained_bytes: u64,
    pub mtime_precision_ns: u64,
    pub max_parts: u32,
    pub max_key_bytes: u32,
    pub max_component_bytes: u32,
    pub key_rules: u32,
    pub commit_deadline_ms: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Xattr {
    pub name: Str,
    pub value: Bytes,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Attrs {
    pub struct_size: u32,
    pub kind: u32,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub nlink: u32,
    pub size: u64,
    pub mtime_ns: i64,
    pub ctime_ns: i64,
    pub dev: u64,
    pub ino: u64,
    pub position: u64,
    pub link_target: Bytes,
    pub xattrs: *const Xattr,
    pub xattrs_len: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Kv {
    pub key: Str,
    pub value: Str,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Put {
    pub struct_size: u32,
    pub mode: u32,
    pub key: Bytes,
    pub size_hint: u64,
    pub attrs: *const Attrs,
    pub attempt_id: Bytes,
    pub flags: u32,
    pub checksum_kind: u32,
    pub checksum: Bytes,
    pub if_match: Str,
    pub content_type: Str,
    pub user_meta: *const Kv,
    pub user_meta_len: usize,
    pub resume_token: Bytes,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WriterInfo {
    pub struct_size: u32,
    pub max_parallel_ranges: u32,
    pub part_size: u64,
    pub resume_offset: u64,
    pub lost: u32,
    pub ref_len: u32,
    pub r#ref: [u8; REF_MAX],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    pub struct_size: u32,
    pub kind: u32,
    pub size: u64,
    pub mtime_ns: i64,
    pub mode: u32,
    pub lost: u32,
    pub checksum_kind: u32,
    pub checksum_len: u32,
    pub etag_len: u32,
    pub version_len: u32,
    pub checksum: [u8; CKSUM_MAX],
    pub etag: [c_char; ETAG_MAX],
    pub version: [c_char; ETAG_MAX],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    pub struct_size: u32,
    pub health: u32,
    pub total_bytes: u64,
    pub free_bytes: u64,
    pub used_bytes: u64,
    pub free_objects: u64,
    pub latency_us: u64,
    pub device: u64,
    pub flags: u32,
    pub msg_len: u32,
    pub location_len: u32,
    pub medium_len: u32,
    pub msg: [u8; 256],
    pub location: [u8; 1024],
    pub medium: [u8; 64],
}

/// Structs that one side allocates zeroed, with their own size in front (header R3).
///
/// # Safety
/// The type is `repr(C)`, begins with `struct_size: u32`, and is valid when all of its bytes are zero.
pub unsafe trait Sized32: Sized {
    /// A zeroed one with `struct_size` set.
    fn zeroed() -> Self {
        // SAFETY: the implementor promises that zero bytes are a valid value and that a u32 comes first.
        unsafe {
            let mut v: Self = std::mem::zeroed();
            std::ptr::from_mut(&mut v).cast::<u32>().write(size32::<Self>());
            v
        }
    }
}

/// `sizeof(T)` as the header writes it.
pub const fn size32<T>() -> u32 {
    size_of::<T>() as u32
}

macro_rules! sized32 {
    ($($t:ty),*) => { $(
        // SAFETY: repr(C), struct_size first, integers, arrays and nullable pointers only.
        unsafe impl Sized32 for $t {}
    )* };
}
sized32!(Limits, Attrs, Put, WriterInfo, Stat, Probe, super::Error, super::Op, super::Host, super::Vtable);
