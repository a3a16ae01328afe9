//! What a peer reads and writes about single transfers: rows, authorisations, outcomes.

use crate::NodeKind;
use twinhaul_units::{Epoch, Incarnation, TransferId};

/// Where a transfer is in its durable life (store.md 3). "Started" is not durable: it is still planned here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    #[default]
    Planned,
    /// Sealed, and may be published: epoch, incarnation and the private object's reference are recorded.
    Authorised,
    Done,
    Skipped,
    /// Given up; [`crate::Store::reopen_failed`] makes it planned again.
    Failed,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Planned, Self::Authorised, Self::Done, Self::Skipped, Self::Failed];

    /// Whether nothing more happens to it without an operator.
    pub const fn settled(self) -> bool {
        matches!(self, Self::Done | Self::Skipped | Self::Failed)
    }

    /// As the screen and the report write it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Authorised => "authorised",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// A transfer as a peer needs it to start it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Row {
    pub id: TransferId,
    /// At the target.
    pub key: Vec<u8>,
    /// At the source; equal to `key` unless the route has a prefix.
    pub source_key: Vec<u8>,
    pub source: u16,
    pub target: u16,
    pub kind: NodeKind,
    /// Bytes as planned: what every sum counts, whatever the object turns out to hold.
    pub size: u64,
    pub mtime_ns: i64,
    pub attempts: u32,
    /// This run was at it before, at least as far as an authorisation: what is at the target may be its own, and not be
    /// durable or whole. Never a reason to skip.
    pub written: bool,
    /// Further names of a hard-link group.
    pub names: Vec<Vec<u8>>,
    pub state: State,
}

/// The durable permission to publish a sealed private object (store.md 3: sealed → authorised).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authorise {
    pub id: TransferId,
    /// Of the lot as the peer knows it.
    pub epoch: Epoch,
    /// The private object's reference, so that it can always be found and discarded (invariant S8).
    pub reference: Vec<u8>,
    /// Of the logical bytes.
    pub blake3: [u8; 32],
    /// Of the source version that was read.
    pub size: u64,
    pub mtime_ns: i64,
}

/// How a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Visible and durable at the target; final (invariant S3).
    Done {
        /// Read back or hashed as the profile asks.
        verified: bool,
        etag: Option<String>,
        /// Attributes that the target could not keep.
        lost: u32,
        blake3: [u8; 32],
        /// Bytes that the target holds.
        size: u64,
    },
    /// The target already had it; final.
    Skipped,
    /// Given up.
    Failed {
        /// For people; cut at [`crate::ERROR_BYTES_MAX`].
        error: String,
        /// A stable word for programs: `not_found`, `changing`, ….
        class: String,
    },
}

impl Outcome {
    pub const fn state(&self) -> State {
        match self {
            Self::Done { .. } => State::Done,
            Self::Skipped => State::Skipped,
            Self::Failed { .. } => State::Failed,
        }
    }
}

/// The end of one transfer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settled {
    pub id: TransferId,
    /// Of the lot as the peer knows it.
    pub epoch: Epoch,
    pub outcome: Outcome,
    /// Attempts in all, since it was planned or reopened.
    pub attempts: u32,
    pub at_ms: u64,
    /// When its first attempt began; an earlier life's, if one is recorded, stays.
    pub started_at_ms: Option<u64>,
    /// Of the first attempt that failed, when there were more; cut at [`crate::ERROR_BYTES_MAX`]. The first one recorded
    /// stays: it says what was wrong, the last one often only what that led to.
    pub first_error: Option<String>,
}

/// An authorised transfer that no process is at: what recovery looks at (store.md 3, take-over).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    pub row: Row,
    /// Of its lot now: settle or release it with this.
    pub epoch: Epoch,
    /// Who authorised it, and under which epoch: parts of the attempt's id.
    pub authorised_epoch: Epoch,
    pub authorised_incarnation: Incarnation,
    /// Of the private object.
    pub reference: Vec<u8>,
    /// Of what was to be published.
    pub blake3: [u8; 32],
    /// Bytes of what was to be published.
    pub size: u64,
}

/// Which failed transfers are to be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reopen {
    All,
    Some(Vec<TransferId>),
}
