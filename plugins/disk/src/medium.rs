//! What a file system can keep, by its type: capabilities, key rules and the precision of times.
//!
//! The table errs on the side of less: what a type does not keep for sure is not promised, and what it then keeps
//! anyway is no loss. Entry point: [`Medium::of`].

use std::os::fd::AsFd;

use rustix::fs::{fstatfs, fstatvfs};
use rustix::io::Result;
use twinhaul_backend_abi::{Caps, KeyRules, Limits};

use crate::CAPS;

/// What Linux takes for a path, without its NUL.
const KEY_BYTES_MAX: u32 = 4095;
const COMPONENT_BYTES_MAX: u64 = 255;
/// Open objects per target: far below what a process may have open, with room for everything else.
const OPEN_WRITERS_MAX: u32 = 256;
const PARALLEL_RANGES_MAX: u32 = 16;
const CHUNK: u64 = 1 << 20;

/// No owners, modes, links or extended attributes.
const FOREIGN: Caps = Caps::POSIX_METADATA.with(Caps::OWNERS).with(Caps::HARD_LINKS).with(Caps::SYMLINKS);
const WINDOWS: KeyRules = KeyRules::UTF8.with(KeyRules::PRINTABLE).with(KeyRules::FOLDED);
/// Linux's NFS client, and FUSE unless its server says otherwise, refuse `RENAME_NOREPLACE`.
const NO_EXCHANGE: Caps = Caps::IF_NOT_EXISTS;

/// A type of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Medium {
    /// "ext4".
    pub(crate) name: &'static str,
    lacks: Caps,
    rules: KeyRules,
    mtime_precision_ns: u64,
    /// Bytes, 0 = no limit.
    max_object: u64,
    /// `OpenZFS` before 2.2.2 reported false holes in dirty files: sync before asking.
    pub(crate) holes_need_sync: bool,
    /// A rename may happen although its reply says ENOENT: the reply was lost, and the call made again.
    pub(crate) loses_replies: bool,
}

const fn posix(name: &'static str) -> Medium {
    Medium {
        name,
        lacks: Caps::NONE,
        rules: KeyRules::NONE,
        mtime_precision_ns: 1,
        max_object: 0,
        holes_need_sync: false,
        loses_replies: false,
    }
}

const fn remote(name: &'static str) -> Medium {
    Medium { lacks: NO_EXCHANGE, loses_replies: true, ..posix(name) }
}

const fn windows(name: &'static str, mtime_precision_ns: u64) -> Medium {
    Medium { lacks: FOREIGN, rules: WINDOWS, mtime_precision_ns, ..posix(name) }
}

/// By the magic number of statfs(2).
fn by_magic(magic: u64) -> Medium {
    match magic {
        0xEF53 => posix("ext4"),
        0x5846_5342 => posix("xfs"),
        0x9123_683E => posix("btrfs"),
        0xCA45_1A4E => posix("bcachefs"),
        0xF2F5_2010 => posix("f2fs"),
        0x0102_1994 => posix("tmpfs"),
        0x8584_58F6 => posix("ramfs"),
        0x794C_7630 => posix("overlay"),
        0x3153_464A => posix("jfs"),
        0x5265_4973 => posix("reiserfs"),
        0x2FC1_2FC1 => Medium { holes_need_sync: true, ..posix("zfs") },
        0x6969 => remote("nfs"),
        0x6573_5546 => remote("fuse"),
        0x0102_1997 => remote("9p"),
        0x00C3_6400 => remote("ceph"),
        0x0BD0_0BD0 => remote("lustre"),
        0x4750_4653 => remote("gpfs"),
        0xFE53_4D42 | 0xFF53_4D42 => Medium { loses_replies: true, ..windows("smb", 100) },
        0x7366_746E | 0x5346_544E => windows("ntfs", 100),
        0x4D44 => Medium {
            lacks: FOREIGN.with(Caps::SPARSE).with(Caps::XATTRS),
            max_object: (4 << 30) - 1,
            ..windows("vfat", 2_000_000_000)
        },
        0x2011_BAB0 => {
            Medium { lacks: FOREIGN.with(Caps::SPARSE).with(Caps::XATTRS), ..windows("exfat", 10_000_000) }
        }
        0x482B | 0x4858 => Medium {
            rules: KeyRules::UTF8.with(KeyRules::FOLDED).with(KeyRules::NORMALISED),
            mtime_precision_ns: 1_000_000_000,
            lacks: Caps::SPARSE,
            ..posix("hfsplus")
        },
        0x1501_3346 => Medium { mtime_precision_ns: 1000, lacks: Caps::SPARSE, ..posix("udf") },
        0x9660 => Medium { mtime_precision_ns: 1_000_000_000, ..posix("iso9660") },
        0x7371_7368 => Medium { mtime_precision_ns: 1_000_000_000, ..posix("squashfs") },
        _ => remote("unknown file system"),
    }
}

impl Medium {
    /// Of the file system that holds `fd`.
    pub(crate) fn of(fd: impl AsFd) -> Result<Self> {
        // The field is signed on some architectures; magic numbers have 32 bits.
        Ok(by_magic(fstatfs(fd)?.f_type as u64 & 0xFFFF_FFFF))
    }

    /// Of a target on this medium, from which `but` is taken away.
    pub(crate) fn limits(&self, fd: impl AsFd, but: Caps) -> Result<Limits> {
        let name_max = fstatvfs(fd)?.f_namemax;
        let component = if name_max == 0 { COMPONENT_BYTES_MAX } else { name_max.min(COMPONENT_BYTES_MAX) };
        Ok(Limits {
            caps: CAPS.without(self.lacks).without(but),
            max_open_writers: OPEN_WRITERS_MAX,
            max_parallel_ranges: PARALLEL_RANGES_MAX,
            preferred_chunk: CHUNK,
            max_object: self.max_object,
            mtime_precision_ns: self.mtime_precision_ns,
            max_key_bytes: KEY_BYTES_MAX,
            max_component_bytes: component as u32,
            key_rules: self.rules | KeyRules::NO_PREFIXES,
            ..Limits::default()
        })
    }

    pub(crate) fn mtime_precision_ns(&self) -> u64 {
        self.mtime_precision_ns
    }

    pub(crate) fn can(&self, caps: Caps) -> bool {
        CAPS.without(self.lacks).contains(caps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_is_promised_where_less_is_kept() {
        assert!(by_magic(0xEF53).can(CAPS));
        assert!(!by_magic(0x6969).can(Caps::IF_NOT_EXISTS));
        let vfat = by_magic(0x4D44);
        assert!(!vfat.can(Caps::SYMLINKS) && !vfat.can(Caps::OWNERS) && vfat.can(Caps::TWO_PHASE));
        assert_eq!((vfat.max_object, vfat.mtime_precision_ns), (4_294_967_295, 2_000_000_000));
        assert!(by_magic(0x2FC1_2FC1).holes_need_sync);
        assert!(!by_magic(1).can(Caps::IF_NOT_EXISTS));
    }
}
