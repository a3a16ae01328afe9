//! One object being written: collected into parts, sent while it grows, visible at commit or not at all.
//!
//! What fits into one part is one request, with its digest beside it. After any error the writer is dead and what was sent is
//! given up: a repeated write of OpenDAL's loses a part (backends.md 4). `commit` is about replies that do not come.

mod commit;
pub(crate) mod temp;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use opendal::options::WriteOptions;
use opendal::raw::oio::{self, Write as _};
use opendal::{Buffer, ErrorKind};
use twinhaul_backend_abi::{
    Buf, Checksum, ChecksumKind, Code, Error, LogLevel, Op, Put, Result, Stat, WriteMode, Writer, WriterInfo,
};

use crate::budget::Reserved;
use crate::config::PARTS_MAX;
use crate::fail::about;
use crate::services::Upload;
use crate::store::Store;
use crate::target::Shared;
use crate::uploads::Uploads;
use crate::{meta, names};

/// Giving up takes at most this long; what stays is swept.
const GIVE_UP: Duration = Duration::from_secs(30);

/// See the module.
pub struct CloudWriter {
    shared: Arc<Shared>,
    put: Put,
    path: String,
    /// Where bytes go first, if not there.
    temp: Option<String>,
    part: usize,
    concurrent: usize,
    pending: Vec<Bytes>,
    pending_bytes: usize,
    /// Taken so far.
    bytes: u64,
    /// More than one part: the upload that is under way.
    upload: Option<oio::Writer>,
    /// What the sweep would find is there.
    marked: bool,
    _memory: Reserved,
}

impl std::fmt::Debug for CloudWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudWriter").finish_non_exhaustive()
    }
}

impl CloudWriter {
    pub(crate) fn open(shared: &Arc<Shared>, op: &Op<'_>, put: &Put) -> Result<(Self, WriterInfo)> {
        let path = names::path("write", &put.key)?.to_owned();
        let config = &shared.config;
        names::fits(config.service.name, "write", &put.key)?;
        if config.read_only {
            return Err(about(Code::Unsupported, "write", put.key.as_bytes(), "the target is read_only"));
        }
        if path.len() + config.prefix.len() + 1 > names::KEY_MAX as usize {
            return Err(about(
                Code::InvalidArg,
                "write",
                put.key.as_bytes(),
                "the key is longer than 1,024 bytes",
            ));
        }
        let hint = put.size_hint.unwrap_or_default();
        let one_shot = config.service.upload == Upload::OneShot;
        if one_shot && hint > config.max_object {
            return Err(too_large(put, config.max_object));
        }
        let part = part_of(config.part, hint);
        let wanted = if one_shot || (hint > 0 && hint <= part) {
            hint.max(1)
        } else {
            part * (config.in_flight as u64 + 2)
        };
        if put.mode == WriteMode::CreateNew && hint > part {
            // The service says so only when all parts are there.
            not_there(shared, op, put, &path)?;
        }
        let memory = shared.budget.reserve(op, wanted)?;
        let lost = meta::lost(put, shared.truth.metadata);
        let writer = Self {
            shared: shared.clone(),
            put: put.clone(),
            temp: (config.service.upload == Upload::Renamed).then(|| temp::path_of(&put.attempt_id)),
            path,
            part: if one_shot { usize::MAX } else { part as usize },
            concurrent: config.in_flight,
            pending: Vec::new(),
            pending_bytes: 0,
            bytes: 0,
            upload: None,
            marked: false,
            _memory: memory,
        };
        Ok((writer, WriterInfo { lost, ..WriterInfo::default() }))
    }

    fn options(&self, digest: Option<&Checksum>) -> WriteOptions {
        let capability = self.shared.store.capability;
        let user_metadata = (self.shared.truth.metadata && capability.write_with_user_metadata).then(|| {
            let mut all = meta::of(&self.put);
            match digest.filter(|d| d.kind == ChecksumKind::Blake3) {
                Some(digest) => all.insert(meta::BLAKE3.to_owned(), meta::hex(&digest.bytes)),
                None => all.insert(meta::ATTEMPT.to_owned(), self.put.attempt_id.clone()),
            };
            meta::on_the_wire(self.shared.config.service.name, all)
        });
        let if_match = match &self.put.mode {
            WriteMode::ReplaceIfMatch(etag) => Some(etag.clone()),
            _ => None,
        };
        WriteOptions {
            if_not_exists: self.put.mode == WriteMode::CreateNew && self.shared.truth.conditional,
            if_match,
            content_type: self.put.content_type.clone().filter(|_| capability.write_with_content_type),
            user_metadata: user_metadata.filter(|m| !m.is_empty()),
            concurrent: self.concurrent,
            ..WriteOptions::default()
        }
    }

    fn take_pending(&mut self) -> Buffer {
        self.pending_bytes = 0;
        Buffer::from(std::mem::take(&mut self.pending))
    }

