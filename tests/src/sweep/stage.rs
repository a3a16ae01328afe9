//! What must be so for a peer to come by a point: who owns what, what happened before, what somebody does meanwhile.

use super::{Case, mark};
use crate::product::run::CONDITION_WAIT_MAX;
use crate::product::{Lab, Profile, poll};
use crate::tree;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use twinhaul_failpoint::Point;

/// Large enough to be cut and to have checkpoints, and for both to write a good part of it before it is over.
const LARGE: u64 = 20 << 20;

/// What a point needs.
enum Needs {
    /// Both peers have work of their own.
    Both,
    /// All is its own, so that the other asks it.
    All,
    /// It has a large file, of which it lends.
    Home,
    /// The other has a large file, of which it is lent something.
    Guest,
    /// It was killed before with something authorised.
    FormerLife,
    /// It was killed before with a checkpoint of a large file.
    FormerCheckpoint,
    /// The other one was frozen with something authorised.
    FrozenOther,
    /// The other one is late for the end, so that this one finishes.
    LateOther,
}

const fn needs(point: Point) -> Needs {
    match point {
        Point::Joined
        | Point::InTransaction
        | Point::Opened
        | Point::Copying
        | Point::Sealed
        | Point::SealSynced
        | Point::Authorised
        | Point::PublishedHalf
        | Point::Published
        | Point::Named
        | Point::PublishSynced
        | Point::Settling
        | Point::Settled => Needs::Both,
        Point::Assigning | Point::Assigned => Needs::All,
        Point::PartCopying
        | Point::CheckpointSynced
        | Point::Checkpointed
        | Point::RangeLending
        | Point::RangeLent
        | Point::Merged
        | Point::RangeRecalling
        | Point::RangeRecalled => Needs::Home,
        Point::RangeJoined
        | Point::RangeDividing
        | Point::RangeDivided
        | Point::RangeWritten
        | Point::RangeRecorded => Needs::Guest,
        Point::RecoverDiscarded => Needs::FormerLife,
        Point::Adopted => Needs::FormerCheckpoint,
        Point::TakingOver | Point::TakenOver | Point::TakeOverDiscarded | Point::TakeOverSettled => {
            Needs::FrozenOther
        }
        Point::Claiming
        | Point::Claimed
        | Point::FinishedOne
        | Point::FinishedAll
        | Point::Swept
        | Point::Finished => Needs::LateOther,
    }
}

/// The first ones of some points come before anything is at stake.
const fn nth(point: Point) -> u32 {
    match point {
        Point::InTransaction => 4,
        Point::Copying | Point::Opened | Point::PartCopying => 3,
        _ => 1,
    }
}

fn other(peer: &str) -> &'static str {
    if peer == "alpha" { "beta" } else { "alpha" }
}

/// The case's failpoint, last, and before it what leads there.
pub(super) fn specs(case: &Case) -> Vec<String> {
    let (me, other) = (case.peer, other(case.peer));
    let before = match needs(case.point) {
        Needs::Both | Needs::All | Needs::Guest => None,
        Needs::Home => recalls(case.point).then(|| lent(me)),
        Needs::FormerLife => Some(format!("{me}/authorised:kill:1")),
        // Not the first: that may hold nothing but the middle of the file, which another slot of this peer began.
        Needs::FormerCheckpoint => Some(format!("{me}/checkpointed:kill:4")),
        Needs::FrozenOther => Some(format!("{other}/authorised:freeze:1")),
        Needs::LateOther => Some(format!("{other}/claiming:sleep:1")),
    };
    let this = format!("{case}:{}", nth(case.point));
    before.into_iter().chain([this]).collect()
}

/// Whether what leads to the point must have happened too; who is to be late may not even have come by.
pub(super) const fn needs_all(point: Point) -> bool {
    !matches!(needs(point), Needs::LateOther)
}

const fn recalls(point: Point) -> bool {
    matches!(point, Point::RangeRecalling | Point::RangeRecalled)
}

