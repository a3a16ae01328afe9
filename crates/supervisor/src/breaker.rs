//! The restart breaker: whether a peer that died is started again, and after how long (faults 33, 46).
//!
//! Pure: time is passed in. A peer that ends transfers between its deaths is worth any number of starts, one that gets nowhere
//! is not. Entry point: [`Breaker::died`].

use std::{collections::VecDeque, time::Duration};
use twinhaul_units::Moment;

/// Restarts within [`WINDOW`] without progress; the next death ends the trying.
pub(crate) const RESTARTS_MAX: usize = 5;
pub(crate) const WINDOW: Duration = Duration::from_mins(1);
/// Back-off before the first, second, … of those restarts.
pub(crate) const BACK_OFF: [Duration; RESTARTS_MAX] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// What to do about a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Restart { after: Duration },
    GiveUp { restarts: usize },
}

/// The memory of one peer's deaths.
#[derive(Clone, Debug, Default)]
pub(crate) struct Breaker {
    restarts: VecDeque<Moment>,
}

impl Breaker {
    /// The peer died at `now`; `progressed`: it had ended at least one transfer since its last start.
    pub(crate) fn died(&mut self, now: Moment, progressed: bool) -> Verdict {
        if progressed {
            self.restarts.clear();
        }
        while self.restarts.front().is_some_and(|at| now.since(*at) >= WINDOW) {
            self.restarts.pop_front();
        }
        match BACK_OFF.get(self.restarts.len()) {
            Some(after) => {
                self.restarts.push_back(now);
                Verdict::Restart { after: *after }
            }
            None => Verdict::GiveUp { restarts: self.restarts.len() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(seconds * 1_000_000)
    }

    #[test]
    fn back_off_grows_and_then_it_gives_up() {
        let mut breaker = Breaker::default();
        let waits: Vec<u128> = (0..5)
            .map(|i| match breaker.died(at(i), false) {
                Verdict::Restart { after } => after.as_millis(),
                Verdict::GiveUp { .. } => 0,
            })
            .collect();
        assert_eq!(waits, [200, 500, 1000, 2000, 5000]);
        assert_eq!(breaker.died(at(9), false), Verdict::GiveUp { restarts: 5 });
    }

    #[test]
    fn progress_forgives() {
        let mut breaker = Breaker::default();
        for i in 0..100 {
            assert_eq!(breaker.died(at(i), true), Verdict::Restart { after: BACK_OFF[0] });
        }
        for i in 0..4 {
            assert!(matches!(breaker.died(at(100 + i), false), Verdict::Restart { .. }));
        }
        assert!(matches!(breaker.died(at(104), false), Verdict::GiveUp { .. }));
    }

    #[test]
    fn deaths_long_ago_are_forgotten() {
        let mut breaker = Breaker::default();
        for i in 0..100 {
            assert!(matches!(breaker.died(at(i * 20), false), Verdict::Restart { .. }), "death {i}");
        }
    }
}
