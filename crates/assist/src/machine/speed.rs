//! What work costs this peer: its rate from what the host measured, the price of a transfer from how long each took.
//!
//! A transfer is worth `fixed` bytes more than it holds (opening, closing); the rate is of bytes and those together, so
//! that it stays the same when sizes change. Both follow what happens: the rate within a second or two round trips, `fixed` over some
//! hundred measurements (see [`super::fit`]).

use super::fit::Fit;
use crate::{Pace, real::Real};
use std::time::Duration;
use twinhaul_units::{Bytes, Moment, Rate};

/// Measurements closer together than this are one.
const MEASURE_EVERY: Duration = Duration::from_millis(50);
/// Nothing is measured for so long only where the process stood still: that says nothing of its link. A peer that was
/// frozen would take itself for slow otherwise, and hand nearly everything over.
const STANDSTILL: Duration = Duration::from_secs(1);
/// The rate's memory, seconds, where the round trip is shorter: what is decided now takes effect a round trip later, and a
/// rate that has changed again by then decides wrongly.
const RATE_TAU_MIN: f64 = 0.5;
/// A measurement in which nothing began or ended weighs as this part of a transfer.
const STREAM_WEIGHT: f64 = 0.2;
/// Less than this says nothing of a rate.
const STREAM_BYTES_MIN: u64 = 256 * 1024;
/// So many measurements after something began, bytes are all that takes time.
const QUIET_MIN: u32 = 2;

/// When a transfer began, on the scale of one slot's share of the time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Begun {
    share: Real,
    spells: u64,
}

/// What was measured, and what follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Speed {
    mark: Option<(Moment, u64)>,
    /// Transfers and ranges begun since the mark.
    begun: u64,
    /// One ended since the mark.
    ended: bool,
    /// Measurements in a row in which nothing began or ended: the first still holds what opening cost.
    quiet: u32,
    /// A slot was idle at some time since the mark.
    idled: bool,
    /// How often that was found.
    spells: u64,
    /// Seconds since the mark in which anything was in a slot: those say how fast this peer is.
    busy: Real,
    /// Seconds of this peer that one of its slots had, and up to when.
    share: Real,
    shared_until: Moment,
    /// Bytes a second, smoothed.
    rate: Option<Real>,
    /// Work a second: bytes, and `fixed` for each transfer.
    work: Option<Real>,
    /// Bytes that a transfer costs besides its own.
    fixed: Real,
    fit: Fit,
}

impl Speed {
    /// A transfer or a range goes into a slot.
    pub(super) const fn begun(&mut self) {
        self.begun += 1;
    }

    /// A slot is idle now.
    pub(super) const fn idles(&mut self) {
        self.idled = true;
        self.spells += 1;
    }

    /// Until now `used` slots shared this peer's time.
    pub(super) fn pass(&mut self, now: Moment, used: usize) {
        let passed = now.since(self.shared_until);
        if passed > STANDSTILL {
            self.spells += 1; // what is in flight now has no price
        } else if used > 0 {
            let seconds = passed.as_secs_f64();
            self.share = (self.share.get() + seconds / used as f64).into();
            self.busy = (self.busy.get() + seconds).into();
        }
        self.shared_until = now;
    }

    /// Whether anything has ever been measured.
    pub(super) const fn is_measured(&self) -> bool {
        self.mark.is_some()
    }

    /// To be given to [`Self::completed`].
    pub(super) const fn mark(&self) -> Begun {
        Begun { share: self.share, spells: self.spells }
    }

