//! One object being written: a private file, its bytes, its attributes, and the seal.
//!
//! Nothing here makes anything visible or durable (but `flush`, which is asked for). Bytes already written are pushed to the medium
//! behind the writer, so that the barrier of the group finds little left to do.

use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate, fchmod, fdatasync, ftruncate};
use rustix::io::{Errno, pwrite};
use twinhaul_backend_abi::{Buf, Code, Error, Lost, Op, Put, Result, WriteMode, Writer, WriterInfo};

use crate::attrs;
use crate::copy;
use crate::fail::{failed, mistake};
use crate::names::{PRIVATE, Temp};
use crate::node::Node;
use crate::parents::allowed;
use crate::volume::Volume;

/// Objects from this size on have their space reserved at the first write: a full disk is found early.
const RESERVE_ABOVE: u64 = 64 << 10;
/// Bytes after which what lies behind the writer is pushed to the medium.
const BEHIND: u64 = 8 << 20;

/// See the module.
#[derive(Debug)]
pub struct DiskWriter {
    volume: Arc<Volume>,
    file: OwnedFd,
    put: Put,
    temp: Temp,
    /// Joined, not opened: another process seals and discards it.
    guest: bool,
    /// Where the next `write` goes.
    at: u64,
    /// Up to here bytes were pushed to the medium.
    pushed: u64,
    /// Bytes reserved beyond the end, 0 = none.
    reserved: u64,
}

impl DiskWriter {
    /// Opens a fresh private object.
    pub(crate) fn open(volume: &Arc<Volume>, put: &Put) -> Result<(Self, WriterInfo)> {
        allowed("write", put.key.as_bytes())?;
        if matches!(put.mode, WriteMode::ReplaceIfMatch(_)) {
            return Err(Error::unsupported("replacing by etag"));
        }
        let temp = Temp::of(put.attempt_id.as_bytes())?;
        let file = volume.make_temp(&temp).map_err(|e| cannot_open(volume, put, e))?;
        volume.flights.opened(put.attempt_id.as_bytes());
        Ok(Self::of(volume, put, temp, file, false))
    }

    /// Joins the unsealed object of another process.
    pub(crate) fn attach(volume: &Arc<Volume>, put: &Put, reference: &[u8]) -> Result<(Self, WriterInfo)> {
        use rustix::fs::{Mode, OFlags, openat};
        let temp = Temp::of(reference)?;
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = volume
            .run_dir(&temp)
            .and_then(|dir| openat(&dir, &temp.name, flags, Mode::empty()))
            .map_err(|e| failed("join the private object of", put.key.as_bytes(), e))?;
        let (writer, info) = Self::of(volume, put, temp, file, true);
        Ok((writer, WriterInfo { reference: reference.to_vec(), ..info }))
    }

    fn of(volume: &Arc<Volume>, put: &Put, temp: Temp, file: OwnedFd, guest: bool) -> (Self, WriterInfo) {
        let info = WriterInfo {
            reference: put.attempt_id.as_bytes().to_vec(),
            lost: if put.user_meta.is_empty() && put.content_type.is_none() {
                Lost::NONE
            } else {
                Lost::META
            },
            ..WriterInfo::default()
        };
        let (volume, put) = (Arc::clone(volume), put.clone());
        (Self { volume, file, put, temp, guest, at: 0, pushed: 0, reserved: 0 }, info)
    }

    fn key(&self) -> &[u8] {
        self.put.key.as_bytes()
    }

    /// A medium that failed once may have dropped pages: this object is not written to again (faults.md 6.4).
    fn error(&self, doing: &str, e: Errno) -> Error {
        let error = failed(doing, self.key(), e);
        if error.code == Code::Io { error.poisoned() } else { error }
    }

    /// A space that is known to be needed is reserved; not for objects with holes, which come through `write_at`.
    fn reserve(&mut self) -> Result<()> {
        let Some(size) = self.put.size_hint.filter(|size| self.at == 0 && *size >= RESERVE_ABOVE) else {
            return Ok(());
        };
        match fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, size) {
            Ok(()) => self.reserved = size,
            Err(e @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::IO)) => {
                return Err(self.error("reserve space for", e));
            }
            // A file system that cannot reserve says so when it is full.
            Err(_) => {}
        }
        Ok(())
    }

    fn push_behind(&mut self) {
        if let Some(len) = NonZeroU64::new(self.at - self.pushed).filter(|len| len.get() >= BEHIND) {
            // A hint: starts write-back of dirty pages, drops those already written.
            let _ = fadvise(&self.file, self.pushed, Some(len), Advice::DontNeed);
            self.pushed = self.at;
        }
    }

    fn write_all(&self, op: &Op<'_>, mut at: u64, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            op.check()?;
            match pwrite(&self.file, bytes, at) {
                Ok(0) => return Err(self.error("write", Errno::IO)),
                Ok(n) => {
                    at += n as u64;
                    bytes = &bytes[n..];
                }
                Err(Errno::INTR) => {}
                Err(e) => return Err(self.error("write", e)),
            }
        }
        Ok(())
    }

    /// The reserved space that was not needed is given back; sparse objects were never reserved.
    fn trim(&self) -> rustix::io::Result<()> {
        if self.reserved == 0 {
            return Ok(());
        }
        let size = Node::of(&self.file)?.size;
        if self.reserved > size { ftruncate(&self.file, size) } else { Ok(()) }
    }

    fn not_copied(&self, stopped: &copy::Stopped) -> Error {
        match stopped {
            copy::Stopped::Cancelled => Error::cancelled(),
            copy::Stopped::Shorter => {
                mistake(Code::Precondition, "copy", self.key(), "the source became shorter meanwhile")
            }
            copy::Stopped::Failed(e) => self.error("copy", *e),
        }
    }

    fn finish(&self) -> rustix::io::Result<Lost> {
        self.trim()?;
        match &self.put.attrs {
            Some(want) => {
                let lost = attrs::apply(&self.volume, self.file.as_fd(), want)?;
                if want.mode.is_none() {
                    fchmod(&self.file, self.volume.plain_mode)?;
                }
                Ok(lost)
            }
            None => fchmod(&self.file, self.volume.plain_mode).map(|()| Lost::NONE),
        }
    }
}

