//! Putting a peer together: join, recover, threads, sockets, then the driver until it ends.

use crate::clock::{Clock, wall_ms};
use crate::committer::Committer;
use crate::copy::Desk;
use crate::driver::{Driver, DriverEvent, EVENTS_MAX, Ended, Outlets, Shared};
use crate::error::{EngineError, Result};
use crate::feeder::{self, FEEDS_MAX};
use crate::gate::Gate;
use crate::ledger_thread::{self, JOBS_MAX};
use crate::limiter::Limiter;
use crate::link::{self, OUTBOX_MAX};
use crate::options::{Options, SETTLING_MAX};
use crate::progress::{SlotProgress, Totals};
use crate::server;
use crate::storage::Storage;
use crate::tag::PeerTag;
use crate::{recover, slots};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, watch};
use twinhaul_assist::{Core, Last, Memory, Policy, Settings};
use twinhaul_backend_host::Loader;
use twinhaul_ledger::{NewEvent, Process, Store, View};
use twinhaul_units::{Incarnation, Ratio};
use twinhaul_wire::{EventKind, Hello, PROTO, PeerSnapshot, Role};

/// Runs one peer until it ends. The caller holds the peer's lock and has made the process a session leader.
///
/// # Errors
/// What keeps the peer from working; [`EngineError::exit_code`] is the process's.
pub fn run(options: Options, loader: &Loader) -> Result<Ended> {
    let ledger = options.run_dir.join("ledger.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| EngineError::Io { what: "starting the runtime".into(), source })?;
    // The socket first: a supervisor and the other peer may knock while this one recovers.
    let listener = {
        let _inside = runtime.enter();
        server::bind(&options.run_dir, options.name()).map_err(|source| EngineError::Io {
            what: format!("control socket of {}", options.name()),
            source,
        })?
    };
    let store = Store::open(&ledger)?;
    let process = Process {
        pid: std::process::id(),
        pid_start: options.pid_start,
        boot_id: options.boot_id.clone(),
        host: options.host.clone(),
    };
    let joined = store.join(options.me, &process, wall_ms())?;
    let incarnation = joined.incarnation;
    let storage = Arc::new(Storage::open(&options.profile, options.me, loader)?);
    let tag = PeerTag { run: options.run.clone(), me: options.me, incarnation };
    let recovered = recover::recover(&store, &storage, &tag, options.profile.verify)?;
    if recovered != recover::Recovered::default() {
        let kind = EventKind::Recovered { discarded: recovered.discarded, accepted: recovered.accepted };
        let peer = Some(options.name().to_owned());
        store.append_events(&[NewEvent { at_ms: wall_ms(), peer, incarnation: incarnation.0, kind }])?;
    }
    let memory = memory(&options, joined.ratio, joined.last.as_deref());
    let core = Core::new(options.me, incarnation, settings(&options), memory);
    let ended = runtime.block_on(work(options, listener, store, storage, tag, core));
    // Threads that still hold a backend's call must not keep the process: it ends when `run` returns.
    runtime.shutdown_background();
    ended
}

fn settings(options: &Options) -> Settings {
    let learning = options.profile.assistance.learning;
    Settings {
        policy: match options.profile.assistance.policy {
            twinhaul_profile::Policy::Learning => Policy::Learning,
            twinhaul_profile::Policy::None => Policy::None,
        },
        ratio: learning.ratio,
        increment: learning.increment,
        minimum: learning.minimum,
        slots: options.profile.peer(options.me).slots,
        ..Settings::default()
    }
}

/// The former incarnation's memory, else what the last run of this profile learned, else the profile.
fn memory(options: &Options, ratio: Option<f64>, last: Option<&str>) -> Memory {
    let remembered = options.remembered_ratio.unwrap_or(options.profile.assistance.learning.ratio);
    let last = match last {
        Some("it helped me") => Last::ItHelpedMe,
        Some("I helped it") => Last::IHelpedIt,
        _ => Last::None,
    };
    Memory { ratio: ratio.map_or(remembered, Ratio::clamped), last }
}

fn hello(options: &Options, incarnation: Incarnation) -> Hello {
    Hello {
        proto: PROTO,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        run: options.run.clone(),
        role: Role::Peer,
        peer: Some(options.name().to_owned()),
        incarnation: incarnation.0,
        pid: std::process::id(),
    }
}

async fn work(
    options: Options,
    listener: tokio::net::UnixListener,
    store: Store,
    storage: Arc<Storage>,
    tag: PeerTag,
    core: Core,
) -> Result<Ended> {
    let clock = Clock::default();
    let incarnation = tag.incarnation;
    let (driver_in, driver_events) = mpsc::channel(EVENTS_MAX);
    let (outbox_in, outbox) = mpsc::channel(OUTBOX_MAX);
    let (snapshots, watched) = watch::channel(Arc::new(first_snapshot(&options, incarnation)));
    let slot_count = options.profile.peer(options.me).slots as usize;
    let totals = Arc::new(Totals::default());
    let shared = Shared {
        gate: Arc::new(Gate::default()),
        limiter: Arc::new(Limiter::new(options.profile.peer(options.me).limit.map(|r| r.0))),
        slots: (0..slot_count).map(|_| SlotProgress::new(Arc::clone(&totals))).collect(),
        totals,
        storage,
    };
    let threads = start_threads(&options, &shared, &tag, store, &driver_in)?;
    let out = Outlets {
        ledger: threads.ledger,
        feeder: threads.feeder,
        committer: threads.committer,
        outbox: outbox_in,
        snapshots,
        driver: driver_in.clone(),
    };

    let hello = hello(&options, incarnation);
    let (heard_in, heard) = mpsc::channel(64);
    let (link_in, link_events) = mpsc::channel(16);
    tokio::spawn(server::serve(listener, hello.clone(), heard_in, watched));
    tokio::spawn(link::keep(
        options.run_dir.clone(),
        options.other_name().to_owned(),
        hello,
        outbox,
        link_in,
    ));
    tokio::spawn(forward(heard, driver_in.clone(), DriverEvent::Heard));
    tokio::spawn(forward(link_events, driver_in.clone(), DriverEvent::Link));
    tokio::spawn(signals(driver_in));
    Driver::new(options, clock, incarnation, core, shared, out).run(driver_events).await
}

/// What a client sees before the driver has made its first snapshot: who answers, and that it is starting.
fn first_snapshot(options: &Options, incarnation: Incarnation) -> PeerSnapshot {
    PeerSnapshot {
        run: options.run.clone(),
        peer: options.name().to_owned(),
        incarnation: incarnation.0,
        pid: std::process::id(),
        at_ms: wall_ms(),
        policy: crate::policy_word(options.profile.assistance.policy).to_owned(),
        ..PeerSnapshot::default()
    }
}

async fn forward<T>(mut from: mpsc::Receiver<T>, to: mpsc::Sender<DriverEvent>, wrap: fn(T) -> DriverEvent) {
    while let Some(item) = from.recv().await {
        if to.send(wrap(item)).await.is_err() {
            return;
        }
    }
}

async fn signals(driver: mpsc::Sender<DriverEvent>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    loop {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        if driver.send(DriverEvent::Signal).await.is_err() {
            return;
        }
    }
}

struct Threads {
    ledger: crossbeam_channel::Sender<ledger_thread::Job>,
    feeder: crossbeam_channel::Sender<feeder::Feed>,
    committer: crossbeam_channel::Sender<crate::committer::Item>,
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let fail = |source| EngineError::Io { what: format!("starting thread {name}"), source };
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(fail)
}

fn start_threads(
    options: &Options,
    shared: &Shared,
    tag: &PeerTag,
    store: Store,
    driver: &mpsc::Sender<DriverEvent>,
) -> Result<Threads> {
    let path = options.run_dir.join("ledger.sqlite");
    let (me, incarnation) = (tag.me, tag.incarnation);
    let (ledger, ledger_jobs) = crossbeam_channel::bounded(JOBS_MAX);
    let (feeder, feeds) = crossbeam_channel::bounded(FEEDS_MAX);
    let (to_slots, jobs) = crossbeam_channel::bounded(1);
    let (committer, items) = crossbeam_channel::bounded(SETTLING_MAX);

    let pinned: Vec<bool> =
        options.profile.targets.iter().map(|t| !options.profile.reaches(me.other(), &t.name)).collect();
    let to_driver = driver.clone();
    spawn("ledger", move || ledger_thread::run(&store, me, incarnation, &pinned, &ledger_jobs, &to_driver))?;

    let (view, to_driver) = (View::open(&path)?, driver.clone());
    spawn("feeder", move || feeder::run(&view, &feeds, &to_slots, &to_driver))?;

    let work = Committer {
        store: Store::open(&path)?,
        me,
        incarnation,
        storage: Arc::clone(&shared.storage),
        durability: options.profile.durability,
        verify: options.profile.verify,
        feeder: feeder.clone(),
        driver: driver.clone(),
        published: Vec::new(),
    };
    spawn("committer", move || work.run(&items))?;

    for slot in 0..shared.slots.len() {
        let desk = Desk {
            storage: Arc::clone(&shared.storage),
            gate: Arc::clone(&shared.gate),
            limiter: Arc::clone(&shared.limiter),
            progress: Arc::clone(&shared.slots),
            slot,
            on_exists: options.profile.on_exists,
            tag: tag.clone(),
            committer: committer.clone(),
            cancel: Arc::new(AtomicBool::new(false)),
        };
        let (jobs, committer, driver) = (jobs.clone(), committer.clone(), driver.clone());
        spawn(&slots::thread_name(slot), move || slots::run(&desk, &jobs, &committer, &driver))?;
    }
    Ok(Threads { ledger, feeder, committer })
}
