//! What assistance is worth: the time that the run takes with it, and the time it would have taken without.

use crate::{Board, Eta};
use std::time::Duration;
use twinhaul_units::{Moment, PeerId};
use twinhaul_wire::{Assisted, PeerSnapshot};

/// Bytes of the other peer's transfers that a peer has, or had.
#[derive(Clone, Copy, Debug)]
struct Here {
    in_flight: u64,
    done: u64,
}

/// What it did of the other peer's transfers in ranges, and the bytes of its own finished ones that the other did: a transfer
/// counts as done at its owner, whoever moved the bytes.
fn ranges(s: &PeerSnapshot) -> (Here, u64) {
    let in_flight = s.in_flight.iter().filter(|f| f.ranges.len() == 1).map(|f| f.bytes).sum();
    let done = s.assisted.range_bytes.saturating_sub(in_flight);
    (Here { in_flight, done }, s.was_assisted.range_bytes.min(s.done.bytes))
}

impl Board {
    /// How long the run takes with assistance, from its start to its end: what has passed, and the middle of the
    /// forecast. `None` while there is no forecast.
    pub fn with_assistance(&self, up: Duration, now: Moment) -> Option<Duration> {
        match self.eta(now) {
            Eta::Done => Some(up),
            Eta::Unknown(_) => None,
            Eta::Range { low_s, high_s } => {
                Some(up + Duration::try_from_secs_f64(f64::midpoint(low_s, high_s)).ok()?)
            }
        }
    }

    /// How long the run would have taken without assistance: what each peer was given at the start, at the pace it
    /// had while it worked. `None` when a pace or a share is not known, or nothing was handed over.
    ///
    /// It is an estimate: a peer whose pace changed on the way would have met that change with other work.
    pub fn without_assistance(&self) -> Option<Duration> {
        let ends = PeerId::BOTH.map(|peer| {
            // A later incarnation's clock does not cover the work of the earlier ones.
            let s = self.pane(peer).snapshot.as_ref().filter(|s| s.incarnation <= 1)?;
            // What it was given at the start: all it has moved or has still to move, and gave away, without what it got.
            let (moved, left) = (self.pane(peer).moved_bytes(), self.pane(peer).remaining_bytes());
            let (here, there) = ranges(s);
            let whole = |a: Assisted| a.bytes.saturating_sub(a.range_bytes);
            let own =
                (moved + left + whole(s.was_assisted)).checked_sub(whole(s.assisted) + here.in_flight)?;
            let moved = (moved + here.done).saturating_sub(there);
            let worked_s = s.up_ms.checked_sub(s.idle_ms).filter(|ms| *ms > 0)? as f64 / 1000.0;
            let pace = moved as f64 / worked_s;
            (pace > 0.0).then_some(own as f64 / pace)
        });
        let helped = self.panes.iter().filter_map(|p| p.snapshot.as_ref()).any(|s| s.assisted.bytes > 0);
        let (Some(first), Some(second)) = (ends[0], ends[1]) else { return None };
        helped.then(|| Duration::try_from_secs_f64(first.max(second)).ok()).flatten()
    }
}
