//! Attempt ids and the file names of private objects, there and back.
//!
//! `run/transfer/epoch/incarnation` lives in `.twinhaul/run/run+transfer+epoch+incarnation`. Attempt ids are `[A-Za-z0-9._/-]`, so
//! `+` for `/` and `=` for an escape keep the mapping one to one, and no name begins with a dot.

use twinhaul_backend_abi::{Code, Error, Result};

/// The private directory at the root; a key that begins with this component is refused.
pub(crate) const PRIVATE: &[u8] = b".twinhaul";
/// Bytes, as in the header (`TWH_ATTEMPT_MAX`).
const ATTEMPT_BYTES_MAX: usize = 128;
/// Ends the private name of a node (symlink, further name), which shares its attempt with an object.
const NODE: &str = "=node";

/// Where a private object lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Temp {
    /// Directory below `.twinhaul`.
    pub(crate) run: String,
    /// File in it.
    pub(crate) name: String,
}

impl Temp {
    /// Of an attempt id, which is also the ref.
    ///
    /// # Errors
    /// When it is not an attempt id: then it never names anything of ours.
    pub(crate) fn of(attempt: &[u8]) -> Result<Self> {
        let good = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/');
        match std::str::from_utf8(attempt) {
            Ok(id) if !id.is_empty() && id.len() <= ATTEMPT_BYTES_MAX && attempt.iter().all(good) => {
                Ok(Self { run: encode(run_of(id)), name: encode(id) })
            }
            _ => Err(Error::new(Code::InvalidArg, "not an attempt id or ref of a disk target")),
        }
    }

    /// The private name of a node of the same attempt.
    pub(crate) fn of_node(attempt: &[u8]) -> Result<Self> {
        let mut temp = Self::of(attempt)?;
        temp.name.push_str(NODE);
        Ok(temp)
    }
}

fn run_of(id: &str) -> &str {
    id.split('/').next().unwrap_or(id)
}

fn encode(text: &str) -> String {
    let escape = if text.is_empty() || text.starts_with('.') { "=" } else { "" };
    format!("{escape}{}", text.replace('/', "+"))
}

/// The attempt (or run) behind a file name in the private directory; `None` = not a name of ours.
pub(crate) fn decode(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let plain = name.strip_suffix(NODE).unwrap_or(name);
    let plain = plain.strip_prefix('=').unwrap_or(plain).replace('+', "/");
    // Whatever encodes to something else was not made by us.
    (encode(&plain) == name.strip_suffix(NODE).unwrap_or(name)).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_go_there_and_back_and_never_leave_the_directory() {
        for id in ["r/1/2/3", "projects-3/12/1/4", ".", "..", "../x", "/", "/a", "a", "a//b", "r/.x", "..."] {
            let temp = Temp::of(id.as_bytes()).unwrap();
            for part in [&temp.run, &temp.name] {
                assert!(!part.is_empty() && !part.starts_with('.') && !part.contains('/'), "{id}: {part}");
            }
            assert_eq!(decode(temp.name.as_bytes()).as_deref(), Some(id));
            assert_eq!(decode(Temp::of_node(id.as_bytes()).unwrap().name.as_bytes()).as_deref(), Some(id));
            assert_eq!(decode(temp.run.as_bytes()).as_deref(), Some(run_of(id)));
        }
        assert_ne!(Temp::of(b"a").unwrap(), Temp::of(b"/a").unwrap());
    }

    #[test]
    fn what_is_not_an_attempt_is_refused() {
        for bad in [&b""[..], b"a+b", b"a=b", b"a b", b"\xff", &[b'a'; 129]] {
            assert_eq!(Temp::of(bad).unwrap_err().code, Code::InvalidArg);
        }
        assert_eq!(decode(b".hidden"), None);
        assert_eq!(decode(b"a/b"), None);
    }
}
