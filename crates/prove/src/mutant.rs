//! Deliberate bugs: each breaks an invariant, and each must be found. A test that cannot fail proves nothing.
//!
//! Most are made by the world around the core: a step left out, an answer believed, a number changed. Those of the method
//! itself are a [`Flaw`] of its core; none can be switched on outside of this crate.

use crate::model::kebab;
use crate::swarm::Class;
use crate::world::Invariant;
use crate::{Case, Shape};
use twinhaul_assist::flaw::Flaw;

macro_rules! mutants {
    ($($name:ident $breaks:ident $words:literal $model:expr;)*) => {
        /// A deliberate bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mutant {
            $($name),*
        }

        impl Mutant {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The invariant whose reason it takes away; its consequences may be seen first.
            pub const fn breaks(self) -> Invariant {
                match self {
                    $(Self::$name => Invariant::$breaks),*
                }
            }

            /// As a line of the table.
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words),*
                }
            }

            /// The smallest world and the faults in which the model check finds it; `None`: it needs what no small world
            /// has (time, or many moves).
            pub fn case(self) -> Option<Case> {
                let SmallWorld { shape, faults, ticks, brisk } = match self {
                    $(Self::$name => $model?),*
                };
                Some(Case { mutant: Some(self), brisk, ..Case::new(shape, faults, ticks) })
            }

            /// Whether seeds come upon it: a freeze, a second copy and a change of the source in one order, while one
            /// transfer is in flight, came about in none of 150,000.
            pub const fn is_for_the_simulation(self) -> bool {
                !matches!(self, Self::LentOfAnyVersion)
            }
        }
    };
}

use Class::{ChangingSource, Crash, FailingSync, Freeze, HandOver, PowerLoss, SecondCopy, Sign};
use Shape::{Late, Lots, Old, Ranges, Wide};

/// A small world, with one fault of each kind, and timers that fire so often.
struct SmallWorld {
    shape: Shape,
    faults: &'static [Class],
    ticks: u8,
    brisk: bool,
}

/// With every step apart.
#[allow(clippy::unnecessary_wraps, reason = "as in the table: a case, or none")]
const fn small(shape: Shape, faults: &'static [Class], ticks: u8) -> Option<SmallWorld> {
    Some(SmallWorld { shape, faults, ticks, brisk: false })
}

/// … which would be too many.
#[allow(clippy::unnecessary_wraps, reason = "as in the table: a case, or none")]
const fn brisk(shape: Shape, faults: &'static [Class], ticks: u8) -> Option<SmallWorld> {
    Some(SmallWorld { shape, faults, ticks, brisk: true })
}

mutants! {
    HalfCopied S1 "the last bytes are not copied" small(Wide(2), &[], 0);
    SkipsItsOwn S1 "its own unsettled object counts as found done" small(Late(1), &[PowerLoss], 0);
    SourceNotChecked S1 "the source is not looked at again after reading" small(Wide(2), &[ChangingSource], 0);
    PublishedBeforeSealed S1 "published before its bytes are durable" small(Lots(1), &[PowerLoss], 0);
    DoneBeforeNames S1 "done before the directory is synced" small(Lots(1), &[], 0);
    AcceptedUnseen S1 "recovery accepts what it did not compare" small(Old(1), &[PowerLoss], 0);
    GoesOnInSharedObject S2 "after a take-over the same shared object is written on" small(Ranges(2), &[Freeze], 0);
    HedgeClearsFirst S1 "a hedge is not idempotent: it clears before it writes" None;
    LentOfAnyVersion S2 "into what was lent goes whatever version the source has" brisk(Ranges(2), &[SecondCopy, ChangingSource], 0);
    RedoneWithoutDiscard S2 "recovery redoes without discarding the old object" small(Lots(1), &[SecondCopy], 0);
    TakeOverWithoutDiscard S2 "a take-over does not discard" small(Lots(1), &[Freeze], 0);
    CommitNotDurable S3 "the ledger's last commit is lost with the power" small(Lots(1), &[PowerLoss], 0);
    CutsAgain S4 "an assignment asked for again cuts again" None;
    IncarnationReused S5 "a new process joins under the old number" small(Lots(1), &[Crash], 0);
    StartedHandedOver S6 "a transfer in flight is handed over" small(Lots(2), &[], 0);
    FlightHandedOver S6 "what an operator hands over includes a transfer in flight" small(Lots(2), &[HandOver], 0);
    AssignedToStale S7 "assigned to an incarnation that is not current" small(Lots(2), &[Crash], 0);
    NoEpochCheck S7 "the ledger checks neither epoch nor incarnation" small(Lots(1), &[SecondCopy], 0);
    NoAuthorise S8 "published without being authorised" small(Lots(1), &[], 0);
    RangePublishedTwice S8 "the helper publishes the object of its range too" small(Ranges(2), &[], 0);
    NamesAside S9 "what is replaced is kept under a name beside it" small(Old(1), &[], 0);
    NeededIsBelieved S10 "\"needed\" is believed without asking the ledger" small(Lots(2), &[], 0);
    CountedTwice S11 "a done transfer is counted twice" small(Lots(1), &[], 0);
    FailedForgotten L1 "what failed in a group is not done again" small(Lots(1), &[FailingSync], 0);
    NeverAsksAgain L2 "after \"no assistance needed\" it never asks again" None;
    AnySignOfLife L3 "a sign of life of a former or dead process is believed" small(Lots(2), &[Crash, Sign], 0);
    DeathToldLate L3 "a death is noticed after ten leases" small(Lots(1), &[], 0);
    NothingSweptAtTheEnd L4 "finishing does not sweep" None;
    RatioUnclamped Claims "the ratio leaves its clamp" None;
    RepollLearns Claims "a question asked again in its episode moves the ratio again" None;
    PortionCountsInFlight Claims "the portion is a share of what is in flight too" small(Lots(2), &[], 0);
}

impl Mutant {
    /// The bug of the core, if it is one of the method.
    pub(crate) const fn flaw(self) -> Option<Flaw> {
        match self {
            Self::RatioUnclamped => Some(Flaw::RatioUnclamped),
            Self::RepollLearns => Some(Flaw::RepollLearns),
            Self::PortionCountsInFlight => Some(Flaw::PortionCountsInFlight),
            Self::NeverAsksAgain => Some(Flaw::NeverAsksAgain),
            Self::AnySignOfLife => Some(Flaw::AnySignOfLife),
            _ => None,
        }
    }

    /// As on the command line and in the table.
    pub fn name(self) -> String {
        kebab(&self)
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
    }
}
