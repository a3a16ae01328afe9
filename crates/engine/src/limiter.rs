//! The bandwidth limit of a peer: one bucket that all its slots draw from, changed live.
//!
//! A bucket that may go into debt: who finds it above zero takes its whole chunk at once and the next one waits until
//! the debt is paid. A change of the limit therefore counts from the next microsecond, also for who waits already.

use crate::gate::{Gate, Pass};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that may be saved up, as time at the limit: how far a burst can run ahead.
const BURST: Duration = Duration::from_millis(50);
/// Longest nap before the gate is looked at again.
const NAP_MAX: Duration = Duration::from_millis(100);
/// Chunks under a limit: a thirty-second of a second of it, so that progress and pauses stay smooth.
const CHUNKS_PER_SECOND: u64 = 32;
/// Smallest chunk under a limit, in bytes.
const CHUNK_MIN: usize = 16 * 1024;

#[derive(Debug)]
struct Bucket {
    /// Bytes a second; `None`: no limit.
    rate: Option<u64>,
    tokens: f64,
    filled: Instant,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Limiter {
    bucket: Mutex<Bucket>,
    changed: Condvar,
}

impl Limiter {
    pub(crate) fn new(rate: Option<u64>) -> Self {
        Self {
            bucket: Mutex::new(Bucket { rate, tokens: 0.0, filled: Instant::now() }),
            changed: Condvar::new(),
        }
    }

    /// Sets or lifts the limit; who waits is judged by the new one.
    pub(crate) fn set(&self, rate: Option<u64>) {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.fill();
        bucket.rate = rate;
        self.changed.notify_all();
    }

    pub(crate) fn rate(&self) -> Option<u64> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner).rate
    }

    /// How much to ask for at once, at most `max`.
    pub(crate) fn chunk(&self, max: usize) -> usize {
        match self.rate() {
            None => max,
            Some(rate) => usize::try_from(rate / CHUNKS_PER_SECOND)
                .unwrap_or(max)
                .clamp(CHUNK_MIN, max.max(CHUNK_MIN))
                .min(max),
        }
    }

    /// Waits until `bytes` may move. `waiting` is called once, with the limit, if there is a wait.
    pub(crate) fn take(&self, bytes: usize, gate: &Gate, waiting: impl FnOnce(u64)) -> Pass {
        let mut waiting = Some(waiting);
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            bucket.fill();
            let Some(rate) = bucket.rate else { return Pass::Go };
            if bucket.tokens > 0.0 {
                bucket.tokens -= bytes as f64;
                return Pass::Go;
            }
            if let Some(tell) = waiting.take() {
                tell(rate);
            }
            let debt = Duration::from_secs_f64((1.0 - bucket.tokens) / rate as f64);
            bucket = self
                .changed
                .wait_timeout(bucket, debt.min(NAP_MAX))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            if gate.is_cut() {
                return Pass::Cut;
            }
        }
    }
}

impl Bucket {
    fn fill(&mut self) {
        let now = Instant::now();
        let rate = self.rate.map_or(0.0, |r| r as f64);
        let elapsed = now.duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = (self.tokens + elapsed * rate).min(rate * BURST.as_secs_f64());
        if self.rate.is_none() {
            self.tokens = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_never_waits() {
        let limiter = Limiter::new(None);
        for _ in 0..1000 {
            assert_eq!(limiter.take(1 << 20, &Gate::default(), |_| panic!("waited")), Pass::Go);
        }
    }

    #[test]
    fn debt_makes_the_next_one_wait_until_lifted() {
        let limiter = std::sync::Arc::new(Limiter::new(Some(1000)));
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(limiter.take(1 << 30, &Gate::default(), |_| {}), Pass::Go);
        let (tell, told) = std::sync::mpsc::channel();
        let other = std::sync::Arc::clone(&limiter);
        let waiter =
            std::thread::spawn(move || other.take(1, &Gate::default(), |rate| tell.send(rate).unwrap()));
        assert_eq!(told.recv().unwrap(), 1000);
        limiter.set(None);
        assert_eq!(waiter.join().unwrap(), Pass::Go);
    }

    #[test]
    fn chunks_shrink_under_a_limit() {
        assert_eq!(Limiter::new(Some(32 << 20)).chunk(4 << 20), 1 << 20);
        assert_eq!(Limiter::new(Some(1)).chunk(1 << 20), CHUNK_MIN);
        assert_eq!(Limiter::new(None).chunk(1 << 20), 1 << 20);
    }
}
