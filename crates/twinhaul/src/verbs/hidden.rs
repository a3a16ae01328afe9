//! The processes of a run: `supervise`, `planner`, `peer`. Started by this program, not by people.

use crate::exit::Failure;
use crate::exit_file::{self, ExitFile};
use crate::launch::{ledger_failure, supervisor_failure};
use crate::record::LedgerRecord;
use crate::state::RunDir;
use crate::{backends, memory, output};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use twinhaul_engine::wall_ms;
use twinhaul_ledger::Store;
use twinhaul_planner::{Free, LedgerSink, Source};
use twinhaul_profile::{PeerAct, Profile};
use twinhaul_supervisor::{
    Bundler, Child, ChildKind, Options, Sky, StoryAct, StoryStep, StoryWhen, Timing, become_session_leader,
    hold_peer_lock,
};
use twinhaul_units::{PeerId, Ratio};
use twinhaul_wire::{Chaos, RunState};

/// JSON lines into `<name>.log` of the run's directory.
fn log_to(run: &RunDir, name: &str) -> Result<(), Failure> {
    let path = run.path.join(format!("{name}.log"));
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|e| Failure::other(&format!("log {name}.log"), e))?;
    let level = tracing::Level::INFO;
    tracing_subscriber::fmt()
        .json()
        .with_max_level(level)
        .with_ansi(false)
        .with_writer(std::sync::Mutex::new(file))
        .init();
    Ok(())
}

pub(crate) fn supervise(run_dir: &Path) -> Result<u8, Failure> {
    become_session_leader();
    let run = RunDir::open(run_dir)?;
    log_to(&run, "supervisor-events")?;
    let profile = super::run::load_frozen(&run)?;
    let store = Store::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
    let read = || -> twinhaul_ledger::Result<_> { Ok((store.run()?, store.totals()?)) };
    let (row, totals) = read().map_err(|e| ledger_failure(&e))?;
    if row.state.ended() {
        return Err(Failure::usage(format!("run {} has ended: {}", run.file.run, row.state.words())));
    }
    if row.state == RunState::Starting {
        let policy = row.policy;
        let kind = twinhaul_wire::EventKind::RunStarted { name: run.file.name.clone(), policy };
        let event = twinhaul_ledger::NewEvent { at_ms: wall_ms(), peer: None, incarnation: 0, kind };
        store.append_events(&[event]).map_err(|e| ledger_failure(&e))?;
    }
    let options = options(&run, &profile, totals.growing, store)?;
    let result = twinhaul_supervisor::supervise(options);
    if let Err(twinhaul_supervisor::SupervisorError::Held(_)) = &result {
        // Somebody else's run: its exit is not ours to write.
        return result.map_err(|e| supervisor_failure(&e)).map(|_| 0);
    }
    let (code, why) = match &result {
        Ok(code) => (u8::try_from(*code).unwrap_or(1), why(&run, *code)),
        Err(e) => (u8::try_from(e.exit_code()).unwrap_or(1), Some(format!("failed to {e}"))),
    };
    tidy_up(&run);
    exit_file::write(&run.path, &ExitFile { code, ended_at_ms: wall_ms(), why })?;
    Ok(code)
}

/// An ended run keeps its history, not its reserve (64 MiB) nor its sockets; going on makes both again.
fn tidy_up(run: &RunDir) {
    let peers = run.file.order.iter().map(|name| format!("{name}.sock"));
    for name in peers.chain(["ledger.sqlite-reserve".to_owned()]) {
        // Missing is what is wanted.
        let _ = std::fs::remove_file(run.path.join(name));
    }
}

