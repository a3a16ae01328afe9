//! What a call of a plugin is given: the operation it belongs to, buffers, and the services of the host.
//!
//! A long call polls [`Op::is_cancelled`] between I/Os, says what it waits for with [`Op::wait`], and how far it is with
//! [`Op::progress`]. A [`Buf`] is borrowed; [`Buf::retain`] keeps it beyond the call.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::convert;
use crate::error::{Code, Error, Result};
use crate::raw;

/// What a call waits for: a closed list, shown with its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitReason {
    Io,
    Drive,
    Mount,
    Locate,
    Cartridge,
    RateLimit,
    Retry,
    Connect,
    Lock,
    Space,
}

impl WaitReason {
    pub const fn raw(self) -> u32 {
        match self {
            Self::Io => raw::WAIT_IO,
            Self::Drive => raw::WAIT_DRIVE,
            Self::Mount => raw::WAIT_MOUNT,
            Self::Locate => raw::WAIT_LOCATE,
            Self::Cartridge => raw::WAIT_CARTRIDGE,
            Self::RateLimit => raw::WAIT_RATE_LIMIT,
            Self::Retry => raw::WAIT_RETRY,
            Self::Connect => raw::WAIT_CONNECT,
            Self::Lock => raw::WAIT_LOCK,
            Self::Space => raw::WAIT_SPACE,
        }
    }

    /// `None` for `TWH_WAIT_NONE`; a reason that this version does not know is [`WaitReason::Io`].
    pub const fn from_raw(reason: u32) -> Option<Self> {
        match reason {
            raw::WAIT_NONE => None,
            raw::WAIT_DRIVE => Some(Self::Drive),
            raw::WAIT_MOUNT => Some(Self::Mount),
            raw::WAIT_LOCATE => Some(Self::Locate),
            raw::WAIT_CARTRIDGE => Some(Self::Cartridge),
            raw::WAIT_RATE_LIMIT => Some(Self::RateLimit),
            raw::WAIT_RETRY => Some(Self::Retry),
            raw::WAIT_CONNECT => Some(Self::Connect),
            raw::WAIT_LOCK => Some(Self::Lock),
            raw::WAIT_SPACE => Some(Self::Space),
            _ => Some(Self::Io),
        }
    }

    /// Stable words for frames and the screen: "mount", "rate-limit".
    pub const fn word(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Drive => "drive",
            Self::Mount => "mount",
            Self::Locate => "locate",
            Self::Cartridge => "cartridge",
            Self::RateLimit => "rate-limit",
            Self::Retry => "retry",
            Self::Connect => "connect",
            Self::Lock => "lock",
            Self::Space => "space",
        }
    }
}

/// The operation a call belongs to; valid during the call, on any thread.
#[derive(Clone, Copy, Debug)]
pub struct Op<'a> {
    raw: Option<&'a raw::Op>,
    /// Set when the writer or reader that is called was cancelled.
    object: Option<&'a AtomicBool>,
    /// Never cancelled.
    to_the_end: bool,
}

// SAFETY: the header says that the functions of a twh_op may be called on any thread while the call lasts.
unsafe impl Send for Op<'_> {}
// SAFETY: as above.
unsafe impl Sync for Op<'_> {}

impl<'a> Op<'a> {
    /// Not cancellable, no deadline; for tests of a plugin and calls that nobody waits for.
    pub const fn detached() -> Self {
        Self { raw: None, object: None, to_the_end: false }
    }

    pub(crate) fn new(raw: Option<&'a raw::Op>, object: Option<&'a AtomicBool>) -> Self {
        Self { raw, object, to_the_end: false }
    }

    /// The same operation, but never cancelled: for what has to be finished once it was begun. What it waits for is told on.
    #[must_use]
    pub const fn to_the_end(self) -> Self {
        Self { to_the_end: true, ..self }
    }

    /// Whether to stop. Cheap.
    pub fn is_cancelled(&self) -> bool {
        if self.to_the_end {
            return false;
        }
        if self.object.is_some_and(|flag| flag.load(Ordering::Acquire)) {
            return true;
        }
        match self.raw {
            // SAFETY: the host's function with the host's context, during the call.
            Some(op) => op.is_cancelled.is_some_and(|f| unsafe { f(op.ctx) } != 0),
            None => false,
        }
    }

    /// [`Code::Cancelled`] when it is to stop, for `?`.
    ///
    /// # Errors
    /// Only that.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// How far this call is, in bytes.
    pub fn progress(&self, durable: u64, sent: u64) {
        if let Some(op) = self.raw
            && let Some(f) = op.progress
        {
            // SAFETY: the host's function with the host's context, during the call.
            unsafe { f(op.ctx, durable, sent) }
        }
    }

    /// What this call waits for ("drive 1, cartridge A00003"); `None` = no longer.
    pub fn wait(&self, reason: Option<WaitReason>, detail: &str) {
        if let Some(op) = self.raw
            && let Some(f) = op.wait
        {
            let reason = reason.map_or(raw::WAIT_NONE, WaitReason::raw);
            // SAFETY: the host's function with the host's context, during the call; detail is copied by the host.
            unsafe { f(op.ctx, reason, raw::Str::of(detail)) }
        }
    }

    /// For logs; also what `Target::cancel` is given. 0 = none.
    pub fn id(&self) -> u64 {
        self.raw.map_or(0, |op| op.op_id)
    }

