//! What an operator should know without looking for it, raised and cleared where it happens.

use crate::clock::wall_ms;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use twinhaul_wire::{BackendProblem, EventKind, Problem};

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
pub struct Problems {
    raised: Mutex<BTreeMap<(&'static str, String), Raised>>,
    /// What backends say themselves: by source or target, with since when.
    told: Mutex<BTreeMap<String, Vec<(u64, BackendProblem)>>>,
}

impl Problems {
    /// Raises a problem of a target, or counts one more that meets it. The event to record, if it is new.
    pub fn raise(&self, kind: &'static str, target: &str, text: &str, next: &str) -> Option<EventKind> {
        let mut all = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
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
        let mut all = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kind, target.to_owned());
        let raised = all.get_mut(&key)?;
        raised.met = raised.met.saturating_sub(1);
        if raised.met > 0 {
            return None;
        }
        all.remove(&key);
        Some(EventKind::ProblemEnded { problem: format!("{kind} {target}") })
    }

    /// What a backend says now is in an operator's way, all of it; the events to record.
    pub fn told(&self, name: &str, now: &[BackendProblem]) -> Vec<EventKind> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let old = told.remove(name).unwrap_or_default();
        let id = |p: &BackendProblem| format!("{} {name}", p.kind);
        let mut events = Vec::new();
        let mut new = Vec::new();
        for problem in now {
            let known = old.iter().find(|(_, o)| o.words == problem.words && o.kind == problem.kind);
            if known.is_none() {
                events.push(EventKind::ProblemBegan { problem: id(problem), text: problem.words.clone() });
            }
            new.push((known.map_or_else(wall_ms, |(since, _)| *since), problem.clone()));
        }
        for (_, gone) in old.iter().filter(|(_, o)| !now.iter().any(|n| n.kind == o.kind)) {
            events.push(EventKind::ProblemEnded { problem: id(gone) });
        }
        if !new.is_empty() {
            told.insert(name.to_owned(), new);
        }
        events
    }

    pub fn list(&self, peer: &str) -> Vec<Problem> {
        let problem = |kind: &str, since_ms, text: &str, next: &str| Problem {
            kind: kind.to_owned(),
            peer: Some(peer.to_owned()),
            transfer: None,
            since_ms,
            text: text.to_owned(),
            next: next.to_owned(),
        };
        let all = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let raised =
            all.iter().map(|((kind, _), raised)| problem(kind, raised.since_ms, &raised.text, &raised.next));
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.iter().flat_map(|(name, all)| all.iter().map(move |one| (name, one)));
        let told = told.map(|(name, (since, p))| {
            problem(&p.kind, *since, &format!("{name}: {}", p.words), &p.next_command)
        });
        raised.chain(told).take(SHOWN_MAX).collect()
    }

    pub fn target_state(&self, target: &str) -> String {
        let all = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.keys().find(|(_, t)| t == target);
        let word = |kind: &str| if kind == "target_full" { "waiting for space" } else { "problem" };
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).contains_key(target);
        found.map_or(if told { "problem" } else { "ok" }, |(kind, _)| word(kind)).to_owned()
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

    #[test]
    fn what_a_backend_tells_begins_and_ends_once() {
        let problems = Problems::default();
        let words = |words: &str| BackendProblem {
            kind: "cartridge".into(),
            words: words.into(),
            next_command: "twinhaul tape import".into(),
        };
        assert_eq!(problems.told("vault", &[words("insert A")]).len(), 1);
        assert!(problems.told("vault", &[words("insert A")]).is_empty());
        let shown = problems.list("alpha");
        assert_eq!(shown[0].text, "vault: insert A");
        assert_eq!(
            (shown[0].next.as_str(), problems.target_state("vault").as_str()),
            ("twinhaul tape import", "problem")
        );
        // Another cartridge of the same kind is news; the kind has not ended.
        assert!(matches!(problems.told("vault", &[words("insert B")])[..], [EventKind::ProblemBegan { .. }]));
        assert!(matches!(problems.told("vault", &[])[..], [EventKind::ProblemEnded { .. }]));
        assert!(problems.list("alpha").is_empty());
    }
}
