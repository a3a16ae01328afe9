//! One object being written. Calls are serialised by `&mut`; only `write_at` may run on several threads, with
//! `PARALLEL_RANGES`; [`WriterCanceller`] interrupts from anywhere. Freed when dropped, after every call and cancel.

use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use twinhaul_backend_abi::raw::{self, Sized32};
use twinhaul_backend_abi::{Caps, Checksum, Lost, Stat, convert};

use crate::chunk::{Chunk, borrowed};
use crate::error::BackendError;
use crate::library::ctx_of;
use crate::op::OpContext;
use crate::{sinks, target};

/// Longest token of a saved writer, in bytes.
pub const RESUME_BYTES_MAX: usize = 1 << 20;

#[derive(Debug)]
pub struct Writer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    target: Arc<target::Inner>,
    raw: *mut raw::Writer,
    /// Held by `write_at` where ranges are not parallel.
    serial: Mutex<()>,
}

// SAFETY: calls on one writer are serialised, on any thread; what may overlap is said above (header R4).
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(free) = self.target.vtable().writer_free {
            // SAFETY: the last reference: no call and no cancel is left, and the target is still open.
            unsafe { free(self.raw) }
        }
    }
}

/// Interrupts a writer's blocked call, from any thread. Does nothing once the writer is gone.
#[derive(Clone, Debug)]
pub struct WriterCanceller(Weak<Inner>);

impl WriterCanceller {
    pub fn cancel(&self) {
        if let Some(writer) = self.0.upgrade()
            && let Some(f) = writer.target.vtable().writer_cancel
        {
            // SAFETY: the writer lives while it is held here.
            unsafe { f(writer.raw) }
        }
    }
}

impl Writer {
    pub(crate) fn new(target: Arc<target::Inner>, raw: *mut raw::Writer) -> Self {
        Self(Arc::new(Inner { target, raw, serial: Mutex::new(()) }))
    }

    pub fn canceller(&self) -> WriterCanceller {
        WriterCanceller(Arc::downgrade(&self.0))
    }

    fn call<F>(
        &self,
        name: &'static str,
        op: &OpContext,
        entry: impl FnOnce(&raw::Vtable) -> Option<F>,
        f: impl FnOnce(F, *mut raw::Writer, *const raw::Op, *mut raw::Error) -> raw::RawCode,
    ) -> Result<(), BackendError> {
        let target = &self.0.target;
        target.call(name, op, entry(target.vtable()), |entry, op, err| f(entry, self.0.raw, op, err))
    }

    /// Appends all of `data`, or fails.
    ///
    /// # Errors
    /// What the backend says; here and in every other call. After one that is poisoned only `abort` and drop.
    pub fn write(&mut self, op: &OpContext, data: &[u8]) -> Result<(), BackendError> {
        self.write_raw(op, &borrowed(data))
    }

    /// As [`Writer::write`], with memory that the backend may keep.
    pub fn write_chunk(&mut self, op: &OpContext, data: &Chunk) -> Result<(), BackendError> {
        self.write_raw(op, &data.raw())
    }

    fn write_raw(&mut self, op: &OpContext, buf: &raw::Buf) -> Result<(), BackendError> {
        // SAFETY (here and below): the writer lives, arguments live during the call.
        self.call("writer_write", op, |v| v.writer_write, |f, w, op, err| unsafe { f(w, op, buf, err) })
    }

    /// From several threads at once where the target has `PARALLEL_RANGES`; one after the other elsewhere.
    pub fn write_at(&self, op: &OpContext, offset: u64, data: &[u8]) -> Result<(), BackendError> {
        self.write_at_raw(op, offset, &borrowed(data))
    }

    /// As [`Writer::write_at`], with memory that the backend may keep.
    pub fn write_chunk_at(&self, op: &OpContext, offset: u64, data: &Chunk) -> Result<(), BackendError> {
        self.write_at_raw(op, offset, &data.raw())
    }

    fn write_at_raw(&self, op: &OpContext, offset: u64, buf: &raw::Buf) -> Result<(), BackendError> {
        let parallel = self.0.target.limits.caps.contains(Caps::PARALLEL_RANGES);
        let _one = (!parallel).then(|| self.0.serial.lock().unwrap_or_else(PoisonError::into_inner));
        self.call(
            "writer_write_at",
            op,
            |v| v.writer_write_at,
            |f, w, op, err| unsafe { f(w, op, offset, buf, err) },
        )
    }

