//! What a core is told at its birth, what it remembers between lives, and every named limit of this crate.

use crate::{Millionths, flaw::Flaw};
use std::time::Duration;
use twinhaul_units::Ratio;

/// Shortest wait before an unanswered Ask is sent again (protocol.md 4).
pub const ASK_RESEND_FLOOR: Duration = Duration::from_millis(50);
/// Longest wait before an unanswered Ask is sent again.
pub const ASK_RESEND_CAP: Duration = Duration::from_secs(2);
/// Shortest wait after "no assistance needed" (protocol.md 4).
pub const POLL_FLOOR: Duration = Duration::from_millis(250);
/// Longest wait after "no assistance needed" (protocol.md 4, L2).
pub const POLL_CAP: Duration = Duration::from_secs(5);
/// How often the ledger is looked at without a message, while idle or without a link (protocol.md 5).
pub const LOAD_EVERY: Duration = Duration::from_secs(2);
/// When a look at the ledger without an answer is asked for again.
pub const LOAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a heartbeat is sent (protocol.md 4).
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);
/// How long nothing may be heard of a peer before it is taken over whatever it may be doing (protocol.md 4).
pub const LEASE: Duration = Duration::from_secs(15);
/// Silent for so many heartbeats and a round trip, a peer is suspected (protocol.md 4).
pub const SUSPECT_BEATS: u32 = 3;
/// Shortest wait before an assignment without an outcome is asked for again, under the same number.
pub const ASSIGN_CONFIRM_FLOOR: Duration = Duration::from_secs(2);
/// Longest such wait.
pub const ASSIGN_CONFIRM_CAP: Duration = Duration::from_secs(30);
/// A round trip longer than this counts as this.
pub const RTT_MAX: Duration = Duration::from_secs(10);
/// How often a peer makes durable, and records, how far its large parts in flight are, where that is done quickly: what a
/// take-over or a restart need not do again. A slow peer that inherits from one ten times as fast needs ten times as long
/// for what lies in between.
pub const CHECKPOINT_EVERY: Duration = Duration::from_millis(100);
/// Transfers with fewer bytes are not recorded on their way: they are never cut, so that nobody can join their objects,
/// and are rarely in flight for longer than that interval. All slots may hold such ones, so this must be small beside what a
/// peer moves in some seconds.
pub const CHECKPOINT_BYTES_MIN: u64 = 4 * 1024 * 1024;
/// Assignments under way at once: one answer, one operator's, and room for one of each that is not confirmed yet.
pub const ASSIGNS_PENDING_MAX: usize = 4;
/// Intervals in a queue; more stay in the ledger until there is room.
pub const INTERVALS_MAX: usize = 4096;
/// Retries that are due and wait for a slot.
pub const RETRIES_MAX: usize = 4096;
/// Ranges that wait for a slot; more stay in the ledger.
pub const RANGES_MAX: usize = 4096;
/// Ranges cut in one assignment.
pub const CUTS_MAX: usize = 16;
/// Slots of one peer.
pub const SLOTS_MAX: u32 = 4096;
/// Small transfers that stand by, beyond the slots of one peer.
pub const STANDBY_MAX: u32 = 256;
/// Lots named in one message; the receiver reads the ledger anyway.
pub const LOTS_NAMED_MAX: usize = 64;

/// Who decides the portion (protocol.md 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The static split: never asks, never hands over when asked.
    None,
    /// The claims, literally.
    #[default]
    Learning,
    /// The portion determined from measured paces and bytes, so that both peers finish together.
    Balanced,
    /// Half of the queued transfers on each ask, without learning: for comparison.
    StealHalf,
}

