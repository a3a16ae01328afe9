//! The closed list of causes, and which of two is nearer to the root.

use serde::{Deserialize, Serialize};

/// Why something is as it is. In the order of importance: what stands first explains what stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    // Nobody works.
    RunNotRunning,
    // A process.
    PeerFrozen,
    BackendCrashing,
    PeerRestarting,
    PeerDead,
    SupervisorGone,
    SupervisorSilent,
    // The machine.
    MemoryPressure,
    CpuStarved,
    // The ledger.
    LedgerContended,
    LedgerDiskSlow,
    // A place.
    TargetFull,
    TargetGone,
    Credentials,
    NoScratchCartridge,
    CartridgeMissing,
    TargetRateLimiting,
    BackendHung,
    TargetSlow,
    SourceSlow,
    MountTooLong,
    BackendReports,
    // Single transfers.
    Permission,
    SourceChanging,
    TransfersFail,
    // Between the peers.
    LinkDown,
    // Something is wrong, and why is not known.
    PeerSilent,
    StalledNotKnown,
    ProblemReported,
    // Asked for.
    RunStopped,
    PausedAndForgotten,
    Paused,
    ThrottleTooLow,
    Draining,
    Stopping,
    Throttled,
    // As it should be, and odd to look at.
    Mounting,
    DriveBusy,
    HugeFilesHoldSlots,
    HugeFileAtTheTail,
    TinyFiles,
    PeerRestarted,
    IdlePeer,
    Starting,
    Planning,
    Finishing,
    ClockJump,
}

impl Cause {
    /// As a person reads it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::RunNotRunning => "nobody works on the run",
            Self::PeerFrozen => "peer frozen",
            Self::BackendCrashing => "backend crashing",
            Self::PeerRestarting => "peer restarting in a loop",
            Self::PeerDead => "peer dead",
            Self::SupervisorGone => "supervisor gone",
            Self::SupervisorSilent => "supervisor does not answer",
            Self::MemoryPressure => "memory pressure",
            Self::CpuStarved => "CPU starved",
            Self::LedgerContended => "ledger contended",
            Self::LedgerDiskSlow => "ledger disk slow",
            Self::TargetFull => "target full",
            Self::TargetGone => "target gone",
            Self::Credentials => "credentials refused",
            Self::NoScratchCartridge => "no scratch cartridge",
            Self::CartridgeMissing => "cartridge not in the library",
            Self::TargetRateLimiting => "target rate-limiting",
            Self::BackendHung => "backend hung in a call",
            Self::TargetSlow => "target slow",
            Self::SourceSlow => "source slow",
            Self::MountTooLong => "mount takes too long",
            Self::BackendReports => "reported by the backend",
            Self::Permission => "permission",
            Self::SourceChanging => "source changing",
            Self::TransfersFail => "transfers fail",
            Self::LinkDown => "link down with both alive",
            Self::PeerSilent => "peer silent, why is not known",
            Self::StalledNotKnown => "no progress, why is not known",
            Self::ProblemReported => "reported by the run",
            Self::RunStopped => "stopped, and can go on",
            Self::PausedAndForgotten => "paused, perhaps forgotten",
            Self::Paused => "paused",
            Self::ThrottleTooLow => "throttle too low",
            Self::Throttled => "limited on purpose",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Mounting => "mount in progress",
            Self::DriveBusy => "drive busy",
            Self::HugeFilesHoldSlots => "all slots held by few huge files",
            Self::HugeFileAtTheTail => "a huge file at the end",
            Self::TinyFiles => "tiny files",
            Self::PeerRestarted => "peer was restarted",
            Self::IdlePeer => "nothing to do for one peer",
            Self::Starting => "starting",
            Self::Planning => "still planning",
            Self::Finishing => "finishing",
            Self::ClockJump => "clock jump",
        }
    }

    /// Whether it answers the question why a peer stands still. The others only describe.
    pub(crate) const fn explains_standstill(self) -> bool {
        !matches!(
            self,
            Self::TinyFiles
                | Self::ClockJump
                | Self::HugeFilesHoldSlots
                | Self::HugeFileAtTheTail
                | Self::PeerRestarted
                | Self::SupervisorGone
                | Self::SupervisorSilent
                | Self::IdlePeer
                | Self::TransfersFail
                | Self::Permission
                | Self::ProblemReported
        )
    }
}
