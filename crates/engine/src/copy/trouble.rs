//! A whole target in trouble: its transfers wait and try again, and an operator sees one problem, not a thousand failures.
//!
//! Each waiting slot's next attempt is the probe; other targets go on.

use super::{Desk, Failure};
use crate::feeder::Job;
use crate::slots;
use crate::storage::Opened;
use twinhaul_backend_host::Code;
use twinhaul_wire::WaitReason;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Full,
    /// The endpoint or the medium is gone.
    Offline,
    /// It asks to slow down, for longer than a request waits.
    Throttled,
    /// It does not take the credentials any more.
    Locked,
    /// Mounted read-only, or by its own decision after an error.
    ReadOnly,
    /// One transfer after the other was given up there.
    Sick,
    /// Of this process and not of a place: others give some back when they are done, and fewer slots work meanwhile. Waited for only
    /// as long as that may be hoped (`Shortage`).
    NoDescriptors,
}

impl Trouble {
    /// `None`: the trouble is this transfer's own.
    pub(super) fn of(failure: &Failure) -> Option<Self> {
        match failure.code {
            _ if failure.is_no_descriptors() => Some(Self::NoDescriptors),
            _ if failure.writing && failure.is_read_only() => Some(Self::ReadOnly),
            Some(Code::NoSpace) => Some(Self::Full),
            Some(Code::Offline) if failure.writing => Some(Self::Offline),
            Some(Code::Unauthenticated) if failure.writing => Some(Self::Locked),
            Some(Code::Throttled) => Some(Self::Throttled),
            _ => None,
        }
    }

    /// For a failure that came to the end of its attempts.
    pub(super) fn of_the_last_attempt(failure: &Failure, target: Option<&Opened>) -> Option<Self> {
        let of_target = failure.writing && failure.is_of_the_medium() && !failure.is_no_descriptors();
        target.filter(|t| of_target && t.breaker.would_give_up()).map(|_| Self::Sick)
    }

    pub(super) const fn reason(self, failure: &Failure) -> WaitReason {
        match self {
            Self::Full => WaitReason::Space,
            Self::Throttled => WaitReason::RateLimit,
            Self::NoDescriptors if !failure.writing => WaitReason::SourceRead,
            Self::Offline | Self::Locked | Self::ReadOnly | Self::Sick | Self::NoDescriptors => {
                WaitReason::TargetOpen
            }
        }
    }

    const fn may_be_of_a_source(self) -> bool {
        matches!(self, Self::NoDescriptors | Self::Throttled)
    }

    /// What it is of, where that is the source.
    pub(super) fn source<'a>(self, failure: &Failure, desk: &'a Desk, job: &Job) -> Option<&'a str> {
        let of_source = self.may_be_of_a_source() && !failure.writing;
        desk.storage.source(job.row.source).filter(|_| of_source).map(|source| source.name.as_str())
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Full => "target_full",
            Self::Offline => "target_offline",
            Self::Throttled => "slowed_down",
            Self::Locked => "target_locked",
            Self::ReadOnly => "target_read_only",
            Self::Sick => "target_sick",
            Self::NoDescriptors => "no_descriptors",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Full => "has no space left",
            Self::Offline => "cannot be reached",
            Self::Throttled => "asks to slow down",
            Self::Locked => "refuses the credentials",
            Self::ReadOnly => "is mounted read-only",
            Self::Sick => "fails whatever is written to it",
            Self::NoDescriptors => "could not be opened, because this peer has no descriptors left",
        }
    }

    const fn next(self) -> &'static str {
        match self {
            Self::Full => "make room on the target; the run goes on by itself",
            Self::Offline => "bring the target back; the run goes on by itself",
            Self::Throttled => {
                "it is asked again until it serves; twinhaul limit or slots with --target asks for less"
            }
            Self::Locked => "renew the credentials, then: twinhaul stop, and twinhaul run --resume",
            Self::ReadOnly => {
                "look into dmesg; remounted writable, the run goes on by itself. Else: twinhaul stop, fsck, mount, twinhaul run --resume"
            }
            Self::NoDescriptors => {
                "fewer slots work meanwhile. Next time: ulimit -n, or LimitNOFILE= of the service"
            }
            Self::Sick => {
                "look after the target; the run goes on by itself. Those given up before: twinhaul retry"
            }
        }
    }
}

/// Shown as a problem from the first transfer that meets it until the last meets it no more.
pub(super) struct TargetWait<'a> {
    desk: &'a Desk,
    /// The target; the source where that is what could not be opened.
    place: &'a str,
    trouble: Trouble,
}

impl<'a> TargetWait<'a> {
    pub(super) fn begin(desk: &'a Desk, place: &'a str, trouble: Trouble, failure: &Failure) -> Self {
        let text = words(trouble, place, failure);
        if let Some(event) = desk.storage.problems.raise(trouble.kind(), place, &text, trouble.next()) {
            slots::tell(&desk.committer, event);
        }
        Self { desk, place, trouble }
    }

    pub(super) fn of(&self) -> (Trouble, &'a str) {
        (self.trouble, self.place)
    }
}

fn words(trouble: Trouble, place: &str, failure: &Failure) -> String {
    if trouble.may_be_of_a_source() {
        return format!("{place} {}: {failure}. Transfers wait.", trouble.words());
    }
    format!("target {place} {}: {failure}. Transfers to it wait.", trouble.words())
}

impl Drop for TargetWait<'_> {
    fn drop(&mut self) {
        if let Some(event) = self.desk.storage.problems.clear(self.trouble.kind(), self.place) {
            slots::tell(&self.desk.committer, event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It says nothing of the target, and a medium is not sick of it.
    #[test]
    fn descriptors_that_are_missing_for_the_source_are_not_told_of_the_target() {
        let errno = rustix::io::Errno::MFILE.raw_os_error();
        let reading =
            Failure { errno, worth_another: true, ..Failure::permanent("temporary", "read from here") };
        let writing = Failure { writing: true, ..reading.clone() };
        let reason = |failure: &Failure| Trouble::of(failure).map(|t| t.reason(failure));
        assert_eq!(reason(&reading), Some(WaitReason::SourceRead));
        assert_eq!(reason(&writing), Some(WaitReason::TargetOpen));
        let said = words(Trouble::NoDescriptors, "here", &reading);
        assert!(said.starts_with("here could not be opened") && !said.contains("target"), "{said}");
    }
}
