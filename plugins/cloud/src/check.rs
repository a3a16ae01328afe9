//! What a service really does, for `twinhaul backends check`: each row is done, not looked up.
//!
//! It writes below one private name, at most [`LARGE`] bytes and a few small objects, and removes all of it. What the opening of a
//! target finds out ([`crate::canary`]) is told, not done again.

use std::time::Instant;

use opendal::options::WriteOptions;
use opendal::raw::oio::{Read as _, ReadStream as _, Write as _};
use opendal::{BytesRange, ErrorKind};
use serde_json::{Value, json};
use twinhaul_backend_abi::{Op, Result};

use crate::names::TRIAL;
use crate::probe;
use crate::services::Upload;
use crate::store::Store;
use crate::target::Shared;

/// Two parts: the smallest that S3 takes, and a little.
const LARGE: usize = (5 << 20) + TAIL.len();
const TAIL: &[u8] = b"the end";
/// What some servers and proxies change on the way.
const ODD: &str = "a b+c%20&=ü";
/// Objects of one check that a look around may meet.
const LISTED_MAX: usize = 100;

/// What came of one row.
enum Found {
    Yes(String),
    No(String),
    /// There is nothing to find out.
    Moot(&'static str),
}

impl Found {
    fn of(yes: bool, good: &str, bad: &str) -> Self {
        if yes { Self::Yes(good.to_owned()) } else { Self::No(bad.to_owned()) }
    }
}

type Answer = opendal::Result<Found>;

/// One JSON object: `rows`, each with `what`, `answer` (`yes`, `no`, `moot`, `failed`) and `words`.
///
/// # Errors
/// Cancelled. What the service refuses is a row.
pub(crate) fn check(shared: &Shared, op: &Op<'_>) -> Result<Value> {
    let mut rows = Rows { shared, rows: Vec::new() };
    let began = Instant::now();
    let reached = shared.store.call(op, probe::reach(&shared.store))?;
    rows.push("answers", reached.map(|()| Found::Yes(format!("in {} ms", began.elapsed().as_millis()))));
    if !shared.config.read_only {
        let place = format!("{TRIAL}{:016x}", fastrand::u64(..));
        let done = shared.store.call(op, writing(&mut rows, &place));
        // Also when it was cancelled.
        let cleared = Store::finish(shared.config.timeout, clear(&shared.store, &place))?;
        done?;
        rows.push(
            "is left as it was",
            cleared.map(|()| Found::Yes("all that was tried with is removed".to_owned())),
        );
    }
    Ok(json!({"service": shared.config.service.name, "rows": rows.rows}))
}

struct Rows<'a> {
    shared: &'a Shared,
    rows: Vec<Value>,
}

impl Rows<'_> {
    fn push(&mut self, what: &str, answer: Answer) {
        let (answer, words) = match answer {
            Ok(Found::Yes(words)) => ("yes", words),
            Ok(Found::No(words)) => ("no", words),
            Ok(Found::Moot(why)) => ("moot", why.to_owned()),
            Err(e) => ("failed", self.shared.store.teller.failed(what, &e).message),
        };
        self.rows.push(json!({"what": what, "answer": answer, "words": words}));
    }
}

async fn writing(rows: &mut Rows<'_>, place: &str) {
    let shared = rows.shared;
    let store = &shared.store;
    rows.push("creates only if absent", Ok(conditional(shared)));
    let kept = Found::of(
        shared.truth.metadata,
        "times, modes, owners and digests go along",
        "times, modes and owners are lost; copies are told apart by size alone",
    );
    rows.push("keeps user metadata", Ok(kept));
    rows.push("compares checksums", checksums(shared, place).await);
    rows.push("takes empty objects", empty(store, &format!("{place}/empty")).await);
    rows.push("keeps odd names", odd(store, place).await);
    let large = format!("{place}/large");
    let parts = parts(shared, &large).await;
    let there = matches!(parts, Ok(Found::Yes(_)));
    rows.push("takes objects in parts", parts);
    rows.push(
        "reads ranges",
        if there { range(store, &large).await } else { small_range(store, place).await },
    );
    rows.push("lists uploads under way", uploads(shared, &large).await);
}

fn conditional(shared: &Shared) -> Found {
    match (shared.truth.conditional, shared.store.capability.write_with_if_not_exists) {
        (true, _) => Found::Yes("a second writer of a key is noticed".to_owned()),
        (false, true) => Found::No("it ignores the condition and overwrites".to_owned()),
        (false, false) => Found::No("the service has no such condition".to_owned()),
    }
}

fn plain() -> WriteOptions {
    WriteOptions { concurrent: 1, ..WriteOptions::default() }
}

