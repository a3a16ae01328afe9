//! The loop of a supervised run: one select, one queue of inputs, one owner of all state (nextest's dispatcher).
//!
//! Inputs: ends of processes, news from the peers, requests, what the recorder learned, signals, a tick ten times a second. It
//! acts on its own pace: restarts, limits and what the screen is told happen on the tick. Entry point: [`run`].

mod chaos;
mod commands;
mod ending;
mod faces;
mod hung;
mod processes;
mod standing;
mod trouble;

use crate::{
    Options, SupervisorError, SupervisorLock,
    link::News,
    recorder::{Known, Recorder},
    scribbler::Scribbler,
    seat::{Over, Seat},
    server::{Ask, Server},
    shares::Shares,
    socket,
    stop::{Act, Stop, Why},
    story::{Story, StoryState},
};
use rustix::process::Signal;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use twinhaul_units::Moment;
use twinhaul_wire::{Event, EventKind, Frame, Hello, PROTO, Problem, Role, RunSnapshot, RunState, Wait};

/// Inputs that wait for the loop; more wait at their source.
const INPUTS_MAX: usize = 256;
const TICK: Duration = Duration::from_millis(100);
/// How often the ledger is asked for totals and state, and subscribers hear even if nothing changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Something for the loop.
#[derive(Debug)]
pub(crate) enum Input {
    /// The process of this life of a seat has ended.
    Ended {
        seat: usize,
        life: u64,
    },
    Link {
        seat: usize,
        life: u64,
        news: News,
    },
    Ask(Ask),
    /// The ledger has this event now.
    Recorded(Event),
    Looked(Known),
    /// A command of the story was answered.
    Told {
        command: String,
        result: String,
    },
}

/// What a run is called; fixed.
#[derive(Debug)]
struct About {
    run_dir: std::path::PathBuf,
    run: String,
    name: String,
    policy: String,
    demo: bool,
    demo_source: Option<std::path::PathBuf>,
    demo_sky: Option<crate::Sky>,
    started_at_ms: u64,
    hello: Hello,
}

struct Run {
    about: About,
    timing: crate::Timing,
    origin: Instant,
    /// The first peer, the second peer, and the planner if there is one.
    seats: Vec<Seat>,
    inputs: mpsc::Sender<Input>,
    recorder: Recorder,
    server: Server,
    known: Known,
    looked_at: Moment,
    look_answered: bool,
    /// Since when the ledger has called the run complete or failed.
    ledger_ended: Option<Moment>,
    state: RunState,
    stop: Option<Stop>,
    /// The planner's failure: words, and the run's exit code.
    broken: Option<(String, i32)>,
    story: Story,
    telling: StoryState,
    shares: Shares,
    caption: String,
    problems: Vec<Problem>,
    standing: standing::Standing,
    /// What the run waits for, as of the last tick.
    wait: Option<Wait>,
    trouble: trouble::Trouble,
    hung: hung::Hung,
    scribbler: Option<Scribbler>,
    /// The link between the peers is held cut on purpose.
    is_cut: bool,
    shown: RunSnapshot,
    shown_at: Moment,
}

/// Supervises until nothing runs any more; returns the exit code.
pub(crate) async fn run(options: Options, lock: &SupervisorLock) -> Result<i32, SupervisorError> {
    let os = |e| SupervisorError::io("listen for signals of", &options.run_dir)(e);
    let mut terminate = signal(SignalKind::terminate()).map_err(os)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(os)?;
    // A terminal that goes away is no reason to end a run.
    let mut hangup = signal(SignalKind::hangup()).map_err(os)?;
    let (inputs, mut todo) = mpsc::channel(INPUTS_MAX);
    let mut run = Run::new(options, inputs, lock)?;
    run.begin();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !run.over() || run.awaits_bundle() {
        tokio::select! {
            Some(input) = todo.recv() => run.take(input),
            _ = tick.tick() => run.tick(),
            _ = terminate.recv() => run.stop(Why::Terminate),
            _ = interrupt.recv() => run.stop(Why::Interrupt),
            _ = hangup.recv() => tracing::info!("a terminal hung up; the run goes on"),
        }
    }
    Ok(run.conclude(&mut todo).await)
}

impl Run {
    fn new(
        options: Options,
        inputs: mpsc::Sender<Input>,
        _lock: &SupervisorLock,
    ) -> Result<Self, SupervisorError> {
        let Options { run_dir, run, name, policy, demo, demo_source, demo_sky, started_at_ms, .. } = options;
        let hello = Hello {
            proto: PROTO,
            version: env!("CARGO_PKG_VERSION").into(),
            run: run.clone(),
            role: Role::Supervisor,
            peer: None,
            incarnation: 0,
            pid: std::process::id(),
        };
        let listener = socket::bind(&run_dir, "supervisor")?;
        let server = Server::open(listener, hello.clone(), options.timing.answer_max, inputs.clone())
            .map_err(SupervisorError::io("listen in", &run_dir))?;
        let recorder = Recorder::start(&run_dir, options.record, inputs.clone())?;
        let names = options.peers.each_ref().map(|p| p.name.clone());
        let learns = policy == "learning";
        Ok(Self {
            about: About { run_dir, run, name, policy, demo, demo_source, demo_sky, started_at_ms, hello },
            timing: options.timing,
            origin: Instant::now(),
            seats: options.peers.into_iter().chain(options.planner).map(Seat::new).collect(),
            inputs,
            recorder,
            server,
            known: Known::default(),
            looked_at: Moment::ZERO,
            look_answered: true,
            ledger_ended: None,
            state: RunState::Starting,
            stop: None,
            broken: None,
            story: Story::new(options.story),
            telling: StoryState::new(names, learns),
            shares: Shares::default(),
            caption: String::new(),
            problems: Vec::new(),
            standing: standing::Standing::default(),
            wait: None,
            trouble: trouble::Trouble::new(options.bundler, demo),
            hung: hung::Hung::default(),
            scribbler: None,
            is_cut: false,
            shown: RunSnapshot::default(),
            shown_at: Moment::ZERO,
        })
    }

