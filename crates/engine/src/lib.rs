//! One peer: a process that works through its queue, assists the other, and lets itself be assisted.
//!
//! The core (`assist`) decides; the driver translates; threads do what blocks: slots copy, the committer takes groups
//! through the durable steps, the feeder and the ledger's thread read and write the truth. It must never change what
//! the ledger does not say it owns. Entry point: [`run`], called by the hidden verb `peer`.

mod authoriser;
mod backends;
mod budget;
mod calls;
mod checkpointer;
mod clock;
mod closer;
mod committer;
mod copy;
mod crew;
mod digest;
mod driver;
mod error;
mod feeder;
mod fencing;
mod finishing;
mod gate;
mod ledger_thread;
mod limiter;
mod limits;
mod link;
mod meter;
mod options;
mod parts;
mod place;
mod problems;
mod progress;
mod pulse;
mod recover;
mod scout;
mod server;
mod shortage;
mod sick;
mod slots;
mod stall;
mod start;
mod storage;
mod subtree;
mod tag;
mod turnstile;
mod whole;

pub use backends::requests_of;
pub use clock::wall_ms;
pub use digest::digest_told;
pub use driver::Ended;
pub use error::{EngineError, Result};
pub use options::Options;
pub use start::run;
pub use storage::{Opened, Storage, open};
pub(crate) use tag::PeerTag;

/// The policy as the ledger, the frames and the screen write it.
pub fn policy_word(policy: twinhaul_profile::Policy) -> &'static str {
    match policy {
        twinhaul_profile::Policy::Balanced => "balanced",
        twinhaul_profile::Policy::Learning => "learning",
        twinhaul_profile::Policy::None => "none",
    }
}
