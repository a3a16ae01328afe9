//! Putting a peer together: join, recover, threads, sockets, then the driver until it ends.

use crate::authoriser::{self, Authoriser};
use crate::checkpointer::Checkpointer;
use crate::clock::{Clock, wall_ms};
use crate::closer::Closer;
use crate::committer::Committer;
use crate::copy::Desk;
use crate::copy::buffers::Buffers;
use crate::crew::{self, Crew};
use crate::driver::dials::{self, Dials};
use crate::driver::{Driver, DriverEvent, EVENTS_MAX, Ended, Outlets, Shared};
use crate::error::{EngineError, Result};
use crate::feeder::{self, FEEDS_MAX};
use crate::gate::Gate;
use crate::ledger_thread::{self, JOBS_MAX, Polled, TargetFacts};
use crate::limits::Limits;
use crate::link::{self, OUTBOX_MAX};
use crate::options::{Options, SETTLING_MAX};
use crate::progress::{SlotProgress, Totals};
use crate::server::{self, Heard, Watchers};
use crate::storage::Storage;
use crate::tag::PeerTag;
use crate::whole::{WHOLES_MAX, Whole, Wholes};
use crate::{backends, place, pulse, recover, scout};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot, watch};
use twinhaul_assist::{Core, HEARTBEAT_EVERY, Last, Memory, Policy, STANDBY_MAX, Settings, Timing};
use twinhaul_backend_host::{Caps, Loader};
use twinhaul_failpoint::{Point, hit};
use twinhaul_ledger::{Joined, NewEvent, Process, State, Store, View};
use twinhaul_units::{Amount, Dial, Incarnation, Ratio};
use twinhaul_wire::{EventKind, Hello, PROTO, PeerSnapshot, PeerState, QueueSize, Role, Slots};

/// What clients sent and the driver has not taken; more waits at the clients.
const HEARD_MAX: usize = 64;

/// Slots give their transfers up within this when the peer ends; a backend that hangs is not waited for longer.
const LAST_SLOTS: Duration = Duration::from_secs(1);
const LAST_SLOTS_POLL: Duration = Duration::from_millis(10);

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
    hit(Point::Joined);
    let polled = ledger_thread::look(&store)?;
    let face = {
        let _inside = runtime.enter();
        Face::open(listener, &options, first_snapshot(&options, &joined, &polled))
    };
    let tag = PeerTag { run: options.run.clone(), me: options.me, incarnation: joined.incarnation };
    let (store, storage) = while_serving(&runtime, || prepare(&options, loader, store, &tag))??;
    let core = Core::new(options.me, tag.incarnation, settings(&options), memory(&options, &joined));
    let ready = Ready { storage: Arc::new(storage), store, tag, core, dials: joined.dials, polled };
    let ended = runtime.block_on(work(options, face, ready));
    // Threads that still hold a backend's call must not keep the process: it ends when `run` returns.
    runtime.shutdown_background();
    ended
}

/// Opens the storage and brings it into a state from which this incarnation can work. May take long: after a crash it
/// reads what was published and not settled, and a backend takes its time.
fn prepare(options: &Options, loader: &Loader, store: Store, tag: &PeerTag) -> Result<(Store, Storage)> {
    let storage = Storage::open(&options.profile, options.me, &options.vacant, loader)?;
    let recovered = recover::recover(&store, &storage, tag, options.profile.verify)?;
    let (peer, incarnation) = (Some(options.name().to_owned()), tag.incarnation.0);
    let told = |kind| NewEvent { at_ms: wall_ms(), peer: peer.clone(), incarnation, kind };
    let stopped: Vec<NewEvent> = store.take_stopped().into_iter().map(|s| told(s.told())).collect();
    if !stopped.is_empty() {
        store.append_events(&stopped)?;
    }
    if recovered != recover::Recovered::default() {
        let kind = EventKind::Recovered { discarded: recovered.discarded, accepted: recovered.accepted };
        store.append_events(&[told(kind)])?;
    }
    Ok((store, storage))
}

