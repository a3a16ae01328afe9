//! Entries of a writer, and the life of a writer: open → sealed, committed, saved or aborted; dead after a panic.

use std::ffi::c_void;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use super::{guard, sinks};
use crate::convert;
use crate::error::{Code, Error, Result};
use crate::object::{Checksum, ChecksumKind, WriterInfo};
use crate::op::{Buf, Op};
use crate::plugin::{Canceller, Target, Writer};
use crate::raw;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    Finished,
    Aborted,
    Dead,
}

struct Slot<W> {
    writer: W,
    life: Life,
}

/// A writer with what its cancel needs. Exclusive calls take the lock for writing, `write_at` for reading: never contended
/// by a host that keeps R4, and a bug instead of undefined behaviour with one that does not.
struct Cell<W> {
    slot: RwLock<Slot<W>>,
    /// Set by a shared call that panicked or was poisoned: it cannot change `life`.
    failed: AtomicBool,
    cancelled: AtomicBool,
    canceller: Option<Canceller>,
}

/// Marks a writer as failed when a shared call unwinds (`bad` still set) or poisons it.
struct Watch<'a> {
    failed: &'a AtomicBool,
    bad: bool,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if self.bad {
            self.failed.store(true, Ordering::Release);
        }
    }
}

fn refuse(life: Life) -> Result<()> {
    match life {
        Life::Open => Ok(()),
        Life::Finished => Err(Error::new(Code::Closed, "this writer is finished")),
        Life::Aborted => Err(Error::new(Code::Closed, "this writer was aborted")),
        Life::Dead => Err(dead()),
    }
}

fn dead() -> Error {
    Error::new(Code::Closed, "this writer failed before").poisoned()
}

impl<W: Writer> Cell<W> {
    fn check(&self, life: Life) -> Result<()> {
        if life == Life::Open && self.failed.load(Ordering::Acquire) {
            return Err(dead());
        }
        refuse(life)
    }

    /// An exclusive call; `then` is its life after success.
    fn exclusive<V>(&self, then: Life, f: impl FnOnce(&mut W) -> Result<V>) -> Result<V> {
        let mut slot = self.slot.write().map_err(|_| dead())?;
        self.check(slot.life)?;
        let answer = f(&mut slot.writer);
        match &answer {
            Ok(_) => slot.life = then,
            Err(e) if e.is_poisoned() => slot.life = Life::Dead,
            Err(_) => {}
        }
        answer
    }

    fn shared<V>(&self, f: impl FnOnce(&W) -> Result<V>) -> Result<V> {
        let slot = self.slot.read().map_err(|_| dead())?;
        self.check(slot.life)?;
        let mut watch = Watch { failed: &self.failed, bad: true };
        let answer = f(&slot.writer);
        watch.bad = matches!(&answer, Err(e) if e.is_poisoned());
        answer
    }

    fn abort(&self, op: &Op<'_>) -> Result<()> {
        // Also after a panic: the data must go.
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        match slot.life {
            Life::Aborted => Ok(()),
            Life::Finished => refuse(Life::Finished),
            Life::Open | Life::Dead => {
                slot.writer.abort(op)?;
                slot.life = Life::Aborted;
                Ok(())
            }
        }
    }
}

// SAFETY (for every entry of this file): the host passes what the header describes, valid during the call.

unsafe fn cell<'a, W>(w: *mut raw::Writer) -> Result<&'a Cell<W>> {
    unsafe { w.cast::<Cell<W>>().as_ref() }.ok_or_else(|| Error::new(Code::InvalidArg, "no writer"))
}

unsafe fn hand_out<W: Writer>(
    opened: (W, WriterInfo),
    out: *mut *mut raw::Writer,
    info: *mut raw::WriterInfo,
) -> Result<()> {
    let (writer, what) = opened;
    let canceller = writer.canceller();
    unsafe {
        convert::store_info(info, &what)?;
        let slot = RwLock::new(Slot { writer, life: Life::Open });
        *out = Box::into_raw(Box::new(Cell {
            slot,
            failed: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            canceller,
        }))
        .cast();
    }
    Ok(())
}

pub(super) unsafe extern "C" fn open<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    put: *const raw::Put,
    out: *mut *mut raw::Writer,
    info: *mut raw::WriterInfo,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let put = convert::load_put(put)?;
            hand_out(guard::target::<T>(t)?.writer_open(&guard::op(op, None), &put)?, out, info)
        })
    }
}

pub(super) unsafe extern "C" fn attach<T: Target>(
    t: *mut raw::Target,
    op: *const raw::Op,
    put: *const raw::Put,
    r: raw::Bytes,
    out: *mut *mut raw::Writer,
    info: *mut raw::WriterInfo,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let (put, r) = (convert::load_put(put)?, convert::bytes(r));
            hand_out(guard::target::<T>(t)?.writer_attach(&guard::op(op, None), &put, r)?, out, info)
        })
    }
}

unsafe fn buf<'a>(b: *const raw::Buf) -> Result<Buf<'a>> {
    let b = unsafe { b.as_ref() }.ok_or_else(|| Error::new(Code::InvalidArg, "no buffer"))?;
    Ok(unsafe { Buf::from_raw(b) })
}

