//! One level of a prefix, page by page, whatever the pages of the service are.
//!
//! Between two of our pages the service's listing stays open, a few at a time. A continuation names it and how much it has given, so that one that was
//! dropped begins again and passes over that much. Listings do not tell user metadata: where times are wanted, each object is asked.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use opendal::Metadata;
use opendal::raw::OpList;
use opendal::raw::oio::{self, List as _};
use twinhaul_backend_abi::{Attrs, Code, Error, Flow, Key, Kind, ListEnd, ListRequest, Op, Result, Wanted};

use crate::names::PRIVATE;
use crate::store::Store;
use crate::target::Shared;
use crate::{meta, names};

/// Entries of a page when the host does not say.
const PAGE: u32 = 1000;
/// Listings kept between pages; the oldest is dropped first.
const OPEN_MAX: usize = 8;
/// Objects asked for their attributes at once.
const HEADS: usize = 16;
const TOKEN_BYTES: usize = 16;

struct Open {
    id: u64,
    prefix: String,
    given: u64,
    lister: oio::Lister,
    /// Read one too many, to know whether there is more.
    ahead: Option<(String, Metadata)>,
}

/// The listings of one target that wait for their next page.
pub(crate) struct Listings {
    open: Mutex<VecDeque<Open>>,
    next_id: AtomicU64,
}

impl std::fmt::Debug for Listings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listings").finish_non_exhaustive()
    }
}

impl Default for Listings {
    fn default() -> Self {
        Self { open: Mutex::default(), next_id: AtomicU64::new(RandomState::new().hash_one(PRIVATE)) }
    }
}

impl Listings {
    pub(crate) fn list(
        &self,
        shared: &Shared,
        op: &Op<'_>,
        request: &ListRequest<'_>,
        entry: &mut dyn FnMut(&[u8], &Attrs) -> Flow,
    ) -> Result<ListEnd> {
        let store = &shared.store;
        let prefix = names::directory("list", request.prefix)?;
        let failed = |e: opendal::Error| {
            store.teller.failed(&format!("list {}", twinhaul_units::text::show(&prefix)), &e)
        };
        let page = if request.max_entries == 0 { PAGE } else { request.max_entries } as usize;
        let mut open = self.take(store, op, &prefix, request.continuation)?;
        let mut found = Vec::new();
        while found.len() < page {
            match store.call(op, open.next())?.map_err(failed)? {
                Some(one) => found.push(one),
                None => break,
            }
        }
        open.given += found.len() as u64;
        if found.len() == page {
            open.ahead = store.call(op, open.next())?.map_err(failed)?;
        }
        let more = open.ahead.is_some();
        let attrs = attrs(shared, op, &found, request.want != Wanted::Kind)?;
        let next = more.then(|| self.keep(open));
        for ((path, _), attrs) in found.iter().zip(&attrs) {
            if entry(path.trim_end_matches('/').as_bytes(), attrs).is_break() {
                break;
            }
        }
        Ok(ListEnd { next, ordered: false })
    }

    fn take(&self, store: &Store, op: &Op<'_>, prefix: &str, continuation: &[u8]) -> Result<Open> {
        let fresh = || -> Result<Open> {
            let failed = |e: opendal::Error| {
                store.teller.failed(&format!("list {}", twinhaul_units::text::show(prefix)), &e)
            };
            let lister = store.lister(prefix, OpList::default()).map_err(failed)?;
            let id = self.next_id.fetch_add(1, Ordering::Relaxed);
            Ok(Open { id, prefix: prefix.to_owned(), given: 0, lister, ahead: None })
        };
        if continuation.is_empty() {
            return fresh();
        }
        let bad = || Error::new(Code::InvalidArg, "not a continuation of a cloud target");
        let token: [u8; TOKEN_BYTES] = continuation.try_into().map_err(|_| bad())?;
        let token = u128::from_le_bytes(token);
        let (id, given) = (token as u64, (token >> 64) as u64);
        let mut kept = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|o| o.id == id && o.prefix == prefix && o.given == given);
        if let Some(open) = at.and_then(|at| kept.remove(at)) {
            return Ok(open);
        }
        drop(kept);
        let mut open = fresh()?;
        while open.given < given {
            let one = store.call(op, open.next())?;
            if one.map_err(|e| store.teller.failed("list on", &e))?.is_none() {
                break;
            }
            open.given += 1;
        }
        Ok(open)
    }

    fn keep(&self, open: Open) -> Vec<u8> {
        let token = (u128::from(open.given) << 64) | u128::from(open.id);
        let mut kept = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(open);
        if kept.len() > OPEN_MAX {
            kept.pop_front();
        }
        token.to_le_bytes().to_vec()
    }
}

impl Open {
    /// The next entry that is somebody's: not the prefix itself, nothing private.
    async fn next(&mut self) -> opendal::Result<Option<(String, Metadata)>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        loop {
            let entry = match self.lister.next().await {
                Ok(Some(entry)) => entry,
                Ok(None) => return Ok(None),
                // Where there are directories, one that is not there is an error; elsewhere it is empty.
                Err(e) if e.kind() == opendal::ErrorKind::NotFound => return Ok(None),
                Err(e) => return Err(e),
            };
            let (path, found) = entry.into_parts();
            let itself = path == self.prefix || path == "/" || path.is_empty();
            let private = self.prefix == "/" && names::is_private(&path);
            if !itself && !private {
                return Ok(Some((path, found)));
            }
        }
    }
}

/// What is known of each: from the listing, or from the object itself.
fn attrs(shared: &Shared, op: &Op<'_>, found: &[(String, Metadata)], wanted: bool) -> Result<Vec<Attrs>> {
    let ask = wanted && shared.truth.metadata && shared.config.times_kept;
    let mut out = Vec::with_capacity(found.len());
    for batch in found.chunks(HEADS) {
        let mut asked = Vec::with_capacity(batch.len());
        for (path, listed) in batch {
            let folder = path.ends_with('/') || listed.is_dir();
            asked.push(if ask && !folder {
                let (store, path) = (shared.store.clone(), path.clone());
                Some(Store::spawn(async move { store.stat(&path).await })?)
            } else {
                None
            });
        }
        for (task, (path, listed)) in asked.into_iter().zip(batch) {
            if path.ends_with('/') || listed.is_dir() {
                out.push(Attrs::of(Kind::Prefix));
                continue;
            }
            let Some(task) = task else {
                out.push(meta::attrs(listed));
                continue;
            };
            out.push(match shared.store.call(op, task)? {
                Ok(Ok(found)) => meta::attrs(&found),
                // It vanished since, or may be listed and not looked at: what the listing says.
                _ => meta::attrs(listed),
            });
        }
    }
    Ok(out)
}

/// Whether anything is below this key.
pub(crate) fn has_below(store: &Store, op: &Op<'_>, key: &Key) -> Result<bool> {
    let prefix = names::directory("look at", Some(key))?;
    let options = opendal::options::ListOptions { limit: Some(1), ..Default::default() };
    let failed = |e: opendal::Error| store.teller.failed(&format!("look at {key}"), &e);
    let mut lister = store.lister(&prefix, OpList::from(options)).map_err(failed)?;
    match store.call(op, lister.next())? {
        Ok(found) => Ok(found.is_some()),
        Err(e) if e.kind() == opendal::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(failed(e)),
    }
}
