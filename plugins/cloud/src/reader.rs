//! One object being read: a stream of ranges of one version, taken up again where it broke.
//!
//! The version is pinned by its etag: an object that is replaced meanwhile is an error, never a mix. Large ranges are fetched in
//! pieces, several at once and in order. It must never give fewer bytes than the service said there are.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf as _;
use opendal::BytesRange;
use opendal::raw::OpRead;
use opendal::raw::oio::{Read as _, ReadStream as _};
use opendal::{Buffer, ErrorKind, Metadata};
use tokio::task::JoinHandle;
use twinhaul_backend_abi::{Attrs, Code, Error, Key, Kind, Op, ReadOptions, Reader, Result, Stat};

use crate::fail::about;
use crate::store::Store;
use crate::target::Shared;
use crate::{meta, names};

/// Objects above this are fetched in pieces.
pub(crate) const PIECE: u64 = 8 << 20;
/// Pieces of one object at once; they are its memory. One more with each that was wanted: of an object that others take parts of,
/// little is fetched in vain.
const PIECES: usize = 4;
/// A piece that broke so often gives up; one that gives a byte begins to count anew.
const RESUMES_MAX: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

type Piece = JoinHandle<opendal::Result<Buffer>>;

/// See the module.
pub struct CloudReader {
    shared: Arc<Shared>,
    key: String,
    args: OpRead,
    found: Metadata,
    /// The next byte that is asked for, and the first that is not wanted.
    next: u64,
    end: u64,
    pieces: VecDeque<Piece>,
    /// Of them, at once for now.
    ahead: usize,
    /// Bytes that have come and were not yet taken.
    here: Buffer,
}

impl std::fmt::Debug for CloudReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudReader").finish_non_exhaustive()
    }
}

impl CloudReader {
    pub(crate) fn open(
        shared: &Arc<Shared>,
        op: &Op<'_>,
        key: &Key,
        options: ReadOptions,
    ) -> Result<(Self, Stat)> {
        let store = &shared.store;
        let path = names::path("read", key)?;
        let found =
            store.call(op, store.stat(path))?.map_err(|e| store.teller.failed(&format!("read {key}"), &e))?;
        if found.is_dir() {
            return Err(about(Code::WrongKind, "read", key.as_bytes(), "it is a directory"));
        }
        let size = found.content_length();
        let end = options.len.map_or(size, |len| options.offset.saturating_add(len).min(size));
        let args = pinned(store, &found);
        let reader = Self {
            shared: shared.clone(),
            key: path.to_owned(),
            args,
            next: options.offset.min(end),
            end,
            pieces: VecDeque::new(),
            ahead: 1,
            here: Buffer::new(),
            found,
        };
        let stat = meta::stat(&reader.found);
        Ok((reader, Stat { kind: Kind::File, ..stat }))
    }

    /// Keeps as many pieces on their way as the object is worth.
    fn fetch(&mut self) -> Result<()> {
        while self.pieces.len() < self.ahead && self.next < self.end {
            let len = PIECE.min(self.end - self.next);
            let piece = piece(
                self.shared.store.clone(),
                self.key.clone(),
                self.args.clone(),
                self.next,
                len,
                self.shared.config.timeout,
            );
            self.pieces.push_back(Store::spawn(piece)?);
            self.next += len;
        }
        Ok(())
    }
}

/// Only this version, if the service can tell versions apart.
fn pinned(store: &Store, found: &Metadata) -> OpRead {
    let if_match = found.etag().filter(|_| store.capability.read_with_if_match).map(str::to_owned);
    let options = opendal::options::ReadOptions { if_match, ..Default::default() };
    let (_, args, _) = options.into();
    args
}

/// All of one range, however often the connection breaks.
async fn piece(
    store: Store,
    path: String,
    args: OpRead,
    from: u64,
    len: u64,
    patience: Duration,
) -> opendal::Result<Buffer> {
    let mut got: Vec<Buffer> = Vec::new();
    let (mut at, mut broken) = (0, 0);
    loop {
        let before = at;
        let answer = stream(&store, &path, &args, from + at, len - at, patience, |bytes| {
            at += bytes.len() as u64;
            got.push(bytes);
        })
        .await;
        if at >= len {
            return Ok(got.into_iter().flatten().collect());
        }
        let e = match answer {
            Ok(()) => opendal::Error::new(ErrorKind::Unexpected, "the server sent fewer bytes than it said")
                .set_temporary(),
            Err(e) => e,
        };
        if at > before {
            broken = 0;
        }
        if broken >= RESUMES_MAX || !(e.is_temporary() || e.is_persistent()) {
            return Err(e);
        }
        broken += 1;
        store.meter.resumed_read();
        tokio::time::sleep(PAUSE * broken).await;
    }
}

/// One request; what comes goes to `take`, never more than `len`.
async fn stream(
    store: &Store,
    path: &str,
    args: &OpRead,
    from: u64,
    len: u64,
    patience: Duration,
    mut take: impl FnMut(Buffer),
) -> opendal::Result<()> {
    let silent = |_| opendal::Error::new(ErrorKind::Unexpected, "no bytes for too long").set_temporary();
    let reader = store.reader(path, args.clone())?;
    let (_, mut body) = reader.open(BytesRange::new(from, Some(len))).await?;
    let mut left = len;
    while left > 0 {
        let mut bytes = tokio::time::timeout(patience, body.read()).await.map_err(silent)??;
        if bytes.is_empty() {
            return Ok(());
        }
        // A server that ignores ranges sends the whole; only a request from the beginning is right then.
        bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= bytes.len() as u64;
        store.meter.received(bytes.len() as u64);
        take(bytes);
    }
    Ok(())
}

impl Reader for CloudReader {
    fn read(&mut self, op: &Op<'_>, dst: &mut [u8]) -> Result<usize> {
        op.check()?;
        if dst.is_empty() {
            return Ok(0);
        }
        while self.here.is_empty() {
            self.fetch()?;
            let Some(first) = self.pieces.front_mut() else { return Ok(0) };
            let store = self.shared.store.clone();
            let answer = store.call(op, first)?;
            self.pieces.pop_front();
            self.ahead = PIECES.min(self.ahead + 1);
            let doing = format!("read {}", twinhaul_units::text::show(&self.key));
            self.here = match answer {
                Ok(Ok(bytes)) => bytes,
                Ok(Err(e)) if e.kind() == ErrorKind::ConditionNotMatch => {
                    return Err(Error::new(
                        Code::Precondition,
                        format!("{doing}: it was replaced while it was read"),
                    )
                    .poisoned());
                }
                Ok(Err(e)) => return Err(store.teller.failed(&doing, &e).poisoned()),
                Err(_) => {
                    return Err(
                        Error::new(Code::Internal, format!("{doing}: the task ended early")).poisoned()
                    );
                }
            };
        }
        let n = dst.len().min(self.here.remaining());
        self.here.copy_to_slice(&mut dst[..n]);
        Ok(n)
    }

    fn attrs(&mut self, op: &Op<'_>) -> Result<Attrs> {
        if self.args.if_match().is_some() {
            // The version is pinned: what it was at opening, it is.
            return Ok(meta::attrs(&self.found));
        }
        let store = &self.shared.store;
        let now = store.call(op, store.stat(&self.key))?;
        now.map(|now| meta::attrs(&now)).map_err(|e| store.teller.failed("look again at", &e))
    }
}

impl Drop for CloudReader {
    fn drop(&mut self) {
        for piece in &self.pieces {
            piece.abort();
        }
    }
}
