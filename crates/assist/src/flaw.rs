//! Deliberate bugs of the method, so that the proof can show that it would find them (protocol.md 7). Only the crate
//! `prove` asks for one: no setting, profile, message or control leads here, and a test of `prove` sees to that.
//!
//! A field instead of a cargo feature, because with a feature the code that is proven would not be the code that ships.

/// A deliberate bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// The ratio leaves its clamp (protocol.md 2).
    RatioUnclamped,
    /// A question asked again in the same episode moves the ratio again (claims 6.1, 7.1).
    RepollLearns,
    /// The portion is a share of what is in flight too (claims 4.2, 5.2).
    PortionCountsInFlight,
    /// After "no assistance needed" it never asks again (claim 1.5).
    NeverAsksAgain,
    /// A sign of life is believed of any life, and of one that is gone (faults.md 25).
    AnySignOfLife,
}
