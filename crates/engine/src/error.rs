//! Why a peer process ends other than by finishing, and with which exit code (architecture.md 7).

use twinhaul_backend_host::BackendError;
use twinhaul_ledger::LedgerError;

/// Fatal for this process; single transfers that fail are not errors but outcomes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    #[error("ledger: {0}")]
    Ledger(#[from] LedgerError),
    /// `why` is safe to show: a profile's error has its lines, a backend's words are made one.
    #[error("{what} {name}: {why}")]
    Open { what: &'static str, name: String, why: String, code: i32 },
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
    #[error("target {target}: {source}")]
    Backend { target: String, source: BackendError },
    #[error("{0}")]
    Bug(&'static str),
}

impl EngineError {
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Ledger(e) => e.exit_code(),
            Self::Open { code, .. } => *code,
            Self::Io { .. } | Self::Backend { .. } => 1,
            Self::Bug(_) => 7,
        }
    }

    /// Whether another process has taken this one's place.
    pub(crate) const fn is_fenced(&self) -> bool {
        matches!(self, Self::Ledger(e) if e.fenced())
    }
}

/// Short for results of this crate.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;
