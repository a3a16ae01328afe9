//! Entries of a reader.

use std::ffi::c_void;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{guard, sinks};
use crate::convert;
use crate::error::{Code, Error, Result};
use crate::plugin::{Canceller, ReadOptions, Reader, Target};
use crate::raw;

/// A reader with what its cancel needs. The lock is never contended: the host serialises calls (header R4); it makes
/// a host that does not a bug instead of undefined behaviour.
struct Cell<R> {
    reader: Mutex<R>,
    cancelled: AtomicBool,
    canceller: Option<Canceller>,
}

// SAFETY (for every entry of this file): the host passes what the header describes, valid during the call.

unsafe fn cell<'a, R>(r: *mut raw::Reader) -> Result<&'a Cell<R>> {
    unsafe { r.cast::<Cell<R>>().as_ref() }.ok_or_else(|| Error::new(Code::InvalidArg, "no reader"))
}

fn with<R, V>(cell: &Cell<R>, f: impl FnOnce(&mut R) -> Result<V>) -> Result<V> {
    let mut reader =
        cell.reader.lock().map_err(|_| Error::new(Code::Closed, "this reader panicked before").poisoned())?;
    f(&mut reader)
}

pub(super) unsafe extern "C" fn open<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    key: raw::Bytes,
    offset: u64,
    len: u64,
    flags: u32,
    out: *mut *mut raw::Reader,
    st: *mut raw::Stat,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let key = convert::key(convert::bytes(key))?;
            let options = ReadOptions {
                offset,
                len: (len != raw::UNKNOWN_U64).then_some(len),
                uncached: flags & raw::READ_UNCACHED != 0,
            };
            let (reader, stat) = guard::target::<T>(t)?.reader_open(&guard::op(op, None), &key, options)?;
            convert::store_stat(st, &stat);
            let canceller = reader.canceller();
            let cell = Cell { reader: Mutex::new(reader), cancelled: AtomicBool::new(false), canceller };
            *out = Box::into_raw(Box::new(cell)).cast();
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn read<R: Reader>(
    r: *mut raw::Reader,
    op: *const raw::Op,
    dst: *mut u8,
    cap: usize,
    got: *mut usize,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let cell = cell::<R>(r)?;
            let op = guard::op(op, Some(&cell.cancelled));
            op.check()?;
            // SAFETY: the host's buffer of cap initialised bytes, ours during the call.
            let dst = if dst.is_null() { &mut [][..] } else { std::slice::from_raw_parts_mut(dst, cap) };
            let n = with(cell, |reader| reader.read(&op, dst))?;
            if n > cap {
                return Err(Error::new(Code::Internal, "read more than asked").poisoned());
            }
            *got = n;
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn stat<R: Reader>(
    r: *mut raw::Reader,
    op: *const raw::Op,
    attrs: raw::AttrsSink,
    sink_ctx: *mut c_void,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let cell = cell::<R>(r)?;
            let op = guard::op(op, Some(&cell.cancelled));
            let found = with(cell, |reader| reader.attrs(&op))?;
            sinks::attrs(attrs, sink_ctx, &found);
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn extents<R: Reader>(
    r: *mut raw::Reader,
    op: *const raw::Op,
    data: raw::ExtentSink,
    sink_ctx: *mut c_void,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let cell = cell::<R>(r)?;
            let op = guard::op(op, Some(&cell.cancelled));
            with(cell, |reader| reader.extents(&op, &mut sinks::extents(data, sink_ctx)))
        })
    }
}

pub(super) unsafe extern "C" fn fd<R: Reader>(r: *mut raw::Reader) -> i32 {
    let mut fd = -1;
    guard::run_quietly(|| {
        // SAFETY: see above.
        let found = unsafe { cell::<R>(r) }.and_then(|cell| with(cell, |reader| Ok(reader.fd())));
        fd = found.ok().flatten().unwrap_or(-1);
    });
    fd
}

pub(super) unsafe extern "C" fn cancel<R: Reader>(r: *mut raw::Reader) {
    guard::run_quietly(|| {
        // SAFETY: see above.
        if let Ok(cell) = unsafe { cell::<R>(r) } {
            cell.cancelled.store(true, Ordering::Release);
            if let Some(wake) = &cell.canceller {
                wake();
            }
        }
    });
}

pub(super) unsafe extern "C" fn free<R: Reader>(r: *mut raw::Reader) {
    guard::run_quietly(|| {
        if !r.is_null() {
            // SAFETY: made by open; the host frees once, after every other call.
            drop(unsafe { Box::from_raw(r.cast::<Cell<R>>()) });
        }
    });
}
