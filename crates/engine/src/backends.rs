//! What backends show of themselves, asked on a thread of its own: a backend that takes long to answer must not hold up
//! anything else. Entry points: [`watch`], [`Backends::list`].

use crate::driver::DriverEvent;
use crate::storage::{Opened, Storage};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use twinhaul_backend_host::{Code, OpContext, Target};
use twinhaul_wire::{BackendStatus, EventKind, Requests};

/// Between two questions.
const EVERY: Duration = Duration::from_millis(500);
/// A question takes at most this part of the time: one that costs 1 s is asked every 10 s.
const SHARE: u32 = 10;
/// A backend answers within this, or shows its last answer with its age.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Sources and targets that are asked.
const ASKED_MAX: usize = 16;

/// The last answers.
#[derive(Debug, Default)]
pub struct Backends(Mutex<BTreeMap<(bool, String), (BackendStatus, Instant)>>);

impl Backends {
    /// Targets first, each with the age of its answer.
    pub fn list(&self) -> Vec<BackendStatus> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let aged = |(status, at): &(BackendStatus, Instant)| BackendStatus {
            age_ms: u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..status.clone()
        };
        all.values().map(aged).collect()
    }

    fn keep(&self, status: BackendStatus) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((status.source, status.name.clone()), (status, Instant::now()));
    }
}

/// Asks until the storage is gone.
pub(crate) fn watch(storage: &Weak<Storage>, driver: &mpsc::Sender<DriverEvent>) {
    let mut known = Known::default();
    loop {
        let begun = Instant::now();
        let Some(storage) = storage.upgrade() else { return };
        for (source, end) in asked(&storage) {
            for event in known.ask(&storage, source, end) {
                if driver.blocking_send(DriverEvent::Told(event)).is_err() {
                    return;
                }
            }
        }
        drop(storage);
        std::thread::sleep(EVERY.max(begun.elapsed() * SHARE));
    }
}

/// What each source and target has counted so far; for the end of a process.
pub(crate) fn requests(storage: &Storage) -> Vec<EventKind> {
    asked(storage).filter_map(|(source, end)| requests_of(&end.name, source, &end.target)).collect()
}

/// What one place has counted so far; `None`: it counts nothing, or does not answer.
pub fn requests_of(place: &str, source: bool, target: &Target) -> Option<EventKind> {
    let json = target.status(&OpContext::new().within(ANSWER_WITHIN)).ok()?;
    let counts = Requests::of_json(&json)?;
    Some(EventKind::Requests { place: place.to_owned(), source, counts })
}

/// Targets first; whether it is a source.
fn asked(storage: &Storage) -> impl Iterator<Item = (bool, &Opened)> {
    let sources = storage.sources.iter().map(|end| (true, end));
    storage.reached().map(|end| (false, end)).chain(sources).take(ASKED_MAX)
}

/// What need not be asked or told again.
#[derive(Debug, Default)]
struct Known {
    /// They show nothing.
    silent: BTreeSet<(bool, String)>,
    simulated: BTreeSet<String>,
}

impl Known {
    fn ask(&mut self, storage: &Storage, source: bool, end: &Opened) -> Vec<EventKind> {
        let key = (source, end.name.clone());
        if self.silent.contains(&key) {
            return Vec::new();
        }
        let json = match end.target.status(&OpContext::new().within(ANSWER_WITHIN)) {
            Ok(json) => json,
            Err(e) => {
                if e.code() == Code::Unsupported {
                    self.silent.insert(key);
                }
                return Vec::new();
            }
        };
        let Some(status) = BackendStatus::of_json(&end.name, source, &end.backend, &json) else {
            return Vec::new();
        };
        let mut events = storage.problems.told(&end.name, &status.problems);
        if !status.simulated.is_empty() && self.simulated.insert(end.name.clone()) {
            events.push(EventKind::Simulated {
                name: end.name.clone(),
                backend: end.backend.clone(),
                words: status.simulated.clone(),
            });
        }
        storage.backends.keep(status);
        events
    }
}
