//! Keys: names of objects at a source or a target. Bytes, not text (store.md 3, backend header R9).

use std::fmt;

/// Longest key, in bytes; what Linux takes for a path.
pub const KEY_BYTES_MAX: usize = 4095;
/// Longest component, in bytes.
pub const COMPONENT_BYTES_MAX: usize = 255;

/// A checked key: relative, '/'-separated, no empty, `.` or `..` component, no NUL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

/// Why bytes are not a key; completes "refused key …: it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    Empty,
    Absolute,
    Nul,
    EmptyComponent,
    DotComponent,
    TooLong,
    ComponentTooLong,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::Absolute => "starts with a slash",
            Self::Nul => "holds a NUL byte",
            Self::EmptyComponent => "has an empty component",
            Self::DotComponent => "has a . or .. component",
            Self::TooLong => "is longer than 4,095 bytes",
            Self::ComponentTooLong => "has a component longer than 255 bytes",
        })
    }
}

impl std::error::Error for KeyError {}

impl Key {
    /// Checks `bytes`.
    ///
    /// # Errors
    /// See [`KeyError`]; nothing that could leave the target's root passes (threat 12).
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        let bytes = bytes.into();
        match bytes.first() {
            None => return Err(KeyError::Empty),
            Some(b'/') => return Err(KeyError::Absolute),
            Some(_) => {}
        }
        if bytes.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        if bytes.contains(&0) {
            return Err(KeyError::Nul);
        }
        for component in bytes.split(|b| *b == b'/') {
            match component {
                b"" => return Err(KeyError::EmptyComponent),
                b"." | b".." => return Err(KeyError::DotComponent),
                long if long.len() > COMPONENT_BYTES_MAX => return Err(KeyError::ComponentTooLong),
                _ => {}
            }
        }
        Ok(Self(bytes))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key below a prefix that ends in a slash or is empty.
    ///
    /// # Errors
    /// When the whole is no longer a key.
    pub fn under(&self, prefix: &[u8]) -> Result<Self, KeyError> {
        Self::new([prefix, &self.0].concat())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", crate::text::show_bytes(&self.0))
    }
}

/// Printed through the sanitiser.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::text::show_bytes(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bad_names_are_refused() {
        for (bad, why) in [
            (&b""[..], KeyError::Empty),
            (b"/etc/passwd", KeyError::Absolute),
            (b"..", KeyError::DotComponent),
            (b"a/../b", KeyError::DotComponent),
            (b"./a", KeyError::DotComponent),
            (b"a//b", KeyError::EmptyComponent),
            (b"a/", KeyError::EmptyComponent),
            (b"a\0b", KeyError::Nul),
            (&[b'x'; 256], KeyError::ComponentTooLong),
        ] {
            assert_eq!(Key::new(bad), Err(why), "{bad:?}");
        }
        assert_eq!(Key::new("x/".repeat(2048) + "y"), Err(KeyError::TooLong));
    }

    #[test]
    fn awkward_but_legal_names_pass() {
        for good in [&b"a b"[..], b"...", b"..a", b"a\nb", b"\xff\xfe", b"-rf", b"\x1b[2J", &[b'x'; 255]] {
            assert!(Key::new(good).is_ok(), "{good:?}");
        }
    }

    proptest! {
        #[test]
        fn no_key_climbs(bytes in proptest::collection::vec(prop_oneof![Just(b'/'), Just(b'.'), any::<u8>()], 0..40)) {
            if let Ok(key) = Key::new(bytes) {
                let mut depth = 0i32;
                for c in key.as_bytes().split(|b| *b == b'/') {
                    prop_assert!(c != b"..");
                    depth += 1;
                }
                prop_assert!(depth > 0);
            }
        }
    }
}
