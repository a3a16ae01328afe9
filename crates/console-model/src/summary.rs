//! The figures of a finished run that only the whole of it can tell.

use crate::Board;
use std::time::Duration;
use twinhaul_units::PeerId;

impl Board {
    /// How long the run would have taken without assistance: what each peer was given at the start, at the pace it
    /// had while it worked. `None` when a pace or a share is not known, or nothing was handed over.
    ///
    /// It is an estimate: a peer whose pace changed on the way would have met that change with other work.
    pub fn without_assistance(&self) -> Option<Duration> {
        let ends = PeerId::BOTH.map(|peer| {
            // A later incarnation's clock does not cover the work of the earlier ones.
            let s = self.pane(peer).snapshot.as_ref().filter(|s| s.incarnation <= 1)?;
            let own = (s.done.bytes + s.was_assisted.bytes).checked_sub(s.assisted.bytes)?;
            let worked_s = s.up_ms.checked_sub(s.idle_ms).filter(|ms| *ms > 0)? as f64 / 1000.0;
            let pace = s.done.bytes as f64 / worked_s;
            (pace > 0.0).then_some(own as f64 / pace)
        });
        let helped = self.panes.iter().filter_map(|p| p.snapshot.as_ref()).any(|s| s.assisted.bytes > 0);
        let (Some(first), Some(second)) = (ends[0], ends[1]) else { return None };
        helped.then(|| Duration::try_from_secs_f64(first.max(second)).ok()).flatten()
    }
}
