//! Error numbers of Linux become errors that say what was done, to which key, and what is in the way (faults.md 6.4).
//!
//! Entry points: [`failed`] for anything below the root, [`mistake`] for the rest. Names pass through the sanitiser here.

use rustix::io::Errno;
use twinhaul_backend_abi::{Code, Error};
use twinhaul_units::text::show_bytes;

/// "write a/b: disk quota exceeded". `name` is a key or a private name; empty = the root.
pub(crate) fn failed(doing: &str, name: &[u8], e: Errno) -> Error {
    let what = match name {
        b"" => format!("{doing} the root"),
        name => format!("{doing} {}", show_bytes(name)),
    };
    let (code, why) = match e {
        Errno::LOOP | Errno::XDEV => (Code::Denied, "a symlink on the way would leave the target's root"),
        Errno::NOSPC => (Code::NoSpace, "no space left on the file system"),
        Errno::DQUOT => (Code::NoSpace, "disk quota exceeded"),
        Errno::ROFS => (Code::Denied, "the file system is read-only"),
        Errno::ACCESS | Errno::PERM => (Code::Denied, "permission denied"),
        Errno::NOTDIR => (Code::WrongKind, "something on the way is not a directory"),
        Errno::NAMETOOLONG => (Code::InvalidArg, "the name is too long for this file system"),
        Errno::ILSEQ => (Code::InvalidArg, "the file system cannot hold this name"),
        Errno::FBIG => (Code::TooLarge, "larger than a file can be on this file system"),
        Errno::IO => (Code::Io, "the medium reported an error (EIO)"),
        Errno::MLINK => (Code::Unsupported, "more names than this file system can count"),
        e => return Error::errno(&what, e.raw_os_error()),
    };
    Error { errno: e.raw_os_error(), ..Error::new(code, format!("{what}: {why}")) }
}

/// The profile's root could not be opened or made: what failed, and what its user can do about it.
pub(crate) fn root_failed(doing: &str, root: &[u8], e: Errno) -> Error {
    let failure = failed(doing, root, e);
    let message = match e {
        Errno::NOENT => format!("there is no directory {0}; make it with mkdir -p {0}", show_bytes(root)),
        Errno::ACCESS | Errno::PERM => {
            format!("{}; give this user the right, or name another place", failure.message)
        }
        _ => return failure,
    };
    Error { message, ..failure }
}

/// An error that is not one of the operating system: "publish a/b: it is a directory".
pub(crate) fn mistake(code: Code, doing: &str, name: &[u8], why: &str) -> Error {
    Error::new(code, format!("{doing} {}: {why}", show_bytes(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_deed_the_key_and_the_reason() {
        let e = failed("write", b"a/\x1b", Errno::DQUOT);
        assert_eq!((e.code, e.errno), (Code::NoSpace, Errno::DQUOT.raw_os_error()));
        assert_eq!(e.message, "write a/\\x1b: disk quota exceeded");
        assert_eq!(failed("open", b"x", Errno::LOOP).code, Code::Denied);
        assert_eq!(failed("open", b"x", Errno::STALE).code, Code::Transient);
        assert_eq!(failed("list", b"", Errno::NOENT).code, Code::NotFound);
    }
}
