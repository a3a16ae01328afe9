//! Parts of a disk, each with a file system of its own.

use crate::mounts::{Mounted, shell};
use std::path::Path;

/// A kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystem {
    pub name: &'static str,
    /// Makes it on the device `$d`.
    make: &'static str,
    /// What is tried on `$d` when it cannot be mounted.
    repair: &'static str,
    /// How large a part is made for it.
    part_bytes: u64,
}

/// Its first sectors are one block with one checksum and no copy in the journal that is found without them: when a cut tears
/// that block, only the repair gets on. It says 1 when it has mended something.
pub const EXT4: FileSystem = FileSystem {
    name: "ext4",
    make: "mkfs.ext4 -q -F \"$d\"",
    repair: "e2fsck -fy \"$d\" || [ $? = 1 ]",
    part_bytes: 192 << 20,
};

/// Nothing of it may need a repair.
pub const XFS: FileSystem =
    FileSystem { name: "xfs", make: "mkfs.xfs -q -f \"$d\"", repair: "false", part_bytes: 320 << 20 };

/// One of the parts of a disk, all as large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub kind: FileSystem,
    number: u64,
}

impl FileSystem {
    /// Divides a disk into so many parts with this file system.
    pub fn parts<const N: usize>(self) -> [Part; N] {
        std::array::from_fn(|number| Part { kind: self, number: number as u64 })
    }

    /// How large such a disk is.
    pub fn disk_bytes(self, parts: usize) -> u64 {
        self.part_bytes * parts as u64
    }
}

impl Part {
    /// Makes the file system on the disk in `file`.
    ///
    /// # Errors
    /// In words.
    pub fn make(self, file: &Path) -> Result<(), String> {
        self.shell(&format!("{}; {}", Self::with_device(), self.kind.make), file, file)
    }

    /// Mounts it; after a power cut it makes itself sound first. Whether it had to be repaired.
    ///
    /// # Errors
    /// In words.
    pub fn mount(self, file: &Path, to: &Path) -> Result<(Mounted, bool), String> {
        let mount = || self.shell("mount -o loop,offset=$3,sizelimit=$4 \"$1\" \"$2\"", file, to);
        let mut repaired = false;
        if let Err(why) = mount() {
            let repair = format!("{}; {}", Self::with_device(), self.kind.repair);
            self.shell(&repair, file, to).and_then(|()| mount()).map_err(|e| format!("{why}; then {e}"))?;
            repaired = true;
        }
        Ok((Mounted::at(to), repaired))
    }

    /// A device `$d` for the rest of the script.
    fn with_device() -> &'static str {
        "d=$(losetup --find --show --offset $3 --sizelimit $4 \"$1\"); trap 'losetup -d \"$d\"' EXIT"
    }

    fn shell(self, script: &str, file: &Path, at: &Path) -> Result<(), String> {
        let bytes = self.kind.part_bytes;
        let [offset, size] = [self.number * bytes, bytes].map(|n| n.to_string());
        shell(script, &[file, at, Path::new(&offset), Path::new(&size)])
    }
}
