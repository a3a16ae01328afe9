//! Why a plan could not be made; each with its exit code (architecture.md 7).

use twinhaul_backend_host::BackendError;
use twinhaul_ledger::LedgerError;
use twinhaul_units::Bytes;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    #[error("source {name}: cannot list its root: {error}. Nothing was moved.")]
    Root { name: String, error: BackendError },
    #[error(
        "target {name}: too little space for the plan: {needed} needed, {free} free. Make room, or route less to it."
    )]
    Space { name: String, needed: Bytes, free: Bytes },
    #[error("target {name}: too few inodes for the plan: {needed} needed, {free} free.")]
    Objects { name: String, needed: u64, free: u64 },
    #[error(
        "no route matches any object: {found} objects were found in the sources. Check the routes' `match`."
    )]
    NothingRouted { found: u64 },
    #[error("ledger: {0}")]
    Ledger(#[from] LedgerError),
}

impl PlanError {
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Root { error, .. } if error.code() == twinhaul_backend_host::Code::NotFound => 4,
            Self::Root { .. } => 1,
            Self::Space { .. } | Self::Objects { .. } | Self::NothingRouted { .. } => 2,
            Self::Ledger(e) => e.exit_code(),
        }
    }
}
