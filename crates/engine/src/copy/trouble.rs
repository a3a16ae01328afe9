//! A whole target in trouble: its transfers wait and try again, and an operator sees one problem, not a thousand failures.
//!
//! Each waiting slot's next attempt is the probe; other targets go on.

use super::{Desk, Failure};
use crate::slots;
use twinhaul_backend_host::Code;
use twinhaul_wire::WaitReason;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Full,
    /// The endpoint or the medium is gone.
    Offline,
    /// It does not take the credentials any more.
    Locked,
}

impl Trouble {
    /// `None`: the trouble is this transfer's own.
    pub(super) fn of(failure: &Failure) -> Option<Self> {
        match failure.code {
            Some(Code::NoSpace) => Some(Self::Full),
            Some(Code::Offline) if failure.writing => Some(Self::Offline),
            Some(Code::Unauthenticated) if failure.writing => Some(Self::Locked),
            _ => None,
        }
    }

    pub(super) const fn reason(self) -> WaitReason {
        match self {
            Self::Full => WaitReason::Space,
            Self::Offline | Self::Locked => WaitReason::TargetOpen,
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Full => "target_full",
            Self::Offline => "target_offline",
            Self::Locked => "target_locked",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Full => "has no space left",
            Self::Offline => "cannot be reached",
            Self::Locked => "refuses the credentials",
        }
    }

    const fn next(self) -> &'static str {
        match self {
            Self::Full => "make room on the target; the run goes on by itself",
            Self::Offline => "bring the target back; the run goes on by itself",
            Self::Locked => "renew the credentials, then: twinhaul stop, and twinhaul run --resume",
        }
    }
}

/// Shown as a problem from the first transfer that meets it until the last meets it no more.
pub(super) struct TargetWait<'a> {
    desk: &'a Desk,
    target: &'a str,
    pub(super) trouble: Trouble,
}

impl<'a> TargetWait<'a> {
    pub(super) fn begin(desk: &'a Desk, target: &'a str, trouble: Trouble, failure: &Failure) -> Self {
        let text = format!("target {target} {}: {failure}. Transfers to it wait.", trouble.words());
        if let Some(event) = desk.storage.problems.raise(trouble.kind(), target, &text, trouble.next()) {
            slots::tell(&desk.committer, event);
        }
        Self { desk, target, trouble }
    }
}

impl Drop for TargetWait<'_> {
    fn drop(&mut self) {
        if let Some(event) = self.desk.storage.problems.clear(self.trouble.kind(), self.target) {
            slots::tell(&self.desk.committer, event);
        }
    }
}
