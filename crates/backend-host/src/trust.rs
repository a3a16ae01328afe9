//! Is this file safe to run? Answered on an open descriptor, before `dlopen`, because constructors run there (threats 6, 7).
//!
//! Every directory on the way and the file itself must belong to root or to this user and not be writable by others. A
//! directory with the sticky bit (/tmp) may be writable when what is in it belongs to root or to this user. Group-writable
//! passes only for a group that is this user's alone (the usual umask 002 of one-user groups).

mod groups;

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};

use crate::error::HostError;

/// Bytes read to see whether a file is a shared library.
const ELF_HEADER: usize = 20;
/// `e_type` of a shared object.
const ET_DYN: u16 = 3;

/// An opened, checked library.
#[derive(Debug)]
pub(crate) struct Checked {
    pub file: File,
    /// Canonical.
    pub path: PathBuf,
    pub id: FileId,
}

/// Which file, and whether it is still the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    pub dev: u64,
    pub ino: u64,
    pub size: u64,
    /// Nanoseconds.
    pub mtime: i128,
    pub ctime: i128,
}

impl FileId {
    fn of(st: &Stat) -> Self {
        let nanos = |s: i64, ns: u64| i128::from(s) * 1_000_000_000 + i128::from(ns);
        Self {
            dev: st.st_dev,
            ino: st.st_ino,
            size: st.st_size.cast_unsigned(),
            mtime: nanos(st.st_mtime, st.st_mtime_nsec),
            ctime: nanos(st.st_ctime, st.st_ctime_nsec),
        }
    }

    /// As text, to compare across processes.
    pub(crate) fn token(self) -> String {
        format!("{}:{}:{}:{}:{}", self.dev, self.ino, self.size, self.mtime, self.ctime)
    }
}

impl Checked {
    /// What `dlopen` is given: this descriptor, so that nobody can swap the file in between.
    pub(crate) fn fd_path(&self) -> String {
        format!("/proc/self/fd/{}", self.file.as_raw_fd())
    }
}

/// Opens and checks `path`; `pin` is `blake3:` and 64 hexadecimal digits.
pub(crate) fn check(path: &Path, pin: Option<&str>) -> Result<Checked, HostError> {
    let pin = pin.map(parse_pin).transpose()?;
    let unreadable = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => HostError::Missing { path: path.to_owned() },
        _ => HostError::Unreadable { path: path.to_owned(), source },
    };
    let real = std::fs::canonicalize(path).map_err(unreadable)?;
    let fd = walk(path, &real)?;
    let mut file = File::from(fd);
    elf(path, &mut file)?;
    if let Some(wanted) = pin {
        compare(path, &mut file, &wanted)?;
    }
    let st = rustix::fs::fstat(&file).map_err(|e| unreadable(e.into()))?;
    Ok(Checked { file, path: real, id: FileId::of(&st) })
}

/// Goes from `/` to the file by descriptors, without following a symlink, checking each step.
fn walk(asked: &Path, real: &Path) -> Result<OwnedFd, HostError> {
    let io = |e: rustix::io::Errno| HostError::Unreadable { path: asked.to_owned(), source: e.into() };
    let names: Vec<_> =
        real.components().filter_map(|c| if let Component::Normal(n) = c { Some(n) } else { None }).collect();
    let dir_flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut fd = rustix::fs::openat(CWD, "/", dir_flags, Mode::empty()).map_err(io)?;
    let mut at = PathBuf::from("/");
    judge(asked, &at, &rustix::fs::fstat(&fd).map_err(io)?, true)?;
    for (i, name) in names.iter().enumerate() {
        let last = i + 1 == names.len();
        // A device or FIFO in the library's place must not block the open.
        let flags = if last {
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC
        } else {
            dir_flags | OFlags::NOFOLLOW
        };
        let next = rustix::fs::openat(&fd, name.as_bytes(), flags, Mode::empty()).map_err(io)?;
        at.push(name);
        let st = rustix::fs::fstat(&next).map_err(io)?;
        if last {
            regular(asked, &st)?;
        }
        judge(asked, &at, &st, !last)?;
        fd = next;
    }
    Ok(fd)
}

fn regular(asked: &Path, st: &Stat) -> Result<(), HostError> {
    let what = match FileType::from_raw_mode(st.st_mode) {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "a directory",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        _ => "a device",
    };
    Err(HostError::NotRegular { path: asked.to_owned(), what })
}

/// Owner and mode of one step. Behind a sticky bit only the owner of an entry can replace it, and the next step judges that owner.
fn judge(asked: &Path, at: &Path, st: &Stat, directory: bool) -> Result<(), HostError> {
    let me = rustix::process::geteuid().as_raw();
    let (path, at) = (asked.to_owned(), at.to_owned());
    if st.st_uid != 0 && st.st_uid != me {
        return Err(HostError::ForeignOwner { path, at, uid: st.st_uid });
    }
    let mode = st.st_mode & 0o7777;
    let by_group = mode & 0o020 != 0 && !groups::is_private_to(st.st_gid, me);
    let sticky = directory && mode & 0o1000 != 0;
    if sticky || (mode & 0o002 == 0 && !by_group) {
        return Ok(());
    }
    Err(HostError::WritableByOthers { path, at, mode })
}

fn elf(path: &Path, file: &mut File) -> Result<(), HostError> {
    let not = |reason: String| HostError::NotALibrary { path: path.to_owned(), reason };
    let mut head = Vec::with_capacity(ELF_HEADER);
    let io = |source| HostError::Unreadable { path: path.to_owned(), source };
    file.by_ref().take(ELF_HEADER as u64).read_to_end(&mut head).map_err(io)?;
    file.rewind().map_err(io)?;
    let [0x7f, b'E', b'L', b'F', ..] = head[..] else {
        return Err(not(format!(
            "it begins with \"{}\"",
            twinhaul_units::text::show_bytes(&head[..head.len().min(8)])
        )));
    };
    match head.get(16..18) {
        Some(&[lo, hi])
            if u16::from_le_bytes([lo, hi]) == ET_DYN || u16::from_be_bytes([lo, hi]) == ET_DYN =>
        {
            Ok(())
        }
        _ => Err(not("it is an ELF file of another type, such as a program or an object file".to_owned())),
    }
}

fn parse_pin(pin: &str) -> Result<blake3::Hash, HostError> {
    pin.strip_prefix("blake3:")
        .and_then(|hex| blake3::Hash::from_hex(hex).ok())
        .ok_or_else(|| HostError::BadPin { pin: pin.to_owned() })
}

fn compare(path: &Path, file: &mut File, wanted: &blake3::Hash) -> Result<(), HostError> {
    let io = |source| HostError::Unreadable { path: path.to_owned(), source };
    let mut hasher = blake3::Hasher::new();
    std::io::copy(file, &mut hasher).map_err(io)?;
    file.rewind().map_err(io)?;
    let found = hasher.finalize();
    if found == *wanted {
        return Ok(());
    }
    Err(HostError::PinMismatch {
        path: path.to_owned(),
        wanted: format!("blake3:{}", wanted.to_hex()),
        found: format!("blake3:{}", found.to_hex()),
    })
}
