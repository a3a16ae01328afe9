//! Stalls: waits beyond their budget, raised once for each place and reason, cleared when calls to it return again.
//!
//! Sans-IO: waits in, changes out, `now` passed in. Alive and progressing are two things: a peer whose driver answers ten times a
//! second may have every slot in a call that does not return. Clearing is as careful as raising: a single call that returned clears
//! nothing while others are still beyond half of their budget, or were a moment ago, so that it does not flap.

use std::collections::BTreeMap;
use std::time::Duration;
use twinhaul_units::Moment;
use twinhaul_wire::{Wait, WaitReason};

/// Near the budget: half of it.
fn near(budget: Duration) -> Duration {
    budget / 2
}

/// Nothing has been near the budget for so long: calls return again. Longer than a call is young, so that one late call after the
/// other is one stall.
fn calm(budget: Duration) -> Duration {
    budget * 3 / 5
}

/// A wait that has a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) place: String,
    pub(crate) reason: WaitReason,
    pub(crate) age: Duration,
    pub(crate) budget: Duration,
    /// `None`: a group that is made durable, or free slots.
    pub(crate) transfer: Option<u64>,
}

impl Watched {
    /// `None`: the wait has no budget.
    pub(crate) fn of(place: String, wait: &Wait, transfer: Option<u64>) -> Option<Self> {
        let (age, budget) = (Duration::from_millis(wait.age_ms), Duration::from_millis(wait.budget_ms?));
        Some(Self { place, reason: wait.reason, age, budget, transfer })
    }

    fn is_at(&self, place: &str, reason: WaitReason) -> bool {
        self.place == place && self.reason == reason
    }
}

/// What came of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Calls to a place do not return: the longest wait there.
    Began(Watched),
    Ended {
        place: String,
        reason: WaitReason,
    },
}

#[derive(Debug)]
struct Open {
    budget: Duration,
    /// Since when nothing there was near its budget.
    calm_since: Option<Moment>,
}

/// The stalls that last: at most one for each place and reason.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    open: BTreeMap<(String, WaitReason), Open>,
}

impl Stalls {
    /// All waits there are now.
    pub(crate) fn look(&mut self, now: Moment, waits: &[Watched]) -> Vec<Change> {
        let mut changes = Vec::new();
        for wait in waits.iter().filter(|wait| wait.age >= wait.budget) {
            let key = (wait.place.clone(), wait.reason);
            if self.open.contains_key(&key) {
                continue;
            }
            let here = waits.iter().filter(|other| other.is_at(&wait.place, wait.reason));
            let longest = here.max_by_key(|other| other.age).unwrap_or(wait);
            changes.push(Change::Began(longest.clone()));
            self.open.insert(key, Open { budget: longest.budget, calm_since: None });
        }
        self.open.retain(|(place, reason), open| {
            let is_near = waits.iter().any(|w| w.is_at(place, *reason) && w.age >= near(open.budget));
            open.calm_since = if is_near { None } else { open.calm_since.or(Some(now)) };
            let over = open.calm_since.is_some_and(|since| now.since(since) >= calm(open.budget));
            if over {
                changes.push(Change::Ended { place: place.clone(), reason: *reason });
            }
            !over
        });
        changes
    }

    /// The peer has ended: it waits for nothing any more.
    pub(crate) fn end(&mut self) -> Vec<Change> {
        let all = std::mem::take(&mut self.open).into_keys();
        all.map(|(place, reason)| Change::Ended { place, reason }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::ZERO + Duration::from_millis(ms)
    }

    fn write(place: &str, age_ms: u64, transfer: u64) -> Watched {
        Watched {
            place: place.to_owned(),
            reason: WaitReason::TargetWrite,
            age: Duration::from_millis(age_ms),
            budget: Duration::from_secs(10),
            transfer: Some(transfer),
        }
    }

    #[test]
    fn a_place_stalls_once_and_its_longest_wait_tells_it() {
        let mut stalls = Stalls::default();
        assert!(stalls.look(at(0), &[write("vault", 9_999, 1)]).is_empty());
        let began = stalls.look(at(1), &[write("vault", 10_000, 1), write("vault", 14_000, 2)]);
        assert!(
            matches!(&began[..], [Change::Began(Watched { place, transfer: Some(2), .. })] if place == "vault"),
            "{began:?}"
        );
        assert!(stalls.look(at(2), &[write("vault", 11_000, 1)]).is_empty());
        // Another place is another stall.
        assert_eq!(stalls.look(at(3), &[write("vault", 11_000, 1), write("other", 10_000, 3)]).len(), 1);
    }

    #[test]
    fn it_ends_when_calls_have_returned_for_a_while_and_does_not_flap() {
        let mut stalls = Stalls::default();
        stalls.look(at(0), &[write("vault", 10_000, 1)]);
        let mut changes = Vec::new();
        // Calls of 12 s, one after the other: each is young for half of its budget, and then is not.
        for second in 0..60 {
            changes.extend(stalls.look(at(second * 1_000), &[write("vault", second % 10 * 1_200, 1)]));
        }
        assert_eq!(changes, []);
        for second in 60..67 {
            changes.extend(stalls.look(at(second * 1_000), &[write("vault", 200, 1)]));
        }
        assert!(matches!(&changes[..], [Change::Ended { place, .. }] if place == "vault"), "{changes:?}");
        assert!(stalls.open.is_empty());
    }

    #[test]
    fn what_ends_without_a_word_is_cleared_as_well() {
        let mut stalls = Stalls::default();
        stalls.look(at(0), &[write("vault", 10_000, 1)]);
        assert!(stalls.look(at(1_000), &[]).is_empty());
        assert_eq!(stalls.look(at(7_000), &[]).len(), 1);
        stalls.look(at(8_000), &[write("vault", 10_000, 1)]);
        assert_eq!((stalls.end().len(), stalls.end().len()), (1, 0));
    }
}
