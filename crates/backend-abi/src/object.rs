//! Objects on their way: what the host wants to put, what a writer answers, what storage says about an object.

use twinhaul_units::Key;

use crate::attrs::{Attrs, Kind};
use crate::caps::Lost;
use crate::raw;

/// What to do when the key is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WriteMode {
    /// Fail with [`crate::Code::Exists`].
    #[default]
    CreateNew,
    Overwrite,
    /// Replace only the object with this etag, else fail with [`crate::Code::Precondition`].
    ReplaceIfMatch(String),
}

/// How a checksum was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChecksumKind {
    Crc32c,
    Sha256,
    Md5,
    Blake3,
    Crc64Nvme,
}

impl ChecksumKind {
    pub const fn raw(self) -> u32 {
        match self {
            Self::Crc32c => raw::CK_CRC32C,
            Self::Sha256 => raw::CK_SHA256,
            Self::Md5 => raw::CK_MD5,
            Self::Blake3 => raw::CK_BLAKE3,
            Self::Crc64Nvme => raw::CK_CRC64NVME,
        }
    }

    pub const fn from_raw(kind: u32) -> Option<Self> {
        match kind {
            raw::CK_CRC32C => Some(Self::Crc32c),
            raw::CK_SHA256 => Some(Self::Sha256),
            raw::CK_MD5 => Some(Self::Md5),
            raw::CK_BLAKE3 => Some(Self::Blake3),
            raw::CK_CRC64NVME => Some(Self::Crc64Nvme),
            _ => None,
        }
    }
}

/// A checksum of a whole object: at most 64 raw bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    pub kind: ChecksumKind,
    pub bytes: Vec<u8>,
}

/// One object, or node, to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    pub key: Key,
    pub mode: WriteMode,
    /// Bytes, if known.
    pub size_hint: Option<u64>,
    /// `None` = bytes only.
    pub attrs: Option<Attrs>,
    /// `run/transfer/epoch/incarnation`, `[A-Za-z0-9._/-]`, at most 128 bytes: names the private object (store.md 3).
    pub attempt_id: String,
    pub checksum: Option<Checksum>,
    pub content_type: Option<String>,
    /// Keys `[a-z][a-z0-9_]*`, values printable ASCII.
    pub user_meta: Vec<(String, String)>,
    /// From [`crate::Writer::save`]; empty = a fresh object.
    pub resume_token: Vec<u8>,
}

impl Put {
    /// A new object without attributes.
    pub fn new(key: Key, attempt_id: impl Into<String>) -> Self {
        Self {
            key,
            mode: WriteMode::CreateNew,
            size_hint: None,
            attrs: None,
            attempt_id: attempt_id.into(),
            checksum: None,
            content_type: None,
            user_meta: Vec::new(),
            resume_token: Vec::new(),
        }
    }
}

/// How to name a private object that is to be discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Private<'a> {
    /// The ref that [`WriterInfo`] gave.
    Ref(&'a [u8]),
    /// The attempt id of the [`Put`].
    Attempt(&'a str),
}

/// What opening a writer answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriterInfo {
    /// Names the private object (two-phase targets): at most 256 bytes, recorded in the ledger; else empty.
    pub reference: Vec<u8>,
    /// Offsets of `write_at` are multiples of it; 0 = any byte.
    pub part_size: u64,
    /// 0 or 1 = serial.
    pub max_parallel_ranges: u32,
    /// The first byte still wanted.
    pub resume_offset: u64,
    /// What this target already knows that it will not keep.
    pub lost: Lost,
}

/// What storage says about one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    pub kind: Kind,
    pub size: u64,
    pub mtime_ns: Option<i64>,
    pub mode: Option<u32>,
    /// From commit and publish.
    pub lost: Lost,
    /// Of the stored bytes, if the storage knows it.
    pub checksum: Option<Checksum>,
    /// At most 128 bytes, as `version`.
    pub etag: Option<String>,
    pub version: Option<String>,
    /// Only from `stat`.
    pub user_meta: Vec<(String, String)>,
}
