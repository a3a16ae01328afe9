//! The files around the ledger: where it may lie, its reserve, and who holds its lock.
//!
//! It must never open and close the database, its log or its shared memory while SQLite has them open: POSIX drops
//! all of a process's locks on a file when any descriptor of it is closed, and with them SQLite's protection.

use crate::{LedgerError, RESERVE_BYTES, Result};
use rustix::fs::{FallocateFlags, StatFs};
use rustix::process::{Flock, FlockType, fcntl_getlk};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Owner only (faults.md, threat 20).
const MODE: u32 = 0o600;
/// The first lock byte of the shared memory is the write lock (SQLite's WAL format, "locking").
const WRITE_LOCK_BYTE: u64 = 120;
/// Ledgers whose shared memory one process keeps open to ask for the holder.
const HOLDER_FILES_MAX: usize = 64;
/// Written at once when a file system cannot reserve without writing.
const RESERVE_CHUNK: usize = 1 << 20;

/// File systems that two processes cannot share a write-ahead log on, or where locks are only advice (store.md 4.4).
const SHARED: [(u32, &str); 10] = [
    (0x0000_6969, "NFS"),
    (0x0000_517B, "SMB"),
    (0xFF53_4D42, "SMB (CIFS)"),
    (0xFE53_4D42, "SMB"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
    (0x00C3_6400, "Ceph"),
    (0x5346_414F, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0BD0_0BD0, "Lustre"),
];

/// Device and inode: which file a path meant when it was opened.
pub(crate) type Identity = (u64, u64);

/// The name of a file that belongs to the ledger: `ledger.sqlite` + `-wal`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn io_error(path: &Path, error: &io::Error) -> LedgerError {
    match error.kind() {
        io::ErrorKind::NotFound => LedgerError::NotFound { path: path.to_owned() },
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            LedgerError::NoSpace { path: path.to_owned(), reserve_released: false }
        }
        _ => LedgerError::Io { path: path.to_owned(), message: error.to_string() },
    }
}

/// Refuses file systems of [`SHARED`].
pub(crate) fn refuse_shared(path: &Path) -> Result<()> {
    let stat: StatFs =
        rustix::fs::statfs(directory(path)).map_err(|e| io_error(directory(path), &io::Error::from(e)))?;
    match shared_kind(stat.f_type as u32) {
        Some(kind) => Err(LedgerError::SharedFileSystem { path: directory(path).to_owned(), kind }),
        None => Ok(()),
    }
}

/// The kind of a shared file system, by its magic number (32 bits; the kernel widens it).
fn shared_kind(magic: u32) -> Option<&'static str> {
    SHARED.iter().find(|(m, _)| *m == magic).map(|(_, kind)| *kind)
}

/// Makes an empty file that only its owner can read; the name is durable.
pub(crate) fn create_private(path: &Path) -> Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path);
    match made {
        Ok(file) => drop(file),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            return Err(LedgerError::Exists { path: path.to_owned() });
        }
        Err(e) => return Err(io_error(path, &e)),
    }
    File::open(directory(path)).and_then(|d| d.sync_all()).map_err(|e| io_error(path, &e))
}

/// Which file `path` means now.
pub(crate) fn identity(path: &Path) -> Result<Identity> {
    fs::metadata(path).map(|m| (m.dev(), m.ino())).map_err(|e| io_error(path, &e))
}

/// Size of the write-ahead log; 0 without one.
pub(crate) fn wal_bytes(path: &Path) -> u64 {
    fs::metadata(beside(path, "-wal")).map_or(0, |m| m.len())
}

fn reserve_path(path: &Path) -> PathBuf {
    beside(path, "-reserve")
}

/// Makes the reserve, unless it is there. What it holds is given back when the disk is full (store.md 4.6).
pub(crate) fn make_reserve(path: &Path) -> Result<()> {
    let reserve = reserve_path(path);
    if fs::metadata(&reserve).is_ok_and(|m| m.len() == RESERVE_BYTES) {
        return Ok(());
    }
    let filled =
        OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&reserve).and_then(fill);
    filled.map_err(|e| {
        let _ = fs::remove_file(&reserve);
        io_error(&reserve, &e)
    })
}

fn fill(mut file: File) -> io::Result<()> {
    match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
            let chunk = vec![0x5a; RESERVE_CHUNK];
            for _ in 0..RESERVE_BYTES / RESERVE_CHUNK as u64 {
                file.write_all(&chunk)?;
            }
            file.sync_all()
        }
        Err(e) => Err(e.into()),
    }
}

/// Gives the reserve back; whether there was one.
pub(crate) fn release_reserve(path: &Path) -> bool {
    fs::remove_file(reserve_path(path)).is_ok()
}

/// See [`crate::lock_holder`].
pub(crate) fn lock_holder(path: &Path) -> Result<Option<u32>> {
    /// Never closed: closing one would drop this process's own locks on it.
    static OPEN: Mutex<Vec<(Identity, File)>> = Mutex::new(Vec::new());
    let shm = beside(path, "-shm");
    let identity = match fs::metadata(&shm) {
        Ok(m) => (m.dev(), m.ino()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io_error(&shm, &e)),
    };
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = open.iter().position(|(i, _)| *i == identity);
    let at = match known {
        Some(at) => at,
        None if open.len() >= HOLDER_FILES_MAX => {
            return Err(LedgerError::TooMany {
                what: "ledgers in one process",
                max: HOLDER_FILES_MAX as u64,
            });
        }
        None => {
            open.push((identity, File::open(&shm).map_err(|e| io_error(&shm, &e))?));
            open.len() - 1
        }
    };
    let mut wanted = Flock::from(FlockType::WriteLock);
    wanted.start = WRITE_LOCK_BYTE;
    wanted.length = 1;
    let held = fcntl_getlk(&open[at].1, &wanted).map_err(|e| io_error(&shm, &io::Error::from(e)))?;
    Ok(held.and_then(|lock| lock.pid).and_then(|pid| u32::try_from(pid.as_raw_pid()).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_and_local_ones_pass() {
        assert_eq!(shared_kind(0x6969), Some("NFS"));
        assert_eq!(shared_kind(0xFF53_4D42), Some("SMB (CIFS)"));
        assert_eq!(shared_kind(0x6573_5546), Some("FUSE"));
        for local in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x2FC1_2FC1] {
            assert_eq!(shared_kind(local), None, "{local:x}");
        }
    }

    #[test]
    fn the_reserve_really_takes_space_and_is_given_back_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.sqlite");
        make_reserve(&path).unwrap();
        let meta = fs::metadata(reserve_path(&path)).unwrap();
        assert_eq!(meta.len(), RESERVE_BYTES);
        assert!(meta.blocks() * 512 >= RESERVE_BYTES, "sparse: {} blocks", meta.blocks());
        assert_eq!(meta.mode() & 0o777, 0o600);
        make_reserve(&path).unwrap();
        assert!(release_reserve(&path));
        assert!(!release_reserve(&path));
    }
}
