//! How far the run is. The part done never goes back on the screen, and reads 100 % only when every transfer is done
//! as asked (verified, where verification was asked: a peer counts a transfer as done only then).

use super::Board;
use twinhaul_units::{Moment, Rate};

/// Just below one: what an unfinished run shows at most.
const UNFINISHED_MAX: f64 = 0.999;

/// Smaller steps back are rounding.
const AGAIN_MIN: f64 = 0.001;

/// Progress of the whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// 0..=1, never less than it was. While `growing` it is a part of an unknown whole: not for showing.
    pub part: f64,
    /// Bytes that were shown as done and have to be moved again: a peer that was restarted begins what was in flight
    /// anew. This is why `part` and `bytes` do not agree for a while.
    pub again: u64,
    pub bytes: u64,
    pub bytes_total: u64,
    pub transfers: u64,
    pub transfers_total: u64,
    pub failed: u64,
    /// The walk goes on; totals will grow.
    pub growing: bool,
}

impl Board {
    /// Totals from the supervisor; without one, what both peers own and have done.
    pub fn progress(&self) -> Progress {
        let mut progress = self.counted();
        let now = part(&progress);
        progress.part = now.max(self.part_max);
        if progress.part - now > AGAIN_MIN {
            progress.again = ((progress.part - now) * progress.bytes_total as f64) as u64;
        }
        if !all_done(&progress) {
            progress.part = progress.part.min(UNFINISHED_MAX);
        }
        progress
    }

    /// Remembers the part reached.
    pub(crate) fn remember_part(&mut self) {
        let progress = self.counted();
        // While the plan grows, a large part may only mean that little is planned yet.
        if !progress.growing && self.run.is_some() {
            self.part_max = self.part_max.max(part(&progress)).min(1.0);
        }
    }

    fn counted(&self) -> Progress {
        let mut progress = Progress::default();
        let mut remaining = (0, 0);
        for pane in &self.panes {
            let Some(s) = &pane.snapshot else { continue };
            progress.transfers += s.done.transfers + s.skipped.transfers;
            progress.bytes += s.skipped.bytes + pane.moved_bytes();
            progress.failed += s.failed.transfers;
            remaining.0 += pane.remaining_transfers() + s.failed.transfers;
            remaining.1 += pane.remaining_bytes() + s.failed.bytes;
        }
        let totals = self.run.as_ref().map(|run| run.totals).unwrap_or_default();
        let totals =
            if self.run.is_some() { totals } else { self.past.as_ref().map_or(totals, |past| past.totals) };
        progress.growing = totals.growing;
        progress.transfers_total = totals.transfers.max(progress.transfers);
        progress.bytes_total = totals.bytes.max(progress.bytes);
        if self.run.is_none() && self.past.is_none() {
            progress.transfers_total = progress.transfers + remaining.0;
            progress.bytes_total = progress.bytes + remaining.1;
        }
        progress
    }

    /// Bytes a second of both peers, as of now.
    pub fn rate_now(&self, now: Moment) -> Rate {
        Rate(self.panes.iter().map(|pane| pane.rate_now(now)).sum())
    }
}

fn all_done(progress: &Progress) -> bool {
    !progress.growing && progress.transfers >= progress.transfers_total && progress.transfers_total > 0
}

fn part(progress: &Progress) -> f64 {
    if progress.bytes_total > 0 {
        progress.bytes as f64 / progress.bytes_total as f64
    } else if progress.transfers_total > 0 {
        progress.transfers as f64 / progress.transfers_total as f64
    } else {
        0.0
    }
}
