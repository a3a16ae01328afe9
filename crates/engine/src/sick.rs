//! The breaker of a target: when one transfer after the other is given up there, the fault is not theirs. The next ones
//! wait and try again instead of burning through the queue, until one of them arrives (faults.md 16).

use std::sync::atomic::{AtomicU32, Ordering};

/// Transfers given up in a row, with all their attempts, until the target is taken for sick.
pub(crate) const GIVEN_UP_MAX: u32 = 3;

/// Given up since the last one arrived.
#[derive(Debug, Default)]
pub(crate) struct Breaker(AtomicU32);

impl Breaker {
    /// Another transfer has come to the end of its attempts; whether it is to wait instead of being given up.
    pub(crate) fn would_give_up(&self) -> bool {
        let counted = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < GIVEN_UP_MAX).then_some(n + 1));
        counted.is_err()
    }

    /// One arrived.
    pub(crate) fn arrived(&self) {
        // Nearly always nothing to write: no cache line travels between the slots for it.
        if self.0.load(Ordering::Relaxed) > 0 {
            self.0.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_some_in_a_row_and_closes_when_one_arrives() {
        let breaker = Breaker::default();
        let give_up = |times: u32| (0..times).map(|_| breaker.would_give_up()).collect::<Vec<_>>();
        assert_eq!(give_up(2), [false, false]);
        breaker.arrived();
        assert_eq!(give_up(5), [false, false, false, true, true], "not in a row, then so");
        breaker.arrived();
        assert_eq!(give_up(1), [false]);
    }
}
