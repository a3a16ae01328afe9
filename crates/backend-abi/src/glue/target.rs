//! Entries of a target as a whole.

use std::ffi::c_void;

use super::{guard, sinks};
use crate::convert;
use crate::op::Host;
use crate::plugin::{Backend, Target};
use crate::raw;
use crate::target::Severity;

// SAFETY (for every entry of this file): the host passes what the header describes, valid during the call.

pub(super) unsafe extern "C" fn config_check<B: Backend>(
    config_json: raw::Str,
    problems: raw::ProblemSink,
    sink_ctx: *mut c_void,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            for p in B::config_check(convert::text(config_json)?) {
                let severity = match p.severity {
                    Severity::Error => 1,
                    Severity::Warning => 2,
                };
                let Some(sink) = problems else { break };
                if sink(sink_ctx, severity, raw::Str::of(&p.path), raw::Str::of(&p.message)) != 0 {
                    break;
                }
            }
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn open<B: Backend>(
    config_json: raw::Str,
    op: *const raw::Op,
    out: *mut *mut raw::Target,
    limits: *mut raw::Limits,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let (target, l) = B::open(convert::text(config_json)?, &guard::op(op, None), Host::get())?;
            convert::store_limits(limits, &l);
            *out = Box::into_raw(Box::new(target)).cast();
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn close<T: Target>(t: *mut raw::Target) {
    guard::run_quietly(|| {
        if !t.is_null() {
            // SAFETY: made by open of the same backend; the host closes once, after every other call.
            drop(unsafe { Box::from_raw(t.cast::<T>()) });
        }
    });
}

pub(super) unsafe extern "C" fn probe<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    out: *mut raw::Probe,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let p = guard::target::<T>(t)?.probe(&guard::op(op, None))?;
            convert::store_probe(out, &p);
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn cancel<T: Target>(t: *mut raw::Target, op_id: u64) {
    guard::run_quietly(|| {
        // SAFETY: see above.
        if let Ok(target) = unsafe { guard::target::<T>(t) } {
            target.cancel(op_id);
        }
    });
}

pub(super) unsafe extern "C" fn status<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    json: raw::BytesSink,
    sink_ctx: *mut c_void,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let text = guard::target::<T>(t)?.status(&guard::op(op, None))?;
            let _ = sinks::bytes(json, sink_ctx)(text.as_bytes());
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn control<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    verb: raw::Str,
    args_json: raw::Str,
    out: raw::BytesSink,
    sink_ctx: *mut c_void,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let (verb, args) = (convert::text(verb)?, convert::text(args_json)?);
            let mut out = sinks::bytes(out, sink_ctx);
            guard::target::<T>(t)?.control(&guard::op(op, None), verb, args, &mut out)
        })
    }
}