/// What every entry of a writer does before its own work.
unsafe fn call<W: Writer>(
    w: *mut raw::Writer,
    op: *const raw::Op,
    err: *mut raw::Error,
    f: impl FnOnce(&Cell<W>, &Op<'_>) -> Result<()>,
) -> raw::RawCode {
    unsafe {
        guard::run(err, || {
            let cell = cell::<W>(w)?;
            let op = guard::op(op, Some(&cell.cancelled));
            op.check()?;
            f(cell, &op)
        })
    }
}

pub(super) unsafe extern "C" fn write<W: Writer>(
    w: *mut raw::Writer,
    op: *const raw::Op,
    b: *const raw::Buf,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        call::<W>(w, op, err, |cell, op| {
            let b = buf(b)?;
            cell.exclusive(Life::Open, |w| w.write(op, &b))
        })
    }
}

pub(super) unsafe extern "C" fn write_at<W: Writer>(
    w: *mut raw::Writer,
    op: *const raw::Op,
    offset: u64,
    b: *const raw::Buf,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        call::<W>(w, op, err, |cell, op| {
            let b = buf(b)?;
            cell.shared(|w| w.write_at(op, offset, &b))
        })
    }
}

pub(super) unsafe extern "C" fn copy_fd<W: Writer>(
    w: *mut raw::Writer,
    op: *const raw::Op,
    src_fd: i32,
    offset: u64,
    len: u64,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        call::<W>(w, op, err, |cell, op| {
            let fd = descriptor(src_fd)?;
            cell.exclusive(Life::Open, |w| w.copy_fd(op, fd, offset, len))
        })
    }
}

pub(super) unsafe extern "C" fn reflink<W: Writer>(
    w: *mut raw::Writer,
    op: *const raw::Op,
    src_fd: i32,
    len: u64,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        call::<W>(w, op, err, |cell, op| {
            let fd = descriptor(src_fd)?;
            cell.exclusive(Life::Open, |w| w.reflink(op, fd, len))
        })
    }
}

/// # Safety
/// The host keeps the descriptor open during the call.
unsafe fn descriptor<'a>(fd: i32) -> Result<BorrowedFd<'a>> {
    if fd < 0 {
        return Err(Error::new(Code::InvalidArg, "no descriptor"));
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

pub(super) unsafe extern "C" fn adopt<W: Writer>(
    w: *mut raw::Writer,
    op: *const raw::Op,
    r: raw::Bytes,
    offset: u64,
    len: u64,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        call::<W>(w, op, err, |cell, op| {
            let r = convert::bytes(r);
            cell.exclusive(Life::Open, |w| w.adopt(op, r, offset, len))
        })
    }
}

pub(super) unsafe extern "C" fn set_len<W: Writer>(
    w: *mut raw::Writer,
    op: *const raw::Op,
    len: u64,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe { call::<W>(w, op, err, |cell, op| cell.exclusive(Life::Open, |w| w.set_len(op, len))) }
}

pub(super) unsafe extern "C" fn flush<W: Writer>(
    w: *mut raw::Writer,
    op: *const raw::Op,
    durable_prefix: *mut u64,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        call::<W>(w, op, err, |cell, op| {
            let n = cell.exclusive(Life::Open, |w| w.flush(op))?;
            if !durable_prefix.is_null() {
                *durable_prefix = n;
            }
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn save<W: Writer>(
    w: *mut raw::Writer,
    op: *const raw::Op,
    token: raw::BytesSink,
    sink_ctx: *mut c_void,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        call::<W>(w, op, err, |cell, op| {
            let t = cell.exclusive(Life::Finished, |w| w.save(op))?;
            let _ = sinks::bytes(token, sink_ctx)(&t);
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn seal<W: Writer>(
    w: *mut raw::Writer,
    op: *const raw::Op,
    lost: *mut u32,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        call::<W>(w, op, err, |cell, op| {
            let what = cell.exclusive(Life::Finished, |w| w.seal(op))?;
            if !lost.is_null() {
                *lost = what.0;
            }
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn commit<W: Writer>(
    w: *mut raw::Writer,
    op: *const raw::Op,
    checksum_kind: u32,
    checksum: raw::Bytes,
    out: *mut raw::Stat,
    err: *mut raw::Error,
) -> raw::RawCode {
    unsafe {
        call::<W>(w, op, err, |cell, op| {
            let sum = ChecksumKind::from_raw(checksum_kind)
                .map(|kind| Checksum { kind, bytes: convert::bytes(checksum).to_vec() })
                .filter(|c| !c.bytes.is_empty());
            let stat = cell.exclusive(Life::Finished, |w| w.commit(op, sum.as_ref()))?;
            convert::store_stat(out, &stat);
            Ok(())
        })
    }
}

pub(super) unsafe extern "C" fn abort<W: Writer>(
    w: *mut raw::Writer,
    op: *const raw::Op,
    err: *mut raw::Error,
) -> raw::RawCode {
    // Without the writer's own flag: what was cancelled must still be cleaned up.
    unsafe { guard::run(err, || cell::<W>(w)?.abort(&guard::op(op, None))) }
}

pub(super) unsafe extern "C" fn cancel<W: Writer>(w: *mut raw::Writer) {
    guard::run_quietly(|| {
        // SAFETY: see above.
        if let Ok(cell) = unsafe { cell::<W>(w) } {
            cell.cancelled.store(true, Ordering::Release);
            if let Some(wake) = &cell.canceller {
                wake();
            }
        }
    });
}

pub(super) unsafe extern "C" fn free<W: Writer>(w: *mut raw::Writer) {
    guard::run_quietly(|| {
        if !w.is_null() {
            // SAFETY: made by open or attach; the host frees once, after every other call.
            drop(unsafe { Box::from_raw(w.cast::<Cell<W>>()) });
        }
    });
}
