//! Attributes of a node: what a source tells and a target keeps. `None` = not known.

use crate::raw;

/// [`Attrs::position`] holds the number of the medium above these bits, and the place on it below.
pub const POSITION_MEDIUM_SHIFT: u32 = 40;

/// What a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    #[default]
    File,
    Directory,
    Symlink,
    /// A common beginning of keys where storage has no directories.
    Prefix,
    /// Device, FIFO, socket: never copied.
    Other,
}

impl Kind {
    pub const fn raw(self) -> u32 {
        match self {
            Self::File => raw::KIND_FILE,
            Self::Directory => raw::KIND_DIRECTORY,
            Self::Symlink => raw::KIND_SYMLINK,
            Self::Prefix => raw::KIND_PREFIX,
            Self::Other => raw::KIND_OTHER,
        }
    }

    pub const fn from_raw(kind: u32) -> Self {
        match kind {
            raw::KIND_FILE => Self::File,
            raw::KIND_DIRECTORY => Self::Directory,
            raw::KIND_SYMLINK => Self::Symlink,
            raw::KIND_PREFIX => Self::Prefix,
            _ => Self::Other,
        }
    }
}

/// See the module. Times are nanoseconds since 1970, `mode` is the permission bits (07777), `size` is bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attrs {
    pub kind: Kind,
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub nlink: Option<u32>,
    pub size: Option<u64>,
    pub mtime_ns: Option<i64>,
    pub ctime_ns: Option<i64>,
    /// Identity at the source: hard-link groups, change detection.
    pub dev: Option<u64>,
    pub ino: Option<u64>,
    /// Place on a medium (tape): its number above [`POSITION_MEDIUM_SHIFT`], the place on it below. Recalls go in ascending order.
    pub position: Option<u64>,
    /// Bytes, for symlinks.
    pub link_target: Option<Vec<u8>>,
    /// `user.*` names with their values.
    pub xattrs: Vec<(String, Vec<u8>)>,
}

impl Attrs {
    /// Nothing known but the kind.
    pub fn of(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }
}
