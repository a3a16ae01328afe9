//! Numbers that tie questions to answers: asks, episodes, assignments.
//!
//! An ask's and an assignment's number hold the incarnation that made them, so that neither ever comes twice in a
//! run, however often a peer restarts, and a later one is always the greater.

use std::fmt;
use twinhaul_units::{Incarnation, PeerId};

const NUMBER_BITS: u32 = 32;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;
const OWNER_BIT: u32 = 31;

/// One question "do you need assistance?"; grows with every new one, and across incarnations. Resending keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u64);

impl AskId {
    /// The `number`-th ask of `incarnation`; numbers start at 1.
    pub const fn new(incarnation: Incarnation, number: u64) -> Self {
        Self(incarnation.0 << NUMBER_BITS | number & NUMBER_MASK)
    }

    /// The place among the asks of its incarnation: what a person reads.
    pub const fn number(self) -> u64 {
        self.0 & NUMBER_MASK
    }

    /// Who asked.
    pub const fn incarnation(self) -> Incarnation {
        Incarnation(self.0 >> NUMBER_BITS)
    }

    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for AskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation(), self.number())
    }
}

/// One execution of claim step 1.3 or 1.4 at the asker: from "queue empty and a slot idle" until work arrives.
/// Counted from 1 in each incarnation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Episode(pub u64);

impl fmt::Display for Episode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One assignment; the ledger keeps it unique in its run, so that asking for it twice performs it once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u64);

impl OpId {
    /// The `number`-th assignment of the owner's incarnation; numbers start at 1.
    pub const fn new(owner: PeerId, incarnation: Incarnation, number: u64) -> Self {
        let owner = (owner.index() as u64) << OWNER_BIT;
        Self(incarnation.0 << NUMBER_BITS | owner | number & (NUMBER_MASK >> 1))
    }

    /// The place among the assignments of its owner's incarnation.
    pub const fn number(self) -> u64 {
        self.0 & (NUMBER_MASK >> 1)
    }

    /// Whose it is.
    pub const fn owner(self) -> PeerId {
        if self.0 >> OWNER_BIT & 1 == 0 { PeerId::First } else { PeerId::Second }
    }

    /// In which life of its owner.
    pub const fn incarnation(self) -> Incarnation {
        Incarnation(self.0 >> NUMBER_BITS)
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.owner().index(), self.incarnation(), self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_incarnation_always_has_the_greater_number() {
        assert!(AskId::new(Incarnation(2), 1) > AskId::new(Incarnation(1), 4_000_000_000));
        assert_eq!(AskId::new(Incarnation(3), 7).to_string(), "3.7");
    }

    #[test]
    fn the_peers_never_make_the_same_assignment_number() {
        let a = OpId::new(PeerId::First, Incarnation(1), 1);
        let b = OpId::new(PeerId::Second, Incarnation(1), 1);
        assert_ne!(a, b);
        assert_eq!((a.to_string(), b.to_string()), ("0.1.1".into(), "1.1.1".into()));
    }
}