    fn now(&self) -> Moment {
        Moment::ZERO + self.origin.elapsed()
    }

    /// Records an event of `peer` (or of the run).
    fn event(&mut self, peer: Option<&str>, kind: EventKind) {
        self.recorder.event(wall_ms(), peer, kind);
    }

    fn begin(&mut self) {
        self.recorder.look();
        self.look_answered = false;
        // The planner first: the peers wait for its first wave.
        for seat in (0..self.seats.len()).rev() {
            self.launch(seat);
        }
        self.tick();
    }

    /// Nothing runs and nothing will.
    fn over(&self) -> bool {
        self.seats.iter().all(Seat::done)
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Ended { seat, life } => self.ended(seat, life),
            Input::Link { seat, life, news } if self.seats[seat].life == life => self.news(seat, news),
            Input::Link { .. } => {}
            Input::Ask(ask) => self.asked(ask),
            Input::Recorded(event) => {
                self.telling.hear(&event);
                self.server.publish(&Frame::Event(event));
            }
            Input::Looked(known) => {
                self.look_answered = true;
                self.known = Known { totals: known.totals.or(self.known.totals), ..known };
                if matches!(self.known.run_state, Some(RunState::Complete | RunState::Failed)) {
                    let now = self.now();
                    self.ledger_ended.get_or_insert(now);
                }
            }
            Input::Told { command, result } => {
                self.event(None, EventKind::Control { command, by: "story".into(), result });
            }
        }
    }

    fn news(&mut self, index: usize, news: News) {
        let now = self.now();
        match news {
            News::Up => self.up(index, now),
            News::Snapshot(snapshot) => {
                let frame = Frame::Snapshot(snapshot.clone());
                self.recorder.snapshot(index, wall_ms(), frame);
                let other = self.seats[1 - index].snapshot.as_deref();
                self.telling.look(index, &snapshot, other);
                self.seats[index].saw(snapshot, now);
            }
            News::Event(event) => {
                self.seats[index].heard = now;
                self.recorder.line(wall_ms(), Frame::Event(event));
            }
            News::Down(why) => {
                tracing::debug!(peer = self.seats[index].name(), why, "the link is down");
                self.seats[index].linked = false;
                if self.seats[index].ending_since.is_some() {
                    self.settle(index);
                }
            }
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        self.tick_processes(now);
        self.tick_hung(now);
        self.tick_chaos();
        while let Some(act) = self.stop.as_mut().and_then(|s| s.due(now)) {
            self.act(act);
        }
        self.tell_story(now);
        self.divide_limits(now);
        if self.look_answered && now.since(self.looked_at) >= LOOK_EVERY {
            self.looked_at = now;
            self.look_answered = false;
            self.recorder.look();
        }
        self.find_problems(now);
        self.wait = self.stands(now);
        self.tick_trouble(now);
        self.publish(now);
    }

    /// Begins to end the run, or ends it harder.
    fn stop(&mut self, why: Why) {
        let now = self.now();
        if let Some(stop) = &mut self.stop {
            stop.again(now, &self.timing);
        } else {
            self.stop = Some(Stop::begin(now, why, &self.timing));
            self.state = RunState::Stopping;
            self.recorder.state(RunState::Stopping, wall_ms());
        }
        if self.about.demo {
            // One that was frozen hears nothing, and would never end.
            for process in self.seats.iter().filter_map(|s| s.process.as_ref()) {
                process.signal(Signal::CONT);
            }
        }
        for seat in &mut self.seats {
            // Nobody is started again; the planner has no socket and nothing to hand over.
            if seat.restart_at.take().is_some() {
                seat.over = Some(Over::Stopped);
            }
            if let (false, Some(process)) = (seat.is_peer(), &seat.process) {
                process.signal(Signal::TERM);
            }
        }
    }

    fn act(&mut self, act: Act) {
        tracing::info!(?act, "stopping");
        for seat in self.seats.iter_mut().filter(|s| s.process.is_some()) {
            match act {
                Act::Send { drain } => seat.tell_stop(drain),
                Act::Term | Act::Kill => {
                    let signal = if act == Act::Term { Signal::TERM } else { Signal::KILL };
                    if act == Act::Kill && seat.ending_since.is_none() {
                        seat.killed_for = Some("it did not end when asked to".into());
                    }
                    if let Some(process) = &seat.process {
                        process.signal(signal);
                    }
                }
            }
        }
    }
}

/// Milliseconds since the epoch, for people and records; nothing is decided by it.
fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}
