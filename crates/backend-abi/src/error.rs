//! Codes and errors: what a backend answers, and what the host may conclude from it.
//!
//! `RETRYABLE`, `POISONED` and `UNCERTAIN` are data, not types: the engine decides by them (backends.md 1).

use std::fmt;
use std::time::Duration;

use crate::raw;

/// What every call of a backend returns.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! codes {
    ($($variant:ident = $raw:ident, $text:literal;)*) => {
        /// A `twh_code` other than `TWH_OK`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $text] $variant),* }

        impl Code {
            /// The number in the header.
            pub const fn raw(self) -> i32 {
                match self { $(Self::$variant => raw::$raw),* }
            }

            /// The code behind a number; a number that this version does not know is [`Code::Internal`].
            pub const fn from_raw(code: i32) -> Self {
                match code { $(raw::$raw => Self::$variant,)* _ => Self::Internal }
            }

            /// A few words for a person: "not found".
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// Every code, for tests and tables.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
        }
    };
}

codes! {
    NotFound = E_NOT_FOUND, "not found";
    Denied = E_DENIED, "permission denied";
    Exists = E_EXISTS, "exists already";
    Precondition = E_PRECONDITION, "changed meanwhile";
    NoSpace = E_NO_SPACE, "no space left";
    Transient = E_TRANSIENT, "temporary failure";
    Timeout = E_TIMEOUT, "timed out";
    Throttled = E_THROTTLED, "rate limited";
    Corrupt = E_CORRUPT, "corrupt";
    Unsupported = E_UNSUPPORTED, "not supported";
    InvalidConfig = E_INVALID_CONFIG, "invalid configuration";
    InvalidArg = E_INVALID_ARG, "invalid argument";
    Busy = E_BUSY, "in use by someone else";
    Cancelled = E_CANCELLED, "cancelled";
    Closed = E_CLOSED, "already finished";
    Offline = E_OFFLINE, "offline";
    TooLarge = E_TOO_LARGE, "too large";
    Unauthenticated = E_UNAUTHENTICATED, "not authenticated";
    Abi = E_ABI, "other interface version";
    Panic = E_PANIC, "the backend panicked";
    Internal = E_INTERNAL, "internal error of the backend";
    WrongKind = E_WRONG_KIND, "another kind of node";
    Io = E_IO, "the medium reported an error";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// An error of a backend. The message is a lowercase fragment, holds no secrets, and is not yet sanitised: print it through
/// [`twinhaul_units::text::show`], as `Display` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub code: Code,
    /// `TWH_EF_*` bits; ask [`Error::is_retryable`] and its sisters.
    pub flags: u32,
    /// 0 = none.
    pub errno: i32,
    /// 0 = none.
    pub http_status: u32,
    /// `None`: the host decides.
    pub retry_after: Option<Duration>,
    pub message: String,
}

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, flags: 0, errno: 0, http_status: 0, retry_after: None, message: message.into() }
    }

    /// The answer of a call that this backend does not have.
    pub fn unsupported(what: &str) -> Self {
        Self::new(Code::Unsupported, format!("{what} is not supported by this backend"))
    }

    pub fn cancelled() -> Self {
        Self::new(Code::Cancelled, "cancelled")
    }

    /// From an error of the operating system, after what was being done: "open a/b".
    pub fn io(doing: &str, e: &std::io::Error) -> Self {
        let errno = e.raw_os_error().unwrap_or(0);
        Self { errno, ..Self::new(code_of(e), format!("{doing}: {e}")) }
    }

    /// From an error number, after what was being done.
    pub fn errno(doing: &str, errno: i32) -> Self {
        Self::io(doing, &std::io::Error::from_raw_os_error(errno))
    }

    /// The call may be repeated.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.flags |= raw::EF_RETRYABLE;
        self
    }

    /// The writer or reader is dead.
    #[must_use]
    pub fn poisoned(mut self) -> Self {
        self.flags |= raw::EF_POISONED;
        self
    }

    /// The effect may have happened.
    #[must_use]
    pub fn uncertain(mut self) -> Self {
        self.flags |= raw::EF_UNCERTAIN;
        self
    }

    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    #[must_use]
    pub fn http(mut self, status: u32) -> Self {
        self.http_status = status;
        self
    }

    /// Whether the same call may be repeated: by flag, or by a code that always says so.
    pub fn is_retryable(&self) -> bool {
        self.flags & raw::EF_RETRYABLE != 0
            || matches!(self.code, Code::Transient | Code::Timeout | Code::Throttled)
    }

    pub fn is_poisoned(&self) -> bool {
        self.flags & raw::EF_POISONED != 0
    }

    pub fn is_uncertain(&self) -> bool {
        self.flags & raw::EF_UNCERTAIN != 0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            return self.code.fmt(f);
        }
        let (message, code) = (twinhaul_units::text::show(&self.message), self.code.to_string());
        // "permission denied" needs no "(permission denied)".
        if message.to_lowercase().contains(&code) {
            f.write_str(&message)
        } else {
            write!(f, "{message} ({code})")
        }
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        Self { errno: e.raw_os_error().unwrap_or(0), ..Self::new(code_of(&e), e.to_string()) }
    }
}

