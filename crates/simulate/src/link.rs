//! One peer's link as a fluid: those in flight share it, each moving all the time; nothing is stepped.
//!
//! Every stream gets the same, so one number says how far all are: what a stream that was there from the beginning
//! would have got. A part notes it when it begins, and is complete when it has grown by the part's work.

/// What lies within this of its end is at its end: far less than a byte matters.
const EPSILON: f64 = 1e-3;

#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// Bytes per second, now.
    speed: f64,
    /// Most of the link that one stream gets.
    share_max: f64,
    streams: usize,
    /// What each stream has got since the beginning.
    served: f64,
    at_ns: u64,
    /// Work of all streams, and what the link could have done.
    pub(crate) used: f64,
    pub(crate) offered: f64,
}

impl Link {
    pub(crate) fn new(share_max: f64) -> Self {
        Self { speed: 0.0, share_max, streams: 0, served: 0.0, at_ns: 0, used: 0.0, offered: 0.0 }
    }

    /// Bytes per second of one stream.
    fn rate(&self) -> f64 {
        if self.streams == 0 { 0.0 } else { self.speed * self.share_max.min(1.0 / self.streams as f64) }
    }

    /// Moves everything on to `now`.
    pub(crate) fn advance(&mut self, now_ns: u64) {
        let seconds = now_ns.saturating_sub(self.at_ns) as f64 / 1e9;
        let got = self.rate() * seconds;
        self.served += got;
        self.used += got * self.streams as f64;
        self.offered += self.speed * seconds;
        self.at_ns = now_ns;
    }

    /// What a stream from the beginning would have got; of the moment of the last [`Self::advance`].
    pub(crate) const fn served(&self) -> f64 {
        self.served
    }

    pub(crate) const fn speed(&self) -> f64 {
        self.speed
    }

    /// After [`Self::advance`] to now.
    pub(crate) fn set_speed(&mut self, bytes_per_s: f64) {
        self.speed = bytes_per_s;
    }

    /// After [`Self::advance`] to now.
    pub(crate) fn set_streams(&mut self, streams: usize) {
        self.streams = streams;
    }

    /// When `target` is served, as things stand; `None`: never.
    pub(crate) fn reaches(&self, target: f64) -> Option<u64> {
        let missing = target - self.served;
        if missing <= EPSILON {
            return Some(self.at_ns);
        }
        let rate = self.rate();
        // Beyond 1e18 ns nothing is awaited.
        (rate > 0.0).then(|| self.at_ns.saturating_add((missing / rate * 1e9).min(1e18).ceil() as u64))
    }

    pub(crate) fn has_reached(&self, target: f64) -> bool {
        target - self.served <= EPSILON
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_share_and_a_cap_holds() {
        let mut link = Link::new(1.0);
        link.set_speed(100.0);
        link.set_streams(1);
        assert_eq!(link.reaches(50.0), Some(500_000_000));
        link.advance(250_000_000);
        link.set_streams(2);
        // 25 are done; the other 25 at half the speed.
        assert_eq!(link.reaches(50.0), Some(750_000_000));
        link.set_speed(0.0);
        assert_eq!(link.reaches(50.0), None);

        let mut link = Link::new(0.125);
        link.set_speed(800.0);
        link.set_streams(2);
        link.advance(1_000_000_000);
        assert!((link.served() - 100.0).abs() < 1e-9);
        assert!((link.used - 200.0).abs() < 1e-9 && (link.offered - 800.0).abs() < 1e-9);
    }
}
