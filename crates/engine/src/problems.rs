//! What an operator should know without looking for it, raised and cleared where it happens.

use crate::clock::wall_ms;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use twinhaul_wire::{EventKind, Problem};

/// Problems shown at once; the rest is in the history.
const SHOWN_MAX: usize = 16;

#[derive(Debug)]
struct Raised {
    since_ms: u64,
    text: String,
    next: String,
    /// How many slots meet it.
    met: u32,
}

/// By (kind, target).
#[derive(Debug, Default)]
pub struct Problems(Mutex<BTreeMap<(&'static str, String), Raised>>);

impl Problems {
    /// Raises a problem of a target, or counts one more that meets it. The event to record, if it is new.
    pub fn raise(&self, kind: &'static str, target: &str, text: &str, next: &str) -> Option<EventKind> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kind, target.to_owned());
        if let Some(raised) = all.get_mut(&key) {
            raised.met += 1;
            return None;
        }
        let raised = Raised { since_ms: wall_ms(), text: text.to_owned(), next: next.to_owned(), met: 1 };
        all.insert(key, raised);
        Some(EventKind::ProblemBegan { problem: format!("{kind} {target}"), text: text.to_owned() })
    }

    /// One that met it meets it no more; the event to record when it was the last.
    pub fn clear(&self, kind: &'static str, target: &str) -> Option<EventKind> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kind, target.to_owned());
        let raised = all.get_mut(&key)?;
        raised.met = raised.met.saturating_sub(1);
        if raised.met > 0 {
            return None;
        }
        all.remove(&key);
        Some(EventKind::ProblemEnded { problem: format!("{kind} {target}") })
    }

    pub fn list(&self, peer: &str) -> Vec<Problem> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .take(SHOWN_MAX)
            .map(|((kind, _), raised)| Problem {
                kind: (*kind).to_owned(),
                peer: Some(peer.to_owned()),
                transfer: None,
                since_ms: raised.since_ms,
                text: raised.text.clone(),
                next: raised.next.clone(),
            })
            .collect()
    }

    pub fn target_state(&self, target: &str) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.keys().find(|(_, t)| t == target);
        found
            .map_or("ok", |(kind, _)| if *kind == "target_full" { "waiting for space" } else { "problem" })
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_begins_once_and_ends_with_the_last_that_met_it() {
        let problems = Problems::default();
        assert!(problems.raise("target_full", "vault", "full", "df").is_some());
        assert!(problems.raise("target_full", "vault", "full", "df").is_none());
        assert_eq!(problems.target_state("vault"), "waiting for space");
        assert!(problems.clear("target_full", "vault").is_none());
        assert!(problems.clear("target_full", "vault").is_some());
        assert!(problems.list("alpha").is_empty());
        assert_eq!(problems.target_state("vault"), "ok");
    }
}
