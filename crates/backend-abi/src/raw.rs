//! The C header (`include/twinhaul_backend.h`) in Rust, field by field: what crosses the boundary and nothing else.
//!
//! Only the glue of this crate and `backend-host` touch these types; a plugin uses the traits. The comments of the
//! header are the documentation: they are not repeated here. `tests/layout.rs` compares every size, offset and
//! constant with what a C compiler says. Never reorder, never insert: new fields go at the end (header R3).
#![allow(missing_docs, reason = "the header documents each field")]

pub mod constants;
pub mod object;
pub mod vtable;

use std::ffi::{c_char, c_void};

pub use constants::*;
pub use object::*;
pub use vtable::*;

/// A `twh_code`.
pub type RawCode = i32;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Str {
    pub ptr: *const c_char,
    pub len: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    pub ptr: *const u8,
    pub len: usize,
}

impl Str {
    pub const EMPTY: Self = Self { ptr: std::ptr::null(), len: 0 };

    /// A view of `s`: valid while `s` is borrowed, which the caller sees to.
    pub fn of(s: &str) -> Self {
        Self { ptr: s.as_ptr().cast(), len: s.len() }
    }
}

impl Bytes {
    pub const EMPTY: Self = Self { ptr: std::ptr::null(), len: 0 };

    /// A view of `b`: valid while `b` is borrowed, which the caller sees to.
    pub fn of(b: &[u8]) -> Self {
        Self { ptr: b.as_ptr(), len: b.len() }
    }
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Error {
    pub struct_size: u32,
    pub code: i32,
    pub flags: u32,
    pub os_errno: i32,
    pub http_status: u32,
    pub retry_after_ms: u32,
    pub msg_len: u32,
    pub reserved: u32,
    pub msg: [u8; ERR_MSG],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub ctx: *mut c_void,
    pub name: Str,
    pub version: Str,
    pub log: Option<unsafe extern "C" fn(ctx: *mut c_void, level: i32, target: Str, message: Str)>,
    pub log_enabled: Option<unsafe extern "C" fn(ctx: *mut c_void, level: i32) -> i32>,
    pub get_secret: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            name: Str,
            out: *mut u8,
            cap: usize,
            len: *mut usize,
        ) -> RawCode,
    >,
}

// SAFETY: the header says that a host lives for ever and that its functions may be called on any thread.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Op {
    pub struct_size: u32,
    pub flags: u32,
    pub ctx: *mut c_void,
    pub op_id: u64,
    pub deadline_ms: u64,
    pub is_cancelled: Option<unsafe extern "C" fn(ctx: *mut c_void) -> i32>,
    pub progress: Option<unsafe extern "C" fn(ctx: *mut c_void, bytes_durable: u64, bytes_sent: u64)>,
    pub wait: Option<unsafe extern "C" fn(ctx: *mut c_void, reason: u32, detail: Str)>,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Buf {
    pub ptr: *const u8,
    pub len: usize,
    pub owner: *mut c_void,
    pub retain: Option<unsafe extern "C" fn(owner: *mut c_void)>,
    pub release: Option<unsafe extern "C" fn(owner: *mut c_void)>,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Module {
    pub magic: u32,
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub flags: u32,
    pub caps: u64,
    pub name: *const c_char,
    pub version: *const c_char,
    pub description: *const c_char,
    pub license: *const c_char,
    pub build_id: *const c_char,
    pub config_schema: *const c_char,
    pub verbs: *const c_char,
}

// SAFETY: every pointer is to a constant string of the plugin, which is never unloaded (header R7).
unsafe impl Sync for Module {}
// SAFETY: as above.
unsafe impl Send for Module {}

/// Types of the plugin that the host sees only by address.
#[repr(C)]
#[derive(Debug)]
pub struct Target {
    _opaque: [u8; 0],
}
#[repr(C)]
#[derive(Debug)]
pub struct Writer {
    _opaque: [u8; 0],
}
#[repr(C)]
#[derive(Debug)]
pub struct Reader {
    _opaque: [u8; 0],
}
