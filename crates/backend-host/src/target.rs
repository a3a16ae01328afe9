//! An open target or source: everything but the bytes of one object, which are [`Writer`]'s and [`Reader`]'s.
//!
//! Clones share it; it is closed when the last clone, writer and reader are gone (header R10).

mod batch;
mod nodes;

use std::ffi::c_void;
use std::sync::Arc;

use twinhaul_backend_abi::raw::{self, Sized32};
use twinhaul_backend_abi::{
    Attrs, Caps, Code, Error, Flow, Key, Limits, Probe, Put, ReadOptions, Stat, WriterInfo, convert,
};

use crate::error::BackendError;
use crate::gate::Gate;
use crate::library::{Library, ctx_of};
use crate::op::OpContext;
use crate::reader::Reader;
use crate::sinks;
use crate::writer::Writer;

pub use batch::{BATCH_MAX, BatchPut};
pub use nodes::{ListPage, PAGE_ENTRIES_MAX};

const CONTROL: &str = "target_control";
/// Most bytes of a status, and of an answer.
pub const STATUS_BYTES_MAX: usize = 4 << 20;

/// One entry of a listing. The key is the backend's own: not checked, not sanitised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: Vec<u8>,
    pub attrs: Attrs,
}

#[derive(Clone, Debug)]
pub struct Target(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub library: Library,
    pub raw: *mut raw::Target,
    pub limits: Limits,
    pub gate: Gate,
}

// SAFETY: calls of a target may run concurrently on any thread (header R4).
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(close) = self.library.vtable().target_close {
            // SAFETY: the last reference: no call, writer or reader is left.
            unsafe { close(self.raw) }
        }
    }
}

impl Inner {
    /// One blocking call: waits for a place, builds the operation, converts the error.
    pub(crate) fn call<F>(
        &self,
        name: &'static str,
        op: &OpContext,
        entry: Option<F>,
        f: impl FnOnce(F, *const raw::Op, *mut raw::Error) -> raw::RawCode,
    ) -> Result<(), BackendError> {
        let entry = entry.ok_or_else(|| self.library.unsupported(name))?;
        let Some(_pass) = self.gate.enter(op) else {
            return Err(self.library.error(name, Error::cancelled()));
        };
        let op = op.raw();
        self.library.call(name, |err| f(entry, &raw const op, err))
    }

    pub(crate) fn vtable(&self) -> &raw::Vtable {
        self.library.vtable()
    }
}

impl Target {
    pub(crate) fn new(library: Library, raw: *mut raw::Target, limits: Limits) -> Self {
        let gate = Gate::new(limits.max_inflight_calls);
        Self(Arc::new(Inner { library, raw, limits, gate }))
    }

    pub fn library(&self) -> &Library {
        &self.0.library
    }

    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Narrowed to what the module says it can do at all.
    pub fn caps(&self) -> Caps {
        self.0.limits.caps
    }

    /// # Errors
    /// What the backend says; here and in every other call.
    pub fn probe(&self, op: &OpContext) -> Result<Probe, BackendError> {
        let mut out = raw::Probe::zeroed();
        // SAFETY (here and below): the target is open, arguments are ours and live during the call.
        self.0.call("target_probe", op, self.0.vtable().target_probe, |f, op, err| unsafe {
            f(self.0.raw, op, &raw mut out, err)
        })?;
        Ok(unsafe { convert::load_probe(&raw const out) })
    }

    /// Interrupts the blocked target call of an operation ([`OpContext::id`]); 0 = all. Any thread, any time.
    pub fn cancel(&self, op_id: u64) {
        if let Some(f) = self.0.vtable().target_cancel {
            // SAFETY: the target is open while self lives.
            unsafe { f(self.0.raw, op_id) }
        }
    }

    pub fn writer_open(&self, op: &OpContext, put: &Put) -> Result<(Writer, WriterInfo), BackendError> {
        const NAME: &str = "writer_open";
        let views = convert::PutViews::new([put]);
        self.open_writer(NAME, |out, info| {
            self.0.call(NAME, op, self.0.vtable().writer_open, |f, op, err| unsafe {
                f(self.0.raw, op, views.as_ptr(), out, info, err)
            })
        })
    }

    /// Joins an unsealed object of another process (`SHARED_RANGES`).
    pub fn writer_attach(
        &self,
        op: &OpContext,
        put: &Put,
        reference: &[u8],
    ) -> Result<(Writer, WriterInfo), BackendError> {
        const NAME: &str = "writer_attach";
        let views = convert::PutViews::new([put]);
        self.open_writer(NAME, |out, info| {
            self.0.call(NAME, op, self.0.vtable().writer_attach, |f, op, err| unsafe {
                f(self.0.raw, op, views.as_ptr(), raw::Bytes::of(reference), out, info, err)
            })
        })
    }

