//! Three named rates from one counter (console.md: "which average?"): now (5 s), one minute, since the start.

use std::collections::VecDeque;
use twinhaul_wire::Rates;

/// Spacing of samples, milliseconds.
const STEP_MS: u64 = 250;
/// Samples kept: one minute.
const SAMPLES_MAX: usize = 60_000 / STEP_MS as usize + 1;
const NOW_MS: u64 = 5_000;

/// A ring of (time, bytes so far).
#[derive(Debug, Default)]
pub(crate) struct Meter {
    samples: VecDeque<(u64, u64)>,
    first: Option<(u64, u64)>,
}

impl Meter {
    /// Notes the counter's value; samples closer than [`STEP_MS`] are merged.
    pub(crate) fn note(&mut self, now_ms: u64, bytes: u64) {
        self.first.get_or_insert((now_ms, bytes));
        match self.samples.back() {
            Some((at, _)) if now_ms < at + STEP_MS => {}
            _ => {
                if self.samples.len() == SAMPLES_MAX {
                    self.samples.pop_front();
                }
                self.samples.push_back((now_ms, bytes));
            }
        }
    }

    /// Bytes a second over the three windows; a window that is not full yet counts what there is.
    pub(crate) fn rates(&self, now_ms: u64, bytes: u64) -> Rates {
        let over = |window_ms: u64| {
            let from = now_ms.saturating_sub(window_ms);
            let start = self.samples.iter().find(|(at, _)| *at >= from).or(self.samples.back());
            per_second(start.copied(), now_ms, bytes)
        };
        Rates { now: over(NOW_MS), one_min: over(60_000), average: per_second(self.first, now_ms, bytes) }
    }
}

fn per_second(start: Option<(u64, u64)>, now_ms: u64, bytes: u64) -> u64 {
    match start {
        Some((at, before)) if now_ms > at => {
            bytes.saturating_sub(before).saturating_mul(1000) / (now_ms - at)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_shows_in_now_first() {
        let mut meter = Meter::default();
        for t in 0..120 {
            meter.note(t * 250, t * 250);
        }
        let at = 120 * 250;
        assert_eq!(meter.rates(at, at).now, 1000);
        for t in 120..160 {
            meter.note(t * 250, at);
        }
        let rates = meter.rates(160 * 250, at);
        assert_eq!(rates.now, 0);
        assert_eq!(rates.one_min, 750);
        assert_eq!(rates.average, 750);
    }
}
