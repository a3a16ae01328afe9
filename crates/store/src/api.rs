//! S3's requests, as far as a migration needs them; `s3s` answers "not implemented" to the others.

use crate::kept::{Cellar, Kept};
use crate::shelf::{About, Condition, Object, Shelf};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Bucket, Checksum, CommonPrefix,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition,
    GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput, HeadBucketInput,
    HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsV2Input, ListObjectsV2Output,
    MultipartUpload, PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Keys, or uploads, in one answer; parts of an upload; bytes of a part that is not the last: as S3 has it.
const PAGE_MAX: usize = 1000;
const PARTS_MAX: i32 = 10_000;
const PART_BYTES_MIN: u64 = 5 << 20;

/// The store.
#[derive(Debug)]
pub(crate) struct Api {
    cellar: Cellar,
    shelf: Mutex<Shelf>,
}

/// The checksums that a request tells of its body: each kind of request has the same fields of its own.
macro_rules! told {
    ($input:ident) => {
        Checksum {
            checksum_crc32: $input.checksum_crc32,
            checksum_crc32c: $input.checksum_crc32c,
            checksum_crc64nvme: $input.checksum_crc64nvme,
            checksum_sha1: $input.checksum_sha1,
            checksum_sha256: $input.checksum_sha256,
            ..Checksum::default()
        }
    };
}

type Asked<I> = S3Request<I>;
type Answer<O> = S3Result<S3Response<O>>;

impl Api {
    /// `root`: a directory of its own, for the bytes.
    pub(crate) fn new(root: PathBuf, buckets: &[String]) -> Self {
        Self { cellar: Cellar::new(root), shelf: Mutex::new(Shelf::new(buckets.iter().cloned())) }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn condition(none: Option<&ETagCondition>, matches: Option<&ETagCondition>) -> S3Result<Condition> {
    match (none, matches) {
        (None, None) => Ok(Condition::None),
        (Some(ETagCondition::Any), None) => Ok(Condition::Absent),
        (None, Some(ETagCondition::Any)) => Ok(Condition::There(None)),
        (None, Some(ETagCondition::ETag(etag))) => Ok(Condition::There(Some(etag.value().to_owned()))),
        _ => Err(s3_error!(NotImplemented, "If-None-Match is known with * alone, and not beside If-Match")),
    }
}

fn hex(md5: &[u8]) -> String {
    use std::fmt::Write as _;
    md5.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn object(kept: Kept, etag: String, about: About) -> Object {
    Object { kept, etag, about, modified: Timestamp::from(SystemTime::now()) }
}

#[async_trait::async_trait]
impl S3 for Api {
    async fn list_buckets(&self, _: Asked<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        let name = |name: &String| Bucket { name: Some(name.clone()), ..Bucket::default() };
        let buckets = self.shelf().names().map(name).collect();
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets), ..Default::default() }))
    }

    async fn head_bucket(&self, req: Asked<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.shelf().bucket(&req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        req: Asked<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        self.shelf().bucket(&req.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn list_objects_v2(&self, req: Asked<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        let input = req.input;
        let max = input.max_keys.and_then(|n| usize::try_from(n).ok()).unwrap_or(PAGE_MAX).min(PAGE_MAX);
        let after = input.continuation_token.as_deref().max(input.start_after.as_deref()).unwrap_or_default();
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let delimiter = input.delimiter.as_deref().filter(|d| !d.is_empty());
        let page = self.shelf().bucket(&input.bucket)?.list(prefix, delimiter, after, max);
        let contents: Vec<s3s::dto::Object> =
            page.objects.iter().map(|(key, object)| listed(key, object)).collect();
        let prefixes = page.prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) });
        let prefixes: Vec<CommonPrefix> = prefixes.collect();
        Ok(S3Response::new(ListObjectsV2Output {
            key_count: i32::try_from(contents.len() + prefixes.len()).ok(),
            max_keys: i32::try_from(max).ok(),
            is_truncated: Some(page.after.is_some()),
            next_continuation_token: page.after,
            contents: Some(contents),
            common_prefixes: Some(prefixes),
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            continuation_token: input.continuation_token,
            start_after: input.start_after,
            ..Default::default()
        }))
    }

    async fn head_object(&self, req: Asked<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let object = self.shelf().bucket(&req.input.bucket)?.get(&req.input.key)?;
        let checksum = object.kept.checksum.clone();
        Ok(S3Response::new(HeadObjectOutput {
            content_length: i64::try_from(object.kept.size).ok(),
            content_type: object.about.content_type.clone(),
            e_tag: Some(ETag::Strong(object.etag.clone())),
            last_modified: Some(object.modified.clone()),
            metadata: object.about.metadata.clone(),
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_sha256: checksum.checksum_sha256,
            ..Default::default()
        }))
    }

    async fn get_object(&self, req: Asked<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = req.input;
        let object = self.shelf().bucket(&input.bucket)?.get(&input.key)?;
        let (body, range) = object.kept.read(input.range).await?;
        let part = || format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), object.kept.size);
        Ok(S3Response::new(GetObjectOutput {
            body: Some(body),
            content_length: i64::try_from(range.end - range.start).ok(),
            content_range: input.range.is_some().then(part),
            content_type: object.about.content_type.clone(),
            e_tag: Some(ETag::Strong(object.etag.clone())),
            last_modified: Some(object.modified.clone()),
            metadata: object.about.metadata.clone(),
            ..Default::default()
        }))
    }

    async fn put_object(&self, req: Asked<PutObjectInput>) -> Answer<PutObjectOutput> {
        let input = req.input;
        let condition = condition(input.if_none_match.as_ref(), input.if_match.as_ref())?;
        // Whoever names a bucket that is not there need not send anything.
        self.shelf().bucket(&input.bucket)?;
        let kept = self.cellar.keep(input.body.unwrap_or_else(nothing), told!(input)).await?;
        let etag = hex(&kept.md5);
        let checksum = kept.checksum.clone();
        let about = About { metadata: input.metadata, content_type: input.content_type };
        let object = object(kept, etag.clone(), about);
        self.shelf().bucket(&input.bucket)?.put(input.key, object, &condition)?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_sha256: checksum.checksum_sha256,
            ..Default::default()
        }))
    }

    async fn delete_object(&self, req: Asked<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        self.shelf().bucket(&req.input.bucket)?.delete(&req.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn create_multipart_upload(
        &self,
        req: Asked<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let input = req.input;
        let about = About { metadata: input.metadata, content_type: input.content_type };
        let id = self.shelf().begin(&input.bucket, input.key.clone(), about)?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..Default::default()
        }))
    }

    async fn upload_part(&self, req: Asked<UploadPartInput>) -> Answer<UploadPartOutput> {
        let input = req.input;
        if !(1..=PARTS_MAX).contains(&input.part_number) {
            return Err(s3_error!(InvalidArgument, "a part's number is 1 to 10000"));
        }
        self.shelf().bucket(&input.bucket)?.upload(&input.upload_id, &input.key)?;
        let kept = self.cellar.keep(input.body.unwrap_or_else(nothing), told!(input)).await?;
        let (etag, crc32c) = (hex(&kept.md5), kept.checksum.checksum_crc32c.clone());
        let mut shelf = self.shelf();
        let upload = shelf.bucket(&input.bucket)?.upload(&input.upload_id, &input.key)?;
        upload.parts.insert(input.part_number, Arc::new(kept));
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc32c: crc32c,
            ..Default::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        req: Asked<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let input = req.input;
        let condition = condition(input.if_none_match.as_ref(), input.if_match.as_ref())?;
        let named = input.multipart_upload.and_then(|u| u.parts).unwrap_or_default();
        let (parts, about) = {
            let mut shelf = self.shelf();
            let upload = shelf.bucket(&input.bucket)?.upload(&input.upload_id, &input.key)?;
            (chosen(&named, &upload.parts)?, upload.about.clone())
        };
        let kept = self.cellar.join(&parts).await?;
        let etag = format!("{}-{}", hex(&kept.md5), parts.len());
        let mut shelf = self.shelf();
        let bucket = shelf.bucket(&input.bucket)?;
        // Who comes second finds the upload gone.
        bucket.upload(&input.upload_id, &input.key)?;
        bucket.put(input.key.clone(), object(kept, etag.clone(), about), &condition)?;
        bucket.end(&input.upload_id);
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(etag)),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        req: Asked<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let mut shelf = self.shelf();
        let bucket = shelf.bucket(&req.input.bucket)?;
        bucket.upload(&req.input.upload_id, &req.input.key)?;
        bucket.end(&req.input.upload_id);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn list_multipart_uploads(
        &self,
        req: Asked<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let input = req.input;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let mut uploads = self.shelf().bucket(&input.bucket)?.uploads(prefix);
        let is_truncated = uploads.len() > PAGE_MAX;
        uploads.truncate(PAGE_MAX);
        let uploads = uploads.into_iter().map(|(key, id)| MultipartUpload {
            key: Some(key),
            upload_id: Some(id),
            ..Default::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            uploads: Some(uploads.collect()),
            bucket: Some(input.bucket),
            prefix: input.prefix,
            is_truncated: Some(is_truncated),
            ..Default::default()
        }))
    }
}

