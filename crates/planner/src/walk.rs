//! The walk: depth first, one directory's page at a time, through the backend's `list`.

use crate::{Only, PlanError, Source, wave::Builder};
use twinhaul_backend_host::{BackendError, Kind, ListRequest, OpContext, Wanted};
use twinhaul_units::Key;

/// Entries asked for at a time.
const PAGE: u32 = 4096;

/// A directory on the way down.
struct Frame {
    /// `None`: the root.
    key: Option<Key>,
    /// Directories found in it and not entered yet.
    below: Vec<Below>,
    /// Everything in it is planned; else what is listed, and what leads there.
    whole: bool,
    /// Targets that got something from here or below, one bit each.
    targets: u64,
}

/// A directory to enter.
struct Below {
    key: Key,
    whole: bool,
}

/// Walks one source.
pub(crate) fn source(
    index: usize,
    source: &Source,
    builder: &mut Builder<'_>,
    mut only: Option<&mut Only>,
) -> Result<(), PlanError> {
    let number = u16::try_from(index).unwrap_or(u16::MAX);
    let mut root = Frame { key: None, below: Vec::new(), whole: only.is_none(), targets: 0 };
    list(source, number, &mut root, builder, &mut only)
        .map_err(|e| e.or_root(|error| PlanError::Root { name: source.name.clone(), error }))?;
    let mut stack = vec![root];
    while let Some(frame) = stack.last_mut() {
        if let Some(Below { key, whole }) = frame.below.pop() {
            let mut entered = Frame { key: Some(key.clone()), below: Vec::new(), whole, targets: 0 };
            match list(source, number, &mut entered, builder, &mut only) {
                Err(Trouble::Listing(e)) if whole => builder.unreadable(number, &key, &e.to_string())?,
                // What is listed below it is met by nobody, and fails by its own name.
                Ok(()) | Err(Trouble::Listing(_)) => {}
                Err(Trouble::Plan(e)) => return Err(e),
            }
            stack.push(entered);
        } else if let Some(done) = stack.pop()
            && let Some(key) = done.key
        {
            // Beside what is listed, only what that touches is finished: an empty directory on the way is not its concern.
            let mask = match (done.whole, done.targets) {
                (true, targets) => builder.directory(number, &key, targets)?,
                (false, 0) => 0,
                (false, targets) => builder.touched(number, &key, targets)?,
            };
            if let Some(parent) = stack.last_mut() {
                parent.targets |= mask;
            }
        }
    }
    Ok(())
}

enum Trouble {
    Listing(BackendError),
    Plan(PlanError),
}

impl Trouble {
    fn or_root(self, wrap: impl FnOnce(BackendError) -> PlanError) -> PlanError {
        match self {
            Self::Listing(e) => wrap(e),
            Self::Plan(e) => e,
        }
    }
}

/// Lists one directory: objects go to the builder, directories wait in the frame.
fn list(
    source: &Source,
    number: u16,
    frame: &mut Frame,
    builder: &mut Builder<'_>,
    only: &mut Option<&mut Only>,
) -> Result<(), Trouble> {
    let op = OpContext::new();
    let mut continuation = Vec::new();
    loop {
        let request = ListRequest {
            prefix: frame.key.as_ref(),
            continuation: &continuation,
            want: Wanted::Plan,
            max_entries: PAGE,
        };
        let page = source.target.list(&op, &request).map_err(Trouble::Listing)?;
        for entry in page.entries {
            let key = match Key::new(entry.key) {
                Ok(key) => key,
                Err(_) if !frame.whole => continue,
                Err(why) => {
                    builder.bad_key(&source.name, why).map_err(Trouble::Plan)?;
                    continue;
                }
            };
            // Asked in any case: what is listed below a listed directory has been met too.
            let listed = only.as_mut().is_some_and(|only| only.take(number, key.as_bytes()));
            let whole = frame.whole || listed;
            match entry.attrs.kind {
                Kind::Directory | Kind::Prefix => {
                    let leads = |only: &&mut Only| only.leads(number, key.as_bytes());
                    if whole || only.as_ref().is_some_and(leads) {
                        frame.below.push(Below { key, whole });
                    }
                }
                _ if !whole => {}
                _ => {
                    let to = builder.object(number, &key, &entry.attrs).map_err(Trouble::Plan)?;
                    frame.targets |= to.map_or(0, |target| 1 << target.min(63));
                }
            }
        }
        match page.next {
            Some(next) => continuation = next,
            None => return Ok(()),
        }
    }
}
