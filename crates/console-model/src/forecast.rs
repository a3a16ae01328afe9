//! What was forecast of the end earlier in this run, and how far off that was: against the end once there is one, before
//! that against the present forecast. What was not seen (a console that came later, a plan that grew) is not known.

use crate::{Board, Eta, Model};
use std::collections::VecDeque;
use std::time::Duration;
use twinhaul_units::Moment;

/// One forecast is kept for each such part of the way: 5 %.
const STEPS: usize = 20;
/// Time between two of the latest forecasts, and how many of them there are: enough for [`LOOK_BACK`].
const LATELY_EVERY: Duration = Duration::from_secs(10);
const LATELY_MAX: usize = 8;
/// The present forecast is compared with one that is so old, or as old as there is beyond the least.
const LOOK_BACK: Duration = Duration::from_mins(1);
const LOOK_BACK_MIN: Duration = Duration::from_secs(20);
/// What an ended run is judged by: its first forecasts from these parts of the way on, up to the next.
const JUDGED_AT: [f64; 4] = [0.25, 0.5, 0.75, 1.0];
/// A second is what the screen shows.
const EXACT_S: f64 = 1.0;

/// What was forecast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    pub at: Moment,
    /// How far the run was: 0..1.
    pub part: f64,
    /// Seconds to the end.
    pub low_s: f64,
    pub high_s: f64,
}

impl Forecast {
    /// Seconds to the end: the middle of the range.
    pub const fn middle_s(&self) -> f64 {
        f64::midpoint(self.low_s, self.high_s)
    }
}

/// Forecasts remembered: a few over the whole way, and the latest.
#[derive(Clone, Debug, Default)]
pub struct Forecasts {
    /// At most [`STEPS`], oldest first.
    over_all: Vec<Forecast>,
    /// Oldest first.
    lately: VecDeque<Forecast>,
}

impl Forecasts {
    /// Over the whole way, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Forecast> {
        self.over_all.iter()
    }

    fn due(&self, part: f64, now: Moment) -> bool {
        let late = self.lately.back().is_none_or(|last| now.since(last.at) >= LATELY_EVERY);
        late || self.begins_step(part)
    }

    fn take(&mut self, forecast: Forecast) {
        if self.begins_step(forecast.part) {
            self.over_all.push(forecast);
        }
        if self.lately.back().is_none_or(|last| forecast.at.since(last.at) >= LATELY_EVERY) {
            if self.lately.len() >= LATELY_MAX {
                self.lately.pop_front();
            }
            self.lately.push_back(forecast);
        }
    }

    /// The bar never goes back.
    fn begins_step(&self, part: f64) -> bool {
        self.over_all.last().is_none_or(|last| step(last.part) < step(part))
    }

    /// The one that is nearest to [`LOOK_BACK`] old.
    fn earlier(&self, now: Moment) -> Option<&Forecast> {
        let old = self.lately.iter().filter(|f| now.since(f.at) >= LOOK_BACK_MIN);
        let known = old.filter(|f| now.since(f.at) < LOOK_BACK + LATELY_EVERY * 2);
        known.min_by_key(|f| now.since(f.at).abs_diff(LOOK_BACK))
    }
}

fn step(part: f64) -> usize {
    ((part * STEPS as f64) as usize).min(STEPS - 1)
}

/// How far off a forecast was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Miss {
    pub forecast: Forecast,
    /// Seconds from the forecast to the end: to the real one, or to the one that is forecast now.
    pub took_s: f64,
    /// The end came, so this is how far off it was; else the end may move on.
    pub over: bool,
}

impl Miss {
    /// Seconds by which the end came later than was forecast; negative: sooner.
    pub const fn late_s(&self) -> f64 {
        self.took_s - self.forecast.middle_s()
    }

    /// Whether the end came within the range, to a second.
    pub const fn in_range(&self) -> bool {
        self.took_s >= self.forecast.low_s - EXACT_S && self.took_s <= self.forecast.high_s + EXACT_S
    }
}

/// By how much the end that is forecast has moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moved {
    /// Seconds; negative: it is sooner now.
    pub by_s: f64,
    pub within: Duration,
}

impl Board {
    /// Remembers the present forecast, where there is one and it is time for another.
    pub(crate) fn remember_forecast(&mut self, now: Moment) {
        // One peer alone is half of the run.
        if self.run.is_none() || self.panes.iter().any(|pane| pane.snapshot.is_none()) {
            return;
        }
        let part = self.progress().part;
        if !self.forecasts.due(part, now) {
            return;
        }
        if let Eta::Range { low_s, high_s } = self.eta(now) {
            self.forecasts.take(Forecast { at: now, part, low_s, high_s });
        }
    }

    /// By how much the end has moved lately; `None`: there is no forecast, or none to compare it with.
    pub fn end_moved(&self, now: Moment) -> Option<Moved> {
        let Eta::Range { low_s, high_s } = self.eta(now) else { return None };
        let earlier = self.forecasts.earlier(now)?;
        let within = now.since(earlier.at);
        Some(Moved { by_s: f64::midpoint(low_s, high_s) + within.as_secs_f64() - earlier.middle_s(), within })
    }
}

impl Model {
    /// Earlier forecasts, oldest first, and how far off each is as far as that is known.
    pub fn misses(&self) -> Vec<Miss> {
        let (board, now) = (self.board(), self.shown_at());
        let Some((end, over)) = self.end() else { return Vec::new() };
        let miss = |f: &Forecast| {
            let took_s = end - f.at.0 as f64 / 1e6;
            (took_s >= 0.0 && f.at < now).then_some(Miss { forecast: *f, took_s, over })
        };
        board.forecasts.all().filter_map(miss).collect()
    }

    /// How far off the forecasts at a quarter, the half and three quarters of a run were that is over; empty while that is
    /// not known, and of a run that was stopped.
    pub fn judged(&self) -> Vec<Miss> {
        let misses = self.misses();
        let first = |ends: &[f64]| {
            let from = misses.iter().filter(|m| m.over && m.forecast.part >= ends[0]);
            from.copied().find(|m| m.forecast.part < ends[1])
        };
        JUDGED_AT.windows(2).filter_map(first).collect()
    }

    /// The end in seconds on this clock, and whether it has come.
    fn end(&self) -> Option<(f64, bool)> {
        let (board, now) = (self.board(), self.shown_at());
        match board.ended() {
            // It was not left to itself: no forecast was of this end.
            Some(twinhaul_wire::RunState::Stopped) => None,
            Some(_) => {
                let ms = board.ended_at_ms()?.checked_sub(self.clock.zero_ms)?;
                Some((ms as f64 / 1e3, true))
            }
            None => match board.eta(now) {
                Eta::Range { low_s, high_s } => {
                    Some((now.0 as f64 / 1e6 + f64::midpoint(low_s, high_s), false))
                }
                _ => None,
            },
        }
    }
}
