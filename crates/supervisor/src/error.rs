//! The crate's one error type, and the exit code (architecture.md 7) that each error means.

use crate::socket::seconds;
use std::{io, path::PathBuf};
use twinhaul_control_socket::SocketError;

/// What went wrong; completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// Another process holds the lock.
    #[error("take the run: {0}")]
    Held(#[from] Held),
    /// A directory or a name that must not be trusted.
    #[error("use {}: {why}", twinhaul_units::text::show(&path.to_string_lossy()))]
    Untrusted { path: PathBuf, why: String },
    /// A file, socket or process operation.
    #[error("{what} {}: {source}", twinhaul_units::text::show(&path.to_string_lossy()))]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    /// Nothing listens there, or it hung up.
    #[error("reach {who}: {why}")]
    Unreachable { who: String, why: String },
    /// It listens, and says nothing. The words are whole: "peer beta did not answer in 5 s".
    #[error("get an answer: {who} did not answer in {within}")]
    NoAnswer { who: String, within: String },
    /// It speaks something else.
    #[error("understand {who}: {why}")]
    Garbled { who: String, why: String },
    /// The supervisor ended before it could be reached.
    #[error("start the supervisor: {0}")]
    DidNotStart(String),
}

impl From<SocketError> for SupervisorError {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::Untrusted { path, why } => Self::Untrusted { path, why },
            SocketError::Io { what, path, source } => Self::Io { what, path, source },
            SocketError::Unreachable { who, why } => Self::Unreachable { who, why },
            SocketError::NoAnswer { who, within } => Self::NoAnswer { who, within: seconds(within) },
        }
    }
}

impl SupervisorError {
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    /// The exit code of architecture.md 7.
    pub const fn exit_code(&self) -> i32 {
        match self {
            Self::Held(_) => 11,
            Self::Unreachable { .. } | Self::NoAnswer { .. } | Self::Garbled { .. } => 12,
            Self::DidNotStart(_) => 7,
            Self::Untrusted { .. } | Self::Io { .. } => 1,
        }
    }
}

/// Who holds a lock: "the run is held by another supervisor (pid 4711)".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is held by another {kind} ({})", pid.map_or_else(|| "its pid is not known".to_owned(), |p| format!("pid {p}")))]
pub struct Held {
    /// "the run", "peer alpha's place".
    pub what: String,
    /// "supervisor", "process".
    pub kind: &'static str,
    /// The holder, when it has written it down.
    pub pid: Option<u32>,
}
