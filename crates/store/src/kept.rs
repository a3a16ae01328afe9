//! Bytes in files: each has a file of its own, which goes with the last that knows of it.

use futures_util::StreamExt as _;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, Range, StreamingBlob};
use s3s::{S3Error, S3Result, s3_error};
use std::io::SeekFrom;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

/// The largest object in one request and the largest part, as S3 has it.
const BYTES_MAX: u64 = 5 << 30;
/// Read from a file at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// Where the files are.
#[derive(Debug)]
pub(crate) struct Cellar {
    root: PathBuf,
    next: AtomicU64,
}

/// Bytes that were kept, whole.
#[derive(Debug)]
pub(crate) struct Kept {
    path: PathBuf,
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    /// Those that the client gave, which were right.
    pub(crate) checksum: Checksum,
}

impl Drop for Kept {
    fn drop(&mut self) {
        // At worst it is in the owner's directory a little longer.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Cellar {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, next: AtomicU64::new(0) }
    }

    /// Keeps what comes; what does not fit its checksums is not kept.
    pub(crate) async fn keep(&self, mut body: StreamingBlob, told: Checksum) -> S3Result<Kept> {
        let (mut file, mut kept) = self.begin().await?;
        let (mut md5, mut hasher) = (Md5::new(), hasher_of(&told));
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|e| S3Error::with_source(s3s::S3ErrorCode::IncompleteBody, e))?;
            kept.size += piece.len() as u64;
            if kept.size > BYTES_MAX {
                return Err(s3_error!(EntityTooLarge));
            }
            md5.update(&piece);
            hasher.update(&piece);
            file.write_all(&piece).await.map_err(S3Error::internal_error)?;
        }
        file.flush().await.map_err(S3Error::internal_error)?;
        (kept.md5, kept.checksum) = (md5.finalize(), hasher.finalize());
        if kept.checksum != told {
            return Err(s3_error!(BadDigest, "the bytes are not those of the checksum"));
        }
        Ok(kept)
    }

    /// One after the other; its digest is that of the digests.
    pub(crate) async fn join(&self, parts: &[Arc<Kept>]) -> S3Result<Kept> {
        let (mut file, mut kept) = self.begin().await?;
        let mut md5 = Md5::new();
        for part in parts {
            md5.update(&part.md5);
            let mut from = File::open(&part.path).await.map_err(S3Error::internal_error)?;
            kept.size += tokio::io::copy(&mut from, &mut file).await.map_err(S3Error::internal_error)?;
        }
        file.flush().await.map_err(S3Error::internal_error)?;
        kept.md5 = md5.finalize();
        Ok(kept)
    }

    async fn begin(&self) -> S3Result<(File, Kept)> {
        let kept = self.nothing();
        let file = File::create_new(&kept.path).await.map_err(S3Error::internal_error)?;
        Ok((file, kept))
    }

    /// Nothing yet, under the next name.
    pub(crate) fn nothing(&self) -> Kept {
        let path = self.root.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        Kept { path, size: 0, md5: [0; 16], checksum: Checksum::default() }
    }
}

impl Kept {
    /// Its bytes, or some of them: from where, and how many.
    pub(crate) async fn read(&self, range: Option<Range>) -> S3Result<(StreamingBlob, std::ops::Range<u64>)> {
        let range = match range {
            Some(range) => range.check(self.size)?,
            None => 0..self.size,
        };
        let mut file = File::open(&self.path).await.map_err(S3Error::internal_error)?;
        file.seek(SeekFrom::Start(range.start)).await.map_err(S3Error::internal_error)?;
        let bytes = file.take(range.end - range.start);
        Ok((StreamingBlob::wrap(ReaderStream::with_capacity(bytes, PIECE_BYTES)), range))
    }
}

fn hasher_of(told: &Checksum) -> ChecksumHasher {
    ChecksumHasher {
        crc32: told.checksum_crc32.as_ref().map(|_| s3s::crypto::Crc32::new()),
        crc32c: told.checksum_crc32c.as_ref().map(|_| s3s::crypto::Crc32c::new()),
        sha1: told.checksum_sha1.as_ref().map(|_| s3s::crypto::Sha1::new()),
        sha256: told.checksum_sha256.as_ref().map(|_| s3s::crypto::Sha256::new()),
        crc64nvme: told.checksum_crc64nvme.as_ref().map(|_| s3s::crypto::Crc64Nvme::new()),
    }
}