fn options(run: &RunDir, profile: &Profile, growing: bool, store: Store) -> Result<Options, Failure> {
    let exe = std::env::current_exe().map_err(|e| Failure::other("finding this program", e))?;
    let child = |name: &str, kind: ChildKind, rest: &[&str]| {
        let verb = if kind == ChildKind::Planner { "planner" } else { "peer" };
        let mut argv: Vec<OsString> = vec![exe.clone().into(), verb.into(), run.path.clone().into()];
        argv.extend(rest.iter().map(OsString::from));
        Child { name: name.to_owned(), kind, argv }
    };
    let [first, second] = &run.file.order;
    let story = profile.story.iter().map(|step| StoryStep {
        when: match step.when {
            twinhaul_profile::StoryWhen::Assistance(n) => StoryWhen::Assistance(n),
            twinhaul_profile::StoryWhen::Ranges(n) => StoryWhen::Ranges(n),
            twinhaul_profile::StoryWhen::Done(share) => StoryWhen::Done(share.get()),
            twinhaul_profile::StoryWhen::TakenOver => StoryWhen::TakenOver,
            twinhaul_profile::StoryWhen::Returned => StoryWhen::Returned,
            twinhaul_profile::StoryWhen::RateLimited => StoryWhen::RateLimited,
        },
        wait: step.wait.0,
        act: step.act.map(|act| {
            let (peer, act) = match act {
                twinhaul_profile::StoryAct::ToPeer(peer, act) => (peer, to_peer(act)),
                // It is the store's, and comes over both.
                twinhaul_profile::StoryAct::Storm => (PeerId::First, StoryAct::Chaos(Chaos::Storm)),
                twinhaul_profile::StoryAct::Calm => (PeerId::First, StoryAct::Chaos(Chaos::Calm)),
            };
            (profile.peer(peer).name.clone(), act)
        }),
        say: step.say.clone(),
    });
    Ok(Options {
        run_dir: run.path.clone(),
        run: run.file.run.clone(),
        name: run.file.name.clone(),
        policy: run.file.policy.clone(),
        demo: run.file.demo,
        demo_source: demo_source(run, profile),
        demo_sky: demo_source(run, profile).and_then(|source| demo_sky(&source, profile)),
        started_at_ms: run.file.created_at_ms,
        planner: growing.then(|| child("planner", ChildKind::Planner, &[])),
        peers: [
            child(first, ChildKind::Peer, &["--name", first]),
            child(second, ChildKind::Peer, &["--name", second]),
        ],
        story: story.collect(),
        bundler: Some(Bundler {
            argv: vec![exe.clone().into(), "bundler".into(), run.path.clone().into()],
            file: run.path.join(crate::bundle::FIRST_TROUBLE),
        }),
        timing: Timing::default(),
        record: Box::new(LedgerRecord(store)),
    })
}

/// Where the demonstration's own files are: what goes wrong on purpose is written there, and nowhere else.
fn demo_source(run: &RunDir, profile: &Profile) -> Option<PathBuf> {
    let [only] = &profile.sources[..] else { return None };
    let root = only.resolve().ok()?.get("root")?.as_str().map(PathBuf::from);
    root.filter(|_| run.file.demo && only.backend == "disk")
}

const fn to_peer(act: PeerAct) -> StoryAct {
    match act {
        PeerAct::Limit(rate) => StoryAct::Limit(Some(rate.0)),
        PeerAct::Unlimited => StoryAct::Limit(None),
        PeerAct::Freeze => StoryAct::Chaos(Chaos::Freeze),
        PeerAct::Thaw => StoryAct::Chaos(Chaos::Thaw),
        PeerAct::Kill => StoryAct::Chaos(Chaos::Kill),
    }
}

/// The weather of the demonstration's store, which reads it beside the source.
fn demo_sky(source: &Path, profile: &Profile) -> Option<Sky> {
    let store = profile.data?.store?;
    let file = crate::demo::weather_file(source.parent()?);
    Some(Sky { file, fair: crate::demo::fair(&store), storm: crate::demo::storm(&store) })
}

/// The last words of a process that ended badly, for whoever watched.
fn why(run: &RunDir, code: i32) -> Option<String> {
    if matches!(code, 0 | 3 | 130 | 143) {
        return None;
    }
    let view = twinhaul_ledger::View::open(&run.ledger()).ok()?;
    let last = view.last_seq().ok()?;
    let events = view.events_since(last.saturating_sub(50), 50).ok()?;
    events.iter().rev().find_map(|event| match &event.kind {
        twinhaul_wire::EventKind::Exited { words, .. } => Some(words.clone()),
        _ => None,
    })
}

