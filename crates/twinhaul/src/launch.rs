//! Making a run: its directory, its frozen profile, its ledger; then the supervisor, in a session of its own.

use crate::exit::{Failure, OTHER};
use crate::exit_file;
use crate::guards::Ends;
use crate::state::{self, RunDir, RunFile, shown};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use twinhaul_engine::{policy_word, wall_ms};
use twinhaul_ledger::{LedgerError, NewRun, Store, View};
use twinhaul_profile::Profile;
use twinhaul_supervisor::{Detached, spawn_detached};

/// The ratios that the last run of this profile ended with; see [`remembered`].
pub(crate) type Ratios = [Option<f64>; 2];

pub(crate) fn ledger_failure(e: &LedgerError) -> Failure {
    let next = match e {
        LedgerError::NoSpace { .. } | LedgerError::Io { .. } => {
            ". Make room, or set TWINHAUL_STATE to a directory with room"
        }
        _ => "",
    };
    Failure::new(u8::try_from(e.exit_code()).unwrap_or(OTHER), format!("ledger: {e}{next}"))
}

/// Makes the run's directory with everything in it; nothing is started yet.
pub(crate) fn create(profile: &Profile, ends: &Ends) -> Result<RunDir, Failure> {
    let ratios = remembered(profile);
    let (run, path) = state::create(&profile.name)?;
    let made = fill(profile, &run, &path, (ratios, ends));
    if made.is_err() {
        // A directory that is no run must not look like one.
        let _ = std::fs::remove_dir_all(&path);
    }
    made
}

fn fill(
    profile: &Profile,
    run: &str,
    path: &Path,
    (ratios, ends): (Ratios, &Ends),
) -> Result<RunDir, Failure> {
    let order = [profile.peers[0].name.clone(), profile.peers[1].name.clone()];
    let created_at_ms = wall_ms();
    let policy = policy_word(profile.assistance.policy).to_owned();
    let frozen = profile.frozen();
    let new = NewRun {
        id: run.to_owned(),
        name: profile.name.clone(),
        profile_hash: blake3::hash(frozen.as_bytes()).to_hex().to_string(),
        policy: policy.clone(),
        names: order.clone(),
        created_at_ms,
    };
    drop(Store::create(&path.join("ledger.sqlite"), &new).map_err(|e| ledger_failure(&e))?);
    write_private(&path.join(twinhaul_profile::FROZEN_NAME), frozen.as_bytes())?;
    let file = RunFile {
        run: run.to_owned(),
        name: profile.name.clone(),
        policy,
        demo: profile.demo,
        created_at_ms,
        order,
        ratios,
        places: ends.places(),
        vacant: ends.vacant(),
    };
    let text = serde_json::to_string_pretty(&file).map_err(|e| Failure::other("run.json", e))?;
    write_private(&path.join("run.json"), text.as_bytes())?;
    // What is done must never be in a run that a power cut made unreadable: it is safe before anything is copied.
    state::sync_names(path)?;
    RunDir::open(path)
}

/// A new file that only its owner can read, and whose contents survive a power cut; its name is the caller's to make safe.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut open = std::fs::OpenOptions::new();
    open.write(true).create_new(true).mode(0o600);
    open.open(path).and_then(|mut f| f.write_all(bytes).and_then(|()| f.sync_all())).map_err(|e| {
        Failure::new(
            state::ledger_code(&e),
            format!("cannot write {}: {e}. Make room, or set TWINHAUL_STATE.", shown(path)),
        )
    })
}

/// Ratios persist between runs of the same profile, which is where learning pays (protocol.md 2).
fn remembered(profile: &Profile) -> Ratios {
    if !profile.assistance.learning.remember {
        return [None, None];
    }
    let hash = blake3::hash(profile.frozen().as_bytes()).to_hex().to_string();
    let of_same_profile = |run: &RunDir| {
        let view = View::open(&run.ledger()).ok()?;
        if run.file.name != profile.name || view.run().ok()?.profile_hash != hash {
            return None;
        }
        let peers = view.peers().ok()?;
        let ratios = [0, 1].map(|i: usize| peers[i].memory.as_ref().map(|m| m.ratio));
        ratios.iter().any(Option::is_some).then_some(ratios)
    };
    state::all().unwrap_or_default().iter().take(50).find_map(of_same_profile).unwrap_or([None, None])
}

/// Starts the supervisor of a run and waits until it answers.
pub(crate) fn start(run: &RunDir) -> Result<Detached, Failure> {
    exit_file::clear(&run.path);
    let exe = std::env::current_exe().map_err(|e| Failure::other("finding this program", e))?;
    let args = ["supervise".into(), run.path.clone().into_os_string()];
    let log = run.path.join("supervisor.log");
    let mut detached = spawn_detached(&exe, &args, &log).map_err(|e| supervisor_failure(&e))?;
    // A run of nothing may have ended before anybody looked.
    match detached.wait_ready(&run.path) {
        Ok(()) => Ok(detached),
        Err(_) if exit_file::read(&run.path).is_some() => Ok(detached),
        Err(e) => Err(Failure { text: format!("{e}. See {}", shown(&log)), ..supervisor_failure(&e) }),
    }
}

pub(crate) fn supervisor_failure(e: &twinhaul_supervisor::SupervisorError) -> Failure {
    Failure::new(u8::try_from(e.exit_code()).unwrap_or(OTHER), format!("failed to {e}"))
}
