//! No panic leaves: [`run`] turns it into `TWH_E_PANIC` with its place.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::AtomicBool;

use crate::convert;
use crate::error::{Code, Error, Result};
use crate::op::{Host, LogLevel, Op};
use crate::raw;

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Panics of this module go to the host's log instead of standard error (header R8). A plugin has its own copy of the
/// standard library, so nobody else's hook is replaced.
pub(super) fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let text = info.to_string().replace('\n', " ");
            Host::get().log(LogLevel::Error, "panic", &text);
            let _ = LAST_PANIC.try_with(|last| {
                if let Ok(mut last) = last.try_borrow_mut() {
                    *last = Some(text);
                }
            });
        }));
    });
}

/// Runs one entry.
///
/// # Safety
/// `err` is null or points to a `twh_error` with its `struct_size` set.
pub(super) unsafe fn run(err: *mut raw::Error, f: impl FnOnce() -> Result<()>) -> raw::RawCode {
    let answer = match catch_unwind(AssertUnwindSafe(f)) {
        Ok(answer) => answer,
        Err(payload) => {
            let text = panic_text(payload.as_ref());
            // Dropping a payload can panic again.
            std::mem::forget(payload);
            Err(Error::new(Code::Panic, text).poisoned())
        }
    };
    match answer {
        Ok(()) => raw::OK,
        Err(e) => {
            // SAFETY: the caller's promise.
            unsafe { convert::store_error(err, &e) };
            e.code.raw()
        }
    }
}

/// Runs an entry that has no way to answer.
pub(super) fn run_quietly(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        std::mem::forget(payload);
    }
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    LAST_PANIC
        .try_with(|last| last.try_borrow_mut().ok().and_then(|mut last| last.take()))
        .ok()
        .flatten()
        .unwrap_or_else(|| {
            let text = payload
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            format!("panicked: {}", text.unwrap_or("no message"))
        })
}

/// The operation of a call.
///
/// # Safety
/// `op` is null or valid during the call.
pub(super) unsafe fn op(op: *const raw::Op, object: Option<&AtomicBool>) -> Op<'_> {
    // SAFETY: the caller's promise.
    Op::new(unsafe { op.as_ref() }, object)
}

/// The target behind the host's pointer.
///
/// # Safety
/// `t` came from `target_open` of the same backend and is not closed.
pub(super) unsafe fn target<'a, T>(t: *mut raw::Target) -> Result<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { t.cast::<T>().as_ref() }.ok_or_else(|| Error::new(Code::InvalidArg, "no target"))
}

/// `n` items of a C array.
///
/// # Safety
/// `p` holds `n` items, or `n` is 0.
pub(super) unsafe fn array<'a, T>(p: *const T, n: usize) -> &'a [T] {
    if p.is_null() || n == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(p, n) }
}
