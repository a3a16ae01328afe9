//! What an open target says about itself: limits, health, and what is wrong with a configuration.

use crate::caps::{Caps, KeyRules};

/// Limits of one open target; 0 = no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub caps: Caps,
    /// Blocking calls in the target at once.
    pub max_inflight_calls: u32,
    pub max_open_writers: u32,
    /// Per writer.
    pub max_parallel_ranges: u32,
    /// Bytes per write.
    pub preferred_chunk: u64,
    /// Bytes, for `write_at`; the last part may be shorter.
    pub min_part: u64,
    pub max_part: u64,
    pub max_parts: u32,
    /// Bytes.
    pub max_object: u64,
    pub max_user_meta_bytes: u64,
    /// The most a single open writer keeps of host buffers, for the memory budget.
    pub max_retained_bytes: u64,
    /// 0 = mtime is not kept.
    pub mtime_precision_ns: u64,
    pub max_key_bytes: u32,
    pub max_component_bytes: u32,
    pub key_rules: KeyRules,
    /// A commit in flight is decided after this: what a take-over across hosts waits (store.md 3).
    pub commit_deadline_ms: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    #[default]
    Bad,
    Good,
    Degraded,
}

/// What a probe found; `None` = not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    pub health: Health,
    /// Why health is not good; at most 256 bytes are passed on.
    pub message: String,
    pub total_bytes: Option<u64>,
    pub free_bytes: Option<u64>,
    pub used_bytes: Option<u64>,
    /// Inodes.
    pub free_objects: Option<u64>,
    /// Microseconds of this probe's own request.
    pub latency_us: Option<u64>,
    /// Two targets of one device share its bandwidth.
    pub device: Option<u64>,
    /// The root is a mount point that is not mounted (architecture.md 6, guards).
    pub bare_mount_point: bool,
    pub root_fs: bool,
    pub read_only: bool,
    /// Resolved: an absolute path (bytes), or a URL without secrets; at most 1,024 bytes.
    pub location: Vec<u8>,
    /// "ext4", "s3", "LTO-9 (virtual)"; at most 64 bytes.
    pub medium: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// One thing wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// JSON pointer into the configuration: "/drives"; empty = the whole.
    pub path: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl Problem {
    pub fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, path: path.into(), message: message.into() }
    }

    pub fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, path: path.into(), message: message.into() }
    }
}
