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
mod filter;
mod host;
mod link;
mod load;
mod net;
mod outcome;
mod report;
mod scenario;
mod shipped;
mod sweep;
mod trace;
mod world;

use twinhaul_assist::Policy;

pub use course::{Disturbance, Life, Position, WHOLE, What, Whom};
pub use family::Family;
pub use figures::{Figures, worst};
pub use filter::{AXES, Filter, SHORT_ROUND_TRIPS};
pub use net::Network;
pub use outcome::Outcome;
pub use report::Report;
pub use scenario::{Cost, Distribution, Scenario, Slots};
pub use shipped::shipped;
pub use sweep::{Job, SEEDS_MAX, THREADS_MAX, sweep};
pub use world::{bound_ns, run};

/// Why nothing was simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// With these speeds and disturbances nothing is ever done.
    #[error("in scenario {0} nothing ever moves")]
    NothingMoves(String),
    /// A family's file is not what it should be.
    #[error("{}: {}", twinhaul_units::text::show(&path.to_string_lossy()), twinhaul_units::text::show(why))]
    Family { path: std::path::PathBuf, why: String },
    /// A filter says nothing that is understood.
    #[error("filter \"{}\": {why}", twinhaul_units::text::show(text))]
    Filter { text: String, why: String },
    /// There is no such policy.
    #[error("no policy \"{}\"; there are {}", twinhaul_units::text::show(.0), POLICIES.join(", "))]
    Policy(String),
    /// A thread ended without its runs: a fault of this program.
    #[error("a thread of the sweep broke off")]
    Broken,
}

/// The policies by name, in the order in which they are shown.
pub const POLICIES: [&str; 4] = ["none", "learning", "steal-half", "balanced"];

/// The policy of a name.
///
/// # Errors
/// When there is none.
pub fn policy(name: &str) -> Result<Policy, SimulateError> {
    Ok(match name {
        "none" => Policy::None,
        "learning" => Policy::Learning,
        "steal-half" => Policy::StealHalf,
        "balanced" => Policy::Balanced,
        _ => return Err(SimulateError::Policy(name.to_owned())),
    })
}
