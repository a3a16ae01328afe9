//! How long a wait may last before it is a stall: the budget of its phase and medium, learned from the run itself.
//!
//! Every floor is chosen so that nothing healthy reaches it; what a run has seen to be usual raises it, never lowers it, and never
//! without an end: a target that hangs again and again must not teach that hanging is usual. Waits that somebody asked for (pause,
//! limit), that are announced (back-off, a server's "later") or that are a problem of their own (space, cartridge) have none.

use std::time::Duration;
use twinhaul_wire::{Phase, WaitReason};

/// One call to a disk: fsync of a group on a busy disk takes seconds.
const DISK_CALL: Duration = Duration::from_secs(10);
/// One call to something remote; what its bytes take on a slow line comes on top.
const REMOTE_CALL: Duration = Duration::from_secs(45);
/// One call to tape: a data set may fill up for 30 s and then take its time to be closed.
const TAPE_CALL: Duration = Duration::from_mins(3);
/// Robot, load, thread and locate to the far end, with room.
const MOUNT: Duration = Duration::from_mins(5);
/// A tape drive that others use.
const DRIVE: Duration = Duration::from_mins(15);
/// A lock, a connection, the ledger: whoever holds one that long is in trouble itself.
const OTHERS: Duration = Duration::from_mins(1);
/// Bytes on their way to a medium may take so long beside the call itself: no storage that is well is slower.
const MEDIUM_BYTES_A_SECOND: u64 = 4 << 20;
/// Bytes of a line to a server; and how much of an object is on it at once, as parts.
const LINE_BYTES_A_SECOND: u64 = 512 << 10;
const LINE_BYTES_MAX: u64 = 64 << 20;
/// So much more than what is usual is not usual.
const USUAL_FACTOR: u32 = 4;
/// What was learned raises a floor to so much of it at most.
const LEARNED_FACTOR_MAX: u32 = 10;

/// The budget of a wait at a place with that backend. `usual`: what 99 of 100 of them took less than, if there were any.
/// `None`: no length of this wait is a stall.
pub(crate) fn budget(reason: WaitReason, backend: &str, usual: Option<Duration>) -> Option<Duration> {
    let floor = floor(reason, backend)?;
    Some(usual.map_or(floor, |usual| (usual * USUAL_FACTOR).clamp(floor, floor * LEARNED_FACTOR_MAX)))
}

/// What a call to that backend may take longer because of `bytes`: of a group that is made durable, or of a transfer in that phase.
/// While it is copied a call brings a chunk; before and after, a call may concern all of it.
pub(crate) fn of_bytes(phase: Phase, backend: &str, bytes: u64) -> Duration {
    let whole = bytes / MEDIUM_BYTES_A_SECOND;
    let on_the_line = bytes.min(LINE_BYTES_MAX) / LINE_BYTES_A_SECOND;
    Duration::from_secs(match (phase, backend) {
        (Phase::Copy, "disk" | "tape") => 0,
        (_, "disk" | "tape") => whole,
        (Phase::Copy, _) => on_the_line,
        _ => on_the_line.max(whole),
    })
}

fn floor(reason: WaitReason, backend: &str) -> Option<Duration> {
    Some(match reason {
        WaitReason::SourceRead | WaitReason::TargetWrite | WaitReason::TargetOpen => match backend {
            "tape" => TAPE_CALL,
            "disk" => DISK_CALL,
            _ => REMOTE_CALL,
        },
        WaitReason::Mount | WaitReason::Locate => MOUNT,
        WaitReason::Drive => DRIVE,
        WaitReason::Connect | WaitReason::Lock | WaitReason::Ledger => OTHERS,
        WaitReason::Cartridge
        | WaitReason::Throttle
        | WaitReason::RateLimit
        | WaitReason::Retry
        | WaitReason::Paused
        | WaitReason::PeerAnswer
        | WaitReason::Slot
        | WaitReason::Space
        | WaitReason::Process => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_may_take_longer_than_a_write_and_a_pause_as_long_as_it_likes() {
        let of = |reason, backend| budget(reason, backend, None);
        assert!(of(WaitReason::Mount, "tape") > of(WaitReason::TargetWrite, "tape"));
        assert!(of(WaitReason::TargetWrite, "tape") > of(WaitReason::TargetWrite, "cloud"));
        assert!(of(WaitReason::TargetWrite, "cloud") > of(WaitReason::TargetWrite, "disk"));
        for asked_for in [WaitReason::Paused, WaitReason::Throttle, WaitReason::Retry, WaitReason::Space] {
            assert_eq!(of(asked_for, "disk"), None);
        }
    }

    #[test]
    fn a_call_about_a_whole_object_may_take_as_long_as_its_bytes() {
        const GIB: u64 = 1 << 30;
        assert_eq!(of_bytes(Phase::Copy, "disk", 100 * GIB), Duration::ZERO);
        assert_eq!(of_bytes(Phase::Open, "disk", GIB), Duration::from_secs(256));
        assert_eq!(of_bytes(Phase::Seal, "disk", 4096), Duration::ZERO);
        // Parts on a slow line are no stall.
        assert_eq!(of_bytes(Phase::Copy, "cloud", 100 * GIB), Duration::from_secs(128));
        assert!(of_bytes(Phase::Seal, "cloud", GIB) >= of_bytes(Phase::Copy, "cloud", GIB));
    }

    #[test]
    fn what_is_usual_raises_the_budget_and_never_lowers_it_or_takes_it_away() {
        let of = |usual| budget(WaitReason::TargetWrite, "disk", Some(Duration::from_millis(usual))).unwrap();
        assert_eq!(of(3), DISK_CALL);
        assert_eq!(of(8_000), Duration::from_secs(32));
        assert_eq!(of(3_600_000), DISK_CALL * LEARNED_FACTOR_MAX);
    }
}
