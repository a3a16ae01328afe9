//! What went over the wire: requests by class, repeats, refusals, times. Shared by every call of a target; read by its status.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::class::Class;

/// A pause that begins so soon after another goes on with it.
const SAME_STORM: Duration = Duration::from_secs(2);
/// Times kept for the percentiles.
const TIMES_MAX: usize = 1024;

#[derive(Debug, Default)]
struct Count {
    sent: AtomicU64,
    failed: AtomicU64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Meter {
    counts: [Count; Class::ALL.len()],
    repeated: AtomicU64,
    /// Answers that said "slow down".
    limited: AtomicU64,
    resumed_reads: AtomicU64,
    /// Commits whose reply was lost, and that were found to be there.
    found_there: AtomicU64,
    in_flight: AtomicU64,
    parts_in_flight: AtomicU64,
    bytes_up: AtomicU64,
    bytes_down: AtomicU64,
    /// When something was last noted, by [`Note`].
    noted: Mutex<[Option<Instant>; 3]>,
    times: Mutex<Times>,
    limit: Mutex<Option<Limit>>,
}

#[derive(Debug, Default)]
struct Times {
    /// Microseconds; the oldest is overwritten.
    last: Vec<u32>,
    next: usize,
}

/// The server asked for a pause.
#[derive(Clone, Copy, Debug)]
struct Limit {
    began: Instant,
    until: Instant,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            counts: std::array::from_fn(|_| Count::default()),
            repeated: AtomicU64::new(0),
            limited: AtomicU64::new(0),
            resumed_reads: AtomicU64::new(0),
            found_there: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            parts_in_flight: AtomicU64::new(0),
            bytes_up: AtomicU64::new(0),
            bytes_down: AtomicU64::new(0),
            noted: Mutex::default(),
            times: Mutex::default(),
            limit: Mutex::default(),
        }
    }
}

/// What an operator may want to know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Repeated,
    ResumedRead,
    FoundThere,
}

/// One request on its way; ends when dropped, also when its call was given up.
#[derive(Debug)]
pub(crate) struct Sent<'a> {
    meter: &'a Meter,
    class: Class,
    began: Instant,
    answered: bool,
}

impl Sent<'_> {
    pub(crate) fn answered(mut self, well: bool) {
        self.answered = well;
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        let m = self.meter;
        m.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.class == Class::Part {
            m.parts_in_flight.fetch_sub(1, Ordering::Relaxed);
        }
        if !self.answered {
            m.counts[self.class as usize].failed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let micros = u32::try_from(self.began.elapsed().as_micros()).unwrap_or(u32::MAX);
        let mut times = m.times.lock().unwrap_or_else(PoisonError::into_inner);
        if times.last.len() < TIMES_MAX {
            times.last.push(micros);
        } else {
            let at = times.next;
            times.last[at] = micros;
        }
        times.next = (times.next + 1) % TIMES_MAX;
    }
}

impl Meter {
    pub(crate) fn send(&self, class: Class, bytes: u64) -> Sent<'_> {
        self.counts[class as usize].sent.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        if class == Class::Part {
            self.parts_in_flight.fetch_add(1, Ordering::Relaxed);
        }
        self.bytes_up.fetch_add(bytes, Ordering::Relaxed);
        Sent { meter: self, class, began: Instant::now(), answered: false }
    }

    pub(crate) fn received(&self, bytes: u64) {
        self.bytes_down.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn repeated(&self) {
        self.repeated.fetch_add(1, Ordering::Relaxed);
        self.note(Note::Repeated);
    }

    pub(crate) fn resumed_read(&self) {
        self.resumed_reads.fetch_add(1, Ordering::Relaxed);
        self.note(Note::ResumedRead);
    }

    pub(crate) fn found_there(&self) {
        self.found_there.fetch_add(1, Ordering::Relaxed);
        self.note(Note::FoundThere);
    }

    fn note(&self, what: Note) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)[what as usize] = Some(Instant::now());
    }

    /// Whether it was noted within the last while.
    pub(crate) fn lately(&self, what: Note, within: Duration) -> bool {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)[what as usize]
            .is_some_and(|at| at.elapsed() < within)
    }

    /// The server wants nothing for so long.
    pub(crate) fn limit(&self, pause: Duration) {
        self.limited.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked again as soon as it was over, and put off again: the same storm.
        let old = limit.filter(|l| l.until + SAME_STORM > now);
        let until = old.map_or(now + pause, |l| l.until.max(now + pause));
        *limit = Some(Limit { began: old.map_or(now, |l| l.began), until });
    }

    /// How long a request has to wait before it may be sent, and how long that has been so.
    pub(crate) fn limited(&self) -> Option<(Duration, Duration)> {
        let now = Instant::now();
        let limit = *self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        limit
            .filter(|l| l.until > now)
            .map(|l| (l.until.saturating_duration_since(now), now.saturating_duration_since(l.began)))
    }

    /// One JSON object for the status.
    pub(crate) fn json(&self) -> Value {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let requests: Map<String, Value> = Class::ALL
            .iter()
            .filter(|c| get(&self.counts[**c as usize].sent) > 0)
            .map(|c| {
                let count = &self.counts[*c as usize];
                (c.word().to_owned(), json!({"sent": get(&count.sent), "failed": get(&count.failed)}))
            })
            .collect();
        let (p50, p99) = self.percentiles();
        json!({
            "requests": requests,
            "repeated": get(&self.repeated),
            "rate_limited": get(&self.limited),
            "rate_limited_for_ms": self.limited().map(|(left, _)| left.as_millis() as u64),
            "reads_resumed": get(&self.resumed_reads),
            "replies_lost_and_found": get(&self.found_there),
            "in_flight": get(&self.in_flight),
            "parts_in_flight": get(&self.parts_in_flight),
            "bytes_sent": get(&self.bytes_up),
            "bytes_received": get(&self.bytes_down),
            "latency_us": {"p50": p50, "p99": p99},
        })
    }

    /// Requests sent and failed, of one class.
    pub(crate) fn of_class(&self, class: Class) -> (u64, u64) {
        let count = &self.counts[class as usize];
        (count.sent.load(Ordering::Relaxed), count.failed.load(Ordering::Relaxed))
    }

    pub(crate) fn percentiles(&self) -> (Option<u32>, Option<u32>) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner).last.clone();
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100).copied();
        (at(50), at(99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_counted_and_what_is_given_up_has_failed() {
        let meter = Meter::default();
        meter.send(Class::Put, 10).answered(true);
        drop(meter.send(Class::Put, 5));
        let json = meter.json();
        assert_eq!(json["requests"]["put"], json!({"sent": 2, "failed": 1}));
        assert_eq!((json["in_flight"].as_u64(), json["bytes_sent"].as_u64()), (Some(0), Some(15)));
        assert!(json["latency_us"]["p50"].is_u64());
    }

    #[test]
    fn a_pause_is_kept_until_it_is_over_and_only_grows() {
        let meter = Meter::default();
        assert!(meter.limited().is_none());
        meter.limit(Duration::from_secs(30));
        meter.limit(Duration::from_secs(1));
        assert!(meter.limited().unwrap().0 > Duration::from_secs(20));
    }

    #[test]
    fn a_pause_that_follows_another_goes_on_with_it() {
        let meter = Meter::default();
        meter.limit(Duration::from_millis(30));
        std::thread::sleep(Duration::from_millis(40));
        assert!(meter.limited().is_none());
        meter.limit(Duration::from_secs(30));
        assert!(meter.limited().unwrap().1 >= Duration::from_millis(40));
    }
}
