//! When this peer will be through, and when the other will: what decides whether asking, answering or pushing pays.

use super::Core;
use super::parts::prices;
use crate::Pace;
use std::time::Duration;
use twinhaul_units::{Bytes, Moment};

/// Ask so long before running dry: a round trip and some (protocol.md 4).
const LEAD_ROUND_TRIPS: f64 = 1.2;
const LEAD_FLOOR: f64 = 0.002;
/// A hand-over must bring the end nearer by at least so much, seconds …
const GAIN_FLOOR: f64 = 0.001;
/// … and by this share of the time that the run has lasted.
const GAIN_SHARE: f64 = 0.000_25;
/// An asker expects so many times that gain, because it knows less than the owner.
const ASKER_EXPECTS: f64 = 1.5;
/// What was heard so many heartbeats ago says nothing any more.
const FRESH_BEATS: f64 = 2.5;

/// What the other peer said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Other {
    /// When it was like that, by this peer's clock.
    pub(super) at: Option<Moment>,
    pub(super) queued: u64,
    pub(super) left: Bytes,
    pub(super) pace: Pace,
    /// It starts nothing.
    pub(super) paused: bool,
}

impl Core {
    /// Half a round trip ago the other peer had so much left.
    pub(super) fn heard_of(&mut self, now: Moment, queued: u64, left: Bytes, pace: Pace, paused: bool) {
        let half = self.asking.srtt.unwrap_or_default() / 2;
        let at = Moment(now.0.saturating_sub(half.as_micros() as u64));
        // A peer that has not moved anything yet knows nothing of itself; what its place was before is better.
        let pace = if pace.is_unknown() { self.other.pace } else { pace };
        self.other = Other { at: Some(at), queued, left, pace, paused };
    }

    /// Bytes queued and in flight, now.
    pub(super) fn left_at(&self, now: Moment) -> Bytes {
        let w = &self.work;
        let queued = w.queue.intervals().chain(w.pinned.intervals()).map(|part| w.book.bytes(part));
        let retries = w.retries.iter().map(|unit| Bytes(w.book.transfer(unit.id).bytes));
        let ranges = w.ranges.iter().map(|range| Bytes(range.len()));
        let rests = self.rests(now);
        let flying = rests.iter().map(|rest| Bytes(rest.left));
        queued.chain(retries).chain(ranges).chain(flying).sum()
    }

    /// Transfers and ranges that have not begun.
    pub(super) fn unbegun(&self) -> u64 {
        let w = &self.work;
        w.queue.count() + w.pinned.count() + (w.retries.len() + w.ranges.len()) as u64
    }

    /// Seconds until all that is here is done; `None`: no pace is known.
    pub(super) fn time_left(&self, now: Moment) -> Option<f64> {
        let pace = self.pace();
        let (byte, transfer) = prices(pace);
        let left = self.left_at(now).0 as f64 * byte + self.unbegun() as f64 * transfer;
        (!pace.is_unknown()).then_some(left)
    }

    /// Ask when so much time is left.
    pub(super) fn lead(&self) -> f64 {
        self.round_trip_s() * LEAD_ROUND_TRIPS + LEAD_FLOOR
    }

    pub(super) fn round_trip_s(&self) -> f64 {
        self.asking.srtt.unwrap_or_default().as_secs_f64()
    }

    /// Seconds by which a hand-over must bring the end nearer.
    pub(super) fn gain_min(&self, now: Moment) -> f64 {
        let lasted = self.born.map_or(0.0, |born| now.since(born).as_secs_f64());
        GAIN_FLOOR.max(lasted * GAIN_SHARE)
    }

    /// Whether the other peer, as far as is known, has something worth moving here.
    pub(super) fn expects_work(&self, now: Moment) -> bool {
        let other = &self.other;
        let Some(at) = other.at.filter(|_| !other.pace.is_unknown() && !other.paused) else { return true };
        if self.is_overdue(now) {
            return true;
        }
        let age = now.since(at).as_secs_f64();
        let beat = self.tuning.timing.heartbeat_every.unwrap_or(Duration::ZERO).as_secs_f64();
        if age > beat * FRESH_BEATS + self.round_trip_s() {
            return true;
        }
        let mine = if self.pace().is_unknown() { other.pace } else { self.pace() };
        let (there, transfer) = prices(other.pace);
        let its = other.left.0 as f64 * there + other.queued as f64 * transfer - age;
        let start = self.round_trip_s().max(self.time_left(now).unwrap_or(0.0));
        let (here, _) = prices(mine);
        // What moves takes `here` a byte at this peer and spares `there` at the other.
        let gain = (its - start) * there / (here + there);
        gain > self.gain_min(now) * ASKER_EXPECTS
    }

    /// When [`Self::time_left`] comes down to [`Self::lead`], if that is before the next measurement.
    pub(super) fn ask_at(&self, now: Moment) -> Option<Moment> {
        const NEXT_MEASUREMENT: f64 = 0.15;
        let wait = self.time_left(now)? - self.lead();
        // A microsecond later than that, or the timer could fire for nothing.
        let late = Duration::from_micros(1);
        (wait > 0.0 && wait < NEXT_MEASUREMENT).then(|| now + (Duration::from_secs_f64(wait) + late))
    }
}
