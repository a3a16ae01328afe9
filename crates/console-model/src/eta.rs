//! Time to the end, as a range with its basis; never shown as certain, and no number at all where none is known.

use crate::{Board, Pane, board::Standing};
use twinhaul_units::{Moment, PeerId};
use twinhaul_wire::PeerState;

/// Time to the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Eta {
    /// `--:--`, and why.
    Unknown(&'static str),
    /// Seconds, low and high.
    Range {
        low_s: f64,
        high_s: f64,
    },
    Done,
}

/// Longest time that is a forecast and not a joke: 100 days.
const FORECAST_MAX_S: f64 = 100.0 * 86_400.0;

impl Board {
    /// Of the whole run. With assistance both peers end together, so remaining bytes and rates are summed; without
    /// it the later peer decides. The range spans the one-minute rate and the rate of the last five seconds.
    pub fn eta(&self, now: Moment) -> Eta {
        if self.ended().is_some() {
            return Eta::Done;
        }
        if self.panes.iter().all(|p| p.snapshot.is_none()) {
            return Eta::Unknown("no peer has been heard");
        }
        if self.run.as_ref().is_some_and(|run| run.totals.growing) {
            return Eta::Unknown("planning goes on");
        }
        if self.progress().transfers_total == 0 {
            return Eta::Unknown("nothing is planned");
        }
        if self.panes.iter().filter_map(|p| p.snapshot.as_ref()).any(|s| s.state == PeerState::Stopping) {
            return Eta::Unknown("the run is being stopped");
        }
        for peer in PeerId::BOTH {
            if let Some(why) = obstacle(self, peer, now) {
                return Eta::Unknown(why);
            }
        }
        let ends = [one_minute, five_seconds].map(|rate| self.end_s(self.panes.each_ref().map(rate)));
        let (low_s, high_s) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        match (low_s.is_finite(), high_s.is_finite()) {
            (true, true) if high_s < FORECAST_MAX_S => Eta::Range { low_s, high_s },
            (true, false) if low_s < FORECAST_MAX_S => Eta::Range { low_s, high_s: low_s },
            _ => Eta::Unknown("nothing is moving"),
        }
    }

    /// Seconds to the end if the peers went at these rates (bytes a second) from now on.
    pub fn ends_with(&self, rates: [u64; 2]) -> Option<f64> {
        let end = self.end_s(rates.map(|rate| rate as f64));
        (end < FORECAST_MAX_S).then_some(end)
    }

    /// The same, however long; infinite where something is left and nothing moves.
    fn end_s(&self, rates: [f64; 2]) -> f64 {
        let remaining = self.panes.each_ref().map(|p| p.remaining_bytes() as f64);
        if !self.assists() {
            return apart(remaining, rates);
        }
        // What is in flight ends where it began: no assistance makes it faster.
        let flying = self.panes.each_ref().map(|p| p.flying_bytes() as f64);
        together(remaining, rates).max(apart(flying, rates))
    }

    /// Seconds that one peer would need for what it owns now, alone, at the lower of its one-minute rate and the rate of
    /// its last five seconds: a peer that has just become slow is slow.
    pub fn alone_s(&self, peer: PeerId) -> Option<f64> {
        let pane = self.pane(peer);
        // A pause may end in a minute, or never.
        pane.snapshot.as_ref().filter(|s| s.state != PeerState::Paused)?;
        let rate = one_minute(pane).min(five_seconds(pane));
        let seconds = pane.remaining_bytes() as f64 / rate;
        (rate > 0.0 && seconds < FORECAST_MAX_S).then_some(seconds)
    }
}

/// What makes every forecast wrong.
fn obstacle(board: &Board, peer: PeerId, now: Moment) -> Option<&'static str> {
    let pane = board.pane(peer);
    let s = pane.snapshot.as_ref()?;
    if pane.remaining_transfers() == 0 {
        return None;
    }
    if matches!(pane.standing(now), Standing::Stale(_)) {
        return Some("a peer with work is not heard");
    }
    if s.state == PeerState::Paused {
        return Some("a peer with work is paused");
    }
    if s.only_waits() {
        return Some("a peer with work waits");
    }
    (s.rate.one_min == 0).then_some("a peer with work moves nothing")
}

fn one_minute(pane: &Pane) -> f64 {
    pane.snapshot.as_ref().map_or(0.0, |s| s.rate.one_min as f64)
}

fn five_seconds(pane: &Pane) -> f64 {
    pane.snapshot.as_ref().map_or(0.0, |s| s.rate.now as f64)
}

fn together(remaining: [f64; 2], rates: [f64; 2]) -> f64 {
    let left: f64 = remaining.iter().sum();
    if left <= 0.0 { 0.0 } else { left / rates.iter().sum::<f64>() }
}

fn apart(remaining: [f64; 2], rates: [f64; 2]) -> f64 {
    let alone = |i: usize| if remaining[i] <= 0.0 { 0.0 } else { remaining[i] / rates[i] };
    alone(0).max(alone(1))
}
