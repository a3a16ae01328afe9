//! A stand-in for the binary in the supervisor's tests: `peer`, `planner` and `supervise` as real processes.
//!
//! A peer does what the n-th line of `<run_dir>/<name>.script` says at its n-th start (the last line from then on), and writes
//! down its starts (`.starts`) and what it was told (`.heard`). The supervisor's history goes to `events.jsonl`.

use serde::Deserialize;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{interval, sleep},
};
use twinhaul_supervisor::{
    Bundler, Child, ChildKind, Client, Options, Record, Sky, StoryAct, StoryStep, StoryWhen, Timing,
    become_session_leader, bind, hold_peer_lock, supervise,
};
use twinhaul_units::{Dial, Turned};
use twinhaul_wire::{
    Command, CommandResult, EventKind, Frame, Hello, LineDecoder, PROTO, PeerSnapshot, PeerState, Reply,
    Role, RunState, Storm, Totals, Weather, encode,
};

type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let run_dir = PathBuf::from(args.get(2).map_or(".", String::as_str));
    let outcome = match (args.get(1).map(String::as_str), args.get(4)) {
        (Some("supervise"), _) => be_supervisor(&run_dir),
        (Some("peer"), Some(name)) => run_to_end(be_peer(&run_dir, name)),
        (Some("planner"), Some(name)) => run_to_end(be_planner(&run_dir, name)),
        (Some("connect"), _) => connect(&run_dir),
        _ => Err("usage: fake_peer supervise|peer|planner|connect RUN_DIR [--name NAME]".into()),
    };
    outcome.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "{error}");
        ExitCode::FAILURE
    })
}

fn run_to_end(work: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Connects as whoever this is; exit code 0 only if the supervisor answers.
fn connect(run_dir: &Path) -> Outcome {
    let mut client = Client::connect(run_dir, "supervisor")?;
    client.run_snapshot()?;
    Ok(ExitCode::SUCCESS)
}

// ---- supervise ----

/// `supervise.json`: what a test wants to be otherwise than usual.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wishes {
    demo: bool,
    planner: bool,
    /// A store with weather, whose file is in the run's directory.
    sky: bool,
    /// (after assistance, peer, limit, say)
    story: Vec<(u64, String, Option<u64>, String)>,
    ready_ms: Option<u64>,
    grace_ms: Option<u64>,
    kill_after_ms: Option<u64>,
    answer_ms: Option<u64>,
    silent_ms: Option<u64>,
    /// A script that notes what it was started with and ends with this code is the bundler.
    bundler: Option<u8>,
}

fn be_supervisor(run_dir: &Path) -> Outcome {
    become_session_leader();
    let wishes: Wishes = match fs::read(run_dir.join("supervise.json")) {
        Ok(text) => serde_json::from_slice(&text)?,
        Err(_) => Wishes::default(),
    };
    let usual = Timing::default();
    let or = |ms: Option<u64>, usual| ms.map_or(usual, Duration::from_millis);
    let exe = std::env::current_exe()?;
    let child = |name: &str, kind, verb: &str| Child {
        name: name.into(),
        kind,
        argv: vec![exe.clone().into(), verb.into(), run_dir.into(), "--name".into(), name.into()],
    };
    let peer = |name| child(name, ChildKind::Peer, "peer");
    let story = wishes.story.into_iter().map(|(after_assistance, peer, limit, say)| StoryStep {
        when: StoryWhen::Assistance(after_assistance),
        wait: Duration::from_millis(10),
        act: Some((peer, StoryAct::Limit(limit))),
        say,
    });
    let outcome = supervise(Options {
        run_dir: run_dir.into(),
        run: run_of(run_dir),
        name: "test".into(),
        policy: "learning".into(),
        demo: wishes.demo,
        demo_source: None,
        demo_sky: wishes.sky.then(|| Sky {
            file: run_dir.join("weather"),
            fair: Weather::default(),
            storm: Weather { storm: Some(Storm { status: 429, share: 1.0, retry_after_s: 8 }), delay_ms: 0 },
        }),
        started_at_ms: 1,
        planner: wishes.planner.then(|| child("planner", ChildKind::Planner, "planner")),
        peers: [peer("alpha"), peer("beta")],
        story: story.collect(),
        bundler: wishes.bundler.map(|code| bundler(run_dir, code)),
        timing: Timing {
            ready_max: or(wishes.ready_ms, usual.ready_max),
            grace: or(wishes.grace_ms, usual.grace),
            kill_after: or(wishes.kill_after_ms, usual.kill_after),
            answer_max: or(wishes.answer_ms, usual.answer_max),
            silent_max: or(wishes.silent_ms, usual.silent_max),
        },
        record: Box::new(Files::open(run_dir)),
    });
    match outcome {
        Ok(code) => Ok(ExitCode::from(u8::try_from(code)?)),
        Err(error) => {
            writeln!(std::io::stderr(), "failed to {error}")?;
            Ok(ExitCode::from(u8::try_from(error.exit_code())?))
        }
    }
}

