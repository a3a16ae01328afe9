//! Sinks of the host as closures, and the answers of a batch.

use std::ffi::c_void;
use std::ops::ControlFlow;

use crate::attrs::Attrs;
use crate::convert::{self, AttrsView};
use crate::error::{Code, Error, Result};
use crate::plugin::Flow;
use crate::raw;

fn flow(answer: i32) -> Flow {
    if answer == 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// # Safety
/// The sink takes this context, for as long as the closure is used.
pub(super) unsafe fn bytes(sink: raw::BytesSink, ctx: *mut c_void) -> impl FnMut(&[u8]) -> Flow {
    move |chunk| match sink {
        // SAFETY: the caller's promise; the chunk is borrowed for the call.
        Some(f) => flow(unsafe { f(ctx, raw::Bytes::of(chunk)) }),
        None => ControlFlow::Break(()),
    }
}

/// # Safety
/// As [`bytes`].
pub(super) unsafe fn list(sink: raw::ListSink, ctx: *mut c_void) -> impl FnMut(&[u8], &Attrs) -> Flow {
    move |key, attrs| match sink {
        // SAFETY: the caller's promise; both are borrowed for the call.
        Some(f) => flow(unsafe { f(ctx, raw::Bytes::of(key), AttrsView::new(attrs).as_ptr()) }),
        None => ControlFlow::Break(()),
    }
}

/// # Safety
/// As [`bytes`].
pub(super) unsafe fn attrs(sink: raw::AttrsSink, ctx: *mut c_void, attrs: &Attrs) {
    if let Some(f) = sink {
        // SAFETY: the caller's promise; what it answers does not matter after the last.
        unsafe { f(ctx, AttrsView::new(attrs).as_ptr()) };
    }
}

/// # Safety
/// As [`bytes`].
pub(super) unsafe fn extents(sink: raw::ExtentSink, ctx: *mut c_void) -> impl FnMut(u64, u64) -> Flow {
    move |offset, len| match sink {
        // SAFETY: the caller's promise.
        Some(f) => flow(unsafe { f(ctx, offset, len) }),
        None => ControlFlow::Break(()),
    }
}

/// Where a batch answers.
pub(super) struct Items {
    pub codes: *mut i32,
    pub failed: raw::ItemSink,
    pub ctx: *mut c_void,
    pub n: usize,
}

impl Items {
    /// Writes one code per item and tells the details of those that failed; `ok` takes the others.
    ///
    /// # Safety
    /// `codes` is null or holds `n`; the sink takes the context.
    pub(super) unsafe fn answer<T>(
        &self,
        answers: Vec<Result<T>>,
        mut ok: impl FnMut(usize, T) -> Result<()>,
    ) -> Result<()> {
        if answers.len() != self.n {
            let got = answers.len();
            return Err(Error::new(Code::Internal, format!("{got} answers for a batch of {}", self.n)));
        }
        for (i, answer) in answers.into_iter().enumerate() {
            let code = match answer.and_then(|v| ok(i, v)) {
                Ok(()) => raw::OK,
                Err(e) => {
                    if let Some(f) = self.failed {
                        let r = convert::raw_error(&e);
                        // SAFETY: the caller's promise.
                        unsafe { f(self.ctx, i, &raw const r) };
                    }
                    e.code.raw()
                }
            };
            if !self.codes.is_null() {
                // SAFETY: i < n.
                unsafe { *self.codes.add(i) = code };
            }
        }
        Ok(())
    }
}

/// Item `i` of an array whose items the host allocated `stride` apart.
///
/// # Safety
/// `base` is null or the array has more than `i` items.
pub(super) unsafe fn at<T>(base: *mut T, stride: usize, i: usize) -> *mut T {
    if base.is_null() {
        return base;
    }
    // SAFETY: the caller's promise.
    unsafe { base.cast::<u8>().add(stride * i).cast::<T>() }
}