/// Does what blocks on a thread of its own; meanwhile the runtime answers who knocks.
fn while_serving<T: Send>(runtime: &Runtime, body: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let (done, finished) = oneshot::channel();
        // Nobody waits any more only when this thread has panicked.
        let whole = move || drop(done.send(body()));
        std::thread::Builder::new()
            .name("recovery".into())
            .spawn_scoped(scope, whole)
            .map_err(|source| EngineError::Io { what: "starting thread recovery".into(), source })?;
        runtime.block_on(finished).map_err(|_| EngineError::Bug("the recovery went without a word"))
    })
}

/// What clients see and send, from before the recovery on.
struct Face {
    hello: Hello,
    heard: mpsc::Receiver<Heard>,
    snapshots: watch::Sender<Arc<PeerSnapshot>>,
    watchers: Watchers,
}

impl Face {
    /// Serves from now on: a snapshot at once; what is asked for waits for the driver.
    fn open(listener: tokio::net::UnixListener, options: &Options, first: PeerSnapshot) -> Self {
        let hello = hello(options, first.incarnation);
        let (heard_in, heard) = mpsc::channel(HEARD_MAX);
        let (snapshots, watched) = watch::channel(Arc::new(first));
        let watchers = Watchers::default();
        tokio::spawn(server::serve(listener, hello.clone(), heard_in, watched, watchers.clone()));
        Self { hello, heard, snapshots, watchers }
    }
}

/// What a peer works with once it has recovered.
struct Ready {
    store: Store,
    storage: Arc<Storage>,
    tag: PeerTag,
    core: Core,
    dials: Dials,
    polled: Polled,
}

/// Whether nothing that this process has private will ever be published.
fn may_leave_nothing(ended: &Result<Ended>) -> bool {
    match ended {
        Ok(ended) => matches!(ended, Ended::Finished(_)),
        Err(e) => e.is_fenced(),
    }
}

fn settings(options: &Options) -> Settings {
    let learning = options.profile.assistance.learning;
    Settings {
        policy: match options.profile.assistance.policy {
            twinhaul_profile::Policy::Balanced => Policy::Balanced,
            twinhaul_profile::Policy::Learning => Policy::Learning,
            twinhaul_profile::Policy::None => Policy::None,
        },
        ratio: learning.ratio,
        increment: learning.increment,
        minimum: learning.minimum,
        // Until the driver has turned the dials.
        slots: options.profile.peer(options.me).slots,
        standby: STANDBY_MAX,
        take_over: true,
        timing: timing(),
    }
}

/// As it is; faster in a test that would otherwise wait for leases.
fn timing() -> Timing {
    let usual = Timing::default();
    match (twinhaul_failpoint::heartbeat(), usual.heartbeat_every) {
        (Some(beat), Some(every)) => {
            let lease = usual.lease.map(|lease| lease.mul_f64(beat.as_secs_f64() / every.as_secs_f64()));
            Timing { heartbeat_every: Some(beat), lease, ..usual }
        }
        _ => usual,
    }
}

/// The former incarnation's memory, else what the last run of this profile learned, else the profile.
fn memory(options: &Options, joined: &Joined) -> Memory {
    let Some(former) = &joined.memory else {
        return Memory::fresh(options.remembered_ratio.unwrap_or(options.profile.assistance.learning.ratio));
    };
    let last = match former.last.as_str() {
        "it helped me" => Last::ItHelpedMe,
        "I helped it" => Last::IHelpedIt,
        _ => Last::None,
    };
    Memory { ratio: Ratio::clamped(former.ratio), live: Ratio::clamped(former.live_ratio), last }
}

fn limits(options: &Options, incarnation: Incarnation) -> Limits {
    Limits::new(incarnation > Incarnation(1), options.profile.targets.iter().map(|t| t.name.as_str()))
}

