//! The link between the peers: half a round trip of delay, and whatever its scenario does to messages.

use crate::Scenario;
use crate::chance::{Chance, seed_of};
use crate::course::Position;

/// What the link between the peers does to messages. The default does nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// Probability that a message is lost.
    pub loss: f64,
    /// Probability that it arrives twice.
    pub duplicate: f64,
    /// A message takes up to this many one-way delays longer, by chance: so that they overtake each other.
    pub jitter: f64,
    /// From where to where no message passes, in either direction.
    pub partitions: Vec<(Position, Position)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Net {
    one_way_ns: u64,
    what: Network,
    chance: Chance,
}

impl Net {
    pub(crate) fn new(scenario: &Scenario, seed: u64) -> Self {
        Self {
            one_way_ns: scenario.round_trip.as_nanos() as u64 / 2,
            what: scenario.network.clone(),
            chance: Chance::new(seed_of(seed, "network")),
        }
    }

    /// Without jitter.
    pub(crate) const fn one_way_ns(&self) -> u64 {
        self.one_way_ns
    }

    /// After how long a message sent at `at` arrives; twice, once, or never.
    pub(crate) fn delays(&mut self, at: Position) -> [Option<u64>; 2] {
        let cut = self.what.partitions.iter().any(|(from, to)| *from <= at && at < *to);
        if cut || self.chance.happens(self.what.loss) {
            return [None, None];
        }
        let first = self.delay();
        let second = if self.chance.happens(self.what.duplicate) { Some(self.delay()) } else { None };
        [Some(first), second]
    }

    fn delay(&mut self) -> u64 {
        if self.what.jitter > 0.0 {
            let more = self.what.jitter * self.chance.unit();
            self.one_way_ns + (self.one_way_ns as f64 * more) as u64
        } else {
            self.one_way_ns
        }
    }
}
