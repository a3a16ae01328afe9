//! How long a run stood: from each end of it until a peer joined again. Of that time nobody's pace can be told.

use std::time::Duration;
use twinhaul_wire::EventKind;

/// Told by a run's events, each of which may come again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stood {
    ended_ms: Option<u64>,
    /// Until here everything is counted.
    until_ms: u64,
    ms: u64,
}

impl Stood {
    pub fn take(&mut self, at_ms: u64, kind: &EventKind) {
        match kind {
            EventKind::RunEnded { .. } if at_ms >= self.until_ms => self.ended_ms = Some(at_ms),
            EventKind::Joined { .. } => {
                if let Some(ended_ms) = self.ended_ms.take().filter(|ended_ms| at_ms > *ended_ms) {
                    self.ms += at_ms - ended_ms;
                    self.until_ms = at_ms;
                }
            }
            _ => {}
        }
    }

    /// Without the time since the last end.
    pub fn sum(&self) -> Duration {
        Duration::from_millis(self.ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_between_an_end_and_the_next_beginning_is_counted_once() {
        let ended = EventKind::RunEnded { state: "stopped".into(), done: 1, skipped: 0, failed: 0 };
        let joined = EventKind::Joined { pid: 1 };
        let mut stood = Stood::default();
        let told =
            [(1_000, &joined), (5_000, &ended), (65_000, &joined), (65_100, &joined), (99_000, &ended)];
        for _ in 0..2 {
            for (at_ms, kind) in told {
                stood.take(at_ms, kind);
            }
        }
        assert_eq!(stood.sum(), Duration::from_mins(1));
        stood.take(100_000, &joined);
        assert_eq!(stood.sum(), Duration::from_secs(61));
    }
}
