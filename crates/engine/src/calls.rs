//! How long what slots wait for takes, by place and reason: lately, and before that in this run.
//!
//! "Slow" means nothing without "than what": a call of 40 ms is quick for a bucket across an ocean and slow for a disk that took
//! 0.3 ms an hour ago. Each slot keeps its own, so that no slot waits for another; the snapshot sums them up once a second.

use hdrhistogram::Histogram;
use std::time::{Duration, Instant};
use twinhaul_wire::{CallTimes, Spread, WaitReason};

/// "Lately" is the last one to two of these.
const TURN: Duration = Duration::from_secs(30);
/// Places and reasons that are kept, each some 6 KiB; more are not counted.
const KEPT_MAX: usize = 24;
/// Shown in a snapshot.
pub(crate) const SHOWN_MAX: usize = 16;
/// Longest that is told apart, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;
/// One digit: what is shown is right to some per cent.
const DIGITS: u8 = 1;

/// See the module. One for each slot, or the sum of several.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    kinds: Vec<Kind>,
    turned_at: Option<Instant>,
}

#[derive(Debug)]
struct Kind {
    place: String,
    reason: WaitReason,
    /// This turn, the one before, and all before that.
    now: Histogram<u32>,
    last: Histogram<u32>,
    usual: Histogram<u32>,
}

impl Kind {
    fn new(place: &str, reason: WaitReason) -> Option<Self> {
        let empty = || Histogram::new_with_bounds(1, LONGEST_US, DIGITS).ok();
        Some(Self { place: place.to_owned(), reason, now: empty()?, last: empty()?, usual: empty()? })
    }

    fn turn(&mut self) {
        // The same bounds: nothing can be refused.
        let _ = self.usual.add(&self.last);
        std::mem::swap(&mut self.last, &mut self.now);
        self.now.reset();
    }

    fn lately(&self) -> Histogram<u32> {
        let mut sum = self.now.clone();
        let _ = sum.add(&self.last);
        sum
    }
}

impl Calls {
    /// A call of `took` to `place`, which ended at `now`.
    pub(crate) fn note(&mut self, now: Instant, place: &str, reason: WaitReason, took: Duration) {
        self.turn(now);
        let us = u64::try_from(took.as_micros()).unwrap_or(LONGEST_US);
        if let Some(kind) = self.kind(place, reason) {
            kind.now.saturating_record(us);
        }
    }

    fn kind(&mut self, place: &str, reason: WaitReason) -> Option<&mut Kind> {
        let at = self.kinds.iter().position(|k| k.reason == reason && k.place == place);
        if at.is_none() && self.kinds.len() < KEPT_MAX {
            self.kinds.extend(Kind::new(place, reason));
            return self.kinds.last_mut();
        }
        self.kinds.get_mut(at?)
    }

    fn turn(&mut self, now: Instant) {
        let begun = *self.turned_at.get_or_insert(now);
        let turns = now.saturating_duration_since(begun).as_secs() / TURN.as_secs();
        if turns > 0 {
            // After two nothing is of lately.
            for _ in 0..turns.min(2) {
                self.kinds.iter_mut().for_each(Kind::turn);
            }
            self.turned_at = Some(now);
        }
    }

    /// Adds another slot's, as they are at `now`.
    pub(crate) fn add(&mut self, now: Instant, other: &mut Self) {
        other.turn(now);
        for theirs in &other.kinds {
            let Some(kind) = self.kind(&theirs.place, theirs.reason) else { continue };
            for (sum, more) in [
                (&mut kind.now, &theirs.now),
                (&mut kind.last, &theirs.last),
                (&mut kind.usual, &theirs.usual),
            ] {
                let _ = sum.add(more);
            }
        }
    }

    /// What 99 of 100 of these calls took less than, in this run; `None`: there were none, or too few to say.
    pub(crate) fn usual(&self, place: &str, reason: WaitReason) -> Option<Duration> {
        /// With fewer, the longest is no measure of anything.
        const ENOUGH: u64 = 8;
        let kind = self.kinds.iter().find(|k| k.reason == reason && k.place == place)?;
        let mut all = kind.lately();
        let _ = all.add(&kind.usual);
        (all.len() >= ENOUGH).then(|| Duration::from_micros(all.value_at_quantile(0.99)))
    }

    /// For the snapshot: where slots waited longest, first.
    pub(crate) fn shown(&self) -> Vec<CallTimes> {
        let spread = |h: &Histogram<u32>| Spread {
            count: h.len(),
            p50_us: h.value_at_quantile(0.5),
            p99_us: h.value_at_quantile(0.99),
        };
        let mut shown: Vec<CallTimes> = self
            .kinds
            .iter()
            .map(|k| CallTimes {
                place: k.place.clone(),
                reason: k.reason,
                lately: spread(&k.lately()),
                before: spread(&k.usual),
            })
            .collect();
        shown.sort_by_key(|c| std::cmp::Reverse(c.lately.p99_us.max(c.before.p99_us)));
        shown.truncate(SHOWN_MAX);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: WaitReason = WaitReason::TargetWrite;

    fn noted(calls: &mut Calls, now: Instant, took_ms: u64, times: u64) {
        for _ in 0..times {
            calls.note(now, "vault", WRITE, Duration::from_millis(took_ms));
        }
    }

    #[test]
    fn what_was_usual_stays_beside_what_is_now() {
        let (mut a, mut b, begun) = (Calls::default(), Calls::default(), Instant::now());
        noted(&mut a, begun, 2, 50);
        noted(&mut b, begun, 2, 50);
        let later = begun + TURN * 3;
        noted(&mut a, later, 400, 10);
        let mut sum = Calls::default();
        sum.add(later, &mut a);
        sum.add(later, &mut b);
        let shown = sum.shown();
        let [vault] = &shown[..] else { panic!("{shown:?}") };
        assert_eq!((vault.before.count, vault.lately.count), (100, 10));
        assert!((1_900..2_300).contains(&vault.before.p99_us), "{vault:?}");
        assert!((380_000..440_000).contains(&vault.lately.p50_us), "{vault:?}");
        let usual = sum.usual("vault", WRITE).unwrap();
        assert!(usual > Duration::from_millis(300), "both count: {usual:?}");
        assert_eq!(sum.usual("other", WRITE), None);
    }

    #[test]
    fn a_few_calls_teach_nothing_and_places_have_an_end() {
        let mut calls = Calls::default();
        let now = Instant::now();
        noted(&mut calls, now, 90_000, 3);
        assert_eq!(calls.usual("vault", WRITE), None);
        for n in 0..1_000 {
            calls.note(now, &format!("t{n}"), WRITE, Duration::from_millis(1));
        }
        assert_eq!(calls.kinds.len(), KEPT_MAX);
        assert_eq!(calls.shown().len(), SHOWN_MAX);
    }
}
