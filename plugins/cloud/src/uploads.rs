//! Uploads in parts that are under way, so that what a dead peer left can be found and given up (s3 alone; elsewhere a lifecycle rule must).
//!
//! OpenDAL's writer tells no upload's id, and a service's list of uploads does not say whose they are. So before an upload
//! begins a small private object is written, `.twinhaul/uploads/ATTEMPT`, that holds its key and what uploads of that key
//! there were already; it goes when the upload is complete or given up. A sweep gives up all but those: other programs'
//! uploads are not touched. (Not by time: moto tells the same for every upload.)

mod signed;

use std::time::Duration;

use opendal::ErrorKind;
use opendal::options::WriteOptions;
use twinhaul_backend_abi::{Code, Error, Flow, Op, Result};

use crate::config::Config;
use crate::names::PRIVATE;
use crate::store::Store;
use signed::Signed;

const MARKS: &str = "uploads";

/// See the module.
#[derive(Debug)]
pub(crate) struct Uploads(Signed);

fn mark_of(attempt: &str) -> String {
    format!("{PRIVATE}/{MARKS}/{attempt}")
}

impl Uploads {
    /// `None`: not a service whose uploads can be listed.
    pub(crate) fn of(config: &Config, store: &Store) -> Option<Self> {
        if config.service.name != "s3" || config.read_only {
            return None;
        }
        Some(Self(Signed::new(config, store)))
    }

    /// For [`crate::check`]: the status of an object whose body does not fit its crc32c.
    pub(crate) async fn put_with_wrong_checksum(&self, path: &str) -> opendal::Result<u16> {
        self.0.put_with_wrong_checksum(path).await
    }

    /// Uploads of one key that are under way, of whoever.
    pub(crate) async fn under_way(&self, path: &str) -> opendal::Result<usize> {
        self.0.list(path).await.map(|ids| ids.len())
    }

    pub(crate) fn mark(&self, store: &Store, op: &Op<'_>, attempt: &str, path: &str) -> Result<()> {
        let failed = |e: opendal::Error| store.teller.failed("mark an upload", &e);
        let others = store.call(op, self.0.list(path))?.map_err(failed)?;
        // Neither a key nor an id holds a control character.
        let text =
            std::iter::once(path).chain(others.iter().map(String::as_str)).collect::<Vec<_>>().join("\n");
        let options = WriteOptions { concurrent: 1, ..WriteOptions::default() };
        store.call(op, store.put(&mark_of(attempt), text, options))?.map(|_| ()).map_err(failed)
    }

    pub(crate) fn unmark(store: &Store, limit: Duration, attempt: &str) -> Result<()> {
        Store::finish(limit, store.delete(&mark_of(attempt)))?
            .map_err(|e| store.teller.failed("remove a mark", &e))
    }

    /// Gives up what this attempt has under way; whether there was a mark.
    pub(crate) fn discard(&self, store: &Store, op: &Op<'_>, attempt: &str) -> Result<bool> {
        let failed = |e: opendal::Error| store.teller.failed("discard an upload", &e);
        let mark = mark_of(attempt);
        let text = match store.call(op, store.get(&mark))? {
            Ok(text) => String::from_utf8(text)
                .map_err(|_| Error::new(Code::Corrupt, "a mark of an upload holds no key"))?,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(failed(e)),
        };
        let mut lines = text.lines();
        let key = lines.next().unwrap_or_default();
        let others: Vec<&str> = lines.collect();
        for id in store.call(op, self.0.list(key))?.map_err(failed)? {
            if !others.contains(&id.as_str()) {
                store.call(op, self.0.abort(key, &id))?.map_err(failed)?;
            }
        }
        store.call(op, store.delete(&mark))?.map_err(failed)?;
        Ok(true)
    }

    pub(crate) fn sweep(
        &self,
        store: &Store,
        op: &Op<'_>,
        run_prefix: &str,
        remove: bool,
        found: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<()> {
        let failed = |e: opendal::Error| store.teller.failed("sweep", &e);
        let below = format!("{PRIVATE}/{MARKS}/");
        for (path, _) in store.call(op, store.below(&below, usize::MAX))?.map_err(failed)? {
            let attempt = path.strip_prefix(&below).unwrap_or_default();
            if path.ends_with('/') || attempt.is_empty() || !attempt.starts_with(run_prefix) {
                continue;
            }
            if remove {
                self.discard(store, op, attempt)?;
            }
            if found(attempt.as_bytes()).is_break() {
                break;
            }
        }
        Ok(())
    }
}
