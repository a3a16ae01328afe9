//! A target in a temporary directory, and the steps of a transfer in one call.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use twinhaul_backend_abi::{
    Attrs, Backend, Buf, Error, Host, Key, Kind, Limits, Lost, Op, Put, ReadOptions, Reader, Stat, Target,
    WriteMode, Writer,
};
use twinhaul_disk::{Disk, DiskTarget};

pub(crate) const OP: Op<'static> = Op::detached();

pub(crate) struct Place {
    pub(crate) dir: TempDir,
    pub(crate) target: DiskTarget,
    pub(crate) limits: Limits,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// With further fields of the configuration: `, "xattrs": false`.
    pub(crate) fn with(fields: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (target, limits) = open(dir.path(), fields).unwrap();
        Self { dir, target, limits }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }
}

pub(crate) fn open(root: &Path, fields: &str) -> Result<(DiskTarget, Limits), Error> {
    let config = format!("{{\"root\":{:?}{fields}}}", root.to_str().unwrap());
    Disk::open(&config, &OP, Host::get())
}

pub(crate) fn key(bytes: impl AsRef<[u8]>) -> Key {
    Key::new(bytes.as_ref()).unwrap()
}

pub(crate) fn put(name: impl AsRef<[u8]>, attempt: &str) -> Put {
    Put::new(key(name), attempt)
}

pub(crate) fn node(name: &str, attempt: &str, attrs: Attrs) -> Put {
    Put { attrs: Some(attrs), ..put(name, attempt) }
}

pub(crate) fn over(put: Put) -> Put {
    Put { mode: WriteMode::Overwrite, ..put }
}

/// Opened, written and sealed; the ref and what was lost.
pub(crate) fn seal(target: &DiskTarget, put: &Put, bytes: &[u8]) -> Result<(Vec<u8>, Lost), Error> {
    let (mut writer, info) = target.writer_open(&OP, put)?;
    writer.write(&OP, &Buf::of(bytes))?;
    let lost = writer.seal(&OP)?;
    Ok((info.reference, lost | info.lost))
}

pub(crate) fn publish(target: &DiskTarget, put: &Put, reference: &[u8]) -> Result<Stat, Error> {
    let mut answers = target.publish_batch(&OP, std::slice::from_ref(put), &[reference])?;
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

pub(crate) fn sync(target: &DiskTarget, reference: &[u8]) -> Result<(), Error> {
    let mut answers = target.seal_sync(&OP, &[reference])?;
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

/// All steps of one transfer.
pub(crate) fn store(target: &DiskTarget, put: &Put, bytes: &[u8]) -> Result<Lost, Error> {
    let (reference, lost) = seal(target, put, bytes)?;
    sync(target, &reference)?;
    let stat = publish(target, put, &reference)?;
    assert_eq!((stat.kind, stat.size), (Kind::File, bytes.len() as u64));
    target.publish_sync(&OP)?;
    Ok(lost)
}

pub(crate) fn read(
    target: &DiskTarget,
    name: impl AsRef<[u8]>,
    options: ReadOptions,
) -> Result<Vec<u8>, Error> {
    let (mut reader, _) = target.reader_open(&OP, &key(name), options)?;
    let (mut all, mut part) = (Vec::new(), vec![0; 10_007]);
    loop {
        match reader.read(&OP, &mut part)? {
            0 => return Ok(all),
            n => all.extend_from_slice(&part[..n]),
        }
    }
}

/// Bytes that differ from place to place.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len as u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Sets a flag when it goes, also when the test fails: else the threads that wait for the flag would never end.
pub(crate) struct StopAtEnd<'a>(pub(crate) &'a std::sync::atomic::AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}
