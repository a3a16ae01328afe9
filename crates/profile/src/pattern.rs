//! Globs over keys. `*` and `?` stay inside a folder, `**` crosses folders, `{a,b}` and `[a-z]` as usual.
//!
//! Keys are bytes: one that is not UTF-8 still matches `**`. Must never be handed a pattern unchecked.
//! Entry point: [`Pattern::new`].

use globset::{GlobBuilder, GlobMatcher};
use std::{ffi::OsStr, fmt, os::unix::ffi::OsStrExt as _};
use twinhaul_units::text::show;

/// Longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 1024;

/// A compiled glob; equal to another when it is written the same.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    matcher: GlobMatcher,
}

impl Pattern {
    /// Compiles `text`; the error completes "expected a glob …, found …: ".
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it is empty".into());
        }
        if text.len() > PATTERN_BYTES_MAX {
            return Err(format!("it is longer than {PATTERN_BYTES_MAX} bytes"));
        }
        if text.starts_with('/') {
            return Err("it starts with a slash, and keys never do".into());
        }
        let glob = GlobBuilder::new(text)
            .literal_separator(true)
            .backslash_escape(true)
            .build()
            .map_err(|e| show(&e.kind().to_string()).into_owned())?;
        Ok(Self { text: text.to_owned(), matcher: glob.compile_matcher() })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_match(&self, key: &[u8]) -> bool {
        self.matcher.is_match(OsStr::from_bytes(key))
    }

    /// Whether the pattern is written as one that leaves no key.
    pub fn matches_all(&self) -> bool {
        matches!(self.text.as_str(), "**" | "**/*" | "**/**")
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", show(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, key: &[u8]) -> bool {
        Pattern::new(pattern).unwrap().is_match(key)
    }

    #[test]
    fn stars_and_folders() {
        assert!(matches("**/*.raw", b"a.raw"));
        assert!(matches("**/*.raw", b"x/y/a.raw"));
        assert!(matches("*.raw", b"a.raw"));
        assert!(!matches("*.raw", b"x/a.raw"));
        assert!(matches("**", b"\xff\xfe/\xc3"));
        assert!(matches("**/*.raw", b"\xff/\xfe.raw"));
        assert!(matches("logs/**", b"logs/a/b"));
        assert!(!matches("logs/**", b"logsx/a"));
        assert!(matches("**", b"a\nb"), "a line end in a key is a byte like any other");
    }

    #[test]
    fn what_says_it_matches_all_does() {
        for pattern in ["**", "**/*", "**/**", "**/*/**", "*", "*/**", "**/*.raw", "a/**", "*/*", "**/*/*"] {
            let all = Pattern::new(pattern).unwrap();
            if all.matches_all() {
                for key in [&b"a"[..], b"a/b", b"\xff", b"a/b/c.d", b".hidden", b"a/.b", b"\n"] {
                    assert!(all.is_match(key), "{pattern} {key:?}");
                }
            }
        }
        assert!(Pattern::new("**").unwrap().matches_all());
        assert!(Pattern::new("**/*").unwrap().matches_all());
        assert!(!Pattern::new("**/*.raw").unwrap().matches_all());
        assert!(!Pattern::new("*").unwrap().matches_all());
    }

    #[test]
    fn bad_patterns_are_refused() {
        for bad in ["", "/abs/**", "[", "{a"] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
    }
}
