//! Names of private objects where an object would grow under its own name (sftp): written beside, renamed when complete.

use twinhaul_backend_abi::{Flow, Op, Result};

use crate::names::PRIVATE;
use crate::store::Store;

/// A `/` of an attempt id, in the name of a file.
const SLASH: &str = "+";

pub(crate) fn path_of(attempt: &str) -> String {
    format!("{PRIVATE}/{}", attempt.replace('/', SLASH))
}

/// The private directory is there.
pub(crate) fn room(store: &Store, op: &Op<'_>) -> Result<()> {
    let made = store.call(op, store.create_dir(&format!("{PRIVATE}/")))?;
    made.map_err(|e| store.teller.failed("make the private directory", &e))
}

/// Whether there was something to remove.
pub(crate) fn discard(store: &Store, op: &Op<'_>, attempt: &str) -> Result<bool> {
    let path = path_of(attempt);
    match store.call(op, store.stat(&path))? {
        Err(e) if e.kind() == opendal::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(store.teller.failed("discard", &e)),
        Ok(_) => {}
    }
    store.call(op, store.delete(&path))?.map_err(|e| store.teller.failed("discard", &e))?;
    Ok(true)
}

/// Those of one run; with `remove` they go, and with the last of them the private directory.
pub(crate) fn sweep(
    store: &Store,
    op: &Op<'_>,
    run_prefix: &str,
    remove: bool,
    found: &mut dyn FnMut(&[u8]) -> Flow,
) -> Result<()> {
    use opendal::raw::oio::List as _;
    let failed = |e: opendal::Error| store.teller.failed("sweep", &e);
    let below = format!("{PRIVATE}/");
    let mut lister = store.lister(&below, opendal::raw::OpList::default()).map_err(failed)?;
    let (mut attempts, mut others) = (Vec::new(), false);
    loop {
        match store.call(op, lister.next())? {
            Ok(Some(entry)) => {
                let name = entry.path().strip_prefix(&below).unwrap_or_default().replace(SLASH, "/");
                match name.is_empty() {
                    true => {}
                    false if name.starts_with(run_prefix) => attempts.push(name),
                    false => others = true,
                }
            }
            Ok(None) => break,
            Err(e) if e.kind() == opendal::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(failed(e)),
        }
    }
    for attempt in attempts {
        if remove {
            discard(store, op, &attempt)?;
        }
        if found(attempt.as_bytes()).is_break() {
            return Ok(());
        }
    }
    if remove && !others {
        store.call(op, store.delete(&below))?.map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_one_name() {
        assert_eq!(path_of("run-1/7/2/3"), ".twinhaul/run-1+7+2+3");
    }
}