    /// Takes the bytes moved so far; `used` of `slots` are in use. `round_trip`: seconds, to the other peer and back.
    pub(super) fn measure(&mut self, now: Moment, moved: Bytes, used: usize, slots: usize, round_trip: f64) {
        let Some((at, before)) = self.mark else {
            (self.mark, self.busy) = (Some((now, moved.0)), Real::default());
            return;
        };
        let passed = now.since(at);
        if passed > STANDSTILL {
            (self.mark, self.begun, self.ended, self.quiet) = (Some((now, moved.0)), 0, false, 0);
            self.busy = Real::default();
            return;
        }
        let busy = self.busy.get();
        let seconds = if busy > 0.0 { busy } else { passed.as_secs_f64() };
        if seconds < MEASURE_EVERY.as_secs_f64() {
            return;
        }
        self.busy = Real::default();
        let bytes = moved.0.saturating_sub(before) as f64;
        let work = bytes + self.fixed.get() * self.begun as f64;
        let idled = std::mem::take(&mut self.idled) || used < slots;
        if busy > 0.0 || bytes > 0.0 {
            let weight = seconds / (RATE_TAU_MIN.max(round_trip) + seconds);
            // With idle slots the peer could be faster than it was: what was known stands as far as it is possible.
            // (More in hand than slots: some stand by.)
            let share = if idled { slots as f64 / used.clamp(1, slots.max(1)) as f64 } else { 1.0 };
            self.rate = Some(smoothed(self.rate, bytes / seconds, share, weight));
            self.work = Some(smoothed(self.work, work / seconds, share, weight));
        }
        let is_quiet = self.begun == 0 && !self.ended && !idled && bytes > 0.0;
        self.quiet = if is_quiet { self.quiet.saturating_add(1) } else { 0 };
        if self.quiet > QUIET_MIN {
            self.fit.add(0.0, bytes, seconds, STREAM_WEIGHT);
        }
        self.fit.close();
        if let Some(fixed) = self.fit.fixed() {
            self.fixed = fixed.into();
        }
        self.begun = 0;
        self.ended = false;
        self.mark = Some((now, moved.0));
    }

    /// What was moved before the latest measurement.
    pub(super) fn moved(&self) -> u64 {
        self.mark.map_or(0, |(_, moved)| moved)
    }

    /// One transfer is complete: of so many bytes that were copied since then, if that is known. Only if all slots were
    /// in use meanwhile is its share of the time its price.
    pub(super) fn completed(&mut self, copied: Option<(u64, &Begun)>) {
        self.ended = true;
        let Some((bytes, since)) = copied.filter(|(_, since)| since.spells == self.spells) else { return };
        self.fit.add(1.0, bytes as f64, self.share.get() - since.share.get(), 1.0);
    }

    /// The last `bytes` of a transfer, seen under way at `since`, are copied: bytes and nothing else.
    pub(super) fn streamed(&mut self, bytes: u64, since: &Begun) {
        if since.spells == self.spells && bytes >= STREAM_BYTES_MIN {
            self.fit.add(0.0, bytes as f64, self.share.get() - since.share.get(), STREAM_WEIGHT);
        }
    }

    /// Bytes a second.
    pub(super) fn rate(&self) -> Rate {
        Rate(self.rate.map_or(0, |rate| rate.get() as u64))
    }

    pub(super) fn pace(&self) -> Pace {
        let Some(work) = self.work.map(Real::get).filter(|work| *work > 0.0) else { return Pace::default() };
        Pace {
            per_byte_ps: (1e12 / work).ceil() as u64,
            per_transfer_ns: (self.fixed.get() / work * 1e9) as u64,
        }
    }
}