/// Waits; the defaults are the named constants above.
///
/// With all of them zero (see [`Timing::untimed`]) a core has no time in it: everything that waits for a tick happens
/// at the next one. That is what a model checker needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timing {
    pub ask_resend_floor: Duration,
    pub ask_resend_cap: Duration,
    pub poll_floor: Duration,
    pub poll_cap: Duration,
    pub load_every: Duration,
    pub load_timeout: Duration,
    /// `None`: no heartbeats.
    pub heartbeat_every: Option<Duration>,
    pub assign_confirm_floor: Duration,
    pub assign_confirm_cap: Duration,
    /// Nothing heard for so long: taken over. `None`: time alone leads to no suspicion and no take-over.
    pub lease: Option<Duration>,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ask_resend_floor: ASK_RESEND_FLOOR,
            ask_resend_cap: ASK_RESEND_CAP,
            poll_floor: POLL_FLOOR,
            poll_cap: POLL_CAP,
            load_every: LOAD_EVERY,
            load_timeout: LOAD_TIMEOUT,
            heartbeat_every: Some(HEARTBEAT_EVERY),
            assign_confirm_floor: ASSIGN_CONFIRM_FLOOR,
            assign_confirm_cap: ASSIGN_CONFIRM_CAP,
            lease: Some(LEASE),
        }
    }
}

impl Timing {
    /// No waits, no heartbeats, no lease.
    pub const fn untimed() -> Self {
        Self {
            ask_resend_floor: Duration::ZERO,
            ask_resend_cap: Duration::ZERO,
            poll_floor: Duration::ZERO,
            poll_cap: Duration::ZERO,
            load_every: Duration::ZERO,
            load_timeout: Duration::ZERO,
            heartbeat_every: None,
            assign_confirm_floor: Duration::ZERO,
            assign_confirm_cap: Duration::ZERO,
            lease: None,
        }
    }
}

/// What one peer is configured with; each peer has its own ratio, increment and minimum (claims: first and second).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    pub policy: Policy,
    /// Where learning begins when nothing is remembered: give it to [`Memory::fresh`].
    pub ratio: Ratio,
    /// The step of claims 6 and 7, from 0 to 1.
    pub increment: f64,
    /// "Assistance needed" only if ratio x queued is greater (claims 4.3, 5.3); a number of transfers.
    pub minimum: u64,
    /// Transfers in flight at once, 1 ..= [`SLOTS_MAX`].
    pub slots: u32,
    /// Small transfers that may stand by, started beyond the slots, 0 ..= [`STANDBY_MAX`]: the host gives each to the next slot
    /// that is free, so that no slot waits for a word between two small ones. 0: none.
    pub standby: u32,
    /// Whether a peer that is gone or silent is taken over. It is, under every policy: a run whose peer never comes back
    /// must end. `false` compares a policy without that machinery.
    pub take_over: bool,
    pub timing: Timing,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::Learning,
            ratio: Ratio::default(),
            increment: 0.05,
            minimum: 0,
            slots: 1,
            standby: 0,
            take_over: true,
            timing: Timing::default(),
        }
    }
}

/// The settings as the core keeps them: exact numbers only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tuning {
    pub(crate) policy: Policy,
    pub(crate) increment: Millionths,
    pub(crate) minimum: u64,
    pub(crate) slots: usize,
    pub(crate) standby: usize,
    pub(crate) take_over: bool,
    pub(crate) timing: Timing,
    /// Of the proof alone: never set by [`Settings`].
    pub(crate) flaw: Option<Flaw>,
}

impl Tuning {
    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}

impl From<Settings> for Tuning {
    fn from(s: Settings) -> Self {
        Self {
            policy: s.policy,
            increment: Millionths::from_f64(s.increment.clamp(0.0, 1.0)),
            minimum: s.minimum,
            slots: s.slots.clamp(1, SLOTS_MAX) as usize,
            standby: s.standby.min(STANDBY_MAX) as usize,
            take_over: s.take_over,
            timing: s.timing,
            flaw: None,
        }
    }
}

/// Who assisted whom at the previous execution of step 1.3 or 1.4, as one peer remembers it (claims 6, 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Last {
    /// Nobody: the answer was "no assistance needed", or nothing has happened yet.
    #[default]
    None,
    /// The other peer assisted this one.
    ItHelpedMe,
    /// This peer assisted the other.
    IHelpedIt,
}

/// What outlives an incarnation: goes into the ledger's `peer` row, and (the ratio alone) into the profile's memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// What the next run begins with: without the moves of the tail.
    pub ratio: Ratio,
    /// What the next incarnation goes on with.
    pub live: Ratio,
    pub last: Last,
}

impl Memory {
    /// A new run that begins at `ratio`.
    pub const fn fresh(ratio: Ratio) -> Self {
        Self { ratio, live: ratio, last: Last::None }
    }
}
