//! Entries for what is visible: nodes, attributes, stat, list, remove.

use std::ffi::c_void;

use super::sinks::Items;
use super::{guard, sinks};
use crate::convert;
use crate::error::{Code, Error, Result};
use crate::plugin::{ListRequest, Target, Wanted};
use crate::raw;

// SAFETY (for every entry of this file): the host passes what the header describes, valid during the call.

pub(super) unsafe extern "C" fn put_node<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    put: *const raw::Put,
    hard_link_of: raw::Bytes,
    lost: *mut u32,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let put = convert::load_put(put)?;
            let of = convert::key_or_root(convert::bytes(hard_link_of))?;
            let what = guard::target::<T>(t)?.put_node(&guard::op(op, None), &put, of.as_ref())?;
            if !lost.is_null() {
                *lost = what.0;
            }
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn set_attrs<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    key: raw::Bytes,
    attrs: *const raw::Attrs,
    lost: *mut u32,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let key = convert::key_or_root(convert::bytes(key))?;
            let attrs =
                convert::load_attrs(attrs).ok_or_else(|| Error::new(Code::InvalidArg, "no attributes"))?;
            let what = guard::target::<T>(t)?.set_attrs(&guard::op(op, None), key.as_ref(), &attrs)?;
            if !lost.is_null() {
                *lost = what.0;
            }
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn get_attrs<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    key: raw::Bytes,
    attrs: raw::AttrsSink,
    sink_ctx: *mut c_void,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let key = convert::key_or_root(convert::bytes(key))?;
            let found = guard::target::<T>(t)?.get_attrs(&guard::op(op, None), key.as_ref())?;
            sinks::attrs(attrs, sink_ctx, &found);
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn stat<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    key: raw::Bytes,
    out: *mut raw::Stat,
    meta: raw::MetaSink,
    sink_ctx: *mut c_void,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let key = convert::key(convert::bytes(key))?;
            let stat = guard::target::<T>(t)?.stat(&guard::op(op, None), &key)?;
            convert::store_stat(out, &stat);
            if let Some(sink) = meta {
                for (key, value) in &stat.user_meta {
                    if sink(sink_ctx, raw::Str::of(key), raw::Str::of(value)) != 0 {
                        break;
                    }
                }
            }
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn list<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    prefix: raw::Bytes,
    continuation: raw::Bytes,
    want_attrs: u32,
    max_entries: u32,
    entry: raw::ListSink,
    next: raw::BytesSink,
    sink_ctx: *mut c_void,
    ordered: *mut i32,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let prefix = convert::key_or_root(convert::bytes(prefix))?;
            let request = ListRequest {
                prefix: prefix.as_ref(),
                continuation: convert::bytes(continuation),
                want: Wanted::from_raw(want_attrs),
                max_entries,
            };
            let mut entry = sinks::list(entry, sink_ctx);
            let end = guard::target::<T>(t)?.list(&guard::op(op, None), &request, &mut entry)?;
            if let Some(token) = end.next {
                let _ = sinks::bytes(next, sink_ctx)(&token);
            }
            if !ordered.is_null() {
                *ordered = i32::from(end.ordered);
            }
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn remove<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    keys: *const raw::Bytes,
    n: usize,
    codes: *mut i32,
    failed: raw::ItemSink,
    sink_ctx: *mut c_void,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let keys = guard::array(keys, n)
                .iter()
                .map(|k| convert::key(convert::bytes(*k)))
                .collect::<Result<Vec<_>>>()?;
            let answers = guard::target::<T>(t)?.remove(&guard::op(op, None), &keys)?;
            Items { codes, failed, ctx: sink_ctx, n }.answer(answers, |_, ()| Ok(()))
        })
    }
}
