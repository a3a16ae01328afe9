//! One level of a directory, page by page, in the order of the file system.
//!
//! Between two pages the open directory stream is kept, a few at a time. A continuation is the name of that stream and its position, so that
//! one that was dropped is opened again and set forward: a directory of a million entries is read once, not once per
//! page, and memory does not grow with it. The private directory is never listed.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{Dir, FileType};
use rustix::io::Errno;
use twinhaul_backend_abi::{Attrs, Code, Error, Flow, Key, Kind, ListEnd, ListRequest, Op, Result, Wanted};

use crate::attrs::{link_target, xattrs};
use crate::fail::failed;
use crate::names::PRIVATE;
use crate::node::{Node, kind_of};
use crate::parents::allowed;
use crate::volume::Volume;

/// Entries of a page when the host does not say.
const PAGE: u32 = 1024;
/// Streams kept between pages; the oldest is closed first.
const STREAMS_MAX: usize = 8;
/// Bytes of a continuation: stream and position.
const TOKEN_BYTES: usize = 16;

struct Stream {
    id: u64,
    prefix: Vec<u8>,
    dir: Dir,
}

/// The streams of one target that wait for their next page.
pub(crate) struct Lister {
    streams: Mutex<VecDeque<Stream>>,
    /// Begins anywhere, so that the continuation of another process hardly ever names a stream of this one.
    next_id: AtomicU64,
}

impl std::fmt::Debug for Lister {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lister").finish_non_exhaustive()
    }
}

impl Default for Lister {
    fn default() -> Self {
        Self { streams: Mutex::default(), next_id: AtomicU64::new(RandomState::new().hash_one(PRIVATE)) }
    }
}

impl Lister {
    pub(crate) fn list(
        &self,
        volume: &Volume,
        op: &Op<'_>,
        request: &ListRequest<'_>,
        entry: &mut dyn FnMut(&[u8], &Attrs) -> Flow,
    ) -> Result<ListEnd> {
        let prefix = request.prefix.map_or(&b""[..], Key::as_bytes);
        allowed("list", prefix)?;
        let mut dir = self.stream(volume, prefix, request.continuation)?;
        let page = if request.max_entries == 0 { PAGE } else { request.max_entries };
        let mut told = 0;
        loop {
            op.check()?;
            let Some(found) = dir.read() else { return Ok(ListEnd::default()) };
            let found = found.map_err(|e| failed("list", prefix, e))?;
            let name = found.file_name().to_bytes();
            if name == b"." || name == b".." || (prefix.is_empty() && name == PRIVATE) {
                continue;
            }
            let Some(attrs) = describe(volume, &dir, name, found.file_type(), request.want)
                .map_err(|e| failed("read attributes of", &join(prefix, name), e))?
            else {
                continue;
            };
            told += 1;
            if entry(&join(prefix, name), &attrs).is_break() || told >= page {
                let next = self.keep(prefix, dir, found.offset());
                return Ok(ListEnd { next: Some(next), ordered: false });
            }
        }
    }

    /// The stream that the continuation names, else a new one set to its position.
    fn stream(&self, volume: &Volume, prefix: &[u8], continuation: &[u8]) -> Result<Dir> {
        let open = || {
            let dir = volume.root.dir(prefix).and_then(Dir::new);
            dir.map_err(|e| volume.blame("list", prefix, e))
        };
        if continuation.is_empty() {
            return open();
        }
        let bad = || Error::new(Code::InvalidArg, "not a continuation of a disk target");
        let token: [u8; TOKEN_BYTES] = continuation.try_into().map_err(|_| bad())?;
        let (id, position) = split(token);
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = streams.iter().position(|s| s.id == id && s.prefix == prefix);
        if let Some(stream) = kept.and_then(|at| streams.remove(at)) {
            return Ok(stream.dir);
        }
        drop(streams);
        let mut dir = open()?;
        dir.seek(position).map_err(|e| if e == Errno::INVAL { bad() } else { failed("list", prefix, e) })?;
        Ok(dir)
    }

    fn keep(&self, prefix: &[u8], dir: Dir, position: i64) -> Vec<u8> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.push_back(Stream { id, prefix: prefix.to_vec(), dir });
        if streams.len() > STREAMS_MAX {
            streams.pop_front();
        }
        [id.to_le_bytes(), position.to_le_bytes()].concat()
    }
}

fn split(token: [u8; TOKEN_BYTES]) -> (u64, i64) {
    let token = u128::from_le_bytes(token);
    (token as u64, (token >> 64) as i64)
}

fn join(prefix: &[u8], name: &[u8]) -> Vec<u8> {
    if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
}

/// `None` = it vanished meanwhile.
fn describe(
    volume: &Volume,
    dir: &Dir,
    name: &[u8],
    told: FileType,
    want: Wanted,
) -> rustix::io::Result<Option<Attrs>> {
    let enough = match want {
        Wanted::Kind => told != FileType::Unknown,
        Wanted::Plan => told == FileType::Directory,
        Wanted::All => false,
    };
    if enough {
        return Ok(Some(Attrs::of(kind_of(told))));
    }
    let all = want == Wanted::All;
    let dir = dir.fd()?;
    let describe = || {
        let node = Node::named(dir, name)?;
        let mut attrs = node.attrs();
        match node.kind {
            Kind::Symlink if all => attrs.link_target = Some(link_target(dir.as_fd(), name)?),
            Kind::File | Kind::Directory if all && volume.xattrs => {
                attrs.xattrs = xattrs::of_entry(dir, name)?;
            }
            _ => {}
        }
        Ok(attrs)
    };
    match describe() {
        Ok(attrs) => Ok(Some(attrs)),
        Err(Errno::NOENT) => Ok(None),
        // No longer a symlink since it was looked at: the next listing tells.
        Err(Errno::INVAL) => Node::named(dir, name).map(|node| Some(node.attrs())),
        Err(e) => Err(e),
    }
}