    /// Copies `len` bytes at `offset` of a local file to the same offset here: reflink or in the kernel, holes kept.
    pub fn copy_fd(
        &mut self,
        op: &OpContext,
        source: BorrowedFd<'_>,
        offset: u64,
        len: u64,
    ) -> Result<(), BackendError> {
        let fd = source.as_raw_fd();
        self.call(
            "writer_copy_fd",
            op,
            |v| v.writer_copy_fd,
            |f, w, op, err| unsafe { f(w, op, fd, offset, len, err) },
        )
    }

    /// Makes all `len` bytes of a local file this object's by sharing its blocks, where the backend can: at once, holes
    /// kept. Else `Unsupported`, and the object is empty still. The source is to be read and hashed afterwards.
    pub fn reflink(&mut self, op: &OpContext, source: BorrowedFd<'_>, len: u64) -> Result<(), BackendError> {
        let fd = source.as_raw_fd();
        self.call(
            "writer_reflink",
            op,
            |v| v.writer_reflink,
            |f, w, op, err| unsafe { f(w, op, fd, len, err) },
        )
    }

    /// Takes `len` bytes at `offset` of another unsealed object of this target to the same offset here: reflink or in the
    /// kernel where the backend can, holes kept. The other one is only read (store.md 3, take-over).
    pub fn adopt(
        &mut self,
        op: &OpContext,
        reference: &[u8],
        offset: u64,
        len: u64,
    ) -> Result<(), BackendError> {
        let r = raw::Bytes::of(reference);
        self.call(
            "writer_adopt",
            op,
            |v| v.writer_adopt,
            |f, w, op, err| unsafe { f(w, op, r, offset, len, err) },
        )
    }

    pub fn set_len(&mut self, op: &OpContext, len: u64) -> Result<(), BackendError> {
        self.call("writer_set_len", op, |v| v.writer_set_len, |f, w, op, err| unsafe { f(w, op, len, err) })
    }

    /// Bytes from the beginning that are durable now.
    pub fn flush(&mut self, op: &OpContext) -> Result<u64, BackendError> {
        let mut durable = 0;
        self.call(
            "writer_flush",
            op,
            |v| v.writer_flush,
            |f, w, op, err| unsafe { f(w, op, &raw mut durable, err) },
        )?;
        Ok(durable)
    }

    /// A token with which a later writer goes on (`RESUMABLE`); this one is finished.
    pub fn save(&mut self, op: &OpContext) -> Result<Vec<u8>, BackendError> {
        const NAME: &str = "writer_save";
        let mut token = sinks::Collect::new(RESUME_BYTES_MAX);
        let ctx = ctx_of(&mut token);
        self.call(
            NAME,
            op,
            |v| v.writer_save,
            |f, w, op, err| unsafe { f(w, op, Some(sinks::collect), ctx, err) },
        )?;
        if token.over {
            return Err(self.0.target.library.broken(NAME, "its token is longer than 1 MiB"));
        }
        Ok(token.bytes)
    }

    /// Two-phase: complete and private, not yet durable.
    pub fn seal(&mut self, op: &OpContext) -> Result<Lost, BackendError> {
        let mut lost = 0;
        self.call(
            "writer_seal",
            op,
            |v| v.writer_seal,
            |f, w, op, err| unsafe { f(w, op, &raw mut lost, err) },
        )?;
        Ok(Lost(lost))
    }

    /// One-phase: complete, durable and visible. After an uncertain error stat, compare, then decide.
    pub fn commit(&mut self, op: &OpContext, checksum: Option<&Checksum>) -> Result<Stat, BackendError> {
        let mut stat = raw::Stat::zeroed();
        let kind = checksum.map_or(raw::CK_NONE, |c| c.kind.raw());
        let sum = checksum.map_or(raw::Bytes::EMPTY, |c| raw::Bytes::of(&c.bytes));
        self.call(
            "writer_commit",
            op,
            |v| v.writer_commit,
            |f, w, op, err| unsafe { f(w, op, kind, sum, &raw mut stat, err) },
        )?;
        Ok(convert::load_stat(&stat))
    }

    /// Removes partial data; may be repeated. Give it an operation that is not cancelled.
    pub fn abort(&mut self, op: &OpContext) -> Result<(), BackendError> {
        self.call("writer_abort", op, |v| v.writer_abort, |f, w, op, err| unsafe { f(w, op, err) })
    }
}
