//! How a target is: space, device, what it lies on, and whether it is still where it was.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Instant;

use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags, StatVfsMountFlags, accessat, fstatvfs, openat};
use rustix::io::Errno;
use twinhaul_backend_abi::{Health, Probe, Result};

use crate::fail::failed;
use crate::mounts::MountTable;
use crate::node::Node;
use crate::volume::Volume;

/// Write and search, of the owner.
const OWNER_WRITES: u32 = 0o300;

/// `bare` = it was a bare mount point before anything was made in it.
pub(crate) fn probe(volume: &Volume, bare: bool) -> Result<Probe> {
    let began = Instant::now();
    let vfs = fstatvfs(volume.root.fd()).map_err(|e| failed("ask the space of", b"", e))?;
    let latency = began.elapsed();
    let place = Path::new(OsStr::from_bytes(&volume.root.location));
    let (health, mut message) = health(volume, place, vfs.f_bavail);
    let on_read_only_fs = vfs.f_flag.contains(StatVfsMountFlags::RDONLY);
    let denied = accessat(volume.root.fd(), c".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).err();
    let read_only = on_read_only_fs || denied.is_some();
    if let (true, Some(errno)) = (message.is_empty(), denied) {
        message = why_denied(volume, errno);
    }
    Ok(Probe {
        health,
        message,
        total_bytes: Some(vfs.f_blocks.saturating_mul(vfs.f_frsize)),
        free_bytes: Some(vfs.f_bavail.saturating_mul(vfs.f_frsize)),
        used_bytes: Some(vfs.f_blocks.saturating_sub(vfs.f_bfree).saturating_mul(vfs.f_frsize)),
        // File systems that make inodes as they go (btrfs) count none.
        free_objects: (vfs.f_files > 0).then_some(vfs.f_favail),
        latency_us: u64::try_from(latency.as_micros()).ok(),
        device: Some(volume.root.node.dev),
        bare_mount_point: bare || MountTable::default().bare(place),
        root_fs: here(Path::new("/")).is_some_and(|root| root.dev == volume.root.node.dev),
        read_only,
        location: volume.root.location.clone(),
        medium: volume.medium.name.to_owned(),
    })
}

/// The root's mode is its owner's word, and is never changed: whoever made it read-only meant it.
fn why_denied(volume: &Volume, errno: Errno) -> String {
    let own = Node::of(volume.root.fd())
        .is_ok_and(|now| now.uid == volume.euid && now.mode & OWNER_WRITES != OWNER_WRITES);
    if own {
        "it is yours, and its mode does not let you write; chmod u+wx opens it".to_owned()
    } else {
        std::io::Error::from(errno).to_string()
    }
}

fn here(path: &Path) -> Option<Node> {
    openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).and_then(Node::of).ok()
}

fn health(volume: &Volume, place: &Path, free_blocks: u64) -> (Health, String) {
    match here(place) {
        None => (Health::Bad, "the directory is no longer there".to_owned()),
        Some(now) if now.id() != volume.root.node.id() => {
            (Health::Bad, "another directory or file system is there now".to_owned())
        }
        Some(_) if free_blocks == 0 => (Health::Degraded, "no space left on the file system".to_owned()),
        Some(_) => (Health::Good, String::new()),
    }
}