/// A body that does not fit its checksum must be refused.
async fn checksums(shared: &Shared, place: &str) -> Answer {
    let Some(uploads) = &shared.uploads else { return Ok(Found::Moot("only s3 is sent checksums")) };
    let status = uploads.put_with_wrong_checksum(&format!("{place}/checksum")).await?;
    match status {
        200..=299 => Ok(Found::No("it took a body that does not fit its crc32c".to_owned())),
        400 => Ok(Found::Yes("a body that does not fit its crc32c is refused".to_owned())),
        // Some do not know the header at all.
        501 => Ok(Found::No("it knows no crc32c: checksum: md5 or none may be needed".to_owned())),
        // Refused for another reason: nothing was found out.
        status => Err(opendal::Error::new(ErrorKind::Unexpected, format!("it was answered with {status}"))),
    }
}

async fn empty(store: &Store, path: &str) -> Answer {
    store.put(path, "", plain()).await?;
    let size = store.stat(path).await?.content_length();
    Ok(if size == 0 {
        Found::Yes(String::new())
    } else {
        Found::No(format!("it came back with {size} bytes"))
    })
}

async fn odd(store: &Store, place: &str) -> Answer {
    store.put(&format!("{place}/odd/{ODD}"), "odd", plain()).await?;
    let listed = store.below(&format!("{place}/odd/"), LISTED_MAX).await?;
    let same = listed.iter().any(|(path, _)| path.ends_with(&format!("/{ODD}")));
    Ok(Found::of(
        same,
        "spaces, signs and letters beyond ASCII come back as they were",
        "a name with a space, signs or a letter beyond ASCII comes back changed",
    ))
}

async fn parts(shared: &Shared, path: &str) -> Answer {
    match shared.config.service.upload {
        Upload::OneShot => return Ok(Found::Moot("objects are sent whole")),
        Upload::Renamed => return Ok(Found::Moot("objects are written as a stream, and renamed")),
        Upload::Parts => {}
    }
    let mut bytes = vec![7u8; LARGE];
    bytes[LARGE - TAIL.len()..].copy_from_slice(TAIL);
    let mut writer = shared.store.writer(path, plain())?;
    let bytes = bytes::Bytes::from(bytes);
    let sent = async {
        writer.write(bytes.slice(..LARGE - TAIL.len()).into()).await?;
        writer.write(bytes.slice(LARGE - TAIL.len()..).into()).await?;
        writer.close().await
    };
    if let Err(e) = sent.await {
        // What stays is an upload that nobody ends.
        let _ = writer.abort().await;
        return Err(e);
    }
    let size = shared.store.stat(path).await?.content_length();
    Ok(if size == LARGE as u64 {
        Found::Yes("two parts, one object".to_owned())
    } else {
        Found::No(format!("{LARGE} bytes were sent, {size} are there"))
    })
}

async fn read(store: &Store, path: &str, offset: u64, len: usize) -> opendal::Result<Vec<u8>> {
    let reader = store.reader(path, opendal::raw::OpRead::default())?;
    let (_, mut stream) = reader.open(BytesRange::new(offset, Some(len as u64))).await?;
    Ok(stream.read_all().await?.to_vec())
}

async fn range(store: &Store, path: &str) -> Answer {
    let got = read(store, path, (LARGE - TAIL.len()) as u64, TAIL.len()).await?;
    Ok(told(got == TAIL))
}

/// Where nothing large is there.
async fn small_range(store: &Store, place: &str) -> Answer {
    let path = format!("{place}/range");
    store.put(&path, TAIL, plain()).await?;
    let got = read(store, &path, 4, TAIL.len() - 4).await?;
    Ok(told(got == TAIL[4..]))
}

fn told(same: bool) -> Found {
    Found::of(same, "what broke is taken up again", "it answers with other bytes than were asked for")
}

async fn uploads(shared: &Shared, path: &str) -> Answer {
    match &shared.uploads {
        None if shared.config.service.upload != Upload::Parts => Ok(Found::Moot("there are no uploads")),
        None => Ok(Found::No("what a dead engine left needs a lifecycle rule".to_owned())),
        Some(uploads) => uploads
            .under_way(path)
            .await
            .map(|_| Found::Yes("what a dead engine left is given up by the run's sweep".to_owned())),
    }
}

/// Files before what they lie in; what cannot be removed is swept by a later run, where uploads are in parts.
async fn clear(store: &Store, place: &str) -> opendal::Result<()> {
    let mut found = match store.below(&format!("{place}/"), LISTED_MAX).await {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    found.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    for (path, _) in found {
        store.delete(&path).await?;
    }
    store.delete(&format!("{place}/")).await
}
