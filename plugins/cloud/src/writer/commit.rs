//! The moment an object becomes visible, and what is done when its reply does not come (faults.md 49).
//!
//! A reply that is lost says nothing. So the object is looked at: ours if it has our size and our digest, or our attempt's name. If it
//! is not there the same is sent again, a bounded number of times; then the host is told that it is uncertain.

use std::time::Duration;

use opendal::raw::oio::Write as _;
use opendal::{Buffer, ErrorKind, Metadata};
use twinhaul_backend_abi::{Checksum, ChecksumKind, Code, Error, LogLevel, Op, Result, Stat};

use super::CloudWriter;
use crate::fail::about;
use crate::meta;

/// Looks and repeats after a lost reply.
const TRIES_MAX: u32 = 6;
const PAUSE: Duration = Duration::from_millis(200);

impl CloudWriter {
    pub(super) fn commit_all(&mut self, op: &Op<'_>, digest: Option<&Checksum>) -> Result<Stat> {
        if self.temp.is_some() && self.upload.is_none() {
            // Also a small one is written beside.
            self.send(op)?;
        }
        let body = self.take_pending();
        if self.upload.is_none() {
            return self.decide(op, digest, Some(&body));
        }
        if !body.is_empty() {
            self.give(op, body)?;
        }
        self.decide(op, digest, None)
    }

    /// Until it is certain: there, refused, or given to the host as uncertain. `whole`: in one request.
    fn decide(&mut self, op: &Op<'_>, digest: Option<&Checksum>, whole: Option<&Buffer>) -> Result<Stat> {
        let store = self.shared.store.clone();
        let mut unsure = false;
        let mut tries = 0;
        loop {
            let answer = store.call(op, self.once(digest, whole)).map_err(Error::uncertain)?;
            let e = match answer {
                Ok(found) => return Ok(self.told(&found, digest)),
                Err(e) => e,
            };
            let refused = is_refusal(&e);
            if refused && !unsure {
                return Err(self.failed(&e));
            }
            // Not ours, or not there: if it was refused because something is there, that is somebody else's.
            unsure = true;
            match self.look(op, digest)? {
                Seen::Ours(stat) => {
                    store.meter.found_there();
                    let key = &self.put.key;
                    self.shared.log(
                        LogLevel::Info,
                        &format!("commit of {key}: the reply was lost, the object is there"),
                    );
                    return Ok(*stat);
                }
                // It may be refused because ours is there: to call it somebody else's would be a guess.
                Seen::Unknown if refused => return Err(self.not_known(&e).uncertain()),
                Seen::NotOurs if refused => return Err(self.failed(&e)),
                Seen::Unknown | Seen::NotOurs => {}
            }
            tries += 1;
            if tries >= TRIES_MAX {
                return Err(self.failed(&e).uncertain());
            }
            // Made where it is waited for: outside of the runtime a timer cannot be made.
            store.call(op, async { tokio::time::sleep(PAUSE * tries).await }).map_err(Error::uncertain)?;
        }
    }

    async fn once(&mut self, digest: Option<&Checksum>, whole: Option<&Buffer>) -> opendal::Result<Metadata> {
        match (whole, self.upload.as_mut()) {
            (None, Some(upload)) => {
                let closed = upload.close().await?;
                if let Some(temp) = &self.temp {
                    self.shared.store.rename(temp, &self.path).await?;
                }
                Ok(closed)
            }
            (body, _) => {
                let body = body.cloned().unwrap_or_default();
                let mut writer = self.shared.store.writer(&self.path, self.options(digest))?;
                if !body.is_empty() {
                    writer.write(body).await?;
                }
                writer.close().await
            }
        }
    }

    /// What is there after a reply was lost.
    fn look(&self, op: &Op<'_>, digest: Option<&Checksum>) -> Result<Seen> {
        let store = &self.shared.store;
        let found = match store.call(op, store.stat(&self.path)).map_err(Error::uncertain)? {
            Ok(found) => found,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Seen::NotOurs),
            Err(_) => return Ok(Seen::Unknown),
        };
        let stat = meta::stat(&found);
        let digest = digest.filter(|d| d.kind == ChecksumKind::Blake3);
        let same_digest = digest.is_some() && stat.checksum.as_ref() == digest;
        let same_attempt = meta::attempt(&found) == Some(self.put.attempt_id.as_str());
        let ours = stat.size == self.bytes && (same_digest || same_attempt);
        Ok(if ours { Seen::Ours(Box::new(Stat { lost: self.lost(), ..stat })) } else { Seen::NotOurs })
    }

    fn not_known(&self, e: &opendal::Error) -> Error {
        let told = self.failed(e);
        about(
            Code::Transient,
            "write",
            self.put.key.as_bytes(),
            &format!("a reply was lost, and whether the object is ours cannot be seen: {}", told.message),
        )
    }

    /// What the reply says, and what it leaves out because it was sent.
    fn told(&self, found: &Metadata, digest: Option<&Checksum>) -> Stat {
        let attrs = self.put.attrs.as_ref().filter(|_| self.shared.truth.metadata);
        Stat {
            size: self.bytes,
            mtime_ns: attrs.and_then(|a| a.mtime_ns),
            mode: attrs.and_then(|a| a.mode),
            lost: self.lost(),
            checksum: digest.cloned(),
            etag: found.etag().map(str::to_owned),
            version: found.version().map(str::to_owned),
            ..Stat::default()
        }
    }

    fn lost(&self) -> twinhaul_backend_abi::Lost {
        meta::lost(&self.put, self.shared.truth.metadata)
    }
}

/// What a look after a lost reply showed.
enum Seen {
    Ours(Box<Stat>),
    /// Nothing is there, or somebody else's.
    NotOurs,
    /// The look failed too.
    Unknown,
}

/// The server has decided, and nothing happened.
fn is_refusal(e: &opendal::Error) -> bool {
    matches!(
        e.kind(),
        ErrorKind::ConditionNotMatch
            | ErrorKind::AlreadyExists
            | ErrorKind::PermissionDenied
            | ErrorKind::NotFound
            | ErrorKind::ConfigInvalid
            | ErrorKind::Unsupported
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
    ) || (e.kind() == ErrorKind::Unexpected && e.is_permanent())
}
