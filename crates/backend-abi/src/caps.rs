//! Capabilities, losses and key rules: bit sets of the header with names.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use crate::raw;

macro_rules! bits {
    ($(#[$doc:meta])* $t:ident($int:ty) { $($name:ident = $raw:ident, $word:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $t(pub $int);

        impl $t {
            pub const NONE: Self = Self(0);
            $(#[doc = concat!("`TWH_", stringify!($raw), "`")] pub const $name: Self = Self(raw::$raw);)*

            /// Whether all bits of `other` are set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Both together, in constants.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// All but `other`.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// The words for the bits that are set; bits that this version does not know are left out.
            pub fn words(self) -> impl Iterator<Item = &'static str> {
                [$((Self::$name, $word)),*].into_iter().filter(move |(bit, _)| self.contains(*bit)).map(|(_, word)| word)
            }
        }

        impl BitOr for $t {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        impl BitOrAssign for $t {
            fn bitor_assign(&mut self, other: Self) {
                self.0 |= other.0;
            }
        }

        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for (i, word) in self.words().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    f.write_str(word)?;
                }
                Ok(())
            }
        }

        impl fmt::Debug for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($t), "({})"), self)
            }
        }
    };
}

bits! {
    /// What a backend, or an open target, can do. What is not set is not called.
    Caps(u64) {
        SEQUENTIAL = CAP_SEQUENTIAL, "sequential";
        RANDOM_WRITE = CAP_RANDOM_WRITE, "random write";
        PARALLEL_RANGES = CAP_PARALLEL_RANGES, "parallel ranges";
        RETAINS_BUFFERS = CAP_RETAINS_BUFFERS, "retains buffers";
        READ = CAP_READ, "read";
        RANGE_READ = CAP_RANGE_READ, "range read";
        LIST = CAP_LIST, "list";
        LIST_ORDERED = CAP_LIST_ORDERED, "ordered list";
        DELETE = CAP_DELETE, "delete";
        IF_NOT_EXISTS = CAP_IF_NOT_EXISTS, "create only if absent";
        OVERWRITE = CAP_OVERWRITE, "overwrite";
        ATOMIC_COMMIT = CAP_ATOMIC_COMMIT, "atomic commit";
        RESUMABLE = CAP_RESUMABLE, "resumable";
        SERVER_CHECKSUM = CAP_SERVER_CHECKSUM, "server checksum";
        USER_METADATA = CAP_USER_METADATA, "user metadata";
        POSIX_METADATA = CAP_POSIX_METADATA, "mode and mtime";
        EMPTY_OBJECTS = CAP_EMPTY_OBJECTS, "empty objects";
        CAPACITY = CAP_CAPACITY, "capacity";
        REMOVABLE = CAP_REMOVABLE, "removable";
        DURABLE_COMMIT = CAP_DURABLE_COMMIT, "durable commit";
        ONE_SHOT = CAP_ONE_SHOT, "one shot";
        TWO_PHASE = CAP_TWO_PHASE, "two-phase commit";
        SHARED_RANGES = CAP_SHARED_RANGES, "shared ranges";
        DIRECTORIES = CAP_DIRECTORIES, "directories";
        SYMLINKS = CAP_SYMLINKS, "symlinks";
        HARD_LINKS = CAP_HARD_LINKS, "hard links";
        SPARSE = CAP_SPARSE, "sparse files";
        XATTRS = CAP_XATTRS, "extended attributes";
        OWNERS = CAP_OWNERS, "owners";
    }
}

bits! {
    /// What a target did not keep of a node's attributes; reported per file, never swallowed.
    Lost(u32) {
        OWNER = LOST_OWNER, "owner";
        MODE = LOST_MODE, "mode";
        MTIME = LOST_MTIME, "mtime";
        XATTR = LOST_XATTR, "extended attributes";
        HOLES = LOST_HOLES, "holes";
        LINKS = LOST_LINKS, "links";
        META = LOST_META, "user metadata";
    }
}

bits! {
    /// What keys a target cannot hold; empty = any bytes.
    KeyRules(u32) {
        UTF8 = KEYS_UTF8, "only UTF-8";
        PRINTABLE = KEYS_PRINTABLE, "no control characters";
        FOLDED = KEYS_FOLDED, "case does not count";
        NORMALISED = KEYS_NORMALISED, "normalised Unicode";
        NO_PREFIXES = KEYS_NO_PREFIXES, "no object below an object";
        NO_BACKSLASHES = KEYS_NO_BACKSLASHES, "no backslashes";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_print_their_words() {
        assert_eq!((Lost::OWNER | Lost::HOLES).to_string(), "owner, holes");
        assert_eq!(Lost::NONE.to_string(), "");
        assert!(Caps::READ.with(Caps::LIST).contains(Caps::LIST));
        assert!(!Caps::READ.contains(Caps::READ.with(Caps::LIST)));
        assert_eq!(Caps::READ.with(Caps::LIST).without(Caps::READ), Caps::LIST);
    }
}
