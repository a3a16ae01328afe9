//! Policies in virtual time: the production `assist`, a fluid model of two links, a ledger of its own, and whatever a
//! scenario lets go wrong; compared with a bound that no policy can beat (protocol.md 3, 4 and 8).
//!
//! Deterministic: a scenario, a policy and a seed decide every event. Never a clock, and no file but the families that
//! `family` reads. Entry points: [`family::read`], [`run`], [`sweep`], [`Figures`].

mod books;
mod bound;
mod chance;
mod course;
mod cover;
pub mod family;
mod figures;
mod host;
mod link;
mod load;
mod net;
mod outcome;
mod scenario;
mod sweep;
mod trace;
mod world;

pub use course::{Disturbance, Life, Position, WHOLE, What, Whom};
pub use family::Family;
pub use figures::{Figures, worst};
pub use net::Network;
pub use outcome::Outcome;
pub use scenario::{Cost, Distribution, Scenario, Slots};
pub use sweep::{THREADS_MAX, sweep};
pub use world::run;

/// Why nothing was simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// With these speeds and disturbances nothing is ever done.
    #[error("in scenario {0} nothing ever moves")]
    NothingMoves(String),
    /// A family's file is not what it should be.
    #[error("{}: {}", twinhaul_units::text::show(&path.to_string_lossy()), twinhaul_units::text::show(why))]
    Family { path: std::path::PathBuf, why: String },
    /// A thread ended without its runs: a fault of this program.
    #[error("a thread of the sweep broke off")]
    Broken,
}
