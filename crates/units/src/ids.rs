//! Identities: peers, transfers, lots, and the fencing numbers.

use std::fmt;

/// Which of the two peers: the claims' "first peer" and "second peer". Their names come from the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerId {
    First,
    Second,
}

impl PeerId {
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// The other peer.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// 0 for the first peer, 1 for the second: an index into pairs, and the number in the ledger.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The inverse of [`Self::index`].
    pub const fn from_index(index: usize) -> Option<Self> {
        match index {
            0 => Some(Self::First),
            1 => Some(Self::Second),
            _ => None,
        }
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number! {
    /// A transfer's id, dense inside its wave and unique in its run.
    TransferId
}
number! {
    /// A lot's id, unique in its run.
    LotId
}
number! {
    /// The fencing number of a lot: grows whenever its owner changes.
    Epoch
}
number! {
    /// The fencing number of a peer: grows whenever a process takes the peer's place.
    Incarnation
}
