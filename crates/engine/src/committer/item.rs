//! What slots hand to the committer.

use crate::copy::Failure;
use crate::feeder::Job;
use twinhaul_assist::SlotOutcome;
use twinhaul_backend_host::Put;
use twinhaul_ledger::{Outcome, Settled};
use twinhaul_wire::EventKind;

/// One thing for the group.
#[derive(Debug)]
pub(crate) enum Item {
    /// Complete and private, or a node to make.
    Sealed(Box<Sealed>),
    /// Nothing to write: skipped or given up.
    Ended { settled: Settled, bytes: u64, key: Vec<u8> },
    /// An event of a data thread, for the driver.
    Tell(EventKind),
    /// Close the group now.
    Flush,
}

/// A transfer on its way through the durable steps.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub job: Job,
    pub attempts: u32,
    /// As given to the backend; publishing needs it again.
    pub put: Put,
    pub kind: SealedKind,
}

#[derive(Clone, Debug)]
pub(crate) enum SealedKind {
    /// A private object.
    Object {
        reference: Vec<u8>,
        /// BLAKE3 of the logical bytes.
        digest: [u8; 32],
        size: u64,
        mtime_ns: i64,
        /// `TWH_LOST_*` bits.
        lost: u32,
    },
    /// Authorised, committed and visible: targets without a private phase.
    Visible {
        /// BLAKE3 of the logical bytes.
        digest: [u8; 32],
        size: u64,
        /// `TWH_LOST_*` bits.
        lost: u32,
        etag: Option<String>,
    },
    /// A symbolic link, made when the group is published.
    Node {
        /// BLAKE3 of its target.
        digest: [u8; 32],
    },
}

impl Item {
    pub(crate) fn skipped(job: &Job, attempts: u32) -> Self {
        let settled = job.end(Outcome::Skipped, attempts);
        Self::Ended { settled, bytes: job.row.size, key: job.row.key.clone() }
    }

    pub(crate) fn failed(job: Job, failure: Failure, attempts: u32) -> Self {
        let outcome = Outcome::Failed { error: failure.text, class: failure.class.to_owned() };
        let settled = job.end(outcome, attempts);
        Self::Ended { settled, bytes: job.row.size, key: job.row.key }
    }

    /// Bytes as planned: what every sum counts.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Sealed(sealed) => sealed.job.row.size,
            Self::Ended { bytes, .. } => *bytes,
            Self::Tell(_) | Self::Flush => 0,
        }
    }

    /// For the core: why the slot is free.
    pub(crate) fn slot_outcome(&self) -> SlotOutcome {
        match self {
            Self::Ended { settled: Settled { outcome: Outcome::Failed { .. }, .. }, .. } => {
                SlotOutcome::Failed
            }
            Self::Ended { .. } => SlotOutcome::Skipped,
            Self::Sealed(_) | Self::Tell(_) | Self::Flush => SlotOutcome::Settling,
        }
    }
}