/// Notes its arguments in `bundler.starts`.
fn bundler(run_dir: &Path, code: u8) -> Bundler {
    let script = r#"printf '%s\n' "$*" >> "$0/bundler.starts"; [ "$1" != 0 ] || : > "$0/made"; exit "$1""#;
    let argv = ["sh".into(), "-c".into(), script.into(), run_dir.into(), code.to_string().into()];
    Bundler { argv: argv.into(), file: run_dir.join("made") }
}

/// The history as files.
struct Files {
    run_dir: PathBuf,
    seq: u64,
}

impl Files {
    fn open(run_dir: &Path) -> Self {
        let text = fs::read_to_string(run_dir.join("events.jsonl")).unwrap_or_default();
        Self { run_dir: run_dir.into(), seq: text.lines().count() as u64 }
    }
}

impl Record for Files {
    fn event(&mut self, at_ms: u64, peer: Option<&str>, kind: &EventKind) -> Option<u64> {
        self.seq += 1;
        let event = twinhaul_wire::Event {
            seq: self.seq,
            at_ms,
            peer: peer.map(str::to_owned),
            incarnation: 0,
            kind: kind.clone(),
        };
        append(&self.run_dir.join("events.jsonl"), &serde_json::to_string(&event).ok()?).ok()?;
        Some(self.seq)
    }

    fn events(&mut self, after: u64, most: usize) -> Option<Vec<twinhaul_wire::Event>> {
        let text = fs::read_to_string(self.run_dir.join("events.jsonl")).unwrap_or_default();
        let events = text.lines().filter_map(|l| serde_json::from_str::<twinhaul_wire::Event>(l).ok());
        Some(events.filter(|e| e.seq > after).take(most).collect())
    }

    fn totals(&mut self) -> Option<Totals> {
        Some(Totals { transfers: 20, bytes: 2000, growing: false })
    }

    fn run_state(&mut self) -> Option<RunState> {
        serde_json::from_slice(&fs::read(self.run_dir.join("run_state")).ok()?).ok()
    }

    fn set_run_state(&mut self, state: RunState, at_ms: u64) {
        let before = self.run_state().unwrap_or_default();
        if let Ok(text) = serde_json::to_string(&state) {
            let _ = fs::write(self.run_dir.join("run_state"), text);
        }
        if state.ended() && !before.ended() {
            let state = state.words().into();
            self.event(at_ms, None, &EventKind::RunEnded { state, done: 0, skipped: 0, failed: 0 });
        }
    }
}

// ---- peer and planner ----

/// What the script says for this start.
fn part(run_dir: &Path, name: &str) -> Result<String, std::io::Error> {
    let starts = run_dir.join(format!("{name}.starts"));
    append(&starts, &std::process::id().to_string())?;
    let start = fs::read_to_string(&starts)?.lines().count();
    let script = fs::read_to_string(run_dir.join(format!("{name}.script")))?;
    let lines: Vec<&str> = script.lines().collect();
    Ok(lines.get(start - 1).or(lines.last()).unwrap_or(&"serve").to_string())
}

