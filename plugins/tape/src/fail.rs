//! Errors that say what was done, to what, and why; names pass through the sanitiser here.

use std::io;

use rusqlite::ErrorCode;
use twinhaul_backend_abi::{Code, Error};
use twinhaul_units::text::{show, show_bytes};

/// "read cartridge A00001L8: …".
pub(crate) fn failed(doing: &str, e: &io::Error) -> Error {
    if e.kind() == io::ErrorKind::InvalidData {
        return Error::new(Code::Corrupt, format!("{doing}: {}", show(&e.to_string())));
    }
    Error::io(doing, e)
}

/// An error about a key: "publish a/b: it exists already".
pub(crate) fn mistake(code: Code, doing: &str, key: &[u8], why: &str) -> Error {
    let what = if key.is_empty() { "the root".to_owned() } else { show_bytes(key) };
    Error::new(code, format!("{doing} {what}: {why}"))
}

/// An error about a cartridge, drive or library.
pub(crate) fn about(code: Code, what: &str, why: &str) -> Error {
    Error::new(code, format!("{}: {why}", show(what)))
}

/// An error of the catalogue.
pub(crate) fn catalogue(doing: &str, e: &rusqlite::Error) -> Error {
    let (code, retry) = match e.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (Code::Busy, true),
        Some(ErrorCode::DiskFull) => (Code::NoSpace, false),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (Code::Corrupt, false),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            (Code::Denied, false)
        }
        Some(ErrorCode::SystemIoFailure) => (Code::Io, false),
        _ => (Code::Internal, false),
    };
    let error = Error::new(code, format!("{doing}: catalogue: {}", show(&e.to_string())));
    if retry { error.retryable() } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_not_an_error_of_the_medium() {
        let e = io::Error::new(io::ErrorKind::InvalidData, "block 3: \x1b");
        let e = failed("read cartridge A", &e);
        assert_eq!((e.code, e.message.as_str()), (Code::Corrupt, "read cartridge A: block 3: \\x1b"));
        assert_eq!(failed("x", &io::Error::from_raw_os_error(28)).code, Code::NoSpace);
        assert_eq!(mistake(Code::Exists, "publish", b"", "y").message, "publish the root: y");
    }
}