const fn checkpoints(point: Point) -> bool {
    matches!(point, Point::CheckpointSynced | Point::Checkpointed | Point::Adopted)
}

const fn divides(point: Point) -> bool {
    matches!(point, Point::RangeDividing | Point::RangeDivided)
}

fn lent(home: &str) -> String {
    format!("{home}/range_lent:sleep:1")
}

/// Makes the source and says how it is to be copied.
pub(super) fn set(lab: &Lab, case: &Case) -> Profile {
    let source = lab.source();
    tree::small_files(&source.join("small"), 90, 6000, 3);
    tree::small_files(&source.join("deep/er"), 6, 3000, 4);
    tree::file(&source.join("middle"), 300_000, 5);
    std::fs::hard_link(source.join("middle"), source.join("deep/linked")).expect("hard link");
    for n in 0..4 {
        let link = source.join(format!("deep/link-{n}"));
        std::os::unix::fs::symlink(format!("../small/{n}"), link).expect("symlink");
    }
    tree::set_mtime(&source.join("deep/er"), 1_000_000_000, 5);
    tree::set_mtime(&source.join("deep"), 1_100_000_000, 7);
    let mut profile = Profile::new("sweep", &source, &lab.target()).limits("256 KiB/s", "256 KiB/s");
    // Both policies pass every point; which one at which is of no consequence.
    profile.policy = if case.peer == "alpha" { "learning" } else { "balanced" }.into();
    let owner = match needs(case.point) {
        Needs::All => Some(case.peer),
        // Before a next life begins the other has enough to do, or it would take over.
        Needs::FormerLife => Some(other(case.peer)),
        _ => None,
    };
    if let Some(owner) = owner {
        let most = if matches!(needs(case.point), Needs::FormerLife) { 75 } else { 100 };
        profile.split = format!("by: count, share: {} %", if owner == "alpha" { most } else { 100 - most });
    }
    if matches!(needs(case.point), Needs::FormerLife) {
        profile = profile.limits("96 KiB/s", "96 KiB/s");
    }
    let home = match needs(case.point) {
        Needs::Home | Needs::FormerCheckpoint => Some(case.peer),
        Needs::Guest => Some(other(case.peer)),
        _ => None,
    };
    if let Some(home) = home {
        tree::file(&source.join("large"), LARGE, 6);
        profile.policy = "balanced".into();
        // A checkpoint waits for the disk, and must come before the file is complete.
        let limit = if checkpoints(case.point) { "1536 KiB/s" } else { "3 MiB/s" };
        // The other one has something to do first, or it would be given the whole file before that has begun; and for as
        // long as a next life of its home needs to begin, or it would take it over.
        let slow = if matches!(needs(case.point), Needs::FormerCheckpoint) { "96 KiB/s" } else { "1 MiB/s" };
        let (first, limits) =
            if home == "alpha" { ("large", [limit, slow]) } else { ("small/**", [slow, limit]) };
        profile = profile.limits(limits[0], limits[1]);
        if divides(case.point) {
            // One slot there has the file in one piece, so that one range of it is lent to four slots.
            if home == "alpha" { profile.alpha.slots = 1 } else { profile.beta.slots = 1 }
        }
        profile.split = format!("by: pattern, first: \"{first}\"");
    }
    profile
}

/// What somebody does to the files meanwhile.
pub(super) fn interfere(lab: &Lab, case: &Case, marks: &Path) {
    if !recalls(case.point) {
        return;
    }
    let lent = mark(marks, &lent(case.peer));
    let fired = poll(CONDITION_WAIT_MAX, || lent.exists().then_some(()));
    assert!(fired.is_some(), "nothing of the large file was lent");
    let large = std::fs::OpenOptions::new().write(true).open(lab.source().join("large")).expect("large file");
    large.write_all_at(b"another version", LARGE / 2).expect("large file");
}
