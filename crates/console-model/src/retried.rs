//! Transfers that were tried again from here, until each of them is settled: done after all, or given up again.

use crate::board::FAILED_MAX;
use crate::ui::MARKS_MAX;
use std::collections::{BTreeSet, VecDeque};
use twinhaul_units::{Moment, text::counted};

/// Those that are looked for at once in the ledger.
pub const FOLLOWED_MAX: usize = MARKS_MAX;

/// What became of them so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Not settled yet, at most [`FAILED_MAX`]; those looked for longest ago first.
    left: VecDeque<u64>,
    done: u64,
    again: BTreeSet<u64>,
    /// The orders of one dialog are told together: when they were sent, and how many of them were taken.
    taken: Option<(Moment, u64)>,
}

impl Retried {
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    pub(crate) fn follow(&mut self, ids: &[u64]) {
        for id in ids {
            self.again.remove(id);
            if self.left.len() < FAILED_MAX && !self.left.contains(id) {
                self.left.push_back(*id);
            }
        }
    }

    /// Another order of the dialog that was sent at `sent` was taken; how many of it that makes.
    pub(crate) fn taken(&mut self, sent: Moment) -> u64 {
        let taken = self.taken_of(sent) + 1;
        self.taken = Some((sent, taken));
        taken
    }

    /// How many orders of that dialog were taken.
    pub(crate) fn taken_of(&self, sent: Moment) -> u64 {
        self.taken.filter(|(at, _)| *at == sent).map_or(0, |(_, n)| n)
    }

    /// Those to look for now.
    pub(crate) fn next(&self) -> Vec<u64> {
        self.left.iter().take(FOLLOWED_MAX).copied().collect()
    }

    /// The ledger has this one in `state` (of a [`crate::board::StoredRow`]).
    pub(crate) fn stands(&mut self, id: u64, state: &str) {
        let Some(at) = self.left.iter().position(|left| *left == id) else { return };
        self.left.remove(at);
        match state {
            "done" | "skipped" => self.done += 1,
            "given up" => drop(self.again.insert(id)),
            _ => self.left.push_back(id),
        }
    }

    /// Whether some were given up again.
    pub(crate) fn failed(&self) -> bool {
        !self.again.is_empty()
    }

    /// "retried: 3 of 3 are done", "retried: 2 done, 1 given up again (9)".
    pub fn words(&self) -> String {
        let (done, again, left) = (self.done, self.again.len(), self.left.len());
        let mut parts = Vec::new();
        if again == 0 && left == 0 {
            return format!("retried: {done} of {done} {} done", if done == 1 { "is" } else { "are" });
        }
        if done > 0 {
            parts.push(format!("{done} done"));
        }
        if again > 0 {
            parts.push(format!("{again} given up again (9)"));
        }
        if left > 0 {
            parts.push(format!("{left} not done yet"));
        }
        format!("retried: {}", parts.join(", "))
    }
}

/// What came of the orders of one dialog, of which there were several.
pub(crate) fn queued_again(n: u64) -> String {
    format!("{} queued again", counted(n, "failed transfer"))
}
