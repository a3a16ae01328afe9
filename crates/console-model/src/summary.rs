//! What assistance is worth: the time that the run takes with it, and the time it would have taken without.

use crate::{Board, Eta};
use std::time::Duration;
use twinhaul_units::{Moment, PeerId};
use twinhaul_wire::{InFlight, PeerSnapshot};

/// Of its own transfers, ranges of them that are lent too: what has moved, and what has not.
fn own_bytes(s: &PeerSnapshot) -> (u64, u64) {
    let home = |f: &&InFlight| f.ranges.len() != 1;
    let rows: Vec<&InFlight> = s.in_flight.iter().filter(home).chain(&s.awaiting).collect();
    let moved: u64 = rows.iter().map(|f| f.done).sum();
    let left: u64 = rows.iter().map(|f| f.bytes.saturating_sub(f.done)).sum();
    (s.done.bytes + s.settling.bytes + moved, s.queue.bytes + left)
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
            let other = self.pane(peer.other()).snapshot.as_ref()?;
            // Whole transfers that changed hands; the owner counts ranges as lent, and whole ones beside them.
            let given = |owner: &PeerSnapshot| {
                owner.was_assisted.bytes.saturating_sub(owner.was_assisted.range_bytes)
            };
            // What it was given at the start: all it has moved or has still to move of its own, and gave away, without what it got.
            let (moved, left) = own_bytes(s);
            let own = (moved + left + given(s)).checked_sub(given(other))?;
            // A transfer counts at its owner, whoever moved the bytes: its pace is of what it moved itself.
            let moved = (self.pane(peer).moved_bytes() + s.assisted.range_bytes)
                .saturating_sub(other.assisted.range_bytes);
            let worked_s = s.up_ms.checked_sub(s.idle_ms).filter(|ms| *ms > 0)? as f64 / 1000.0;
            let pace = moved as f64 / worked_s;
            (pace > 0.0).then_some(own as f64 / pace)
        });
        let helped = self.panes.iter().filter_map(|p| p.snapshot.as_ref()).any(|s| s.assisted.bytes > 0);
        let (Some(first), Some(second)) = (ends[0], ends[1]) else { return None };
        helped.then(|| Duration::try_from_secs_f64(first.max(second)).ok()).flatten()
    }
}
