//! The loop: block on the first input, drain what is pending, update, carry out effects, draw if there is something
//! new to see. At most four frames a second, none at rest; a key is shown at once.

use crate::frame_time::FrameTimes;
use crate::history::{History, Reader};
use crate::input::{self, HEARTBEAT, INPUTS_MAX, Input, Pointer};
use crate::link::{Link, Place};
use crate::replay::Player;
use crate::skin::Skin;
use crate::terminal::{self, FrameWriter, Guard, PanicGuard};
use crate::{Bundler, ConsoleError, Face, Looker, Options, Recording, cast, locale, take_out, view};
use jiff::{Timestamp, tz::TimeZone};
use ratatui::{Terminal, backend::CrosstermBackend, layout::Rect};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use twinhaul_console_model::{
    Clean, Effect, Left, Model, Mouse, Msg, Replay, Seek, Setup, To, WallClock, update,
};
use twinhaul_units::{Moment, PeerId};

/// Shortest time between frames that no key asked for: both peers tell themselves four times a second, and one frame shows both.
const FRAME_EVERY: Duration = Duration::from_millis(250);

/// How long the reading of keys may take to end.
const KEYS_END_WITHIN: Duration = Duration::from_millis(500);

/// Time since the start of the console.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(&self) -> Moment {
        Moment(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

/// What ends the loop.
enum End {
    Left(Left),
    Failed(ConsoleError),
}

/// Where the news is from.
enum Source {
    /// First peer, second peer, supervisor; and the ledger.
    Run {
        links: [Link; 3],
        reader: Reader,
        looks: Looks,
    },
    Recording(Box<Player>),
}

/// Looks at the processes, each in a thread of its own: the loop waits for none of them.
struct Looks {
    looker: Option<Looker>,
    bundler: Option<Bundler>,
    tx: SyncSender<Input>,
}

impl Looks {
    /// `Some`: it cannot be begun, and this is what to tell.
    fn look(&self) -> Option<Msg> {
        let Looker(look) = self.looker.clone()?;
        let work = move || {
            let told = look().and_then(|d| Clean::new(d).ok_or_else(|| "it cannot be shown".to_owned()));
            Msg::Diagnosis(Box::new(told))
        };
        self.aside("diagnosis", work).err().map(|why| Msg::Diagnosis(Box::new(Err(why))))
    }

    /// As [`Self::look`].
    fn bundle(&self) -> Option<Msg> {
        let begun = match self.bundler.clone() {
            Some(Bundler(make)) => self.aside("bundle", move || Msg::Bundled(make())),
            None => Err("this console cannot make one".to_owned()),
        };
        begun.err().map(|why| Msg::Bundled(Err(why)))
    }

    /// Tells the loop what comes of `work`.
    fn aside(&self, name: &'static str, work: impl FnOnce() -> Msg + Send + 'static) -> Result<(), String> {
        let tx = self.tx.clone();
        let told = move || {
            let _ = tx.send(Input::Msg(work()));
        };
        input::spawn(name, self.tx.clone(), told).map(drop).map_err(|e| e.to_string())
    }
}

/// Everything outside the model.
struct Outside {
    source: Source,
    /// Where a replay is to go, once what is pending was taken: the last wish counts.
    seek_to: Option<u64>,
    terminal: Terminal<CrosstermBackend<FrameWriter>>,
    skin: Skin,
    clock: Clock,
    times: FrameTimes,
    /// Where what is taken off the screen is kept.
    shelf: PathBuf,
}

pub(crate) fn run(options: &Options, history: Box<dyn History>) -> Result<Left, ConsoleError> {
    let clock = Clock::start();
    let mut model = Model::new(setup(options));
    let connect = |tx: &SyncSender<Input>, ended: &Arc<AtomicBool>| {
        let links = links(options, tx, clock, ended).map_err(ConsoleError::Threads)?;
        let reader = Reader::start(history, tx.clone()).map_err(ConsoleError::Threads)?;
        let looks =
            Looks { looker: options.looker.clone(), bundler: options.bundler.clone(), tx: tx.clone() };
        Ok(Source::Run { links, reader, looks })
    };
    session(&mut model, &options.face, clock, options.run_dir.join(take_out::SHELF), connect)
}

/// A recording in the place of a run.
pub(crate) fn replay(
    recording: Recording,
    face: &Face,
    speed: u32,
    from: Option<Duration>,
) -> Result<Left, ConsoleError> {
    let shelf = recording.path.parent().unwrap_or(Path::new(".")).join(take_out::SHELF);
    let (mut player, mut model) = play(recording, speed)?;
    if let Some(from) = from {
        let at_ms = player.after(from);
        player.go_to(&mut model, at_ms);
    }
    session(&mut model, face, Clock::start(), shelf, |_, _| Ok(Source::Recording(Box::new(player))))
}

/// A recording at its beginning, and the model that it is played into.
pub(crate) fn play(recording: Recording, speed: u32) -> Result<(Player, Model), ConsoleError> {
    let path = recording.path.display().to_string();
    let wrong = |why: String| ConsoleError::Recording { path: path.clone(), why };
    let mut player = Player::open(recording).map_err(wrong)?;
    let length = Duration::from_millis(player.end_ms() - player.start_ms());
    let names: Vec<String> = player.run.order.clone();
    let names = <[String; 2]>::try_from(names).map_err(|_| wrong("it names no two peers".into()))?;
    let mut model = Model::new(Setup {
        run: player.run.run.clone(),
        names,
        read_only: false,
        exit_when_done: false,
        clock: WallClock { zero_ms: player.start_ms(), offset_s: offset_s() },
        size: (0, 0),
    });
    model.replay = Some(Replay { speed: speed.max(1), ..Replay::new(length) });
    player.go_to(&mut model, player.start_ms());
    Ok((player, model))
}

/// From taking the terminal to giving it back.
fn session(
    model: &mut Model,
    face: &Face,
    clock: Clock,
    shelf: PathBuf,
    connect: impl FnOnce(&SyncSender<Input>, &Arc<AtomicBool>) -> Result<Source, ConsoleError>,
) -> Result<Left, ConsoleError> {
    let env = |name: &str| std::env::var(name).ok();
    let skin = Skin::new(crate::ascii(face.ascii), locale::color(face.color, env));
    let ended = Arc::new(AtomicBool::new(false));
    let (tx, rx) = sync_channel(INPUTS_MAX);
    let _hook = PanicGuard::install();
    if let Some(path) = &face.record {
        cast::begin(path, crate::size()).map_err(|e| ConsoleError::Cast(path.display().to_string(), e))?;
    }
    let guard = Guard::enter(face.mouse).map_err(ConsoleError::Terminal)?;
    let signals = input::watch_signals(tx.clone(), Arc::clone(&ended)).map_err(ConsoleError::Threads)?;
    model.size = crossterm::terminal::size().map_err(ConsoleError::Terminal)?;
    model.ui.mouse = face.mouse;
    model.ui.theme = face.theme;
    model.keys.clone_from(&face.keys);
    let terminal =
        Terminal::new(CrosstermBackend::new(FrameWriter::default())).map_err(ConsoleError::Terminal)?;
    let source = connect(&tx, &ended)?;
    let keys = {
        let (tx, ended) = (tx.clone(), Arc::clone(&ended));
        input::spawn("keys", tx.clone(), move || input::read_terminal(&tx, &ended))
            .map_err(ConsoleError::Threads)?
    };
    if std::env::var_os(crate::CRASH_AFTER).is_some() {
        crash_on_purpose(&tx).map_err(ConsoleError::Threads)?;
    }
    let mut outside =
        Outside { source, seek_to: None, terminal, skin, clock, times: FrameTimes::from_env(), shelf };
    let end = turn(model, &mut outside, &rx);
    ended.store(true, Ordering::Relaxed);
    signals.close();
    if let Source::Run { links, reader, .. } = &outside.source {
        links.iter().for_each(Link::close);
        reader.close();
    }
    drop(rx);
    // Keys typed from here on belong to the shell; but a thread that hangs on a dead terminal is not waited for.
    let asked = Instant::now();
    while !keys.is_finished() && asked.elapsed() < KEYS_END_WITHIN {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(guard);
    cast::end();
    outside.times.tell();
    match end {
        End::Left(left) => Ok(left),
        End::Failed(error) => Err(error),
    }
}

/// For the test of the terminal contract: a thread that dies.
fn crash_on_purpose(tx: &SyncSender<Input>) -> io::Result<()> {
    #[allow(clippy::panic, reason = "the point of it; only with a variable that nobody sets by accident")]
    input::spawn("crash", tx.clone(), || {
        std::thread::sleep(Duration::from_millis(300));
        panic!("crashed on purpose");
    })?;
    Ok(())
}

pub(crate) fn setup(options: &Options) -> Setup {
    let now = Timestamp::now();
    Setup {
        run: options.run.clone(),
        names: options.names.clone(),
        read_only: options.read_only,
        exit_when_done: options.exit_when_done,
        clock: WallClock { zero_ms: u64::try_from(now.as_millisecond()).unwrap_or(0), offset_s: offset_s() },
        size: (0, 0),
    }
}

fn offset_s() -> i32 {
    TimeZone::system().to_offset(Timestamp::now()).seconds()
}

pub(crate) fn links(
    options: &Options,
    tx: &SyncSender<Input>,
    clock: Clock,
    ended: &Arc<AtomicBool>,
) -> io::Result<[Link; 3]> {
    let start = |to: To, name: &str| {
        let place =
            Place { to, dir: options.run_dir.clone(), name: name.to_owned(), run: options.run.clone() };
        Link::start(place, tx.clone(), clock, Arc::clone(ended))
    };
    Ok([
        start(To::Peer(PeerId::First), &options.names[0])?,
        start(To::Peer(PeerId::Second), &options.names[1])?,
        start(To::Supervisor, "supervisor")?,
    ])
}

fn turn(model: &mut Model, outside: &mut Outside, rx: &Receiver<Input>) -> End {
    let mut drawn_version = 0;
    let mut drawn_at: Option<Instant> = None;
    let mut beat = Instant::now();
    loop {
        let at_once = drawn_at.is_none();
        let frame_due = drawn_at.map(|at| at + FRAME_EVERY).filter(|_| model.version() != drawn_version);
        let tick_due = model.ticks().then_some(beat + HEARTBEAT);
        let play_due =
            drawn_at.map(|at| at + FRAME_EVERY).filter(|_| model.replay.is_some_and(|r| r.playing));
        let dues = frame_due.into_iter().chain(tick_due).chain(play_due);
        let due = if at_once { Some(Instant::now()) } else { dues.min() };
        let first = match due {
            None => rx.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => rx.recv_timeout(at.saturating_duration_since(Instant::now())),
        };
        let mut key = false;
        let mut pending = first.ok();
        for _ in 0..INPUTS_MAX {
            let Some(input) = pending.take() else { break };
            key |= matches!(
                input,
                Input::Msg(Msg::Key(_) | Msg::Paste(_) | Msg::Resize { .. })
                    | Input::Mouse { .. }
                    | Input::Continued
            );
            // What was not known at all is shown at once.
            key |= matches!(input, Input::Msg(Msg::Peer(..) | Msg::Run(_))) && !model.live.heard_all();
            if let Some(end) = take(model, outside, input) {
                return end;
            }
            pending = rx.try_recv().ok();
        }
        if !terminal::ours() {
            // A thread panicked and its bell was not heard.
            return End::Failed(ConsoleError::Crashed { thread: "unknown".into() });
        }
        outside.play(model);
        if beat.elapsed() >= HEARTBEAT {
            beat = Instant::now();
            if model.ticks()
                && let Some(end) = tell(model, outside, Msg::Tick)
            {
                return end;
            }
        }
        let due = key || drawn_at.is_none_or(|at| at.elapsed() >= FRAME_EVERY);
        if due && model.version() != drawn_version {
            drawn_version = model.version();
            if let Err(error) = draw(model, outside) {
                return End::Failed(ConsoleError::Terminal(error));
            }
            drawn_at = Some(Instant::now());
        }
    }
}

fn draw(model: &mut Model, outside: &mut Outside) -> io::Result<()> {
    let started = Instant::now();
    let skin = outside.skin;
    outside.terminal.draw(|frame| view::view(model, &skin, frame))?;
    outside.times.add(started.elapsed());
    let effects = update(model, Msg::Drawn, outside.now());
    debug_assert!(effects.is_empty());
    Ok(())
}

/// Takes one input; `Some` ends the loop.
fn take(model: &mut Model, outside: &mut Outside, input: Input) -> Option<End> {
    match input {
        Input::Msg(msg) => {
            if let Source::Run { reader, .. } = &outside.source
                && matches!(msg, Msg::Peer(..) | Msg::Run(_) | Msg::Reply(_))
            {
                reader.nudge();
            }
            tell(model, outside, msg)
        }
        Input::Mouse { x, y, what } => {
            let over = view::hit(model, x, y);
            let mouse = match what {
                Pointer::Up | Pointer::Down => Some(Mouse::Wheel { up: what == Pointer::Up, over }),
                Pointer::Click => over.map(Mouse::Click),
            };
            mouse.and_then(|mouse| tell(model, outside, Msg::Mouse(mouse)))
        }
        Input::Signal(signal) => Some(End::Failed(ConsoleError::Interrupted { signal })),
        Input::Suspend => suspend(model, outside),
        Input::Continued => resume(model, outside),
        Input::KeysEnded(error) => Some(End::Failed(ConsoleError::Terminal(error))),
        Input::Crashed(thread) => Some(End::Failed(ConsoleError::Crashed { thread })),
    }
}

/// Updates the model and carries out what it wants.
fn tell(model: &mut Model, outside: &mut Outside, msg: Msg) -> Option<End> {
    if let Msg::Resize { w, h } = msg {
        cast::resized(w, h);
    }
    // The recording's time may stand still or run; keys are pressed in ours.
    model.ui_now = model.replay.map(|_| outside.clock.now());
    for effect in update(model, msg, outside.now()) {
        let end = match effect {
            Effect::Send(..)
            | Effect::PullQueue(_)
            | Effect::SearchQueue(_)
            | Effect::FindPlace { .. }
            | Effect::PullFailed
            | Effect::PullTransfers { .. }
            | Effect::FollowTransfers(_) => {
                outside.ask(&effect);
                None
            }
            Effect::Diagnose | Effect::Bundle => {
                let told = outside.look(&effect);
                told.and_then(|msg| tell(model, outside, msg))
            }
            Effect::Seek(seek) => {
                outside.seek(seek);
                None
            }
            Effect::TakeMouse(take) => terminal::mouse(take).err().map(failed),
            Effect::Copy { text, what } => {
                let msg = told(take_out::copy(&outside.shelf, &text, &what));
                tell(model, outside, msg)
            }
            Effect::SaveScreen { state } => {
                let screen = take_out::picture(model, &outside.skin);
                let msg = told(take_out::save(&outside.shelf, &screen, &state));
                tell(model, outside, msg)
            }
            Effect::Leave(left) => Some(End::Left(left)),
            Effect::Redraw => anew(outside).err().map(failed),
            Effect::Suspend => suspend(model, outside),
        };
        if end.is_some() {
            return end;
        }
    }
    None
}

const fn failed(error: io::Error) -> End {
    End::Failed(ConsoleError::Terminal(error))
}

impl Outside {
    /// The present: of the clock, or of the recording.
    fn now(&self) -> Moment {
        match &self.source {
            Source::Run { .. } => self.clock.now(),
            Source::Recording(player) => player.now,
        }
    }

    /// Nobody answers in a recording; what asks is off there.
    fn ask(&self, effect: &Effect) {
        let Source::Run { links, reader, .. } = &self.source else { return };
        match effect {
            Effect::Send(to, request) => links[place(*to)].send(request),
            Effect::PullQueue(pull) => reader.want_page(*pull),
            Effect::SearchQueue(search) => reader.want_search(search.clone()),
            Effect::FindPlace { peer, id, queued } => reader.want_place(*peer, *id, *queued),
            Effect::PullFailed => reader.want_failed(),
            Effect::PullTransfers { beat, lots } => reader.want_transfers(*beat, lots.clone()),
            Effect::FollowTransfers(ids) => reader.want_followed(ids.clone()),
            _ => {}
        }
    }

    /// As [`Self::ask`], of the processes; what is to be told at once.
    fn look(&self, effect: &Effect) -> Option<Msg> {
        let Source::Run { looks, .. } = &self.source else { return None };
        if *effect == Effect::Bundle { looks.bundle() } else { looks.look() }
    }

    fn seek(&mut self, seek: Seek) {
        let Source::Recording(player) = &self.source else { return };
        let from = self.seek_to.unwrap_or(player.start_ms() + player.now.0 / 1000);
        self.seek_to = Some(match seek {
            // Several at once lead no further than to the ends: the next one begins there.
            Seek::By(s) => {
                let to = from.saturating_add_signed(s.saturating_mul(1000));
                to.clamp(player.start_ms(), player.end_ms())
            }
            Seek::Trouble { forward } => player.trouble(from, forward),
        });
    }

    /// Lets time go on in a replay, or goes where it was told to.
    fn play(&mut self, model: &mut Model) {
        let to = self.seek_to.take();
        let Source::Recording(player) = &mut self.source else { return };
        match to {
            Some(at_ms) => player.go_to(model, at_ms),
            None => player.tick(model),
        }
    }
}

fn told(done: io::Result<String>) -> Msg {
    done.map_or_else(|e| Msg::Trouble(format!("not kept: {e}")), Msg::Told)
}

const fn place(to: To) -> usize {
    match to {
        To::Peer(peer) => peer.index(),
        To::Supervisor => 2,
    }
}

/// Stops this process, and only this one: the engines are in sessions of their own and must go on.
fn suspend(model: &mut Model, outside: &mut Outside) -> Option<End> {
    terminal::restore();
    if let Err(error) =
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)
    {
        return Some(End::Failed(ConsoleError::Terminal(error.into())));
    }
    resume(model, outside)
}

/// The terminal is ours again, and may have changed in the meantime.
fn resume(model: &mut Model, outside: &mut Outside) -> Option<End> {
    match terminal::take(model.ui.mouse).and_then(|()| anew(outside)) {
        Ok((w, h)) => tell(model, outside, Msg::Resize { w, h }),
        Err(error) => Some(End::Failed(ConsoleError::Terminal(error))),
    }
}

/// Clears the screen, so that the next frame is drawn whole; the terminal's size. `Terminal::clear` will not do: it
/// asks the terminal where the cursor is, and the answer would be read as keys.
fn anew(outside: &mut Outside) -> io::Result<(u16, u16)> {
    let (w, h) = crossterm::terminal::size()?;
    outside.terminal.resize(Rect::new(0, 0, w, h))?;
    Ok((w, h))
}