    /// One full part on its way; the first one begins the upload.
    fn send(&mut self, op: &Op<'_>) -> Result<()> {
        let store = self.shared.store.clone();
        if self.upload.is_none() {
            if let Some(uploads) = &self.shared.uploads {
                uploads.mark(&store, op, &self.put.attempt_id, &self.path)?;
                self.marked = true;
            }
            if self.temp.is_some() {
                temp::room(&store, op)?;
            }
            let opened = store.writer(self.temp.as_ref().unwrap_or(&self.path), self.options(None));
            self.upload = Some(opened.map_err(|e| self.failed(&e))?);
        }
        let part = self.take_pending();
        self.give(op, part)
    }

    /// Hands one part to the upload.
    pub(crate) fn give(&mut self, op: &Op<'_>, part: Buffer) -> Result<()> {
        let store = self.shared.store.clone();
        let Some(upload) = self.upload.as_mut() else { return Ok(()) };
        store.call(op, upload.write(part))?.map_err(|e| self.failed(&e))
    }

    fn failed(&self, e: &opendal::Error) -> Error {
        let error = self.shared.store.teller.failed(&format!("write {}", self.put.key), e);
        match e.kind() {
            ErrorKind::ConditionNotMatch if self.put.mode == WriteMode::CreateNew => {
                about(Code::Exists, "write", self.put.key.as_bytes(), "it exists already")
            }
            _ => error,
        }
    }

    /// Gives up what was sent.
    fn give_up(&mut self) -> Result<()> {
        self.take_pending();
        let store = self.shared.store.clone();
        if let Some(mut upload) = self.upload.take() {
            match Store::finish(GIVE_UP, upload.abort())? {
                Err(e) if e.kind() != ErrorKind::NotFound && e.kind() != ErrorKind::Unsupported => {
                    return Err(store.teller.failed(&format!("give up writing {}", self.put.key), &e));
                }
                _ => {}
            }
            if let Some(temp) = &self.temp {
                let gone = Store::finish(GIVE_UP, store.delete(temp))?;
                gone.map_err(|e| store.teller.failed(&format!("give up writing {}", self.put.key), &e))?;
            }
        }
        self.unmark();
        Ok(())
    }

    fn unmark(&mut self) {
        if std::mem::take(&mut self.marked)
            && let Err(e) = Uploads::unmark(&self.shared.store, GIVE_UP, &self.put.attempt_id)
        {
            // The sweep at the end of the run removes it.
            self.shared.log(LogLevel::Warn, &format!("a mark stays until the sweep: {e}"));
        }
    }
}

/// Grows with the object, so that the number of parts stays in bounds.
pub(crate) fn part_of(configured: u64, hint: u64) -> u64 {
    const ROUND: u64 = 1 << 20;
    configured.max(hint.div_ceil(PARTS_MAX).next_multiple_of(ROUND))
}

fn not_there(shared: &Shared, op: &Op<'_>, put: &Put, path: &str) -> Result<()> {
    match shared.store.call(op, shared.store.stat(path))? {
        Ok(_) => Err(about(Code::Exists, "write", put.key.as_bytes(), "it exists already")),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(shared.store.teller.failed(&format!("write {}", put.key), &e)),
    }
}

fn too_large(put: &Put, max: u64) -> Error {
    let why =
        format!("this service takes objects whole, at most {} (max_object)", twinhaul_units::Bytes(max));
    about(Code::TooLarge, "write", put.key.as_bytes(), &why).poisoned()
}

impl Writer for CloudWriter {
    fn write(&mut self, op: &Op<'_>, buf: &Buf<'_>) -> Result<()> {
        op.check()?;
        self.bytes += buf.len() as u64;
        if self.shared.config.service.upload == Upload::OneShot && self.bytes > self.shared.config.max_object
        {
            return Err(too_large(&self.put, self.shared.config.max_object));
        }
        let mut rest: &[u8] = buf;
        while !rest.is_empty() {
            if self.pending_bytes == self.part {
                self.send(op).map_err(Error::poisoned)?;
            }
            let (now, later) = rest.split_at(rest.len().min(self.part - self.pending_bytes));
            self.pending.push(Bytes::copy_from_slice(now));
            self.pending_bytes += now.len();
            rest = later;
        }
        Ok(())
    }

    fn commit(&mut self, op: &Op<'_>, checksum: Option<&Checksum>) -> Result<Stat> {
        let checksum = checksum.or(self.put.checksum.as_ref()).cloned();
        let answer = self.commit_all(op, checksum.as_ref());
        if answer.is_ok() {
            self.upload = None;
            self.unmark();
        }
        answer.map_err(Error::poisoned)
    }

    fn abort(&mut self, _op: &Op<'_>) -> Result<()> {
        self.give_up()
    }
}

impl Drop for CloudWriter {
    fn drop(&mut self) {
        if (self.upload.is_some() || self.marked)
            && let Err(e) = self.give_up()
        {
            self.shared.log(LogLevel::Warn, &format!("an upload stays until the sweep: {e}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_with_the_object() {
        assert_eq!(part_of(8 << 20, 0), 8 << 20);
        assert_eq!(part_of(8 << 20, 64 << 30), 8 << 20);
        let part = part_of(8 << 20, 1 << 40);
        assert!(part > 8 << 20 && (1u64 << 40).div_ceil(part) <= PARTS_MAX, "{part}");
    }
}