pub(crate) fn planner(run_dir: &Path) -> Result<u8, Failure> {
    become_session_leader();
    let run = RunDir::open(run_dir)?;
    let profile = super::run::load_frozen(&run)?;
    let loader = backends::loader_of(&run)?;
    memory::limit()?;
    let (sources, mut free) = ends(&profile, &loader)?;
    let store = Store::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
    let mut sink = LedgerSink::new(store, wall_ms);
    let only = crate::only::kept(&run, &profile)?;
    let planned = twinhaul_planner::plan(&profile, &sources, &mut free, &mut sink, only);
    tell_requests(&run, &sources, &free);
    planned.map(|_| 0).map_err(|e| Failure::new(u8::try_from(e.exit_code()).unwrap_or(1), e.to_string()))
}

/// What the walk sent to services that charge for it; a plan is none the worse without.
fn tell_requests(run: &RunDir, sources: &[Source], free: &[Free]) {
    let targets = free.iter().map(|free| (&free.name, false, &free.target));
    let ends = sources.iter().map(|source| (&source.name, true, &source.target)).chain(targets);
    let told = ends.filter_map(|(place, source, target)| {
        let kind = twinhaul_engine::requests_of(place, source, target)?;
        Some(twinhaul_ledger::NewEvent { at_ms: wall_ms(), peer: None, incarnation: 0, kind })
    });
    let events: Vec<_> = told.collect();
    if !events.is_empty()
        && let Err(e) = Store::open(&run.ledger()).and_then(|store| store.append_events(&events))
    {
        output::error(&format!("the walk's requests are not in the history: {e}"));
    }
}

/// Sources to walk, and the room at the targets.
pub(crate) fn ends(
    profile: &Profile,
    loader: &twinhaul_backend_host::Loader,
) -> Result<(Vec<Source>, Vec<Free>), Failure> {
    let fail = |e: &twinhaul_engine::EngineError| {
        Failure::new(u8::try_from(e.exit_code()).unwrap_or(1), e.to_string())
    };
    let mut sources = Vec::new();
    for end in &profile.sources {
        let opened = twinhaul_engine::open(end, "source", loader).map_err(|e| fail(&e))?;
        sources.push(Source { name: opened.name, target: opened.target });
    }
    let mut free = Vec::new();
    for end in &profile.targets {
        let opened = twinhaul_engine::open(end, "target", loader).map_err(|e| fail(&e))?;
        let probe = opened.target.probe(&twinhaul_backend_host::OpContext::new()).ok();
        let (bytes, objects) = probe.map_or((None, None), |p| (p.free_bytes, p.free_objects));
        free.push(Free::new(opened.name, opened.target, bytes, objects));
    }
    Ok((sources, free))
}

pub(crate) fn peer(run_dir: &Path, name: &str) -> Result<u8, Failure> {
    become_session_leader();
    let run = RunDir::open(run_dir)?;
    log_to(&run, name)?;
    let profile = super::run::load_frozen(&run)?;
    let unknown = || Failure::usage(format!("there is no peer \"{}\"", twinhaul_units::text::show(name)));
    let me = profile.peer_named(name).ok_or_else(unknown)?;
    twinhaul_failpoint::arm(name);
    memory::limit()?;
    // Held until the process ends: whoever finds it free knows that this peer is dead.
    let _lock = hold_peer_lock(&run.path, name).map_err(|e| supervisor_failure(&e))?;
    let options = twinhaul_engine::Options {
        run_dir: run.path.clone(),
        run: run.file.run.clone(),
        me,
        profile,
        remembered_ratio: run.file.ratios[me.index()].map(Ratio::clamped),
        vacant: run.file.vacant.clone(),
        boot_id: std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .unwrap_or_default()
            .trim()
            .to_owned(),
        pid_start: pid_start(),
        host: std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
    };
    match twinhaul_engine::run(options, &backends::loader_of(&run)?) {
        Ok(_) => Ok(0),
        Err(e) => {
            tracing::error!(error = %e, "ending");
            output::error(&e.to_string());
            Ok(u8::try_from(e.exit_code()).unwrap_or(1))
        }
    }
}

/// Field 22 of `/proc/self/stat`: with the pid, it names this process for ever.
fn pid_start() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().nth(19).and_then(|f| f.parse().ok()).unwrap_or(0)
}