/// `old` moved towards `fresh`; what lies between `fresh` and `share` x `fresh` is as good as `fresh`.
fn smoothed(old: Option<Real>, fresh: f64, share: f64, weight: f64) -> Real {
    match old.map(Real::get) {
        None => fresh.into(),
        Some(old) => (old + (old.clamp(fresh, fresh * share) - old) * weight).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(ms: u64) -> Moment {
        Moment(ms * 1000)
    }

    /// What a core does at a measurement.
    fn measure(speed: &mut Speed, now: Moment, moved: u64, used: usize, slots: usize) {
        speed.pass(now, used);
        speed.measure(now, Bytes(moved), used, slots, 0.0);
    }

    #[test]
    fn the_rate_follows_within_a_second() {
        let mut speed = Speed::default();
        for step in 0..=20u64 {
            measure(&mut speed, after(100 * step), step * 10_000_000, 1, 1);
        }
        assert_eq!(speed.rate(), Rate(100_000_000));
        for step in 1..=20u64 {
            measure(&mut speed, after(2000 + 100 * step), 200_000_000 + step * 1_000_000, 1, 1);
        }
        assert!((10_000_000..16_000_000).contains(&speed.rate().0), "{:?}", speed.rate());
    }

    #[test]
    fn what_is_decided_a_round_trip_ahead_does_not_follow_every_change() {
        let after_a_second_at_a_tenth = |round_trip: f64| {
            let mut speed = Speed::default();
            for step in 0..=30u64 {
                let moved = step.min(20) * 10_000_000 + step.saturating_sub(20) * 1_000_000;
                speed.pass(after(100 * step), 1);
                speed.measure(after(100 * step), Bytes(moved), 1, 1, round_trip);
            }
            speed.rate().0
        };
        assert_eq!(after_a_second_at_a_tenth(0.01), after_a_second_at_a_tenth(0.5));
        assert!(after_a_second_at_a_tenth(0.5) < 30_000_000);
        assert!((35_000_000..60_000_000).contains(&after_a_second_at_a_tenth(1.0)));
    }

    #[test]
    fn idle_slots_do_not_make_a_peer_slow() {
        let mut speed = Speed::default();
        for step in 0..=20u64 {
            measure(&mut speed, after(100 * step), step * 8_000_000, 8, 8);
        }
        for step in 1..=20u64 {
            measure(&mut speed, after(2000 + 100 * step), 160_000_000 + step * 1_000_000, 1, 8);
        }
        assert_eq!(speed.rate(), Rate(80_000_000), "one of eight streams");
        for step in 1..=20u64 {
            measure(&mut speed, after(4000 + 100 * step), 180_000_000 + step * 100_000, 1, 8);
        }
        assert!(speed.rate().0 < 12_000_000, "slower than one of eight can explain: {:?}", speed.rate());
    }

    #[test]
    fn a_freeze_is_no_slow_link() {
        let mut speed = Speed::default();
        let mut rate = |ms: u64, moved: u64| {
            measure(&mut speed, after(ms), moved, 1, 1);
            speed.rate().0
        };
        let before = (0..=20u64).map(|step| rate(100 * step, step * 1_000_000)).last();
        assert_eq!(before, Some(10_000_000));
        assert_eq!(rate(6000, 20_000_000), 10_000_000, "four seconds without a measurement");
        assert!(rate(6100, 20_000_000) < 9_000_000, "a link that stands still is measured all the time");
    }

    #[test]
    fn time_without_work_says_nothing_of_the_rate() {
        let mut speed = Speed::default();
        for step in 0..=20u64 {
            measure(&mut speed, after(100 * step), step * 10_000_000, 1, 1);
        }
        // Nothing in any slot but for the last 60 ms.
        speed.idles();
        for at in [2300, 2600, 2840] {
            speed.pass(after(at), 0);
        }
        measure(&mut speed, after(2900), 206_000_000, 1, 1);
        assert_eq!(speed.rate(), Rate(100_000_000));
    }

    #[test]
    fn the_price_of_a_transfer_is_found() {
        let mut speed = Speed::default();
        let (mut now, mut moved) = (0.0, 0u64);
        for i in 0..200u64 {
            let size = 100_000 + i * 7919 % 4_000_000;
            let took = 0.010 + size as f64 / 1e8;
            speed.begun();
            let begun = speed.mark();
            now += took;
            speed.pass(Moment((now * 1e6) as u64), 1);
            moved += size;
            speed.measure(Moment((now * 1e6) as u64), Bytes(moved), 1, 1, 0.0);
            speed.completed(Some((size, &begun)));
        }
        let pace = speed.pace();
        assert!((8_000_000..12_000_000).contains(&pace.per_transfer_ns), "{pace:?}");
        assert!((9_000..11_000).contains(&pace.per_byte_ps), "{pace:?}");
    }
}