async fn be_planner(run_dir: &Path, name: &str) -> Outcome {
    become_session_leader();
    let _place = hold_peer_lock(run_dir, name)?;
    let part = part(run_dir, name)?;
    sleep(Duration::from_millis(200)).await;
    match part.split_once(':') {
        Some(("code", code)) => {
            writeln!(std::io::stderr(), "source projects: no such directory")?;
            Ok(ExitCode::from(code.parse::<u8>()?))
        }
        _ if part == "long" => {
            signal(SignalKind::terminate())?.recv().await;
            Ok(ExitCode::SUCCESS)
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

struct Peer {
    run_dir: PathBuf,
    name: String,
    part: String,
    snapshot: Mutex<PeerSnapshot>,
    /// Sent once by whoever ends this peer: the exit code.
    end: mpsc::Sender<u8>,
}

async fn be_peer(run_dir: &Path, name: &str) -> Outcome {
    become_session_leader();
    let _place = match hold_peer_lock(run_dir, name) {
        Ok(place) => place,
        Err(error) => {
            writeln!(std::io::stderr(), "failed to {error}")?;
            return Ok(ExitCode::from(u8::try_from(error.exit_code())?));
        }
    };
    let part = part(run_dir, name)?;
    if part == "deaf" {
        return Ok(std::future::pending().await);
    }
    let mut snapshot = PeerSnapshot {
        run: run_of(run_dir),
        peer: name.into(),
        pid: std::process::id(),
        state: PeerState::Running,
        ratio: 0.5,
        ..PeerSnapshot::default()
    };
    snapshot.done.transfers = count(run_dir, name);
    let (end, mut ended) = mpsc::channel(4);
    let peer = Arc::new(Peer {
        run_dir: run_dir.into(),
        name: name.into(),
        part,
        snapshot: Mutex::new(snapshot),
        end: end.clone(),
    });
    let listener = bind(run_dir, name)?;
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener)?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                tokio::spawn(serve(stream, Arc::clone(&peer)));
            }
            Some(code) = ended.recv() => return Ok(ExitCode::from(code)),
            _ = terminate.recv() => if peer.part != "stubborn" {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

async fn serve(mut stream: UnixStream, peer: Arc<Peer>) {
    let mut decoder = LineDecoder::default();
    let mut bytes = vec![0; 4096];
    let mut tick = interval(Duration::from_millis(50));
    let mut subscribed = false;
    let hello = Hello {
        proto: PROTO,
        version: "1".into(),
        run: run_of(&peer.run_dir),
        role: Role::Peer,
        peer: Some(peer.name.clone()),
        incarnation: 1,
        pid: std::process::id(),
    };
    if send(&mut stream, &Frame::Hello(hello)).await.is_none() {
        return;
    }
    loop {
        tokio::select! {
            Ok(n) = stream.read(&mut bytes) => {
                if n == 0 || decoder.push(&bytes[..n]).is_err() {
                    return;
                }
            }
            _ = tick.tick(), if subscribed => {
                let snapshot = peer.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if send(&mut stream, &Frame::Snapshot(Box::new(snapshot))).await.is_none() {
                    return;
                }
            }
        }
        while let Some(Ok(frame)) = decoder.next_frame() {
            let Frame::Request(request) = frame else { continue };
            let told = serde_json::to_string(&request).unwrap_or_default();
            if matches!(request.command, Command::Subscribe { .. }) && !subscribed {
                subscribed = true;
                tokio::spawn(act(Arc::clone(&peer)));
            } else {
                let _ = append(&peer.run_dir.join(format!("{}.heard", peer.name)), &told);
            }
            if peer.part == "mute" {
                continue;
            }
            let result = obey(&peer, &request.by, &request.command);
            if send(&mut stream, &Frame::Reply(Reply { id: request.id, result })).await.is_none() {
                return;
            }
        }
    }
}

fn obey(peer: &Arc<Peer>, by: &str, command: &Command) -> CommandResult {
    let mut snapshot = peer.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
    match command {
        Command::Pause => {
            snapshot.state = PeerState::Paused;
            snapshot.paused_by = Some(by.to_owned());
            CommandResult::Done("paused".into())
        }
        Command::Turn { dial: Dial::Limit, to } => {
            snapshot.limit = if let Turned::Set(rate) = to { Some(*rate) } else { None };
            CommandResult::Done("limited".into())
        }
        Command::Stop { .. } if peer.part != "stubborn" => {
            let _ = peer.end.try_send(0);
            CommandResult::Done("stopping".into())
        }
        _ => CommandResult::Done("taken".into()),
    }
}

/// Plays the part, once somebody looks.
async fn act(peer: Arc<Peer>) {
    let change = |f: &dyn Fn(&mut PeerSnapshot)| {
        f(&mut peer.snapshot.lock().unwrap_or_else(PoisonError::into_inner));
    };
    sleep(Duration::from_millis(150)).await;
    let (part, figure) = peer.part.split_once(':').unwrap_or((&peer.part, ""));
    match part {
        "kill" => kill_self(),
        "progress-kill" => {
            let _ = append(&peer.run_dir.join(format!("{}.done", peer.name)), "one more");
            let done = count(&peer.run_dir, &peer.name);
            change(&|s| s.done.transfers = done);
            sleep(Duration::from_millis(150)).await;
            kill_self();
        }
        "code" => {
            let _ = peer.end.try_send(figure.parse().unwrap_or(1));
        }
        "leave" => {
            change(&|s| s.state = PeerState::Finished);
            sleep(Duration::from_millis(150)).await;
            let _ = peer.end.try_send(0);
        }
        "still" => change(&|s| {
            s.in_flight = vec![twinhaul_wire::InFlight::default()];
            s.last_progress_ms = Some(60_000);
        }),
        "needed" => change(&|s| s.was_assisted.needed = figure.parse().unwrap_or(1)),
        "pause-kill" => {
            sleep(Duration::from_millis(300)).await;
            kill_self();
        }
        "finish" => {
            change(&|s| {
                s.done.transfers = 10;
                s.verified.transfers = 10;
                s.state = PeerState::Finished;
            });
            let _ = fs::write(peer.run_dir.join("run_state"), "\"complete\"");
            sleep(Duration::from_millis(150)).await;
            let _ = peer.end.try_send(0);
        }
        _ => {}
    }
}

fn kill_self() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}

async fn send(stream: &mut UnixStream, frame: &Frame) -> Option<()> {
    stream.write_all(&encode(frame).ok()?).await.ok()
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// Transfers that this peer has done, all its lives together.
fn count(run_dir: &Path, name: &str) -> u64 {
    let text = fs::read_to_string(run_dir.join(format!("{name}.done"))).unwrap_or_default();
    text.lines().count() as u64
}

fn run_of(run_dir: &Path) -> String {
    run_dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}
