//! What is where: buckets, objects by key, uploads under way. In memory, changed whole or not at all, so that "only if absent" is exact.

use crate::kept::Kept;
use s3s::dto::{Metadata, Timestamp};
use s3s::{S3Result, s3_error};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// Objects of one bucket.
const OBJECTS_MAX: usize = 1_000_000;
/// Uploads under way in one bucket.
const UPLOADS_MAX: usize = 10_000;
/// A key, in bytes, as S3 has it.
const KEY_BYTES_MAX: usize = 1024;
/// User metadata, names and values, as S3 has it.
const METADATA_BYTES_MAX: usize = 2048;

/// See the module.
#[derive(Debug)]
pub(crate) struct Shelf {
    buckets: BTreeMap<String, Bucket>,
    uploads_begun: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Bucket {
    objects: BTreeMap<String, Arc<Object>>,
    uploads: BTreeMap<String, Upload>,
}

/// One object as it is; replaced whole.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) kept: Kept,
    pub(crate) etag: String,
    pub(crate) about: About,
    pub(crate) modified: Timestamp,
}

/// What a client says of its object.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    pub(crate) metadata: Option<Metadata>,
    pub(crate) content_type: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) about: About,
    pub(crate) parts: BTreeMap<i32, Arc<Kept>>,
}

/// What must be so when an object is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    None,
    /// Nothing is there.
    Absent,
    /// An object is there, and with this etag, if one is named.
    There(Option<String>),
}

/// A page of a listing.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) objects: Vec<(String, Arc<Object>)>,
    pub(crate) prefixes: BTreeSet<String>,
    /// More comes after this.
    pub(crate) after: Option<String>,
}

impl Shelf {
    pub(crate) fn new(buckets: impl IntoIterator<Item = String>) -> Self {
        let buckets = buckets.into_iter().map(|name| (name, Bucket::default())).collect();
        Self { buckets, uploads_begun: 0 }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.buckets.keys()
    }

    pub(crate) fn bucket(&mut self, name: &str) -> S3Result<&mut Bucket> {
        self.buckets.get_mut(name).ok_or_else(|| s3_error!(NoSuchBucket))
    }

    /// Begins an upload: its id.
    pub(crate) fn begin(&mut self, bucket: &str, key: String, about: About) -> S3Result<String> {
        check(&key, &about)?;
        self.uploads_begun += 1;
        let id = format!("upload-{}", self.uploads_begun);
        let uploads = &mut self.bucket(bucket)?.uploads;
        if uploads.len() >= UPLOADS_MAX {
            return Err(s3_error!(ServiceUnavailable, "too many uploads are under way"));
        }
        uploads.insert(id.clone(), Upload { key, about, parts: BTreeMap::new() });
        Ok(id)
    }
}

impl Bucket {
    pub(crate) fn get(&self, key: &str) -> S3Result<Arc<Object>> {
        self.objects.get(key).cloned().ok_or_else(|| s3_error!(NoSuchKey))
    }

    /// Visible from here on.
    pub(crate) fn put(&mut self, key: String, object: Object, condition: &Condition) -> S3Result<()> {
        check(&key, &object.about)?;
        let there = self.objects.get(&key);
        let holds = match condition {
            Condition::None => true,
            Condition::Absent => there.is_none(),
            Condition::There(etag) => there.is_some_and(|o| etag.as_ref().is_none_or(|e| *e == o.etag)),
        };
        if !holds {
            return Err(s3_error!(PreconditionFailed));
        }
        if there.is_none() && self.objects.len() >= OBJECTS_MAX {
            return Err(s3_error!(ServiceUnavailable, "the bucket is full"));
        }
        self.objects.insert(key, Arc::new(object));
        Ok(())
    }

    /// One that is not there is removed already.
    pub(crate) fn delete(&mut self, key: &str) {
        self.objects.remove(key);
    }

    pub(crate) fn upload(&mut self, id: &str, key: &str) -> S3Result<&mut Upload> {
        self.uploads.get_mut(id).filter(|u| u.key == key).ok_or_else(|| s3_error!(NoSuchUpload))
    }

    pub(crate) fn end(&mut self, id: &str) {
        self.uploads.remove(id);
    }

    /// Keys and ids of the uploads of these keys, in order.
    pub(crate) fn uploads(&self, prefix: &str) -> Vec<(String, String)> {
        let of = self.uploads.iter().filter(|(_, u)| u.key.starts_with(prefix));
        let mut found: Vec<_> = of.map(|(id, u)| (u.key.clone(), id.clone())).collect();
        found.sort();
        found
    }

