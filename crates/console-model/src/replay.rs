//! Looking at a run again: where in its time the screen is, and how fast it goes on. The recording itself is outside.

use std::time::Duration;
use twinhaul_units::Moment;

/// A second is shown as so many, at most.
const SPEED_MAX: u32 = 256;

/// The position in a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Since the beginning of the recording.
    pub at: Moment,
    pub length: Duration,
    pub speed: u32,
    pub playing: bool,
}

/// Where a replay is asked to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// So many seconds on, or back.
    By(i64),
    /// To the next time at which something went wrong, or the one before.
    Trouble { forward: bool },
}

impl Replay {
    pub const fn new(length: Duration) -> Self {
        Self { at: Moment::ZERO, length, speed: 1, playing: true }
    }

    pub(crate) fn faster(&mut self) {
        self.speed = (self.speed * 2).min(SPEED_MAX);
    }

    pub(crate) fn slower(&mut self) {
        self.speed = (self.speed / 2).max(1);
    }
}
