//! Is this directory a mount point on which nothing is mounted? Writing there fills the disk below it.
//!
//! The guard of architecture.md 6. Evidence: the machine's own tables (fstab, systemd mount units) name the directory or one
//! above it, and nothing is mounted there; or it is an empty directory on a shelf for mounts (`/mnt/x`,
//! `/media/user/x`). Nothing is written. Entry point: [`MountTable::bare`].

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::names::PRIVATE;
use crate::node::Node;

/// Bytes of an fstab that are read.
const FSTAB_BYTES_MAX: u64 = 1 << 20;

/// Where a machine says what is to be mounted where. Tests bring their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountTable {
    pub fstab: PathBuf,
    /// Directories of systemd `.mount` units.
    pub units: Vec<PathBuf>,
    /// Directories whose children are mount points, with the depth of these children below them (1 = direct).
    pub shelves: Vec<(PathBuf, usize)>,
}

impl Default for MountTable {
    fn default() -> Self {
        let units = [
            "/etc/systemd/system",
            "/run/systemd/system",
            "/run/systemd/generator",
            "/usr/lib/systemd/system",
        ];
        Self {
            fstab: PathBuf::from("/etc/fstab"),
            units: units.map(PathBuf::from).to_vec(),
            shelves: [("/mnt", 1), ("/media", 1), ("/media", 2), ("/run/media", 2)]
                .map(|(shelf, depth)| (PathBuf::from(shelf), depth))
                .to_vec(),
        }
    }
}

impl MountTable {
    /// Whether `path` (absolute, resolved) is, or lies below, a mount point that is not mounted.
    pub fn bare(&self, path: &Path) -> bool {
        let fstab = read(&self.fstab);
        for place in path.ancestors() {
            if place.parent().is_none() || mounted(place) {
                return false;
            }
            if fstab_names(&fstab, place) || self.unit_names(place) || (self.on_shelf(place) && empty(place))
            {
                return true;
            }
        }
        false
    }

    fn on_shelf(&self, place: &Path) -> bool {
        self.shelves.iter().any(|(shelf, depth)| place.ancestors().nth(*depth) == Some(shelf))
    }

    fn unit_names(&self, place: &Path) -> bool {
        let unit = unit_of(place);
        self.units.iter().any(|dir| dir.join(&unit).exists())
    }
}

/// Something is mounted at `place`; also when nobody can tell, so that the guard never refuses without evidence.
fn mounted(place: &Path) -> bool {
    let node =
        |path: &Path| openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).and_then(Node::of);
    match (node(place), place.parent().map(node)) {
        (Ok(here), Some(Ok(above))) => here.mount_root.unwrap_or(here.dev != above.dev),
        _ => true,
    }
}

/// Nothing in it but what this backend keeps there.
fn empty(place: &Path) -> bool {
    std::fs::read_dir(place)
        .is_ok_and(|mut entries| entries.all(|e| e.is_ok_and(|e| e.file_name().as_bytes() == PRIVATE)))
}

fn read(path: &Path) -> Vec<u8> {
    use std::io::Read as _;
    let mut text = Vec::new();
    match std::fs::File::open(path).and_then(|f| f.take(FSTAB_BYTES_MAX).read_to_end(&mut text)) {
        Ok(_) => text,
        Err(_) => Vec::new(),
    }
}

fn fstab_names(fstab: &[u8], place: &Path) -> bool {
    fstab.split(|b| *b == b'\n').any(|line| {
        let mut fields = line.split(u8::is_ascii_whitespace).filter(|f| !f.is_empty());
        let first = fields.next();
        let comment = first.is_none_or(|f| f.starts_with(b"#"));
        !comment && fields.next().is_some_and(|f| Path::new(&unescape(f)).components().eq(place.components()))
    })
}

/// fstab writes blanks as `\040`.
fn unescape(field: &[u8]) -> std::ffi::OsString {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let octal = (*first == b'\\')
            .then(|| tail.get(..3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        if let Some(byte) = octal {
            out.push(byte);
            rest = &tail[3..];
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    std::ffi::OsString::from_vec(out)
}

/// As `systemd-escape --path --suffix=mount`.
fn unit_of(place: &Path) -> String {
    let mut unit = String::new();
    let parts = place.components().filter_map(|c| match c {
        std::path::Component::Normal(part) => Some(part),
        _ => None,
    });
    for (i, part) in parts.map(OsStr::as_bytes).enumerate() {
        if i > 0 {
            unit.push('-');
        }
        for (at, b) in part.iter().enumerate() {
            let dot = *b == b'.' && (i > 0 || at > 0);
            if b.is_ascii_alphanumeric() || matches!(b, b':' | b'_') || dot {
                unit.push(char::from(*b));
            } else {
                let _ = write!(unit, "\\x{b:02x}");
            }
        }
    }
    unit + ".mount"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_named_as_systemd_does() {
        assert_eq!(unit_of(Path::new("/mnt/vault")), "mnt-vault.mount");
        assert_eq!(unit_of(Path::new("/mnt/my-disk 1")), "mnt-my\\x2ddisk\\x201.mount");
        assert_eq!(unit_of(Path::new("/.a/.b")), "\\x2ea-.b.mount");
    }

    #[test]
    fn fstab_lines_are_read() {
        let fstab =
            b"# /dev/sda1 /srv ext4\nUUID=1 /mnt/my\\040disk ext4 noauto 0 0\n\n/dev/sdb\t/data/ xfs\n";
        assert!(fstab_names(fstab, Path::new("/mnt/my disk")));
        assert!(fstab_names(fstab, Path::new("/data")));
        assert!(!fstab_names(fstab, Path::new("/srv")));
    }

    #[test]
    fn an_unmounted_mount_point_is_bare_and_so_is_what_lies_below() {
        let dir = tempfile::tempdir().unwrap();
        let at = std::fs::canonicalize(dir.path()).unwrap();
        let (shelf, named) = (at.join("shelf"), at.join("named"));
        for d in [&shelf.join("stick"), &shelf.join("full"), &named.join("below")] {
            std::fs::create_dir_all(d).unwrap();
        }
        std::fs::write(shelf.join("full/file"), "x").unwrap();
        std::fs::write(at.join("fstab"), format!("/dev/sdz {} ext4\n", named.display())).unwrap();
        let table = MountTable {
            fstab: at.join("fstab"),
            units: vec![at.join("units")],
            shelves: vec![(shelf.clone(), 1)],
        };
        assert!(table.bare(&named) && table.bare(&named.join("below")));
        assert!(table.bare(&shelf.join("stick")));
        assert!(!table.bare(&shelf.join("full")) && !table.bare(&shelf) && !table.bare(&at));
        assert!(!table.bare(Path::new("/")) && !table.bare(Path::new("/proc")));
        let unit = at.join("units").join(unit_of(&shelf.join("full")));
        std::fs::create_dir(at.join("units")).unwrap();
        std::fs::write(unit, "").unwrap();
        assert!(table.bare(&shelf.join("full")));
    }
}
