//! One tree, read whole: what there is, and everything about it that a copy must keep.

use super::content;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::fmt;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use twinhaul_units::text::show_bytes;

/// Everything below a root, by key.
#[derive(Debug, Default)]
pub struct Tree {
    pub entries: BTreeMap<Vec<u8>, Entry>,
    /// For each name of an object with several: all its names in this tree.
    pub links: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Directory,
    Symlink,
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Other => "special file",
        })
    }
}

/// One object.
#[derive(Clone, Debug)]
pub struct Entry {
    pub kind: Kind,
    /// Permission bits, set-uid and the like included; 0 for symlinks, which have none.
    pub mode: u32,
    /// Seconds and nanoseconds.
    pub mtime: (i64, i64),
    /// Seconds and nanoseconds; moves with every change, so it tells whether somebody touched the object.
    pub ctime: (i64, i64),
    pub owner: (u32, u32),
    pub inode: (u64, u64),
    /// Of a file: its length. 0 for the others.
    pub size: u64,
    /// Of a file: what it takes on the disk.
    pub disk_bytes: u64,
    /// Of a file: a digest of its logical bytes, the same with holes or zeros. Of a symlink: where it points.
    pub content: Vec<u8>,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Reads the tree below `root`.
///
/// # Panics
/// When something cannot be read: then nothing can be said about it.
pub fn read(root: &Path) -> Tree {
    read_with(root, true)
}

/// As [`read`], without contents: enough to see whether anything was touched.
pub fn read_stats(root: &Path) -> Tree {
    read_with(root, false)
}

fn read_with(root: &Path, contents: bool) -> Tree {
    let open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(CWD, root, open, Mode::empty())
        .unwrap_or_else(|e| panic!("cannot open {}: {e}", root.display()));
    let mut tree = Tree::default();
    walk(fd.as_fd(), b"", contents, &mut tree);
    let mut groups: BTreeMap<(u64, u64), BTreeSet<Vec<u8>>> = BTreeMap::new();
    for (path, entry) in tree.entries.iter().filter(|(_, e)| e.kind == Kind::File) {
        groups.entry(entry.inode).or_default().insert(path.clone());
    }
    for group in groups.into_values().filter(|g| g.len() > 1) {
        tree.links.extend(group.iter().map(|path| (path.clone(), group.clone())));
    }
    tree
}

fn walk(directory: BorrowedFd<'_>, prefix: &[u8], contents: bool, tree: &mut Tree) {
    let cannot = |what: &str, name: &[u8], e: rustix::io::Errno| -> ! {
        panic!("cannot {what} {}: {e}", show_bytes(&[prefix, name].concat()))
    };
    for entry in Dir::read_from(directory).unwrap_or_else(|e| cannot("list", b"", e)) {
        let entry = entry.unwrap_or_else(|e| cannot("list", b"", e));
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let path = [prefix, name.to_bytes()].concat();
        let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .unwrap_or_else(|e| cannot("stat", name.to_bytes(), e));
        let mut made = Entry::from_stat(&stat);
        match made.kind {
            Kind::Symlink => {
                let target = rustix::fs::readlinkat(directory, name, Vec::new());
                made.content =
                    target.unwrap_or_else(|e| cannot("read the link", name.to_bytes(), e)).into_bytes();
            }
            Kind::File if contents => {
                let fd = open(directory, name).unwrap_or_else(|e| cannot("open", name.to_bytes(), e));
                made.content = content::digest(fd.as_fd(), made.size);
                made.xattrs = xattrs(fd.as_fd());
            }
            Kind::Directory => {
                let fd = open(directory, name).unwrap_or_else(|e| cannot("open", name.to_bytes(), e));
                if contents {
                    made.xattrs = xattrs(fd.as_fd());
                }
                walk(fd.as_fd(), &[&path[..], b"/"].concat(), contents, tree);
            }
            Kind::File | Kind::Other => {}
        }
        tree.entries.insert(path, made);
    }
}

fn open(directory: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(directory, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

impl Entry {
    fn from_stat(stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink,
            _ => Kind::Other,
        };
        let of_file = |n: i64| if kind == Kind::File { u64::try_from(n).unwrap_or(0) } else { 0 };
        let nanoseconds = |n: u64| i64::try_from(n).unwrap_or(0);
        Self {
            kind,
            mode: if kind == Kind::Symlink { 0 } else { stat.st_mode & 0o7777 },
            mtime: (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
            ctime: (stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
            owner: (stat.st_uid, stat.st_gid),
            inode: (stat.st_dev, stat.st_ino),
            size: of_file(stat.st_size),
            disk_bytes: of_file(stat.st_blocks) * 512,
            content: Vec::new(),
            xattrs: BTreeMap::new(),
        }
    }
}

/// The `user.*` attributes; none where the file system has none.
fn xattrs(fd: BorrowedFd<'_>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    const NAMES_BYTES_MAX: usize = 64 * 1024;
    let mut names = vec![0u8; NAMES_BYTES_MAX];
    let n = match rustix::fs::flistxattr(fd, names.as_mut_slice()) {
        Ok(n) => n,
        Err(rustix::io::Errno::OPNOTSUPP) => 0,
        Err(e) => panic!("cannot list attributes: {e}"),
    };
    let user = names[..n].split(|b| *b == 0).filter(|name| name.starts_with(b"user."));
    user.map(|name| {
        let mut value = vec![0u8; NAMES_BYTES_MAX];
        let n = rustix::fs::fgetxattr(fd, name, value.as_mut_slice()).expect("attribute");
        value.truncate(n);
        (name.to_vec(), value)
    })
    .collect()
}