/// Linux error numbers by what the host can do about them (faults.md 6.4).
fn code_of(e: &std::io::Error) -> Code {
    use std::io::ErrorKind as K;
    match e.raw_os_error() {
        Some(2) => Code::NotFound,                             // ENOENT
        Some(1 | 13 | 18 | 30) => Code::Denied,                // EPERM EACCES EXDEV (openat2: outside) EROFS
        Some(17 | 39) => Code::Exists,                         // EEXIST ENOTEMPTY
        Some(28 | 122) => Code::NoSpace,                       // ENOSPC EDQUOT
        Some(4 | 11 | 32 | 104 | 116) => Code::Transient,      // EINTR EAGAIN EPIPE ECONNRESET ESTALE
        Some(12 | 16 | 23 | 24 | 26) => Code::Busy,            // ENOMEM EBUSY ENFILE EMFILE ETXTBSY
        Some(110) => Code::Timeout,                            // ETIMEDOUT
        Some(20 | 21 | 40) => Code::WrongKind,                 // ENOTDIR EISDIR ELOOP
        Some(5) => Code::Io,                                   // EIO
        Some(22 | 36 | 84) => Code::InvalidArg,                // EINVAL ENAMETOOLONG EILSEQ
        Some(27) => Code::TooLarge,                            // EFBIG
        Some(6 | 19 | 101 | 107 | 111 | 113) => Code::Offline, // ENXIO ENODEV ENETUNREACH ENOTCONN ECONNREFUSED EHOSTUNREACH
        Some(38 | 95) => Code::Unsupported,                    // ENOSYS EOPNOTSUPP
        _ => match e.kind() {
            K::NotFound => Code::NotFound,
            K::PermissionDenied => Code::Denied,
            K::AlreadyExists => Code::Exists,
            K::TimedOut => Code::Timeout,
            K::Interrupted | K::WouldBlock => Code::Transient,
            K::InvalidInput => Code::InvalidArg,
            K::InvalidData | K::UnexpectedEof => Code::Corrupt,
            K::Unsupported => Code::Unsupported,
            _ => Code::Io,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_there_and_back() {
        for code in Code::ALL {
            assert_eq!(Code::from_raw(code.raw()), *code);
            assert_ne!(code.raw(), raw::OK);
        }
        assert_eq!(Code::from_raw(9999), Code::Internal);
        assert_eq!(Code::from_raw(raw::OK), Code::Internal);
    }

    #[test]
    fn errors_of_the_system_are_sorted_by_what_can_be_done() {
        for (errno, code) in [
            (2, Code::NotFound),
            (28, Code::NoSpace),
            (5, Code::Io),
            (40, Code::WrongKind),
            (18, Code::Denied),
        ] {
            let e = Error::errno("open x", errno);
            assert_eq!((e.code, e.errno), (code, errno));
            assert!(e.message.starts_with("open x: "), "{}", e.message);
        }
    }

    #[test]
    fn hostile_messages_are_shown_tame() {
        let e = Error::new(Code::Io, "bad \x1b[2J");
        assert_eq!(e.to_string(), "bad \\x1b[2J (the medium reported an error)");
    }
}