fn listed(key: &str, object: &Object) -> s3s::dto::Object {
    s3s::dto::Object {
        key: Some(key.to_owned()),
        size: i64::try_from(object.kept.size).ok(),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(object.modified.clone()),
        ..Default::default()
    }
}

fn nothing() -> StreamingBlob {
    StreamingBlob::from(s3s::Body::empty())
}

/// The parts that are named, which must be there and come in order.
fn chosen(
    named: &[s3s::dto::CompletedPart],
    there: &std::collections::BTreeMap<i32, Arc<Kept>>,
) -> S3Result<Vec<Arc<Kept>>> {
    let mut parts: Vec<Arc<Kept>> = Vec::new();
    let mut before = 0;
    for part in named {
        let number = part.part_number.unwrap_or_default();
        if number <= before {
            return Err(s3_error!(InvalidPartOrder));
        }
        before = number;
        let kept = there.get(&number).ok_or_else(|| s3_error!(InvalidPart))?;
        if part.e_tag.as_ref().is_some_and(|e| e.value() != hex(&kept.md5)) {
            return Err(s3_error!(InvalidPart));
        }
        if parts.last().is_some_and(|last| last.size < PART_BYTES_MIN) {
            return Err(s3_error!(EntityTooSmall));
        }
        parts.push(Arc::clone(kept));
    }
    if parts.is_empty() {
        return Err(s3_error!(InvalidPart, "an object has at least one part"));
    }
    Ok(parts)
}
