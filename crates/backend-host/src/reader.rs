//! One object being read. Calls are serialised by `&mut`; [`ReaderCanceller`] interrupts from anywhere.

use std::os::fd::BorrowedFd;
use std::sync::{Arc, Weak};

use twinhaul_backend_abi::raw;
use twinhaul_backend_abi::{Attrs, Flow};

use crate::error::BackendError;
use crate::library::ctx_of;
use crate::op::OpContext;
use crate::{sinks, target};

#[derive(Debug)]
pub struct Reader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    target: Arc<target::Inner>,
    raw: *mut raw::Reader,
}

// SAFETY: calls on one reader are serialised, on any thread; cancel may run beside them (header R4).
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(free) = self.target.vtable().reader_free {
            // SAFETY: the last reference: no call and no cancel is left, and the target is still open.
            unsafe { free(self.raw) }
        }
    }
}

/// Interrupts a reader's blocked call, from any thread. Does nothing once the reader is gone.
#[derive(Clone, Debug)]
pub struct ReaderCanceller(Weak<Inner>);

impl ReaderCanceller {
    pub fn cancel(&self) {
        if let Some(reader) = self.0.upgrade()
            && let Some(f) = reader.target.vtable().reader_cancel
        {
            // SAFETY: the reader lives while it is held here.
            unsafe { f(reader.raw) }
        }
    }
}

impl Reader {
    pub(crate) fn new(target: Arc<target::Inner>, raw: *mut raw::Reader) -> Self {
        Self(Arc::new(Inner { target, raw }))
    }

    pub fn canceller(&self) -> ReaderCanceller {
        ReaderCanceller(Arc::downgrade(&self.0))
    }

    /// Bytes read; 0 = end.
    ///
    /// # Errors
    /// What the backend says; here and in every other call.
    pub fn read(&mut self, op: &OpContext, dst: &mut [u8]) -> Result<usize, BackendError> {
        const NAME: &str = "reader_read";
        let t = &self.0.target;
        let mut got = 0;
        // SAFETY (here and below): the reader lives, arguments live during the call.
        t.call(NAME, op, t.vtable().reader_read, |f, op, err| unsafe {
            f(self.0.raw, op, dst.as_mut_ptr(), dst.len(), &raw mut got, err)
        })?;
        if got > dst.len() {
            return Err(t.library.broken(NAME, "it read more than it was asked for"));
        }
        Ok(got)
    }

    /// Of the OPEN object, asked before and after reading: did it change?
    pub fn attrs(&mut self, op: &OpContext) -> Result<Attrs, BackendError> {
        const NAME: &str = "reader_stat";
        let t = &self.0.target;
        let mut out: Option<Attrs> = None;
        t.call(NAME, op, t.vtable().reader_stat, |f, op, err| unsafe {
            f(self.0.raw, op, Some(sinks::attrs), ctx_of(&mut out), err)
        })?;
        out.ok_or_else(|| t.library.broken(NAME, "it answered success without attributes"))
    }

    /// Data, not holes, of the whole object: offset and length, ascending.
    pub fn extents(
        &mut self,
        op: &OpContext,
        data: &mut dyn FnMut(u64, u64) -> Flow,
    ) -> Result<(), BackendError> {
        let t = &self.0.target;
        let mut sink = sinks::Extents(data);
        let ctx = ctx_of(&mut sink);
        t.call("reader_extents", op, t.vtable().reader_extents, |f, op, err| unsafe {
            f(self.0.raw, op, Some(sinks::extent), ctx, err)
        })
    }

    /// For [`crate::Writer::copy_fd`]; stays the reader's.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        let f = self.0.target.vtable().reader_fd?;
        // SAFETY: the reader lives.
        let fd = unsafe { f(self.0.raw) };
        // SAFETY: the backend keeps it open while the reader lives, which self's borrow guards.
        (fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(fd) })
    }
}
