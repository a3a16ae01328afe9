//! Errors across the boundary.

use std::time::Duration;

use super::{cut, read_prefix, write_prefix};
use crate::error::{Code, Error};
use crate::raw::{self, Sized32};

/// The C struct of an error; the message is cut to 480 bytes.
pub fn raw_error(e: &Error) -> raw::Error {
    let mut r = raw::Error::zeroed();
    r.code = e.code.raw();
    r.flags = e.flags;
    r.os_errno = e.errno;
    r.http_status = e.http_status;
    r.retry_after_ms = e.retry_after.map_or(0, |d| u32::try_from(d.as_millis()).unwrap_or(u32::MAX).max(1));
    let message = cut(&e.message, raw::ERR_MSG).as_bytes();
    r.msg_len = message.len() as u32;
    r.msg[..message.len()].copy_from_slice(message);
    r
}

/// Fills the host's error struct.
///
/// # Safety
/// `out` is null or points to a `twh_error` with its `struct_size` set.
pub unsafe fn store_error(out: *mut raw::Error, e: &Error) {
    // SAFETY: the caller's promise.
    unsafe { write_prefix(out, &raw_error(e)) }
}

/// What a call answered: its return value decides, the struct adds.
///
/// # Safety
/// `e` is null or points to a `twh_error` with its `struct_size` set.
pub unsafe fn load_error(code: i32, e: *const raw::Error) -> Error {
    // SAFETY: the caller's promise.
    let Some(r) = (unsafe { read_prefix(e) }) else {
        return Error::new(Code::from_raw(code), "");
    };
    let message = &r.msg[..(r.msg_len as usize).min(raw::ERR_MSG)];
    let mut message = String::from_utf8_lossy(message).into_owned();
    if Code::from_raw(code).raw() != code {
        message = format!("{message} (code {code}, which the interface does not have)");
    }
    Error {
        code: Code::from_raw(code),
        flags: r.flags,
        errno: r.os_errno,
        http_status: r.http_status,
        retry_after: (r.retry_after_ms != 0).then(|| Duration::from_millis(r.retry_after_ms.into())),
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_go_there_and_back() {
        let e = Error::new(Code::Throttled, "slow down")
            .http(503)
            .after(Duration::from_secs(2))
            .uncertain()
            .poisoned();
        let r = raw_error(&e);
        // SAFETY: r is valid.
        assert_eq!(unsafe { load_error(r.code, &raw const r) }, e);
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let r = raw_error(&Error::new(Code::Io, "ü".repeat(300)));
        assert_eq!(r.msg_len, 480);
        let r = raw_error(&Error::new(Code::Io, format!("a{}", "ü".repeat(300))));
        assert_eq!(r.msg_len, 479);
    }

    #[test]
    fn a_length_that_lies_is_clamped() {
        let mut r = raw_error(&Error::new(Code::Io, "x"));
        r.msg_len = u32::MAX;
        // SAFETY: r is valid; its length field is the point.
        let e = unsafe { load_error(raw::E_IO, &raw const r) };
        assert_eq!(e.message.len(), raw::ERR_MSG);
        // SAFETY: null is allowed.
        assert_eq!(unsafe { load_error(12345, std::ptr::null()) }.code, Code::Internal);
    }
}
