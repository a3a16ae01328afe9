//! Why an attempt failed: what, where, why, and whether another attempt can help.

use super::Route;
use crate::storage::Opened;
use std::fmt;
use twinhaul_backend_host::{BackendError, Code};
use twinhaul_units::text::show;

/// A file system that is mounted read-only.
const READ_ONLY: i32 = rustix::io::Errno::ROFS.raw_os_error();

/// No descriptors left: in this process, in the system.
const NO_DESCRIPTORS: [i32; 2] =
    [rustix::io::Errno::MFILE.raw_os_error(), rustix::io::Errno::NFILE.raw_os_error()];

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// A stable word for programs: `not_found`, `changing`, ….
    pub class: &'static str,
    pub text: String,
    pub code: Option<Code>,
    /// Of the operating system; 0: none.
    pub errno: i32,
    pub worth_another: bool,
    /// Met at the target.
    pub writing: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Failure {
    /// The class of what is there already.
    pub(crate) const EXISTS: &'static str = "exists";

    /// The class of [`Self::changing`].
    pub(crate) const CHANGING: &'static str = "changing";

    /// The class of [`Self::mismatch`].
    pub(crate) const MISMATCH: &'static str = "mismatch";

    /// The target holds something else than was written (faults.md 35, 40).
    pub(crate) fn mismatch(text: impl Into<String>) -> Self {
        Self { worth_another: true, ..Self::permanent(Self::MISMATCH, text) }
    }

    /// As [`Self::mismatch`], by what the target says that it holds.
    pub(crate) fn other_size(target: &Opened, told: u64, written: u64) -> Self {
        Self::mismatch(format!("target {} holds {told} bytes of {written} that were written", target.name))
    }

    pub(crate) fn permanent(class: &'static str, text: impl Into<String>) -> Self {
        Self { class, text: text.into(), code: None, errno: 0, worth_another: false, writing: false }
    }

    /// The source changes: another attempt may meet it at rest (faults.md 37).
    pub(crate) fn changing(what: &str) -> Self {
        Self {
            class: Self::CHANGING,
            text: format!("source changed while it was read: {what}"),
            code: None,
            errno: 0,
            worth_another: true,
            writing: false,
        }
    }

    /// Somebody who is fenced may still write into the object.
    pub(crate) fn fenced(other: &str) -> Self {
        Self {
            class: "fenced",
            text: format!("{} was fenced, and may still write into this object", show(other)),
            code: None,
            errno: 0,
            worth_another: true,
            writing: false,
        }
    }

    pub(crate) fn reading(route: &Route<'_>, e: &BackendError) -> Self {
        Self::of("read from", &route.source.name, e)
    }

    pub(crate) fn writing(route: &Route<'_>, e: &BackendError) -> Self {
        Self { writing: true, ..Self::of("write to", &route.target.name, e) }
    }

    /// A backend's error at a named source or target.
    pub(crate) fn of(doing: &str, place: &str, e: &BackendError) -> Self {
        let worth_another = e.error.is_retryable()
            || e.error.is_uncertain()
            || e.error.errno == READ_ONLY
            || matches!(
                e.code(),
                Code::Io | Code::Internal | Code::Busy | Code::Panic | Code::Corrupt | Code::Offline
            );
        Self {
            class: class(e.code()),
            text: format!("{doing} {}: {}", show(place), show(&e.to_string())),
            code: Some(e.code()),
            errno: e.error.errno,
            worth_another,
            writing: false,
        }
    }

    /// This process has no descriptors left: neither the object's fault nor the place's.
    pub(crate) fn is_no_descriptors(&self) -> bool {
        NO_DESCRIPTORS.contains(&self.errno)
    }

    /// The file system takes nothing from anybody.
    pub(crate) fn is_read_only(&self) -> bool {
        self.errno == READ_ONLY
    }

    /// Whether it says more of the place than of the object.
    pub(crate) fn is_of_the_medium(&self) -> bool {
        matches!(self.class, "io" | "temporary" | "corrupt" | "backend")
    }
}

fn class(code: Code) -> &'static str {
    match code {
        Code::NotFound => "not_found",
        Code::Denied | Code::Unauthenticated => "denied",
        Code::Exists => Failure::EXISTS,
        Code::Precondition => "changed_at_target",
        Code::NoSpace => "no_space",
        Code::Transient | Code::Timeout | Code::Throttled | Code::Busy | Code::Offline => "temporary",
        Code::Corrupt => "corrupt",
        Code::WrongKind => "wrong_kind",
        Code::Io => "io",
        Code::Unsupported | Code::InvalidArg | Code::InvalidConfig | Code::TooLarge => "unsupported",
        _ => "backend",
    }
}