fn hello(options: &Options, incarnation: u64) -> Hello {
    Hello {
        proto: PROTO,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        run: options.run.clone(),
        role: Role::Peer,
        peer: Some(options.name().to_owned()),
        incarnation,
        pid: std::process::id(),
    }
}

async fn work(options: Options, face: Face, ready: Ready) -> Result<Ended> {
    let Ready { store, storage, tag, core, dials, polled } = ready;
    let clock = Clock::default();
    let (driver_in, driver_events) = mpsc::channel(EVENTS_MAX);
    let (outbox_in, outbox) = mpsc::channel(OUTBOX_MAX);
    let totals = Arc::new(Totals::default());
    let shared = Shared {
        gate: Arc::new(Gate::default()),
        limits: Arc::new(limits(&options, tag.incarnation)),
        slots: (0..crew::NUMBERS).map(|_| SlotProgress::new(Arc::clone(&totals))).collect(),
        totals,
        pulse: Arc::default(),
        ahead: Arc::default(),
        storage,
        wholes: Arc::new(Wholes::default()),
    };
    let threads = start_threads(&options, &shared, &tag, store, &driver_in)?;
    let out = Outlets {
        ledger: threads.ledger,
        feeder: threads.feeder,
        committer: threads.committer,
        closer: threads.closer,
        scout: threads.scout,
        outbox: outbox_in,
        cut: watch::Sender::new(false),
        snapshots: face.snapshots,
        watchers: face.watchers,
        driver: driver_in.clone(),
    };

    let (link_in, link_events) = mpsc::channel(16);
    let cut = out.cut.subscribe();
    tokio::spawn(link::keep(
        options.run_dir.clone(),
        options.other_name().to_owned(),
        face.hello,
        outbox,
        link_in,
        cut,
    ));
    tokio::spawn(forward(face.heard, driver_in.clone(), DriverEvent::Heard));
    tokio::spawn(forward(link_events, driver_in.clone(), DriverEvent::Link));
    tokio::spawn(signals(driver_in));
    let (at_the_end, ledger) = (shared.clone(), options.run_dir.join("ledger.sqlite"));
    let ended = Driver::new(options, clock, core, shared, out, polled, (threads.crew, dials))
        .run(driver_events)
        .await;
    if may_leave_nothing(&ended) {
        leave_nothing(&at_the_end, &tag, &ledger).await;
    }
    ended
}

/// Whoever finishes swept before; a process that woke late may have begun something since.
async fn leave_nothing(shared: &Shared, own: &PeerTag, ledger: &Path) {
    shared.gate.cut();
    let begun = std::time::Instant::now();
    let in_hand = || shared.slots.iter().any(|slot| slot.shown(0).is_some());
    while in_hand() && begun.elapsed() < LAST_SLOTS {
        tokio::time::sleep(LAST_SLOTS_POLL).await;
    }
    recover::leave_nothing(&shared.storage, own, ledger);
}

/// What a client sees before the driver has made its first snapshot: who answers, and what the ledger says of it.
fn first_snapshot(options: &Options, joined: &Joined, polled: &Polled) -> PeerSnapshot {
    let learning = options.profile.assistance.learning;
    let size = |a: Amount| QueueSize { transfers: a.transfers, bytes: a.bytes.0 };
    let at = |state| size(polled.counters.at(options.me, state));
    let dial = |dial| dials::value(&options.profile, options.me, &joined.dials, &dial);
    let slots = dial(Dial::Slots).and_then(|slots| u32::try_from(slots).ok());
    let former_lives = joined.incarnation > Incarnation(1);
    PeerSnapshot {
        run: options.run.clone(),
        peer: options.name().to_owned(),
        incarnation: joined.incarnation.0,
        pid: std::process::id(),
        at_ms: wall_ms(),
        state: if former_lives { PeerState::Recovering } else { PeerState::Starting },
        policy: crate::policy_word(options.profile.assistance.policy).to_owned(),
        ratio: memory(options, joined).live.get(),
        increment: learning.increment,
        minimum: learning.minimum,
        queue: size(polled.remaining_of(options.me)),
        slots: Slots { used: 0, max: slots.unwrap_or_default() },
        done: at(State::Done),
        verified: size(polled.counters.verified[options.me.index()]),
        skipped: at(State::Skipped),
        failed: at(State::Failed),
        limit: dial(Dial::Limit),
        dials: dials::shown(
            &options.profile,
            options.me,
            &joined.dials,
            &limits(options, joined.incarnation),
        ),
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
    closer: crossbeam_channel::Sender<Arc<Whole>>,
    crew: Crew,
    scout: crossbeam_channel::Sender<scout::Ask>,
}

pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let fail = |source| EngineError::Io { what: format!("starting thread {name}"), source };
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(fail)
}

