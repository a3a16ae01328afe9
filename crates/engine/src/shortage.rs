//! No descriptors left: how long nobody here has got through. Slots that work give theirs back, and are waited for; where nobody does,
//! a library leaks them or the system has none, and waiting has no end.
//!
//! Entry points: [`Shortage::lasts`] for who met it, [`Shortage::is_over`] for who did not.

use crate::clock::Clock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So long it is waited for without counting attempts.
const WAITED_MAX: Duration = Duration::from_mins(1);

/// Of one peer; see the module.
#[derive(Debug)]
pub(crate) struct Shortage {
    clock: Clock,
    /// When it began, and one, by the clock; 0: there is none.
    since_ms: AtomicU64,
    max_ms: u64,
}

impl Default for Shortage {
    fn default() -> Self {
        Self::of(twinhaul_failpoint::shortage().unwrap_or(WAITED_MAX))
    }
}

impl Shortage {
    fn of(max: Duration) -> Self {
        let max_ms = u64::try_from(max.as_millis()).unwrap_or(u64::MAX);
        Self { clock: Clock::default(), since_ms: AtomicU64::new(0), max_ms }
    }

    /// Another attempt met it; `somebody_works` holds descriptors, and will give them back. Whether it has lasted too long.
    pub(crate) fn lasts(&self, somebody_works: bool) -> bool {
        if somebody_works {
            self.is_over();
            return false;
        }
        let now = self.clock.ms() + 1;
        match self.since_ms.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => self.max_ms == 0,
            Err(since) => now.saturating_sub(since) >= self.max_ms,
        }
    }

    /// An attempt ended otherwise.
    pub(crate) fn is_over(&self) {
        // Nearly always nothing to write: no cache line travels between the slots for it.
        if self.since_ms.load(Ordering::Relaxed) > 0 {
            self.since_ms.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_when_nobody_works_and_nobody_got_through_for_its_time() {
        let shortage = Shortage::of(Duration::from_millis(5));
        assert!(!shortage.lasts(false), "it begins");
        std::thread::sleep(Duration::from_millis(6));
        assert!(shortage.lasts(false));
        assert!(shortage.lasts(false), "for all that meet it");
        assert!(!shortage.lasts(true), "somebody will give some back");
        assert!(!shortage.lasts(false), "counted anew since then");
        std::thread::sleep(Duration::from_millis(6));
        shortage.is_over();
        assert!(!shortage.lasts(false), "somebody got through");
    }
}
