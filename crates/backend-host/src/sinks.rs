//! Callbacks that a backend fills: they copy at once, count, and never unwind into the plugin (header R5).

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use twinhaul_backend_abi::raw;
use twinhaul_backend_abi::{Attrs, Error, Flow, Problem, Severity, convert};

use crate::library::ctx_of;
use crate::target::Entry;

/// Most problems of one configuration that are kept.
const PROBLEMS_MAX: usize = 256;
/// Most user metadata of one object.
const META_MAX: usize = 1024;

/// Continue.
const GO: i32 = 0;
/// Stop early.
const STOP: i32 = 1;

macro_rules! context {
    ($ctx:expr, $t:ty) => {
        // SAFETY: the plugin passes the context it was given, which is a `$t` of the caller, during the call.
        unsafe { &mut *$ctx.cast::<$t>() }
    };
}

#[derive(Default)]
pub(crate) struct Problems(pub Vec<Problem>);

impl Problems {
    pub(crate) fn ctx(&mut self) -> *mut c_void {
        ctx_of(self)
    }
}

pub(crate) unsafe extern "C" fn problem(
    ctx: *mut c_void,
    severity: u32,
    path: raw::Str,
    message: raw::Str,
) -> i32 {
    let problems = context!(ctx, Problems);
    // SAFETY: the texts are valid during the call.
    let (path, message) = unsafe { (convert::text_lossy(path), convert::text_lossy(message)) };
    let severity = if severity == 2 { Severity::Warning } else { Severity::Error };
    problems.0.push(Problem { severity, path, message });
    if problems.0.len() < PROBLEMS_MAX { GO } else { STOP }
}

/// Bytes, at most `max`; more sets `over`.
pub(crate) struct Collect {
    pub bytes: Vec<u8>,
    pub max: usize,
    pub over: bool,
}

impl Collect {
    pub(crate) fn new(max: usize) -> Self {
        Self { bytes: Vec::new(), max, over: false }
    }
}

pub(crate) unsafe extern "C" fn collect(ctx: *mut c_void, chunk: raw::Bytes) -> i32 {
    let c = context!(ctx, Collect);
    // SAFETY: the chunk is valid during the call.
    let chunk = unsafe { convert::bytes(chunk) };
    if c.bytes.len() + chunk.len() > c.max {
        c.over = true;
        return STOP;
    }
    c.bytes.extend_from_slice(chunk);
    GO
}

/// A closure of the caller for each chunk.
pub(crate) struct Stream<'a>(pub &'a mut dyn FnMut(&[u8]) -> Flow);

pub(crate) unsafe extern "C" fn stream(ctx: *mut c_void, chunk: raw::Bytes) -> i32 {
    let s = context!(ctx, Stream<'_>);
    // SAFETY: the chunk is valid during the call.
    let chunk = unsafe { convert::bytes(chunk) };
    answer(&catch_unwind(AssertUnwindSafe(|| (s.0)(chunk))))
}

pub(crate) struct Extents<'a>(pub &'a mut dyn FnMut(u64, u64) -> Flow);

pub(crate) unsafe extern "C" fn extent(ctx: *mut c_void, offset: u64, len: u64) -> i32 {
    let s = context!(ctx, Extents<'_>);
    answer(&catch_unwind(AssertUnwindSafe(|| (s.0)(offset, len))))
}

fn answer(flow: &std::thread::Result<Flow>) -> i32 {
    match flow {
        Ok(flow) if flow.is_continue() => GO,
        _ => STOP,
    }
}

pub(crate) unsafe extern "C" fn attrs(ctx: *mut c_void, attrs: *const raw::Attrs) -> i32 {
    let out = context!(ctx, Option<Attrs>);
    // SAFETY: valid during the call.
    *out = unsafe { convert::load_attrs(attrs) };
    GO
}

pub(crate) unsafe extern "C" fn meta(ctx: *mut c_void, key: raw::Str, value: raw::Str) -> i32 {
    let out = context!(ctx, Vec<(String, String)>);
    // SAFETY: valid during the call.
    out.push(unsafe { (convert::text_lossy(key), convert::text_lossy(value)) });
    if out.len() < META_MAX { GO } else { STOP }
}

/// One page of a listing.
#[derive(Default)]
pub(crate) struct Page {
    pub entries: Vec<Entry>,
    pub max: usize,
    pub over: bool,
    pub next: Option<Vec<u8>>,
}

pub(crate) unsafe extern "C" fn entry(ctx: *mut c_void, key: raw::Bytes, attrs: *const raw::Attrs) -> i32 {
    let page = context!(ctx, Page);
    if page.entries.len() >= page.max {
        page.over = true;
        return STOP;
    }
    // SAFETY: both are valid during the call.
    let (key, attrs) = unsafe { (convert::bytes(key).to_vec(), convert::load_attrs(attrs)) };
    page.entries.push(Entry { key, attrs: attrs.unwrap_or_default() });
    GO
}

/// Continuations are opaque and short.
const NEXT_BYTES_MAX: usize = 64 << 10;

pub(crate) unsafe extern "C" fn next(ctx: *mut c_void, chunk: raw::Bytes) -> i32 {
    let page = context!(ctx, Page);
    // SAFETY: valid during the call.
    let chunk = unsafe { convert::bytes(chunk) };
    let token = page.next.get_or_insert_default();
    if token.len() + chunk.len() > NEXT_BYTES_MAX {
        page.over = true;
        return STOP;
    }
    token.extend_from_slice(chunk);
    GO
}

/// Details of the items of a batch that failed.
#[derive(Default)]
pub(crate) struct Failed(pub Vec<Option<Error>>);

pub(crate) unsafe extern "C" fn failed(ctx: *mut c_void, index: usize, err: *const raw::Error) -> i32 {
    let out = context!(ctx, Failed);
    if let Some(slot) = out.0.get_mut(index) {
        // SAFETY: valid during the call.
        *slot = unsafe { convert::read_prefix(err).map(|e| convert::load_error(e.code, err)) };
    }
    GO
}
