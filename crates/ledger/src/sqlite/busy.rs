//! Waiting for the write lock: short, with jitter, and not for ever (store.md 4.2, 4.3).
//!
//! SQLite's own handler backs off to 100 ms and starved one of two writers for 2.1 s. Who waits looks after a holder
//! that was stopped (see `cure`).

use super::cure::Cure;
use rusqlite::Connection;
use std::time::{Duration, Instant};

const SLEEP_MIN_US: u64 = 500;
const SLEEP_MAX_US: u64 = 2000;

/// Gives `conn` its handler, which gives up after `limit`; only who may write brings a cure.
pub(super) fn install(
    conn: &mut Connection,
    limit: Duration,
    mut cure: Option<Cure>,
) -> rusqlite::Result<()> {
    let mut jitter = Jitter::new();
    let mut since: Option<Instant> = None;
    conn.busy_handler(Some(move |tries: i32| {
        let began = match since {
            Some(began) if tries > 0 => began,
            _ => *since.insert(Instant::now()),
        };
        let waited = began.elapsed();
        if waited >= limit {
            return false;
        }
        if let Some(cure) = &mut cure {
            cure.look(waited);
        }
        std::thread::sleep(jitter.next());
        true
    }))
}

/// A small generator: its only task is that two processes do not sleep in step.
struct Jitter(u64);

impl Jitter {
    fn new() -> Self {
        let clock = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(1, |d| d.subsec_nanos());
        Self((u64::from(std::process::id()) << 32) ^ u64::from(clock) | 1)
    }

    fn next(&mut self) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_micros(SLEEP_MIN_US + self.0 % (SLEEP_MAX_US - SLEEP_MIN_US + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeps_stay_short_and_differ() {
        let mut jitter = Jitter::new();
        let sleeps: Vec<_> = (0..1000).map(|_| jitter.next()).collect();
        assert!(sleeps.iter().all(|s| (500..=2000).contains(&s.as_micros())));
        assert!(sleeps.iter().collect::<std::collections::BTreeSet<_>>().len() > 100);
    }
}