    fn open_writer(
        &self,
        name: &'static str,
        call: impl FnOnce(*mut *mut raw::Writer, *mut raw::WriterInfo) -> Result<(), BackendError>,
    ) -> Result<(Writer, WriterInfo), BackendError> {
        let (mut out, mut info) = (std::ptr::null_mut(), raw::WriterInfo::zeroed());
        call(&raw mut out, &raw mut info)?;
        if out.is_null() {
            return Err(self.0.library.broken(name, "it answered success without a writer"));
        }
        let writer = Writer::new(self.0.clone(), out);
        if self.caps().contains(Caps::TWO_PHASE)
            && (info.ref_len == 0 || info.ref_len as usize > raw::REF_MAX)
        {
            return Err(self.0.library.broken(name, "it promises two phases and gave no ref"));
        }
        Ok((writer, convert::load_info(&info)))
    }

    pub fn reader_open(
        &self,
        op: &OpContext,
        key: &Key,
        options: ReadOptions,
    ) -> Result<(Reader, Stat), BackendError> {
        const NAME: &str = "reader_open";
        let (mut out, mut stat) = (std::ptr::null_mut(), raw::Stat::zeroed());
        let len = options.len.unwrap_or(raw::UNKNOWN_U64);
        let flags = if options.uncached { raw::READ_UNCACHED } else { 0 };
        let key = raw::Bytes::of(key.as_bytes());
        self.0.call(NAME, op, self.0.vtable().reader_open, |f, op, err| unsafe {
            f(self.0.raw, op, key, options.offset, len, flags, &raw mut out, &raw mut stat, err)
        })?;
        if out.is_null() {
            return Err(self.0.library.broken(NAME, "it answered success without a reader"));
        }
        Ok((Reader::new(self.0.clone(), out), convert::load_stat(&stat)))
    }

    /// One JSON object: what only this backend knows.
    pub fn status(&self, op: &OpContext) -> Result<String, BackendError> {
        const NAME: &str = "target_status";
        let mut json = sinks::Collect::new(STATUS_BYTES_MAX);
        self.0.call(NAME, op, self.0.vtable().target_status, |f, op, err| unsafe {
            f(self.0.raw, op, Some(sinks::collect), ctx_of(&mut json), err)
        })?;
        self.text(NAME, json)
    }

    /// What a verb of the backend answers, whole; `None`: it has no such verb, or not for this target.
    ///
    /// # Errors
    /// The backend's; an answer longer than a status may be.
    pub fn ask(&self, op: &OpContext, verb: &str, args_json: &str) -> Result<Option<String>, BackendError> {
        if !self.library().info().verbs().iter().any(|known| known.verb == verb) {
            return Ok(None);
        }
        let mut json = sinks::Collect::new(STATUS_BYTES_MAX);
        let asked = self.0.call(CONTROL, op, self.0.vtable().target_control, |f, op, err| unsafe {
            let (verb, args) = (raw::Str::of(verb), raw::Str::of(args_json));
            f(self.0.raw, op, verb, args, Some(sinks::collect), ctx_of(&mut json), err)
        });
        match asked {
            Ok(()) => self.text(CONTROL, json).map(Some),
            Err(e) if e.code() == Code::Unsupported => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn text(&self, name: &'static str, told: sinks::Collect) -> Result<String, BackendError> {
        if told.over {
            return Err(self.0.library.broken(name, "its answer is longer than 4 MiB"));
        }
        String::from_utf8(told.bytes).map_err(|_| self.0.library.broken(name, "its answer is not UTF-8"))
    }

    /// A verb of [`crate::ModuleInfo::verbs`]; `out` gets what is to be printed, not sanitised.
    pub fn control(
        &self,
        op: &OpContext,
        verb: &str,
        args_json: &str,
        out: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<(), BackendError> {
        let mut stream = sinks::Stream(out);
        let ctx: *mut c_void = ctx_of(&mut stream);
        self.0.call(CONTROL, op, self.0.vtable().target_control, |f, op, err| unsafe {
            f(self.0.raw, op, raw::Str::of(verb), raw::Str::of(args_json), Some(sinks::stream), ctx, err)
        })
    }

    /// The error of one item of a batch.
    fn item_error(&self, op: &'static str, code: i32, detail: Option<Error>) -> BackendError {
        let code = Code::from_raw(code);
        let error = match detail {
            Some(error) => Error { code, ..error },
            None => Error::new(code, ""),
        };
        self.0.library.error(op, error)
    }
}
