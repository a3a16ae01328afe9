//! What was written to find out what a service does ([`crate::canary`], [`crate::check`]) and stayed, because its process was killed: removed
//! by the sweep of a later run. Not before it is old: another process may be at it just now.

use std::time::{SystemTime, UNIX_EPOCH};

use twinhaul_backend_abi::{Op, Result};

use crate::names::TRIAL;
use crate::store::Store;

/// Seconds; no trial takes so long.
const OLD_S: i64 = 3600;
/// Looked at by one sweep.
const SEEN_MAX: usize = 1000;

pub(crate) fn sweep(store: &Store, op: &Op<'_>) -> Result<()> {
    let failed = |e: opendal::Error| store.teller.failed("sweep", &e);
    let there = store.call(op, store.below(TRIAL, SEEN_MAX))?.map_err(failed)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs().cast_signed());
    for (path, found) in there {
        // Written there, by the service's clock; a service that does not say is left alone.
        let written = found.last_modified().map(|at| at.into_inner().as_second());
        if path.starts_with(TRIAL) && written.is_some_and(|at| now.saturating_sub(at) > OLD_S) {
            store.call(op, store.delete(&path))?.map_err(failed)?;
        }
    }
    Ok(())
}