fn cannot_open(volume: &Volume, put: &Put, e: Errno) -> Error {
    match e {
        Errno::EXIST => mistake(
            Code::Exists,
            "write",
            put.key.as_bytes(),
            "this attempt is open already; discard it first",
        ),
        Errno::AGAIN => {
            let why = "another process removes the private directory again and again";
            mistake(Code::Transient, "make the private object of", put.key.as_bytes(), why)
        }
        e => {
            // It is made in one directory, whatever the key: that is the one to look at.
            let failure = failed("make the private object of", put.key.as_bytes(), e);
            let message = format!("{} (in {})", failure.message, volume.root.place(PRIVATE));
            Error { message, ..failure }
        }
    }
}

impl Writer for DiskWriter {
    fn write(&mut self, op: &Op<'_>, buf: &Buf<'_>) -> Result<()> {
        if buf.is_empty() {
            return Ok(());
        }
        self.reserve()?;
        // On failure `at` stays: the same write can be repeated.
        self.write_all(op, self.at, buf)?;
        self.at += buf.len() as u64;
        self.push_behind();
        Ok(())
    }

    fn write_at(&self, op: &Op<'_>, offset: u64, buf: &Buf<'_>) -> Result<()> {
        self.write_all(op, offset, buf)?;
        // Ranges are written from their front: whenever one passes a boundary, what lies before it is pushed.
        let end = offset + buf.len() as u64;
        if end / BEHIND > offset / BEHIND {
            let to = end - end % BEHIND;
            let _ = fadvise(&self.file, to - BEHIND, NonZeroU64::new(BEHIND), Advice::DontNeed);
        }
        Ok(())
    }

    fn copy_fd(&mut self, op: &Op<'_>, source: BorrowedFd<'_>, offset: u64, len: u64) -> Result<()> {
        copy::copy(op, source, self.file.as_fd(), offset, len).map_err(|e| self.not_copied(&e))?;
        self.at = self.at.max(offset + len);
        Ok(())
    }

    fn reflink(&mut self, op: &Op<'_>, source: BorrowedFd<'_>, len: u64) -> Result<()> {
        op.check()?;
        if self.at > 0 || self.reserved > 0 {
            return Err(Error::new(Code::InvalidArg, "only an empty object can share the blocks of another"));
        }
        let shared = self.volume.reflink && {
            let shared = copy::share(source, self.file.as_fd(), len);
            shared.map_err(|e| self.not_copied(&e))?
        };
        if !shared {
            return Err(Error::new(Code::Unsupported, "these two places share no blocks"));
        }
        self.at = len;
        Ok(())
    }

    fn adopt(&mut self, op: &Op<'_>, reference: &[u8], offset: u64, len: u64) -> Result<()> {
        use rustix::fs::{Mode, OFlags, openat};
        let temp = Temp::of(reference)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let other = self
            .volume
            .run_dir(&temp)
            .and_then(|dir| openat(&dir, &temp.name, flags, Mode::empty()))
            .map_err(|e| failed("take over the private object of", self.key(), e))?;
        self.copy_fd(op, other.as_fd(), offset, len)
    }

    fn set_len(&mut self, _: &Op<'_>, len: u64) -> Result<()> {
        ftruncate(&self.file, len).map_err(|e| self.error("set the length of", e))
    }

    /// Known durable is what `write` appended; of ranges only their writers know how far they are.
    fn flush(&mut self, op: &Op<'_>) -> Result<u64> {
        op.check()?;
        match self.volume.pulse.during(|| fdatasync(&self.file)) {
            Ok(()) => Ok(self.at),
            Err(e) => Err(failed("sync", self.key(), e).poisoned()),
        }
    }

    fn seal(&mut self, op: &Op<'_>) -> Result<Lost> {
        op.check()?;
        if self.guest {
            return Err(Error::new(Code::InvalidArg, "an object is sealed by the process that opened it"));
        }
        let lost = self.finish().map_err(|e| self.error("set attributes of", e))?;
        let file = self.file.try_clone().map_err(|e| Error::io("keep the sealed object open", &e))?;
        self.volume.flights.sealed(self.put.attempt_id.as_bytes(), file);
        Ok(lost)
    }

    fn abort(&mut self, _: &Op<'_>) -> Result<()> {
        if self.guest {
            return Ok(());
        }
        self.volume.flights.forget(self.put.attempt_id.as_bytes());
        self.volume
            .remove_temp(&self.temp)
            .map(|_| ())
            .map_err(|e| failed("remove the private object of", self.key(), e))
    }
}
