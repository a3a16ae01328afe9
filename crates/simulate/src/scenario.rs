//! One scenario: what is to be moved, over what, and what goes wrong meanwhile. Plain data; made by `family`.

use crate::{Disturbance, Network};
use std::time::Duration;
use twinhaul_units::Bytes;

/// One scenario. Peer 0 is the fast one.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// `FAMILY/…`, one segment for each axis; unique in its family.
    pub name: String,
    /// Axis and value, in the order of the name's segments; what `--filter` and `--by` see.
    pub axes: Vec<(&'static str, String)>,
    pub transfers: u64,
    /// Mean size.
    pub mean: Bytes,
    pub sizes: Distribution,
    /// Bytes per second of each peer's link, undisturbed.
    pub speeds: [f64; 2],
    pub round_trip: Duration,
    pub slots: Slots,
    pub cost: Cost,
    pub disturbances: Vec<Disturbance>,
    pub network: Network,
    /// How often a peer makes durable, and records, how far its large transfers in flight are: what a take-over then
    /// need not do again. `None`: a take-over does them from the beginning. The product's own if a family says nothing.
    pub checkpoint: Option<Duration>,
}

/// How sizes are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    Equal,
    /// Uniform from 0 to twice the mean.
    Uniform,
    /// Sigma 2.
    Lognormal,
    /// Alpha 1.1, at most 1,000 times the mean.
    Pareto,
    /// One with half of all bytes, the others equal.
    Giant,
}

/// Slots of each peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    pub count: u32,
    /// Each stream gets at most the link / `count`; otherwise those in flight share the link.
    pub capped: bool,
}

/// What a transfer, and each range of one that is started apart, costs besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cost {
    /// As much work as these bytes, at whichever peer does it.
    Work(f64),
    /// So much time, whoever does it: setting up.
    Time(Duration),
}

impl Scenario {
    /// The value of an axis.
    pub fn axis(&self, axis: &str) -> Option<&str> {
        self.axes.iter().find(|(name, _)| *name == axis).map(|(_, value)| value.as_str())
    }
}
