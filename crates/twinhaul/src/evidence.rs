//! Evidence for a diagnosis: what supervisor and peers say, the history, and a look at the processes and the machine.
//!
//! Everything at the same time and each with a limit: a diagnosis is asked for when something hangs, and must not hang with
//! it. What does not answer or cannot be read is not known, and never an error. Entry point: [`gather`].

mod groups;
mod history;
mod machine;
pub(crate) mod memory_limit;
mod processes;
mod quota;

use crate::exit::Failure;
use crate::state::RunDir;
use history::Told;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use twinhaul_diagnose::{Evidence, PeerEvidence};
use twinhaul_engine::wall_ms;
use twinhaul_supervisor::{Client, SupervisorError, is_supervised, peer_lock_holder};
use twinhaul_wire::frame::Role;
use twinhaul_wire::{Command, CommandResult, PeerSnapshot, RunSnapshot};

/// How long a process may take to answer. One that is busy answers in milliseconds.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// How often a peer is asked until its answer is newer than the question, and the time between.
const FRESH_TRIES_MAX: u32 = 20;
const FRESH_EVERY: Duration = Duration::from_millis(30);
/// How long the whole may take; what has not come by then is not known.
const GATHER_MAX: Duration = Duration::from_secs(5);

/// After a look at which nobody was there.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Everything that can be known of a run now, and the moment.
///
/// # Errors
/// Only when neither the ledger nor the supervisor says anything at all.
pub(crate) fn gather(run: &RunDir) -> Result<(Evidence, u64), Failure> {
    let (evidence, now_ms) = once(run)?;
    let nobody = evidence.supervised == Some(false) && !evidence.state.ended();
    if !nobody {
        return Ok((evidence, now_ms));
    }
    // Between a start and its lock there is a moment, and another between the last lock and the end; a second look tells.
    std::thread::sleep(AGAIN_AFTER);
    once(run)
}

fn once(run: &RunDir) -> Result<(Evidence, u64), Failure> {
    let until = Instant::now() + GATHER_MAX;
    let order = run.file.order.clone();
    let pids = order.each_ref().map(|peer| peer_lock_holder(&run.path, peer));
    let supervisor_pid = is_supervised(&run.path);
    let path = run.path.clone();
    let supervisor = later(move || run_snapshot(&path));
    let peers = order.clone().map(|name| {
        let path = run.path.clone();
        later(move || peer_snapshot(&path, &name))
    });
    let spaces = machine::spaces(run);
    let ledger = history::read(run);
    let known_pids = pids.iter().flatten().chain(&supervisor_pid).copied().filter(|pid| *pid > 0);
    let lock = history::watch_lock(run);
    let mut processes = processes::look(&known_pids.collect::<Vec<_>>());

    let snapshot = received(&supervisor, until).flatten();
    let mut evidence = Evidence {
        run: run.file.run.clone(),
        supervisor: Some(processes::of(&mut processes, supervisor_pid)),
        supervised: Some(snapshot.is_some() || is_supervised(&run.path).is_some()),
        probes: machine::probes(),
        ..Evidence::default()
    };
    for ((name, pid), answer) in order.into_iter().zip(pids).zip(&peers) {
        let answer = received(answer, until).flatten();
        evidence.peers.push(PeerEvidence {
            answered: Some(answer.is_some()),
            snapshot: answer.or_else(|| history::last_word(run, &name)),
            process: Some(processes::of(&mut processes, pid)),
            name,
        });
    }
    let told = received(&ledger, until);
    let mut facts = history::facts(run, received(&lock, until).flatten());
    match told {
        Some(Ok(Told { state, events, given_up, took })) => {
            evidence.state = state;
            evidence.events = events;
            evidence.given_up = Some(given_up);
            facts.read_ms = Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        }
        Some(Err(failure)) if snapshot.is_none() => return Err(failure),
        // The supervisor tells the state too.
        Some(Err(_)) | None => {}
    }
    if let Some(snapshot) = snapshot {
        // The ledger knows the end first, the supervisor knows that it is being stopped.
        if !evidence.state.ended() {
            evidence.state = snapshot.state;
        }
        evidence.snapshot = Some(snapshot);
    }
    // While all this was asked the run may have ended: then who is gone is no finding.
    let state = later(history::reader(run));
    if let Some(ended) = received(&state, until).flatten().filter(|state| state.ended()) {
        evidence.state = ended;
    }
    evidence.probes.ledger = Some(facts);
    evidence.probes.spaces = machine::collect(spaces);
    Ok((evidence, wall_ms()))
}

/// Does something on a thread of its own: whoever waits for it can stop waiting.
pub(crate) fn later<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (done, result) = channel();
    // Without a thread nothing is known of it; the channel says so by being closed.
    let _ = std::thread::Builder::new().spawn(move || {
        // Nobody waits any more: then nobody wants it.
        let _ = done.send(work());
    });
    result
}

pub(crate) fn received<T>(from: &Receiver<T>, until: Instant) -> Option<T> {
    from.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
}

fn connect(run_dir: &Path, name: &str) -> Result<Client, SupervisorError> {
    Client::connect_as(run_dir, name, Role::Verb, ANSWER_MAX)
}

fn run_snapshot(run_dir: &Path) -> Option<RunSnapshot> {
    connect(run_dir, "supervisor").and_then(|mut client| client.run_snapshot()).ok()
}

/// A peer answers with the picture that it made last; one from after the question shows also what was just done to it.
fn peer_snapshot(run_dir: &Path, name: &str) -> Option<PeerSnapshot> {
    let asked_ms = wall_ms();
    let mut client = connect(run_dir, name).ok()?;
    let mut last = None;
    for _ in 0..FRESH_TRIES_MAX {
        let Ok(CommandResult::Status(snapshot)) = client.request(Command::Status) else { break };
        let is_fresh = snapshot.at_ms >= asked_ms;
        last = Some(*snapshot);
        if is_fresh {
            break;
        }
        std::thread::sleep(FRESH_EVERY);
    }
    last
}