    /// `CLOCK_MONOTONIC` milliseconds. [`Op::is_cancelled`] answers yes after it.
    pub fn deadline_ms(&self) -> Option<u64> {
        self.raw.map(|op| op.deadline_ms).filter(|ms| *ms != 0)
    }
}

/// Bytes of the host, borrowed for the call. Dereferences to a slice.
#[derive(Clone, Copy, Debug)]
pub struct Buf<'a> {
    data: &'a [u8],
    raw: Option<raw::Buf>,
}

// SAFETY: the bytes are shared and immutable, retain and release may be called on any thread.
unsafe impl Send for Buf<'_> {}
// SAFETY: as above.
unsafe impl Sync for Buf<'_> {}

impl<'a> Buf<'a> {
    /// A plain slice; retaining copies it.
    pub const fn of(data: &'a [u8]) -> Self {
        Self { data, raw: None }
    }

    /// # Safety
    /// `buf` is what the host passed and outlives `'a`.
    pub(crate) unsafe fn from_raw(buf: &'a raw::Buf) -> Self {
        // SAFETY: the host says that ptr holds len bytes for the call.
        Self { data: unsafe { convert::bytes(raw::Bytes { ptr: buf.ptr, len: buf.len }) }, raw: Some(*buf) }
    }

    /// Keeps the bytes beyond the call: without a copy if the host can, else with one.
    pub fn retain(&self) -> Retained {
        let Some(raw) = self.raw.filter(|b| b.retain.is_some() && b.release.is_some()) else {
            return Retained(Held::Copied(self.data.to_vec()));
        };
        if let Some(retain) = raw.retain {
            // SAFETY: the host's function with the host's owner.
            unsafe { retain(raw.owner) }
        }
        Retained(Held::Shared(raw))
    }
}

impl Deref for Buf<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.data
    }
}

/// Bytes kept beyond the call; given back when dropped.
#[derive(Debug)]
pub struct Retained(Held);

#[derive(Debug)]
enum Held {
    Copied(Vec<u8>),
    Shared(raw::Buf),
}

// SAFETY: the bytes are immutable while retained, and release may be called on any thread.
unsafe impl Send for Retained {}
// SAFETY: as above.
unsafe impl Sync for Retained {}

impl AsRef<[u8]> for Retained {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Held::Copied(v) => v,
            // SAFETY: retained, so ptr holds len bytes until release.
            Held::Shared(b) => unsafe { convert::bytes(raw::Bytes { ptr: b.ptr, len: b.len }) },
        }
    }
}

impl Drop for Retained {
    fn drop(&mut self) {
        if let Held::Shared(b) = &self.0
            && let Some(release) = b.release
        {
            // SAFETY: exactly once for the retain that made this value.
            unsafe { release(b.owner) }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    pub const fn raw(self) -> i32 {
        match self {
            Self::Error => raw::LOG_ERROR,
            Self::Warn => raw::LOG_WARN,
            Self::Info => raw::LOG_INFO,
            Self::Debug => raw::LOG_DEBUG,
            Self::Trace => raw::LOG_TRACE,
        }
    }

    pub const fn from_raw(level: i32) -> Self {
        match level {
            ..=1 => Self::Error,
            2 => Self::Warn,
            3 => Self::Info,
            4 => Self::Debug,
            _ => Self::Trace,
        }
    }
}

static HOST: OnceLock<&'static raw::Host> = OnceLock::new();

/// Services of the host. Never call them while holding a lock that a vtable call takes.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    _private: PhantomData<()>,
}

impl Host {
    /// The host that initialised this module; before that, one that swallows logs and knows no secrets.
    pub const fn get() -> Self {
        Self { _private: PhantomData }
    }

    pub(crate) fn install(host: &'static raw::Host) {
        // A module is initialised once per process; a second time it is the same host.
        let _ = HOST.set(host);
    }

    pub fn log(&self, level: LogLevel, target: &str, message: &str) {
        if let Some(host) = HOST.get()
            && let Some(log) = host.log
        {
            // SAFETY: the host lives for ever; both texts are borrowed for the call.
            unsafe { log(host.ctx, level.raw(), raw::Str::of(target), raw::Str::of(message)) }
        }
    }

    /// Whether a message of this level goes anywhere.
    pub fn log_enabled(&self, level: LogLevel) -> bool {
        HOST.get().is_some_and(|host| {
            // SAFETY: the host lives for ever.
            host.log_enabled.is_some_and(|f| unsafe { f(host.ctx, level.raw()) } != 0)
        })
    }

    /// The value behind "secret:NAME" of a configuration. Do not log it, do not put it in an error.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the host has no such secret.
    pub fn secret(&self, name: &str) -> Result<Vec<u8>> {
        const FIRST: usize = 4096;
        let missing = || Error::new(Code::NotFound, format!("no secret named \"{name}\""));
        let host = HOST.get().ok_or_else(missing)?;
        let get = host.get_secret.ok_or_else(missing)?;
        let mut out = vec![0u8; FIRST];
        loop {
            let mut len = 0;
            // SAFETY: out holds out.len() bytes; len is ours.
            let code =
                unsafe { get(host.ctx, raw::Str::of(name), out.as_mut_ptr(), out.len(), &raw mut len) };
            match code {
                raw::OK if len <= out.len() => {
                    out.truncate(len);
                    return Ok(out);
                }
                raw::OK => out.resize(len, 0),
                _ => return Err(missing()),
            }
        }
    }
}
