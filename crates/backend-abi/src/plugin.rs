//! The traits a backend in Rust implements. Everything is safe Rust; the glue does the rest.
//!
//! Calls block, on threads of the host; targets are shared between threads, writers and readers are not (but
//! `write_at`, see there). What a backend does not have it leaves out: the defaults answer
//! [`crate::Code::Unsupported`], and [`Limits::caps`] says so beforehand. Rules for each call are in the header.

use std::ffi::CStr;
use std::ops::ControlFlow;
use std::os::fd::{BorrowedFd, RawFd};

use twinhaul_units::Key;

use crate::attrs::Attrs;
use crate::caps::{Caps, Lost};
use crate::error::{Error, Result};
use crate::object::{Checksum, Private, Put, Stat, WriterInfo};
use crate::op::{Buf, Host, Op};
use crate::raw;
use crate::target::{Limits, Probe, Problem};

/// What a sink answers: `Continue`, or `Break` to stop early (no error).
pub type Flow = ControlFlow<()>;
/// One answer per item; the outer error is that of the whole call (nothing was done).
pub type Batch<T> = Result<Vec<Result<T>>>;
/// Wakes a blocked call of one writer or reader, from any thread. [`Op::is_cancelled`] already says yes then.
pub type Canceller = Box<dyn Fn() + Send + Sync>;

/// Who a module is; constant, because it is read before any of its code is called.
#[derive(Clone, Copy, Debug)]
pub struct ModuleInfo {
    /// "disk": what a profile says after `backend:`.
    pub name: &'static CStr,
    /// Semver.
    pub version: &'static CStr,
    pub description: &'static CStr,
    pub license: &'static CStr,
    pub build_id: Option<&'static CStr>,
    /// JSON Schema of a configuration.
    pub config_schema: Option<&'static CStr>,
    /// JSON, see `twh_module.verbs` in the header.
    pub verbs: Option<&'static CStr>,
    /// Upper bound of what its targets can do.
    pub caps: Caps,
}

impl ModuleInfo {
    /// `concat!(env!("CARGO_PKG_VERSION"), "\0")` as a constant C string; a text without that NUL becomes empty.
    pub const fn text(nul_terminated: &'static str) -> &'static CStr {
        match CStr::from_bytes_with_nul(nul_terminated.as_bytes()) {
            Ok(text) => text,
            Err(_) => c"",
        }
    }
}

/// A backend: opens targets.
pub trait Backend: 'static {
    const INFO: ModuleInfo;
    type Target: Target;

    /// What is wrong with a configuration (JSON object), without I/O.
    fn config_check(config_json: &str) -> Vec<Problem> {
        let _ = config_json;
        Vec::new()
    }

    /// Opens a target or source. `config_json` is one JSON object.
    fn open(config_json: &str, op: &Op<'_>, host: Host) -> Result<(Self::Target, Limits)>;
}

/// One question to [`Target::list`].
#[derive(Clone, Copy, Debug)]
pub struct ListRequest<'a> {
    /// A directory or prefix; `None` = the root.
    pub prefix: Option<&'a Key>,
    /// What the page before gave; empty = from the beginning.
    pub continuation: &'a [u8],
    pub want: Wanted,
    /// Entries at most; 0 = the backend's page size.
    pub max_entries: u32,
}

/// What the entries of a listing must tell; more does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Kind is enough.
    Kind,
    /// What a plan is made of: all but link targets and extended attributes; of a directory its kind is enough.
    Plan,
    /// Everything that is known.
    All,
}

impl Wanted {
    /// As the header has it; what this side does not know yet wants everything.
    pub const fn from_raw(want_attrs: u32) -> Self {
        match want_attrs {
            raw::WANT_KIND => Self::Kind,
            raw::WANT_PLAN => Self::Plan,
            _ => Self::All,
        }
    }

    pub const fn raw(self) -> u32 {
        match self {
            Self::Kind => raw::WANT_KIND,
            Self::Plan => raw::WANT_PLAN,
            Self::All => raw::WANT_ALL,
        }
    }
}

/// The end of one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListEnd {
    /// `None` = that was all.
    pub next: Option<Vec<u8>>,
    /// Entries come bytewise ordered.
    pub ordered: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    pub offset: u64,
    /// `None` = to the end.
    pub len: Option<u64>,
    /// From the medium, past every cache: verification by reading back.
    pub uncached: bool,
}

