//! What the file system says about one node, in types that are the same on every architecture (statx).

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, Statx, StatxAttributes, StatxFlags, makedev, statx};
use rustix::io::Result;
use rustix::path::Arg;
use twinhaul_backend_abi::{Attrs, Kind, Lost, Stat};

const NANOS: i64 = 1_000_000_000;

/// Device and inode number: one node, while it exists.
pub(crate) type Id = (u64, u64);

/// See the module. Times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Permission bits, 07777.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) nlink: u32,
    pub(crate) size: u64,
    pub(crate) mtime_ns: i64,
    pub(crate) ctime_ns: i64,
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    /// Whether it is where something is mounted; `None` on a kernel before 5.8.
    pub(crate) mount_root: Option<bool>,
}

impl Node {
    /// Of an open descriptor, also one opened with `O_PATH`.
    pub(crate) fn of(fd: impl AsFd) -> Result<Self> {
        Self::at(fd, c"", AtFlags::EMPTY_PATH)
    }

    /// Of a name in a directory; `name` is ONE component, so that nothing on the way can be a symlink.
    pub(crate) fn named(dir: impl AsFd, name: impl Arg) -> Result<Self> {
        Self::at(dir, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn at(dir: impl AsFd, name: impl Arg, flags: AtFlags) -> Result<Self> {
        statx(dir, name, flags, StatxFlags::BASIC_STATS).map(|x| Self::from(&x))
    }

    pub(crate) fn id(&self) -> Id {
        (self.dev, self.ino)
    }

    /// Without link target and extended attributes.
    pub(crate) fn attrs(&self) -> Attrs {
        Attrs {
            kind: self.kind,
            mode: Some(self.mode),
            uid: Some(self.uid),
            gid: Some(self.gid),
            nlink: Some(self.nlink),
            size: Some(self.size),
            mtime_ns: Some(self.mtime_ns),
            ctime_ns: Some(self.ctime_ns),
            dev: Some(self.dev),
            ino: Some(self.ino),
            ..Attrs::default()
        }
    }

    pub(crate) fn stat(&self) -> Stat {
        Stat {
            kind: self.kind,
            size: self.size,
            mtime_ns: Some(self.mtime_ns),
            mode: Some(self.mode),
            lost: Lost::NONE,
            ..Stat::default()
        }
    }
}

impl From<&Statx> for Node {
    fn from(x: &Statx) -> Self {
        let known = x.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT);
        Self {
            kind: kind_of(FileType::from_raw_mode(u32::from(x.stx_mode))),
            mode: u32::from(x.stx_mode) & 0o7777,
            uid: x.stx_uid,
            gid: x.stx_gid,
            nlink: x.stx_nlink,
            size: x.stx_size,
            mtime_ns: nanos(x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec),
            ctime_ns: nanos(x.stx_ctime.tv_sec, x.stx_ctime.tv_nsec),
            dev: makedev(x.stx_dev_major, x.stx_dev_minor),
            ino: x.stx_ino,
            mount_root: known.then(|| x.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)),
        }
    }
}

/// Times beyond the years 1677 to 2262 stop at the end of the range; see [`is_beyond`].
fn nanos(seconds: i64, nanos: u32) -> i64 {
    seconds.saturating_mul(NANOS).saturating_add(i64::from(nanos)).max(FIRST_NS)
}

/// The earliest time: the number below it means "not known" (header).
const FIRST_NS: i64 = i64::MIN + 1;

/// Whether a time stands at an end of the range: what was read lay there or beyond, and cannot be kept exactly.
pub(crate) const fn is_beyond(at_ns: i64) -> bool {
    at_ns == i64::MAX || at_ns <= FIRST_NS
}

/// Devices, FIFOs and sockets are [`Kind::Other`]: never opened, never copied.
pub(crate) fn kind_of(t: FileType) -> Kind {
    match t {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        _ => Kind::Other,
    }
}
