//! What is searched: the shape of the world, which kinds of fault, and how many of each.

use super::Budget;
use super::kebab;
use crate::swarm::Class;
use crate::{Durability, Mutant, Setup};
use std::time::Duration;
use twinhaul_assist::{Policy, Timing};

/// A lease. Nothing else takes time in a model: what waits for a tick happens at the next one.
const LEASE: Duration = Duration::from_micros(100);

/// A small world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// So many transfers of one grain, all of them the first peer's in one lot: the claims hand over and split it.
    Lots(u8),
    /// The same, with the first half and the second half of the transfers each a peer's.
    Halves(u8),
    /// One transfer of so many grains, copied whole.
    Wide(u8),
    /// So many transfers of one grain, with an older object under each key.
    Old(u8),
    /// So many transfers of one grain, published before they are durable.
    Late(u8),
    /// One transfer of so many grains, the first peer's; `balanced` lends ranges of it.
    Ranges(u8),
}

impl Shape {
    /// As on the command line.
    pub fn name(self) -> String {
        match self {
            Self::Lots(n) => format!("lots-{n}"),
            Self::Halves(n) => format!("halves-{n}"),
            Self::Wide(n) => format!("wide-{n}"),
            Self::Old(n) => format!("old-{n}"),
            Self::Late(n) => format!("late-{n}"),
            Self::Ranges(n) => format!("ranges-{n}"),
        }
    }

    /// Back from the command line.
    pub fn parse(name: &str) -> Option<Self> {
        let (kind, n) = name.split_once('-')?;
        let n = n.parse().ok().filter(|n| (1..=8).contains(n))?;
        match kind {
            "lots" => Some(Self::Lots(n)),
            "halves" => Some(Self::Halves(n)),
            "wide" => Some(Self::Wide(n)),
            "old" => Some(Self::Old(n)),
            "late" => Some(Self::Late(n)),
            "ranges" => Some(Self::Ranges(n)),
            _ => None,
        }
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub shape: Shape,
    /// Each with its number.
    pub faults: Vec<(Class, u8)>,
    /// How often timers may fire.
    pub ticks: u8,
    /// What leaves nothing behind it is no step of its own (`world/brisk.rs`).
    pub brisk: bool,
    pub mutant: Option<Mutant>,
}

impl Case {
    /// What bounds every case besides its faults.
    pub(crate) const BOUNDS: &str = "one fault of each kind named, timers fire as often as the last number says, one lease may \
        pass in silence where a kind of fault can bring that about, two messages on their way; a state beyond that is drained \
        and not gone on from";

    /// … and what more bounds a brisk one.
    pub(crate) const BRISK: &str = "brisk: what a process only reads, what it hears of that, of a take-over or of finished \
        ranges, and its links are no steps of their own; orders in which something comes between are not searched";

    /// With one fault of each kind.
    pub fn new(shape: Shape, classes: &[Class], ticks: u8) -> Self {
        Self {
            shape,
            faults: classes.iter().map(|class| (*class, 1)).collect(),
            ticks,
            brisk: false,
            mutant: None,
        }
    }

    /// The same, with what leaves nothing behind it taken at once.
    #[must_use]
    pub fn briskly(self) -> Self {
        Self { brisk: true, ..self }
    }

    /// As in tables and on the command line: the shape, the faults, how often timers fire, and whether briskly.
    pub fn name(&self) -> String {
        let faults: Vec<String> = self.faults.iter().map(|(class, _)| kebab(class)).collect();
        let faults = if faults.is_empty() { "none".to_owned() } else { faults.join("+") };
        let brisk = if self.brisk { ":brisk" } else { "" };
        let mutant = self.mutant.map(|m| format!(":{}", m.name())).unwrap_or_default();
        format!("{}:{faults}:{}{brisk}{mutant}", self.shape.name(), self.ticks)
    }

    /// Back from its name.
    pub fn parse(name: &str) -> Option<Self> {
        let mut words = name.split(':').peekable();
        let shape = Shape::parse(words.next()?)?;
        let faults = words.next()?.split('+').filter(|word| *word != "none");
        let classes: Option<Vec<Class>> = faults.map(Class::parse).collect();
        let ticks = words.next()?.parse().ok()?;
        let brisk = words.next_if_eq(&"brisk").is_some();
        let mutant = match words.next() {
            Some(name) => Some(Mutant::parse(name)?),
            None => None,
        };
        Some(Self { brisk, mutant, ..Self::new(shape, &classes?, ticks) })
    }

    pub(super) fn budget(&self) -> Budget {
        let mut faults = [0; Class::ALL.len()];
        for (class, n) in &self.faults {
            faults[*class as usize] += n;
        }
        let silent = |class: &Class| {
            matches!(
                class,
                Class::Loss | Class::Freeze | Class::CutPeers | Class::CutLedger | Class::WildClocks
            )
        };
        let may_be_silent = self.faults.iter().any(|(class, _)| silent(class));
        Budget { faults, ticks: self.ticks, leases: u8::from(may_be_silent) }
    }

    pub(super) fn setup(&self) -> Setup {
        let timing = Timing { lease: Some(LEASE), ..Timing::untimed() };
        let (n, first, policy, grains) = match self.shape {
            Shape::Lots(n) | Shape::Old(n) | Shape::Late(n) => (n, n, Policy::Learning, 1),
            Shape::Wide(grains) => (1, 1, Policy::Learning, grains),
            Shape::Halves(n) => (n, n.div_ceil(2), Policy::Learning, 1),
            Shape::Ranges(grains) => (1, 1, Policy::Balanced, grains),
        };
        Setup {
            grains: (0..n).map(|_| grains).collect(),
            there: (0..n).map(|_| if matches!(self.shape, Shape::Old(_)) { 9 } else { 0 }).collect(),
            first: first.into(),
            policy,
            timing,
            durability: match self.shape {
                Shape::Late(_) => Durability::End,
                _ => Durability::Group,
            },
            ranges: policy == Policy::Balanced,
            letters: 2,
            brisk: self.brisk,
            mutant: self.mutant,
            ..Setup::small(n.into())
        }
    }
}
