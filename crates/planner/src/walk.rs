//! The walk: depth first, one directory's page at a time, through the backend's `list`, some pages read ahead.

use crate::ahead::{self, Ahead, Pending};
use crate::{Only, PlanError, Source, wave::Builder};
use std::collections::VecDeque;
use twinhaul_backend_host::{BackendError, Kind};
use twinhaul_units::Key;

/// Directories of one level whose first page is asked for before they are entered.
const NEAR: usize = 8;

/// A directory on the way down.
struct Frame {
    /// `None`: the root.
    key: Option<Key>,
    /// Directories found in it and not entered yet; the last one is entered next.
    below: Vec<Below>,
    /// First pages of the next ones, as far as they were asked for.
    ahead: VecDeque<Pending>,
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

impl Frame {
    fn new(key: Option<Key>, whole: bool) -> Self {
        Self { key, below: Vec::new(), ahead: VecDeque::new(), whole, targets: 0 }
    }

    /// The directory to enter next, and its first page, if that was asked for.
    fn next(&mut self) -> Option<(Below, Option<Pending>)> {
        Some((self.below.pop()?, self.ahead.pop_front()))
    }

    fn read_ahead(&mut self, ahead: &Ahead<'_>) {
        for below in self.below.iter().rev().take(NEAR).skip(self.ahead.len()) {
            let Some(pending) = ahead.ask(&below.key) else { return };
            self.ahead.push_back(pending);
        }
    }
}

/// Walks one source.
pub(crate) fn source(
    index: usize,
    source: &Source,
    builder: &mut Builder<'_>,
    only: Option<&mut Only>,
) -> Result<(), PlanError> {
    ahead::with(&source.target, |ahead| walk(index, source, builder, only, ahead))
}

fn walk(
    index: usize,
    source: &Source,
    builder: &mut Builder<'_>,
    mut only: Option<&mut Only>,
    ahead: &Ahead<'_>,
) -> Result<(), PlanError> {
    let number = u16::try_from(index).unwrap_or(u16::MAX);
    let mut root = Frame::new(None, only.is_none());
    let place = Place { source, number, ahead };
    list(&place, &mut root, None, builder, &mut only)
        .map_err(|e| e.or_root(|error| PlanError::Root { name: source.name.clone(), error }))?;
    let mut stack = vec![root];
    while let Some(frame) = stack.last_mut() {
        frame.read_ahead(ahead);
        if let Some((Below { key, whole }, first)) = frame.next() {
            let mut entered = Frame::new(Some(key.clone()), whole);
            match list(&place, &mut entered, first, builder, &mut only) {
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

/// What is walked.
struct Place<'a> {
    source: &'a Source,
    number: u16,
    ahead: &'a Ahead<'a>,
}

/// Lists one directory: objects go to the builder, directories wait in the frame. `pending`: its first page.
fn list(
    place: &Place<'_>,
    frame: &mut Frame,
    pending: Option<Pending>,
    builder: &mut Builder<'_>,
    only: &mut Option<&mut Only>,
) -> Result<(), Trouble> {
    let (source, number) = (place.source, place.number);
    let mut page = place.ahead.first(frame.key.as_ref(), pending).map_err(Trouble::Listing)?;
    loop {
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
            Some(next) => {
                page = place.ahead.list(frame.key.as_ref(), &next).map_err(Trouble::Listing)?;
            }
            None => return Ok(()),
        }
    }
}
