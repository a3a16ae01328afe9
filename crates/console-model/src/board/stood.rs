//! How long a run stood: from each end of it until a peer joined again. Of that time nobody's pace can be told.
//! An end that nobody wrote down, as that of a power cut, is not known here.

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
            EventKind::RunEnded { .. } if at_ms >= self.until_ms => {
                self.ended_ms.get_or_insert(at_ms);
            }
            EventKind::Joined { .. } => {
                if let Some(ended_ms) = self.ended_ms.take().filter(|ended_ms| at_ms > *ended_ms) {
                    self.ms += at_ms - ended_ms;
                    self.until_ms = at_ms;
                }
            }
            _ => {}
        }
    }

    /// Before it last went on.
    pub fn before(&self) -> Duration {
        Duration::from_millis(self.ms)
    }

    /// Until `at_ms`, since its last end too.
    pub fn until(&self, at_ms: u64) -> Duration {
        let since = self.ended_ms.map_or(0, |ended_ms| at_ms.saturating_sub(ended_ms));
        Duration::from_millis(self.ms + since)
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
        let told = [
            (1_000, &joined),
            (5_000, &ended),
            // It was to go on, and nobody came.
            (35_000, &ended),
            (65_000, &joined),
            (65_100, &joined),
            (99_000, &ended),
        ];
        for _ in 0..2 {
            for (at_ms, kind) in told {
                stood.take(at_ms, kind);
            }
        }
        assert_eq!(stood.before(), Duration::from_mins(1));
        assert_eq!(stood.until(99_500), Duration::from_millis(60_500), "it stands");
        stood.take(100_000, &joined);
        assert_eq!([stood.before(), stood.until(200_000)], [Duration::from_secs(61); 2]);
    }
}