/// What [`Target::put_batch`] answers for one object.
#[derive(Clone, Debug, Default)]
pub struct BatchPut {
    /// `info.reference`: two-phase targets.
    pub info: WriterInfo,
    /// Others.
    pub stat: Stat,
}

fn no<T>(what: &str) -> Result<T> {
    Err(Error::unsupported(what))
}

/// An open target or source. Dropped after its last writer and reader; joins its threads then.
#[allow(unused_variables, reason = "the defaults name their arguments for those who implement them")]
pub trait Target: Send + Sync + 'static {
    /// [`NoWriter`] for a source that cannot be written.
    type Writer: Writer;
    type Reader: Reader;

    fn probe(&self, op: &Op<'_>) -> Result<Probe>;
    /// Wakes the blocked call with this [`Op::id`]; 0 = all. Polling [`Op::is_cancelled`] makes this unnecessary.
    fn cancel(&self, op_id: u64) {}

    fn writer_open(&self, op: &Op<'_>, put: &Put) -> Result<(Self::Writer, WriterInfo)> {
        no("writing")
    }
    /// Joins the unsealed object of another process (`SHARED_RANGES`); only `write_at` and `flush` follow.
    fn writer_attach(&self, op: &Op<'_>, put: &Put, reference: &[u8]) -> Result<(Self::Writer, WriterInfo)> {
        no("joining an object")
    }
    /// Opens, writes and seals (two-phase) or commits many small objects. `bufs[i]` belongs to `puts[i]`.
    fn put_batch(&self, op: &Op<'_>, puts: &[Put], bufs: &[Buf<'_>]) -> Batch<BatchPut> {
        no("writing in batches")
    }

    /// Durability barrier for sealed objects.
    fn seal_sync(&self, op: &Op<'_>, refs: &[&[u8]]) -> Batch<()> {
        no("two-phase commit")
    }
    /// Makes sealed objects visible, each atomically, each once. `NotFound`: discarded or published before.
    fn publish_batch(&self, op: &Op<'_>, puts: &[Put], refs: &[&[u8]]) -> Batch<Stat> {
        no("two-phase commit")
    }
    /// Names and nodes made so far are durable.
    fn publish_sync(&self, op: &Op<'_>) -> Result<()> {
        no("two-phase commit")
    }
    /// Whether something was discarded. Afterwards that attempt can never be published: the fence of a take-over.
    fn discard(&self, op: &Op<'_>, which: Private<'_>) -> Result<bool> {
        no("two-phase commit")
    }
    /// Tells the attempt ids of private objects that begin with `run_prefix`; removes them if `remove`.
    fn sweep(
        &self,
        op: &Op<'_>,
        run_prefix: &str,
        remove: bool,
        found: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<()> {
        no("sweeping")
    }

    /// A directory, a symlink, or `put.key` as a further name of `hard_link_of`; visible at once.
    fn put_node(&self, op: &Op<'_>, put: &Put, hard_link_of: Option<&Key>) -> Result<Lost> {
        no("making nodes")
    }
    /// Attributes of what is visible; `None` = the root.
    fn set_attrs(&self, op: &Op<'_>, key: Option<&Key>, attrs: &Attrs) -> Result<Lost> {
        no("setting attributes")
    }
    /// Of the node itself, symlinks are not followed; `None` = the root.
    fn get_attrs(&self, op: &Op<'_>, key: Option<&Key>) -> Result<Attrs> {
        no("reading attributes")
    }

    fn stat(&self, op: &Op<'_>, key: &Key) -> Result<Stat>;
    /// Never follows a symlink: [`crate::Code::WrongKind`].
    fn reader_open(&self, op: &Op<'_>, key: &Key, options: ReadOptions) -> Result<(Self::Reader, Stat)> {
        no("reading")
    }
    /// One level. Entries are whole keys with their attributes.
    fn list(
        &self,
        op: &Op<'_>,
        request: &ListRequest<'_>,
        entry: &mut dyn FnMut(&[u8], &Attrs) -> Flow,
    ) -> Result<ListEnd> {
        no("listing")
    }

    /// One JSON object.
    fn status(&self, op: &Op<'_>) -> Result<String> {
        no("status")
    }
    /// A verb of [`ModuleInfo::verbs`]; what goes to `out` is printed.
    fn control(
        &self,
        op: &Op<'_>,
        verb: &str,
        args_json: &str,
        out: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<()> {
        no(verb)
    }
    fn remove(&self, op: &Op<'_>, keys: &[Key]) -> Batch<()> {
        no("removing")
    }
}

/// One object being written. The glue sees to its life: nothing but drop follows seal, commit or save; after an error
/// with `POISONED`, or a panic, only abort and drop. Dropped unfinished, a two-phase object stays to be discarded.
#[allow(unused_variables, reason = "the defaults name their arguments for those who implement them")]
pub trait Writer: Send + Sync + 'static {
    /// Appends all of `buf`, or fails.
    fn write(&mut self, op: &Op<'_>, buf: &Buf<'_>) -> Result<()>;
    /// With `PARALLEL_RANGES` from several threads at once.
    fn write_at(&self, op: &Op<'_>, offset: u64, buf: &Buf<'_>) -> Result<()> {
        no("writing at an offset")
    }
    /// Copies `len` bytes at `offset` of a local file to the same offset, holes kept.
    fn copy_fd(&mut self, op: &Op<'_>, source: BorrowedFd<'_>, offset: u64, len: u64) -> Result<()> {
        no("copying in the kernel")
    }
    /// All `len` bytes of a local file become this object's, which is empty still, by sharing its blocks; `Unsupported`:
    /// these two places cannot, and nothing was written.
    fn reflink(&mut self, op: &Op<'_>, source: BorrowedFd<'_>, len: u64) -> Result<()> {
        no("sharing blocks")
    }
    /// Takes `len` bytes at `offset` of another unsealed object of this target to the same offset, holes kept; with
    /// `SHARED_RANGES`. The other one is only read.
    fn adopt(&mut self, op: &Op<'_>, reference: &[u8], offset: u64, len: u64) -> Result<()> {
        no("taking over another private object")
    }
    fn set_len(&mut self, op: &Op<'_>, len: u64) -> Result<()> {
        no("setting the length")
    }
    /// Bytes from the beginning that are durable.
    fn flush(&mut self, op: &Op<'_>) -> Result<u64> {
        no("flushing")
    }
    /// A token with which a later writer goes on.
    fn save(&mut self, op: &Op<'_>) -> Result<Vec<u8>> {
        no("resuming")
    }
    /// Two-phase: complete, private, not yet durable.
    fn seal(&mut self, op: &Op<'_>) -> Result<Lost> {
        no("two-phase commit")
    }
    /// One-phase: complete, durable, visible.
    fn commit(&mut self, op: &Op<'_>, checksum: Option<&Checksum>) -> Result<Stat> {
        no("one-phase commit")
    }
    /// Removes partial data.
    fn abort(&mut self, op: &Op<'_>) -> Result<()>;
    /// Asked once, after opening.
    fn canceller(&self) -> Option<Canceller> {
        None
    }
}

/// One object being read.
#[allow(unused_variables, reason = "the defaults name their arguments for those who implement them")]
pub trait Reader: Send + 'static {
    /// 0 = end.
    fn read(&mut self, op: &Op<'_>, dst: &mut [u8]) -> Result<usize>;
    /// Of the OPEN object, asked before and after reading: did it change?
    fn attrs(&mut self, op: &Op<'_>) -> Result<Attrs> {
        no("reading attributes")
    }
    /// Data, not holes, of the whole object: (offset, length), ascending.
    fn extents(&mut self, op: &Op<'_>, data: &mut dyn FnMut(u64, u64) -> Flow) -> Result<()> {
        no("finding holes")
    }
    /// For [`Writer::copy_fd`] and [`Writer::reflink`]; stays the reader's.
    fn fd(&self) -> Option<RawFd> {
        None
    }
    /// Asked once, after opening.
    fn canceller(&self) -> Option<Canceller> {
        None
    }
}

/// The writer of a backend that cannot write; has no values.
#[derive(Debug)]
pub enum NoWriter {}

impl Writer for NoWriter {
    fn write(&mut self, _: &Op<'_>, _: &Buf<'_>) -> Result<()> {
        match *self {}
    }
    fn abort(&mut self, _: &Op<'_>) -> Result<()> {
        match *self {}
    }
}

/// The reader of a backend that cannot read; has no values.
#[derive(Debug)]
pub enum NoReader {}

impl Reader for NoReader {
    fn read(&mut self, _: &Op<'_>, _: &mut [u8]) -> Result<usize> {
        match *self {}
    }
}
