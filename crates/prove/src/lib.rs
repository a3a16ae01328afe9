//! Proof by search: the production method over the ledger in memory, in a world where everything goes wrong.
//!
//! [`World`] is the world; the simulation walks through it at random, seed by seed, the model checker visits every
//! state of a small one, and the mutants show that both would find a bug. For development only: no room of the product
//! imports this one. It must never have chance that a seed does not determine.

mod aside;
mod model;
mod mutant;
mod process;
mod random;
mod seen;
mod setup;
pub mod soak;
mod swarm;
mod target;
mod walk;
mod whole;
mod world;

pub use model::{Case, Found, Limits, Shape, Verdict, retell, search};
pub use mutant::Mutant;
pub use random::Random;
pub use seen::{Rare, Seen};
pub use setup::{Durability, Setup};
pub use swarm::{Class, Swarm};
pub use target::{GRAIN, GRAINS_MAX};
pub use walk::{Outcome, walk};
pub use world::{Action, Broken, Invariant, Survivors, Thread, World};

/// Lives of one peer in a world at most: numbers stay small.
pub const INCARNATIONS_MAX: u64 = 200;
/// Versions of a source object at most.
pub const VERSIONS_MAX: u8 = 4;
