//! Deliberate bugs: each breaks an invariant, and each must be found. A test that cannot fail proves nothing.

/// A deliberate bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutant {
    HalfCopied,
    SkipsItsOwn,
    SourceNotChecked,
    PublishedBeforeSealed,
    DoneBeforeNames,
    NoAuthorise,
    RedoneWithoutDiscard,
    AcceptedUnseen,
    TakeOverWithoutDiscard,
    NothingSwept,
    NothingSweptAtTheEnd,
    GoesOnInSharedObject,
    CutsAgain,
    RangeVersionNotChecked,
}
