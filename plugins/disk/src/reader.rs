//! One object being read: only regular files, never through a symlink, never blocking on a FIFO.
//!
//! Objects read back for verification are read past the page cache where the file system can (store.md 4, trap 11). So are large ones,
//! but for what happens to be in the cache: it is taken from there.
//! The descriptor that is lent for in-kernel copies always reads buffered.

mod cached;
mod direct;

use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use rustix::fs::{Advice, Mode, OFlags, fadvise, fdatasync};
use rustix::io::{Errno, pread};
use twinhaul_backend_abi::{Attrs, Code, Error, Flow, Key, Kind, Op, ReadOptions, Reader, Result, Stat};

use crate::attrs;
use crate::extents;
use crate::fail::{failed, mistake};
use crate::node::Node;
use crate::parents::allowed;
use crate::volume::Volume;
use cached::Cached;
use direct::Direct;

/// What the kernel reads ahead anyway, in bytes: a smaller object gains nothing from being announced.
const READ_AHEAD: u64 = 128 << 10;

/// See the module.
#[derive(Debug)]
pub struct DiskReader {
    volume: Arc<Volume>,
    file: OwnedFd,
    /// Past the page cache; `None` = buffered.
    direct: Option<Direct>,
    cached: Cached,
    key: Key,
    at: u64,
    /// Where reading ends; `None` = at the end of the object.
    end: Option<u64>,
    /// What [`Reader::attrs`] said last. Whatever changes an attribute moves the time of change, so that it is said again without
    /// reading all of them while that time and everything else of the node stay.
    told: Option<(Node, Attrs)>,
}

impl DiskReader {
    pub(crate) fn open(volume: &Arc<Volume>, key: &Key, options: ReadOptions) -> Result<(Self, Stat)> {
        let (file, node) = open_regular(volume, key)?;
        let wrong = |e| failed("open", key.as_bytes(), e);
        let large = node.size >= volume.direct_above;
        if options.uncached {
            // Dirty pages would stay in the cache, so they go to the medium first.
            fdatasync(&file).map_err(wrong)?;
            let _ = fadvise(&file, 0, None, Advice::DontNeed);
        } else if !large && node.size > READ_AHEAD {
            let len = options.len.and_then(NonZeroU64::new);
            let _ = fadvise(&file, options.offset, len, Advice::Sequential);
        }
        let direct = if options.uncached || large { Direct::of(&file) } else { None };
        let reader = Self {
            volume: Arc::clone(volume),
            file,
            direct,
            // What is read back must come from the medium.
            cached: if options.uncached { Cached::Never } else { Cached::First },
            key: key.clone(),
            at: options.offset,
            end: options.len.map(|len| options.offset.saturating_add(len)),
            told: None,
        };
        Ok((reader, node.stat()))
    }

    fn error(&self, doing: &str, e: Errno) -> Error {
        let at = format!("{doing} at byte {} of", self.at);
        failed(&at, self.key.as_bytes(), e)
    }
}

/// First a handle, which has no effect whatever the node is; then the file, and only if it is one.
fn open_regular(volume: &Volume, key: &Key) -> Result<(OwnedFd, Node)> {
    let path = key.as_bytes();
    allowed("open", path)?;
    let handle = volume.root.handle(path).map_err(|e| volume.blame("open", path, e))?;
    regular(&Node::of(&handle).map_err(|e| failed("open", path, e))?, path)?;
    // It may have been replaced meanwhile: without O_NONBLOCK a FIFO would hold this thread for ever.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = volume.root.open(path, flags, Mode::empty()).map_err(|e| match e {
        Errno::LOOP => mistake(Code::WrongKind, "open", path, "it became a symlink"),
        e => volume.blame("open", path, e),
    })?;
    let node = Node::of(&file).map_err(|e| failed("open", path, e))?;
    regular(&node, path)?;
    Ok((file, node))
}

fn regular(node: &Node, path: &[u8]) -> Result<()> {
    let what = match node.kind {
        Kind::File => return Ok(()),
        Kind::Directory => "it is a directory",
        Kind::Symlink => "it is a symlink, and symlinks are not followed",
        _ => "it is a device, FIFO or socket",
    };
    Err(mistake(Code::WrongKind, "open", path, what))
}

impl Reader for DiskReader {
    fn read(&mut self, op: &Op<'_>, dst: &mut [u8]) -> Result<usize> {
        let left = self.end.map_or(u64::MAX, |end| end.saturating_sub(self.at));
        let want = (dst.len() as u64).min(left) as usize;
        if want == 0 {
            return Ok(0);
        }
        let dst = &mut dst[..want];
        loop {
            op.check()?;
            let got = match &mut self.direct {
                Some(direct) => match self.cached.read(&self.file, dst, self.at) {
                    Some(n) => Ok(n),
                    None => direct.read(dst, self.at),
                },
                None => pread(&self.file, &mut *dst, self.at),
            };
            match got {
                Ok(n) => {
                    self.at += n as u64;
                    return Ok(n);
                }
                Err(Errno::INTR) => {}
                // tmpfs, some FUSE, odd block sizes: cached reading then.
                Err(Errno::INVAL | Errno::NOTSUP) if self.direct.is_some() => self.direct = None,
                Err(e) => return Err(self.error("read", e)),
            }
        }
    }

    fn attrs(&mut self, _: &Op<'_>) -> Result<Attrs> {
        let wrong = |e| failed("read attributes of", self.key.as_bytes(), e);
        let node = Node::of(&self.file).map_err(wrong)?;
        if let Some((_, attrs)) = self.told.as_ref().filter(|(told, _)| *told == node) {
            return Ok(attrs.clone());
        }
        let attrs = attrs::read(&self.volume, &self.file, &node).map_err(wrong)?;
        self.told = Some((node, attrs.clone()));
        Ok(attrs)
    }

    fn extents(&mut self, op: &Op<'_>, data: &mut dyn FnMut(u64, u64) -> Flow) -> Result<()> {
        let wrong = |e| failed("find the holes of", self.key.as_bytes(), e);
        if self.volume.medium.holes_need_sync {
            fdatasync(&self.file).map_err(wrong)?;
        }
        let size = Node::of(&self.file).map_err(wrong)?.size;
        let mut cancelled = false;
        extents::walk(self.file.as_fd(), 0, size, |offset, len| {
            cancelled = op.is_cancelled();
            if cancelled { ControlFlow::Break(()) } else { data(offset, len) }
        })
        .map_err(wrong)?;
        if cancelled { Err(Error::cancelled()) } else { Ok(()) }
    }

    fn fd(&self) -> Option<RawFd> {
        Some(self.file.as_raw_fd())
    }
}
