//! The process behind the hidden verb `twinhaul supervise`: it owns planner and peers, and outlives the console.
//!
//! It starts them in sessions of their own, starts a dead one again (with a breaker), says in words why each ended, tells a
//! demo's story, records what the console would see, and answers on `supervisor.sock`. It moves no data, opens no ledger
//! (see [`Record`]) and is not needed by the peers: they finish without it, and a new one adopts them.
//!
//! Entry points: [`supervise`]; [`spawn_detached`] and [`client::Client`] for verbs; [`become_session_leader`] and
//! [`hold_peer_lock`] for the hidden verbs `peer` and `planner`.

pub mod client;
mod error;
mod exit;
mod lock;
mod options;
mod session;
mod socket;

pub use error::{Held, SupervisorError};
pub use exit::{Exit, Meaning, words};
pub use lock::{PeerLock, SupervisorLock, hold_peer_lock, is_supervised, lock, peer_lock_holder};
pub use options::{Child, ChildKind, Options, Record, StoryStep, Timing};
pub use session::{Detached, SUPERVISOR_READY_MAX, become_session_leader, spawn_detached};
pub use socket::{bind, check_dir, check_uid};
