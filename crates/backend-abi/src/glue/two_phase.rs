//! Entries of the two-phase commit and of batches.

use std::ffi::c_void;

use super::sinks::{Items, at};
use super::{guard, sinks};
use crate::convert;
use crate::error::{Code, Error, Result};
use crate::object::{Private, Put};
use crate::op::Buf;
use crate::plugin::Target;
use crate::raw;

// SAFETY (for every entry of this file): the host passes what the header describes, valid during the call.

unsafe fn puts(base: *const raw::Put, stride: usize, n: usize) -> Result<Vec<Put>> {
    (0..n).map(|i| unsafe { convert::load_put(at(base.cast_mut(), stride, i)) }).collect()
}

pub(super) unsafe extern "C" fn put_batch<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    put: *const raw::Put,
    put_stride: usize,
    bufs: *const raw::Buf,
    n: usize,
    infos: *mut raw::WriterInfo,
    info_stride: usize,
    stats: *mut raw::Stat,
    stat_stride: usize,
    codes: *mut i32,
    failed: raw::ItemSink,
    sink_ctx: *mut c_void,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let puts = puts(put, put_stride, n)?;
            let bufs: Vec<_> = guard::array(bufs, n).iter().map(|b| Buf::from_raw(b)).collect();
            let answers = guard::target::<T>(t)?.put_batch(&guard::op(op, None), &puts, &bufs)?;
            Items { codes, failed, ctx: sink_ctx, n }.answer(answers, |i, done| {
                convert::store_info(at(infos, info_stride, i), &done.info)?;
                convert::store_stat(at(stats, stat_stride, i), &done.stat);
                Ok(())
            })
        })
    }
}

pub(super) unsafe extern "C" fn seal_sync<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    refs: *const raw::Bytes,
    n: usize,
    codes: *mut i32,
    failed: raw::ItemSink,
    sink_ctx: *mut c_void,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let refs: Vec<_> = guard::array(refs, n).iter().map(|r| convert::bytes(*r)).collect();
            let answers = guard::target::<T>(t)?.seal_sync(&guard::op(op, None), &refs)?;
            Items { codes, failed, ctx: sink_ctx, n }.answer(answers, |_, ()| Ok(()))
        })
    }
}

pub(super) unsafe extern "C" fn publish_batch<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    put: *const raw::Put,
    put_stride: usize,
    refs: *const raw::Bytes,
    n: usize,
    stats: *mut raw::Stat,
    stat_stride: usize,
    codes: *mut i32,
    failed: raw::ItemSink,
    sink_ctx: *mut c_void,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let puts = puts(put, put_stride, n)?;
            let refs: Vec<_> = guard::array(refs, n).iter().map(|r| convert::bytes(*r)).collect();
            let answers = guard::target::<T>(t)?.publish_batch(&guard::op(op, None), &puts, &refs)?;
            Items { codes, failed, ctx: sink_ctx, n }.answer(answers, |i, stat| {
                convert::store_stat(at(stats, stat_stride, i), &stat);
                Ok(())
            })
        })
    }
}

pub(super) unsafe extern "C" fn publish_sync<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe { guard::run(err, || guard::target::<T>(t)?.publish_sync(&guard::op(op, None))) }
}

pub(super) unsafe extern "C" fn discard<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    by: u32,
    ref_or_attempt: raw::Bytes,
    existed: *mut i32,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let name = convert::bytes(ref_or_attempt);
            let which = match by {
                raw::BY_REF => Private::Ref(name),
                raw::BY_ATTEMPT if !name.is_empty() && convert::attempt_ok(name) => {
                    Private::Attempt(std::str::from_utf8(name).unwrap_or_default())
                }
                _ => return Err(Error::new(Code::InvalidArg, "neither a ref nor an attempt id")),
            };
            let found = guard::target::<T>(t)?.discard(&guard::op(op, None), which)?;
            if !existed.is_null() {
                *existed = i32::from(found);
            }
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn sweep<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    run_prefix: raw::Bytes,
    remove: i32,
    found: raw::BytesSink,
    sink_ctx: *mut c_void,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let prefix = std::str::from_utf8(convert::bytes(run_prefix)).map_err(|_| {
                Error::new(Code::InvalidArg, "the run prefix is not an attempt id's beginning")
            })?;
            let mut found = sinks::bytes(found, sink_ctx);
            guard::target::<T>(t)?.sweep(&guard::op(op, None), prefix, remove != 0, &mut found)
        })
    }
}