    /// Keys below `prefix` that come after `after`; what goes on behind a `delimiter` is one prefix.
    pub(crate) fn list(&self, prefix: &str, delimiter: Option<&str>, after: &str, max: usize) -> Page {
        let mut page = Page::default();
        let mut last = after.to_owned();
        let begin = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
        let keys = self.objects.range::<str, _>((begin, Bound::Unbounded));
        for (key, object) in keys.take_while(|(key, _)| key.starts_with(prefix)) {
            let common = delimiter.and_then(|d| {
                let end = prefix.len() + key[prefix.len()..].find(d)? + d.len();
                Some(&key[..end])
            });
            if common.is_some_and(|c| c <= last.as_str()) {
                continue;
            }
            if page.objects.len() + page.prefixes.len() >= max {
                page.after = Some(last);
                break;
            }
            last.clear();
            last.push_str(common.unwrap_or(key));
            if let Some(common) = common {
                page.prefixes.insert(common.to_owned());
            } else {
                page.objects.push((key.clone(), Arc::clone(object)));
            }
        }
        page
    }
}

fn check(key: &str, about: &About) -> S3Result<()> {
    if key.len() > KEY_BYTES_MAX {
        return Err(s3_error!(KeyTooLongError));
    }
    let metadata = about.metadata.iter().flatten();
    if metadata.map(|(name, value)| name.len() + value.len()).sum::<usize>() > METADATA_BYTES_MAX {
        return Err(s3_error!(MetadataTooLarge));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kept::Cellar;

    /// A bucket with these keys, each with its key as its etag; nothing is kept in a file.
    fn bucket(keys: &[&str]) -> Bucket {
        let mut bucket = Bucket::default();
        for key in keys {
            bucket.put((*key).to_owned(), object(key), &Condition::None).unwrap();
        }
        bucket
    }

    fn object(etag: &str) -> Object {
        let kept = Cellar::new("/nonexistent".into()).nothing();
        Object { kept, etag: etag.to_owned(), about: About::default(), modified: Timestamp::default() }
    }

    fn pages(bucket: &Bucket, prefix: &str, delimiter: Option<&str>, max: usize) -> Vec<Vec<String>> {
        let (mut pages, mut after) = (Vec::new(), String::new());
        loop {
            let page = bucket.list(prefix, delimiter, &after, max);
            let mut names: Vec<String> = page.objects.into_iter().map(|(key, _)| key).collect();
            names.extend(page.prefixes);
            names.sort();
            pages.push(names);
            match page.after {
                Some(next) => after = next,
                None => return pages,
            }
        }
    }

    #[test]
    fn pages_are_whole_and_in_order_and_a_prefix_comes_once() {
        let bucket = bucket(&["a", "b/1", "b/2", "b/c/3", "b0", "d/4", "e"]);
        let all = ["a", "b/1", "b/2", "b/c/3", "b0", "d/4", "e"];
        for max in 1..9 {
            assert_eq!(pages(&bucket, "", None, max).concat(), all, "{max}");
            assert_eq!(pages(&bucket, "", Some("/"), max).concat(), ["a", "b/", "b0", "d/", "e"], "{max}");
            assert_eq!(pages(&bucket, "b/", Some("/"), max).concat(), ["b/1", "b/2", "b/c/"], "{max}");
        }
        assert_eq!(pages(&bucket, "b", None, 2), [vec!["b/1", "b/2"], vec!["b/c/3", "b0"]]);
        assert_eq!(pages(&bucket, "x", None, 2), [Vec::<String>::new()]);
    }

    #[test]
    fn conditions_hold_or_nothing_happens() {
        let mut bucket = bucket(&["k"]);
        let mut put = |key: &str, condition| bucket.put(key.to_owned(), object("new"), &condition).is_ok();
        assert!(!put("k", Condition::Absent) && put("n", Condition::Absent));
        assert!(!put("x", Condition::There(None)) && !put("k", Condition::There(Some("old".into()))));
        assert!(put("k", Condition::There(Some("k".into()))) && put("k", Condition::There(None)));
        assert_eq!(bucket.get("k").unwrap().etag, "new");
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let mut bucket = bucket(&[]);
        assert!(bucket.put("k".repeat(KEY_BYTES_MAX), object("e"), &Condition::None).is_ok());
        assert!(bucket.put("k".repeat(KEY_BYTES_MAX + 1), object("e"), &Condition::None).is_err());
        let metadata = [("n".to_owned(), "v".repeat(METADATA_BYTES_MAX))].into();
        let about = About { metadata: Some(metadata), content_type: None };
        assert!(Shelf::new(["b".to_owned()]).begin("b", "k".into(), about).is_err());
    }
}