/// What the method must know of each target.
fn target_facts(options: &Options, storage: &Storage) -> Vec<TargetFacts> {
    let readable = storage.sources.iter().all(|s| s.limits.caps.contains(Caps::RANGE_READ));
    let facts = |(index, end): (u16, &twinhaul_profile::End)| {
        let pinned = !options.profile.reaches(options.me.other(), &end.name);
        let shares = storage.target(index).is_some_and(|t| crate::copy::ranged::shares(&t.limits));
        TargetFacts { pinned, shared_ranges: shares && readable && !pinned }
    };
    (0..).zip(&options.profile.targets).map(facts).collect()
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
    let (to_slots, jobs) = crossbeam_channel::bounded(STANDBY_MAX as usize);
    let (committer, items) = crossbeam_channel::bounded(SETTLING_MAX);
    let (closer, all_home) = crossbeam_channel::bounded(2 * WHOLES_MAX);
    let tries = Arc::new(AtomicU64::new(1));
    let buffers = Arc::new(Buffers::new(options.profile.peer(options.me).slots as usize));

    let targets = target_facts(options, &shared.storage);
    let to_driver = driver.clone();
    spawn("ledger", move || ledger_thread::run(&store, me, incarnation, &targets, &ledger_jobs, &to_driver))?;

    let (weak, to_driver) = (Arc::downgrade(&shared.storage), driver.clone());
    spawn("backends", move || backends::watch(&weak, &to_driver))?;

    let (run_dir, name, pulse) =
        (options.run_dir.clone(), options.name().to_owned(), Arc::downgrade(&shared.pulse));
    // More often than a heartbeat: it is looked at from time to time only.
    let every = timing().heartbeat_every.unwrap_or(HEARTBEAT_EVERY) / 4;
    spawn("pulse", move || pulse::keep(&run_dir, &name, &pulse, every))?;

    let (view, to_driver) = (View::open(&path)?, driver.clone());
    let (run_dir, name) = (options.run_dir.clone(), options.other_name().to_owned());
    spawn("place", move || place::watch(&view, &run_dir, &name, me.other(), &to_driver))?;

    let (view, to_driver, ahead) = (View::open(&path)?, driver.clone(), Arc::clone(&shared.ahead));
    spawn("feeder", move || feeder::run(&view, &ahead, &feeds, &to_slots, &to_driver))?;

    let (scout, asks) = crossbeam_channel::bounded(scout::ASKS_MAX);
    let (view, storage, to_driver) = (View::open(&path)?, Arc::clone(&shared.storage), driver.clone());
    spawn("scout", move || scout::run(&view, &storage, &asks, &to_driver))?;

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

    let (authoriser, asks) = Authoriser::new();
    let (own_store, to_driver) = (Store::open(&path)?, driver.clone());
    spawn("authoriser", move || authoriser::run(&own_store, me, incarnation, &asks, &to_driver))?;

    let desk = Desk {
        storage: Arc::clone(&shared.storage),
        gate: Arc::clone(&shared.gate),
        limits: Arc::clone(&shared.limits),
        progress: Arc::clone(&shared.slots),
        slot: 0,
        on_exists: options.profile.on_exists,
        tag: tag.clone(),
        committer: committer.clone(),
        authoriser,
        driver: driver.clone(),
        wholes: Arc::clone(&shared.wholes),
        closer: closer.clone(),
        buffers: Arc::clone(&buffers),
        tries: Arc::clone(&tries),
        cancel: Arc::new(AtomicBool::new(false)),
    };
    let crew = Crew::new(desk, jobs);
    let closing = Closer {
        storage: Arc::clone(&shared.storage),
        wholes: Arc::clone(&shared.wholes),
        committer: committer.clone(),
        feeder: feeder.clone(),
        driver: driver.clone(),
    };
    spawn("closer", move || closing.run(&all_home))?;
    let recording = Checkpointer {
        store: Store::open(&path)?,
        me,
        incarnation,
        storage: Arc::clone(&shared.storage),
        wholes: Arc::clone(&shared.wholes),
        closer: closer.clone(),
        driver: driver.clone(),
    };
    spawn("checkpointer", move || recording.run())?;
    Ok(Threads { ledger, feeder, committer, closer, crew, scout })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Write as _};
    use twinhaul_units::Turned;
    use twinhaul_wire::{Command, CommandResult, Frame, Request, decode, encode};

    fn options(run_dir: &Path) -> Options {
        let profile = twinhaul_profile::Profile::copy("/source".as_ref(), "/target".as_ref()).unwrap();
        Options {
            vacant: Vec::new(),
            run_dir: run_dir.into(),
            run: "r-1".into(),
            me: twinhaul_units::PeerId::First,
            profile,
            remembered_ratio: None,
            boot_id: String::new(),
            pid_start: 0,
            host: String::new(),
        }
    }

    /// A client's talk: hello in both directions, then the answer to `status`.
    fn ask_status(run_dir: &Path) -> (Hello, PeerSnapshot) {
        let mut stream = std::os::unix::net::UnixStream::connect(run_dir.join("alpha.sock")).unwrap();
        let hello = Hello { role: Role::Verb, ..hello(&options(run_dir), 0) };
        let request = Request { id: 1, by: String::new(), command: Command::Status };
        for frame in [Frame::Hello(hello), Frame::Request(request)] {
            stream.write_all(&encode(&frame).unwrap()).unwrap();
        }
        let mut lines = BufReader::new(stream).lines().map(|line| decode(line.unwrap().as_bytes()).unwrap());
        let Some(Frame::Hello(theirs)) = lines.next() else { panic!("a hello first") };
        match lines.next() {
            Some(Frame::Reply(reply)) => match reply.result {
                CommandResult::Status(snapshot) => (theirs, *snapshot),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_knocks_while_a_peer_recovers_is_answered() {
        let private = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700);
        let dir = tempfile::Builder::new().permissions(private).tempdir().unwrap();
        let options = options(dir.path());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let listener = server::bind(dir.path(), "alpha").unwrap();
        let memory = twinhaul_ledger::Remembered { ratio: 0.6, live_ratio: 0.7, last: "none".into() };
        let joined = Joined {
            incarnation: Incarnation(2),
            memory: Some(memory),
            dials: [(Dial::Limit, Turned::Set(1 << 20)), (Dial::Slots, Turned::Set(3))].into(),
        };
        let first = first_snapshot(&options, &joined, &Polled::default());
        let _face = Face::open(listener, &options, first);
        // The recovery is the client itself: it ends only if it is answered while it lasts.
        let (hello, snapshot) = while_serving(&runtime, || ask_status(dir.path())).unwrap();
        assert_eq!((hello.incarnation, snapshot.incarnation), (2, 2));
        assert_eq!(snapshot.state, PeerState::Recovering);
        assert_eq!((snapshot.ratio, snapshot.limit, snapshot.slots.max), (0.7, Some(1 << 20), 3));
        let turned: Vec<_> = snapshot.dials.iter().map(|d| d.dial.clone()).collect();
        assert_eq!(turned, [Dial::Limit, Dial::Slots]);
    }
}
