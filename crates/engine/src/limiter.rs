//! One bandwidth limit at one peer: a bucket that all its slots draw from, changed live. Of a limit that both peers share,
//! this is the peer's part.
//!
//! A bucket that may go into debt: who finds it above zero takes its whole chunk at once and the next one waits until
//! the debt is paid. A change of the limit therefore counts from the next microsecond, also for who waits already.

use crate::gate::{Gate, Pass};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use twinhaul_units::Rate;

/// Bytes that may be saved up, as time at the limit: how far a burst can run ahead.
const BURST: Duration = Duration::from_millis(50);
/// Longest nap before the gate is looked at again.
const NAP_MAX: Duration = Duration::from_millis(100);
/// Chunks under a limit: a thirty-second of a second of it, so that progress and pauses stay smooth.
const CHUNKS_PER_SECOND: u64 = 32;
/// Smallest chunk under a limit, in bytes.
const CHUNK_MIN: usize = 16 * 1024;

/// The whole of a limit, in parts as they are given out.
pub(crate) const WHOLE: u16 = 1000;

#[derive(Debug)]
struct Bucket {
    /// Bytes a second; `None`: no limit. Of both peers where they share it.
    limit: Option<u64>,
    /// Of it, in thousandths, what this peer may take.
    part: u16,
    tokens: f64,
    filled: Instant,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Limiter {
    bucket: Mutex<Bucket>,
    changed: Condvar,
    /// Whose limit it is, where that is not the peer: " of target vault".
    of: String,
    taken: AtomicU64,
    waited_us: AtomicU64,
}

impl Limiter {
    pub(crate) fn new(of: String, part: u16) -> Self {
        let bucket = Bucket { limit: None, part, tokens: 0.0, filled: Instant::now() };
        Self {
            bucket: Mutex::new(bucket),
            changed: Condvar::new(),
            of,
            taken: AtomicU64::new(0),
            waited_us: AtomicU64::new(0),
        }
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets or lifts the limit; who waits is judged by the new one.
    pub(crate) fn set(&self, limit: Option<u64>) {
        let mut bucket = self.bucket();
        bucket.fill();
        bucket.limit = limit;
        self.changed.notify_all();
    }

    /// Of a limit that both peers share, what this one may take, in thousandths.
    pub(crate) fn set_part(&self, part: u16) {
        let mut bucket = self.bucket();
        bucket.fill();
        bucket.part = part.min(WHOLE);
        self.changed.notify_all();
    }

    /// Bytes a second, of both peers where they share it.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.bucket().limit
    }

    pub(crate) fn part(&self) -> u16 {
        self.bucket().part
    }

    /// Bytes that moved while it was there, and milliseconds that slots waited for it, summed over them.
    pub(crate) fn used(&self) -> (u64, u64) {
        (self.taken.load(Ordering::Relaxed), self.waited_us.load(Ordering::Relaxed) / 1000)
    }

    /// How much to ask for at once, at most `max`.
    pub(crate) fn chunk(&self, max: usize) -> usize {
        match self.bucket().rate() {
            None => max,
            Some(rate) => usize::try_from(rate / CHUNKS_PER_SECOND)
                .unwrap_or(max)
                .clamp(CHUNK_MIN, max.max(CHUNK_MIN))
                .min(max),
        }
    }

    /// Waits until `bytes` may move. `waiting` is called once, with the limit in words, if there is a wait.
    pub(crate) fn take(&self, bytes: usize, gate: &Gate, waiting: impl FnOnce(String)) -> Pass {
        let mut waiting = Some(waiting);
        let mut bucket = self.bucket();
        let mut begun = None;
        let pass = loop {
            // No limit, no clock: most bytes pass here without one.
            let Some((rate, limit)) = bucket.rate().zip(bucket.limit) else { break Pass::Go };
            bucket.fill();
            if bucket.tokens > 0.0 {
                bucket.tokens -= bytes as f64;
                self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
                break Pass::Go;
            }
            begun.get_or_insert_with(Instant::now);
            if let Some(tell) = waiting.take() {
                tell(format!("limit {}{}", Rate(limit), self.of));
            }
            let debt = (1.0 - bucket.tokens) / rate.max(1) as f64;
            let nap = NAP_MAX.min(Duration::try_from_secs_f64(debt).unwrap_or(NAP_MAX));
            bucket = self.changed.wait_timeout(bucket, nap).unwrap_or_else(PoisonError::into_inner).0;
            if gate.is_cut() {
                break Pass::Cut;
            }
        };
        if let Some(begun) = begun {
            let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.waited_us.fetch_add(micros, Ordering::Relaxed);
        }
        pass
    }
}

impl Bucket {
    /// Bytes a second for this peer.
    fn rate(&self) -> Option<u64> {
        let part = |limit: u64| u128::from(limit) * u128::from(self.part) / u128::from(WHOLE);
        self.limit.map(|limit| u64::try_from(part(limit)).unwrap_or(u64::MAX))
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let rate = self.rate().map_or(0.0, |r| r as f64);
        let elapsed = now.duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = (self.tokens + elapsed * rate).min(rate * BURST.as_secs_f64());
        if self.limit.is_none() {
            self.tokens = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(limit: Option<u64>) -> Limiter {
        let limiter = Limiter::new(String::new(), WHOLE);
        limiter.set(limit);
        limiter
    }

    #[test]
    fn no_limit_never_waits() {
        let limiter = limiter(None);
        for _ in 0..1000 {
            assert_eq!(limiter.take(1 << 20, &Gate::default(), |_| panic!("waited")), Pass::Go);
        }
    }

    #[test]
    fn debt_makes_the_next_one_wait_until_lifted() {
        let limiter = std::sync::Arc::new(limiter(Some(1000)));
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(limiter.take(1 << 30, &Gate::default(), |_| {}), Pass::Go);
        let (tell, told) = std::sync::mpsc::channel();
        let other = std::sync::Arc::clone(&limiter);
        let waiter =
            std::thread::spawn(move || other.take(1, &Gate::default(), |words| tell.send(words).unwrap()));
        assert_eq!(told.recv().unwrap(), "limit 1000 B/s");
        limiter.set(None);
        assert_eq!(waiter.join().unwrap(), Pass::Go);
        assert_eq!(limiter.used().0, 1 << 30, "what moved without a limit is not counted");
        assert!(limiter.waited_us.load(Ordering::Relaxed) > 0, "the wait is counted");
    }

    #[test]
    fn a_part_of_a_limit_is_a_smaller_limit() {
        let limiter = limiter(Some(1 << 20));
        limiter.set_part(250);
        assert_eq!(
            (limiter.limit(), limiter.part(), limiter.bucket().rate()),
            (Some(1 << 20), 250, Some(1 << 18))
        );
        limiter.set_part(0);
        let gate = Gate::default();
        gate.cut();
        assert_eq!(limiter.take(1, &gate, |_| {}), Pass::Cut, "no part: nothing moves, and a stop is heard");
    }

    #[test]
    fn chunks_shrink_under_a_limit() {
        assert_eq!(limiter(Some(32 << 20)).chunk(4 << 20), 1 << 20);
        assert_eq!(limiter(Some(1)).chunk(1 << 20), CHUNK_MIN);
        assert_eq!(limiter(None).chunk(1 << 20), 1 << 20);
    }
}
