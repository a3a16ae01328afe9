//! The process behind the hidden verb `twinhaul supervise`: it owns planner and peers, and outlives the console.
//!
//! It starts them in sessions of their own, starts a dead one again (with a breaker), says in words why each ended, tells a
//! demo's story, records what the console would see, and answers on `supervisor.sock`. It moves no data, opens no ledger
//! (see [`Record`]) and is not needed by the peers: they finish without it, and a new one adopts them.
//!
//! Entry points: [`supervise`]; [`spawn_detached`] and [`client::Client`] for verbs; [`become_session_leader`] and
//! [`hold_peer_lock`] for the hidden verbs `peer` and `planner`.

mod breaker;
pub mod client;
mod error;
mod exit;
mod link;
mod lock;
mod options;
mod process;
mod recorder;
mod recording;
mod run;
mod scribbler;
mod seat;
mod server;
mod session;
mod shares;
mod socket;
mod stop;
mod story;

pub use client::Client;
pub use error::{Held, SupervisorError};
pub use exit::{Exit, Meaning, words};
pub use lock::{PeerLock, SupervisorLock, hold_peer_lock, is_supervised, lock, peer_lock_holder};
pub use options::{Bundler, Child, ChildKind, Options, Record, Sky, StoryAct, StoryStep, StoryWhen, Timing};
pub use session::{Detached, SUPERVISOR_READY_MAX, become_session_leader, spawn_detached};
pub use twinhaul_control_socket::{bind, check_dir, check_uid};

/// Supervises a run until its last process has ended; returns the exit code of architecture.md 7. The verb `supervise` calls
/// it after [`become_session_leader`]. It takes the lock of the run, adopts peers that run already, and starts the others.
///
/// # Errors
/// When the run is held by another supervisor (exit code 11), its directory is not this user's alone, or the socket cannot be
/// opened. Nothing has been started then.
pub fn supervise(options: Options) -> Result<i32, SupervisorError> {
    check_dir(&options.run_dir)?;
    for child in options.peers.iter().chain(&options.planner) {
        socket::check_name(&options.run_dir, &child.name)?;
    }
    let held = lock(&options.run_dir)?;
    session::harden();
    session::widen();
    let run_dir = options.run_dir.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(SupervisorError::io("start the loop of", &run_dir))?;
    let code = runtime.block_on(run::run(options, &held));
    if code.is_ok() {
        socket::unbind(&run_dir, "supervisor");
    }
    code
}
