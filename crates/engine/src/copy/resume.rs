//! Going on where an earlier attempt was when its process ended: the durable part of its private object is copied into
//! the new one, and only the rest is read again (protocol.md 4, "take-over").
//!
//! The old object is only read: a process that is fenced and still alive may write into it. What a checkpoint covers is
//! never written again but with the same bytes, or the source has another version, and then nothing is taken.

use super::{Desk, Route, discard};
use crate::feeder::Job;
use crate::slots;
use crate::storage::Opened;
use crate::subtree::LEAF;
use crate::whole::{Kept, Whole};
use twinhaul_backend_host::{OpContext, Writer};
use twinhaul_failpoint::{Point, hit};
use twinhaul_ledger::{Checkpoint, Version};
use twinhaul_units::{Bytes, text::show_bytes};
use twinhaul_wire::{EventKind, WaitReason};

/// Takes over what the checkpoint of `job` names, if the source is still the same. Where that cannot be done, the
/// transfer begins at its first byte.
pub(super) fn adopt(
    desk: &Desk,
    job: &Job,
    route: &Route<'_>,
    (version, align): (Version, u64),
    writer: &mut Writer,
) -> Kept {
    let same = |c: &&Checkpoint| c.object.version == version && align == LEAF;
    let Some(checkpoint) = job.checkpoint.as_deref().filter(same) else { return Kept::default() };
    let Some(plan) = Plan::of(checkpoint) else { return Kept::default() };
    desk.slot().wait(WaitReason::TargetWrite, route.target.name.clone());
    let taken = plan.spans().try_for_each(|(from, to)| {
        writer.adopt(&OpContext::new(), &checkpoint.object.reference, from, to - from)
    });
    desk.slot().wait_over();
    if let Err(e) = taken {
        // Its object may be gone: then there is nothing to go on from.
        tracing::info!(transfer = job.unit.id.0, error = %e, "a checkpoint cannot be used");
        return Kept::default();
    }
    hit(Point::Adopted);
    let text =
        format!("{} goes on at {} of {}", show_bytes(&job.row.key), Bytes(plan.begin), Bytes(version.size));
    slots::tell(&desk.committer, EventKind::Info { text });
    Kept {
        begin: plan.begin,
        end: plan.end,
        chains: checkpoint.chains.iter().copied().filter(|chain| plan.holds(chain.at)).collect(),
        attempt: Some(checkpoint.object.attempt.clone()),
    }
}

/// So many bytes are recorded, or all are sealed: the object that some were taken over from is of no more use.
pub(crate) fn let_go(whole: &Whole, target: &Opened, covered: u64) {
    if let Some(attempt) = whole.recorded(covered) {
        discard(target, &attempt);
    }
}

/// What of a checkpoint is used: its beginning, and its end where that reaches the object's. What lies between is done
/// again: one part has one beginning and one end.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    begin: u64,
    end: Option<u64>,
    size: u64,
}

impl Plan {
    fn of(checkpoint: &Checkpoint) -> Option<Self> {
        let (covered, size) = (checkpoint.covered(), checkpoint.object.version.size);
        let begin = covered.first().filter(|(from, _)| *from == 0).map_or(0, |(_, to)| *to);
        // Hashing goes on at the beginning of a leaf: the last one of an odd size is done again.
        let begin = begin - begin % LEAF;
        let end = covered.last().filter(|(_, to)| *to == size).map(|(from, _)| *from);
        let end = end.filter(|at| *at > begin && at.is_multiple_of(LEAF));
        (begin > 0 || end.is_some()).then_some(Self { begin, end, size })
    }

    fn spans(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let tail = self.end.map(|end| (end, self.size));
        [(0, self.begin)].into_iter().chain(tail).filter(|(from, to)| from < to)
    }

    /// Whether the subtree that begins at `at` was taken.
    fn holds(&self, at: u64) -> bool {
        at < self.begin || self.end.is_some_and(|end| at >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_ledger::{Chain, SharedObject};

    fn checkpoint(size: u64, spans: &[(u64, u64)]) -> Checkpoint {
        let chains = spans.iter().map(|(at, to)| Chain { at: *at, len: to - at, value: [0; 32] }).collect();
        let version = Version { size, ..Version::default() };
        Checkpoint { object: SharedObject { version, ..SharedObject::default() }, chains }
    }

    const L: u64 = LEAF;

    #[test]
    fn the_beginning_and_the_end_are_used_and_nothing_between() {
        const SIZE: u64 = 10 * L + 7;
        let plan = |spans: &[(u64, u64)]| Plan::of(&checkpoint(SIZE, spans));
        assert_eq!(plan(&[]), None);
        assert_eq!(plan(&[(2 * L, 4 * L)]), None, "what lies between is done again");
        assert_eq!(plan(&[(0, L), (L, 3 * L)]), Some(Plan { begin: 3 * L, end: None, size: SIZE }));
        assert_eq!(plan(&[(8 * L, SIZE)]), Some(Plan { begin: 0, end: Some(8 * L), size: SIZE }));
        let both = plan(&[(0, L), (4 * L, 5 * L), (8 * L, SIZE)]).unwrap();
        assert_eq!(both.spans().collect::<Vec<_>>(), [(0, L), (8 * L, SIZE)]);
        assert_eq!([0, 4 * L, 8 * L, 10 * L].map(|at| both.holds(at)), [true, false, true, true]);
        let whole = plan(&[(0, 10 * L), (10 * L, SIZE)]).unwrap();
        assert_eq!((whole.begin, whole.end), (10 * L, None), "the last leaf is hashed again");
        assert!(whole.holds(0) && !whole.holds(10 * L));
    }
}
