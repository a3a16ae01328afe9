//! Checkpoints: what of a large transfer in flight is durable in its private object, so that whoever has to begin it again
//! after the end of a process goes on from there.

use super::{Chain, SharedObject};
use twinhaul_units::{Epoch, TransferId};

/// What is durable of one transfer, as its home tells it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NewCheckpoint {
    pub id: TransferId,
    /// Of the lot, as its home knows it.
    pub epoch: Epoch,
    pub checkpoint: Checkpoint,
}

/// The private object of one attempt, and which aligned subtrees of it are durable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    pub object: SharedObject,
    /// In order of their places; at most [`crate::CHECKPOINT_CHAINS_MAX`]. They may overlap.
    pub chains: Vec<Chain>,
}

impl Checkpoint {
    /// The stretches `[from, to)` that the chaining values cover, in order.
    pub fn covered(&self) -> Vec<(u64, u64)> {
        let mut spans: Vec<(u64, u64)> = self.chains.iter().map(|c| (c.at, c.at + c.len)).collect();
        spans.sort_unstable();
        let mut out: Vec<(u64, u64)> = Vec::new();
        for (from, to) in spans {
            match out.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(*end),
                _ => out.push((from, to)),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_or_touches_is_one_stretch() {
        let chain = |at, len| Chain { at, len, value: [0; 32] };
        let chains = vec![chain(8, 4), chain(0, 4), chain(4, 2), chain(9, 8), chain(20, 1)];
        let checkpoint = Checkpoint { chains, ..Checkpoint::default() };
        assert_eq!(checkpoint.covered(), [(0, 6), (8, 17), (20, 21)]);
        assert!(Checkpoint::default().covered().is_empty());
    }
}
