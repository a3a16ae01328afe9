//! What an operator should know without looking for it, raised and cleared where it happens.

use crate::clock::wall_ms;
use crate::stall::Watched;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use twinhaul_wire::{BackendProblem, EventKind, Problem, WaitReason};

/// Problems shown at once; the rest is in the history.
const SHOWN_MAX: usize = 16;

/// The kind of a stall.
const STALL: &str = "stall";

#[derive(Debug)]
struct Raised {
    since_ms: u64,
    /// The one that tells it best.
    transfer: Option<u64>,
    text: String,
    next: String,
    /// How many slots meet it.
    met: u32,
}

/// By (kind, target).
#[derive(Debug, Default)]
pub struct Problems {
    raised: Mutex<BTreeMap<(&'static str, String), Raised>>,
    /// Waits beyond their budget, by place and reason.
    stalls: Mutex<BTreeMap<(String, WaitReason), Raised>>,
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
        let raised = Raised {
            since_ms: wall_ms(),
            transfer: None,
            text: text.to_owned(),
            next: next.to_owned(),
            met: 1,
        };
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

    /// Calls to a place do not return. The event to record.
    pub(crate) fn stall_began(&self, stall: &Watched, text: String, next: String) -> EventKind {
        let age_ms = u64::try_from(stall.age.as_millis()).unwrap_or(u64::MAX);
        let event =
            EventKind::ProblemBegan { problem: stall_name(&stall.place, stall.reason), text: text.clone() };
        let since_ms = wall_ms().saturating_sub(age_ms);
        let raised = Raised { since_ms, transfer: stall.transfer, text, next, met: 1 };
        let mut all = self.stalls.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((stall.place.clone(), stall.reason), raised);
        event
    }

    /// They return again; the event to record.
    pub(crate) fn stall_ended(&self, place: &str, reason: WaitReason) -> EventKind {
        let mut all = self.stalls.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&(place.to_owned(), reason));
        EventKind::ProblemEnded { problem: stall_name(place, reason) }
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
        let problem = |(kind, target): (&str, &str), transfer, since_ms, text: &str, next: &str| Problem {
            kind: kind.to_owned(),
            peer: Some(peer.to_owned()),
            // A source or target has no blank in its name; the ledger, or several targets together, are none.
            target: Some(target.to_owned()).filter(|name| !name.contains(' ')),
            transfer,
            since_ms,
            text: text.to_owned(),
            next: next.to_owned(),
        };
        let all = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = |kind: &str, target: &str, of: &Raised| {
            problem((kind, target), of.transfer, of.since_ms, &of.text, &of.next)
        };
        let raised = all.iter().map(|((kind, target), of)| shown(kind, target, of));
        let stalls = self.stalls.lock().unwrap_or_else(PoisonError::into_inner);
        let stalls = stalls.iter().map(|((place, _), of)| shown(STALL, place, of));
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.iter().flat_map(|(name, all)| all.iter().map(move |one| (name, one)));
        let told = told.map(|(name, (since, p))| {
            problem((&p.kind, name), None, *since, &format!("{name}: {}", p.text()), &p.next_command)
        });
        raised.chain(stalls).chain(told).take(SHOWN_MAX).collect()
    }

    pub fn target_state(&self, target: &str) -> String {
        let all = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.keys().find(|(_, t)| t == target);
        let word = |kind: &str| if kind == "target_full" { "waiting for space" } else { "problem" };
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).contains_key(target);
        found.map_or(if told { "problem" } else { "ok" }, |(kind, _)| word(kind)).to_owned()
    }
}

fn stall_name(place: &str, reason: WaitReason) -> String {
    format!("{STALL} {place} ({})", reason.words())
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
    fn figures_that_change_are_shown_and_no_news() {
        let problems = Problems::default();
        let left = |left: u32| BackendProblem {
            kind: "rate_limit".into(),
            words: "slow down".into(),
            detail: format!("{left} s"),
            ..BackendProblem::default()
        };
        assert_eq!(problems.told("vault", &[left(12)]).len(), 1);
        assert!(problems.told("vault", &[left(11)]).is_empty());
        assert_eq!(problems.list("alpha")[0].text, "vault: slow down: 11 s");
        assert_eq!(problems.told("vault", &[]).len(), 1);
    }

    #[test]
    fn what_a_backend_tells_begins_and_ends_once() {
        let problems = Problems::default();
        let words = |words: &str| BackendProblem {
            kind: "cartridge".into(),
            words: words.into(),
            next_command: "twinhaul tape import".into(),
            ..BackendProblem::default()
        };
        assert_eq!(problems.told("vault", &[words("insert A")]).len(), 1);
        assert!(problems.told("vault", &[words("insert A")]).is_empty());
        let shown = problems.list("alpha");
        assert_eq!((shown[0].text.as_str(), shown[0].target.as_deref()), ("vault: insert A", Some("vault")));
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
