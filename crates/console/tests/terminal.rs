//! The terminal contract, in a real pseudo-terminal: whatever ends the console, the shell gets its terminal back; the
//! sockets may come, go and talk nonsense; and keys reach the engines as requests.
//!
//! The program is the example `fake_run`; `cargo test` builds it together with the tests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail loudly")]

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::Duration;
use twinhaul_testkit::fake_engine::{Face, FakeEngine};
use twinhaul_testkit::pty::{PtyCommand, PtySession};
use twinhaul_wire::{Command, CommandResult, PeerSnapshot, PeerState, RunSnapshot, RunState};

const LONG: Duration = Duration::from_secs(20);
/// A dialog takes keys only after it was seen for a quarter of a second.
const SEEN: Duration = Duration::from_millis(500);

fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples/fake_run");
    assert!(
        path.exists(),
        "{} is missing: run the tests with --all-targets, or without --test",
        path.display()
    );
    path
}

fn fake_run() -> PtyCommand {
    PtyCommand::new(program())
}

fn start(command: PtyCommand, rows: u16, cols: u16) -> PtySession {
    let session = PtySession::spawn(command, rows, cols).unwrap();
    session.wait_for("LIVE", LONG).unwrap();
    session
}

fn signal(session: &PtySession, signal: Signal) {
    let pid = Pid::from_raw(session.pid().unwrap().cast_signed()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn given_back(session: &PtySession, modes: &str) {
    session
        .wait_until("the terminal is given back", LONG, |s| {
            !s.alternate_screen() && !s.cursor_hidden() && !s.bracketed_paste() && s.modes() == modes
        })
        .unwrap();
}

/// A fresh terminal's modes.
fn cooked() -> String {
    let mut session = PtySession::spawn(PtyCommand::new("/bin/true"), 24, 80).unwrap();
    session.wait_exit(LONG).unwrap();
    session.modes()
}

/// Keys that arrive in one piece, pasted without brackets or typed ahead over a slow line, are there at once. (Once each of
/// them waited for the next look at the terminal: these would have taken longer than anything here waits.)
#[test]
fn many_keys_at_once_are_not_held_back() {
    let mut session = start(fake_run().arg("steady"), 50, 160);
    session.send("3/").unwrap();
    session.wait_for("Enter keeps", LONG).unwrap();
    session.send(&format!("{}the-end", "a".repeat(110))).unwrap();
    session.wait_for("aathe-end_", LONG).unwrap();
}

#[test]
fn the_wheel_and_clicks_reach_the_panels_until_the_mouse_is_given_back() {
    let mut session = start(fake_run().arg("steady"), 50, 160);
    // A click into the log: the focus is there, and its rows are what the wheel moves.
    session.send("\x1b[<0;20;48M").unwrap();
    session.send("\x1b[<64;20;48M").unwrap();
    session.wait_for("End follows", LONG).unwrap();
    session.send("M").unwrap();
    session.wait_for("the mouse is the terminal's", LONG).unwrap();
}

#[test]
fn quitting_gives_the_terminal_back() {
    let modes = cooked();
    let mut session = start(fake_run().arg("steady"), 24, 80);
    assert!(session.alternate_screen() && session.cursor_hidden() && session.bracketed_paste());
    assert_ne!(session.modes(), modes);
    session.send("q").unwrap();
    session.wait_for("[ Detach ]", LONG).unwrap();
    std::thread::sleep(SEEN);
    session.send("\r").unwrap();
    assert_eq!(session.wait_exit(LONG).unwrap(), 0);
    given_back(&session, &modes);
    session.wait_for("left: Detached", LONG).unwrap();
}

#[test]
fn signals_end_the_console_and_give_the_terminal_back() {
    let modes = cooked();
    for (kind, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130), (Signal::QUIT, 131)] {
        let mut session = start(fake_run().arg("steady"), 24, 80);
        signal(&session, kind);
        assert_eq!(session.wait_exit(LONG).unwrap(), code);
        given_back(&session, &modes);
        session.wait_for("the run goes on without this console", LONG).unwrap();
    }
}

#[test]
fn a_panic_in_any_thread_gives_the_terminal_back_first() {
    let modes = cooked();
    let command = fake_run().arg("steady").env("TWINHAUL_CONSOLE_CRASH", "1").env("RUST_BACKTRACE", "0");
    let mut session = PtySession::spawn(command, 24, 80).unwrap();
    assert_eq!(session.wait_exit(LONG).unwrap(), 1);
    given_back(&session, &modes);
    session.wait_for("crashed on purpose", LONG).unwrap();
    session.wait_for("thread \"crash\" panicked", LONG).unwrap();
}

/// Neither running nor waiting: gone, or only waiting to be reaped.
fn gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().unwrap_or_default().trim_start().chars().next().is_none_or(|state| state == 'Z')
}

#[test]
fn a_terminal_that_hangs_up_ends_the_console() {
    let mut holder = Process::new(program()).arg("nest").stdout(Stdio::piped()).spawn().unwrap();
    let mut pid = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut pid).unwrap();
    let pid = pid.trim();
    assert!(!gone(pid));
    holder.kill().unwrap();
    holder.wait().unwrap();
    let start = std::time::Instant::now();
    while !gone(pid) {
        assert!(start.elapsed() < LONG, "the console outlived its terminal");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn stopped(session: &PtySession) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", session.pid().unwrap())).unwrap_or_default();
    stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('T')
}

#[test]
fn ctrl_z_stops_the_console_only_and_continuing_draws_again() {
    let modes = cooked();
    for from_outside in [false, true] {
        let mut session = start(fake_run().arg("steady"), 24, 80);
        if from_outside {
            signal(&session, Signal::TSTP);
        } else {
            session.send("\x1a").unwrap();
        }
        session.wait_until("it is stopped", LONG, stopped).unwrap();
        given_back(&session, &modes);
        signal(&session, Signal::CONT);
        session
            .wait_until("it is back", LONG, |s| s.alternate_screen() && s.text().contains("LIVE"))
            .unwrap();
        assert_ne!(session.modes(), modes);
        session.send("q").unwrap();
        session.wait_for("[ Detach ]", LONG).unwrap();
        std::thread::sleep(SEEN);
        session.send("y").unwrap();
        assert_eq!(session.wait_exit(LONG).unwrap(), 0);
        given_back(&session, &modes);
    }
}

#[test]
fn every_size_is_drawn() {
    let mut session = start(fake_run().arg("big"), 50, 160);
    session.wait_for("5 Throughput", LONG).unwrap();
    for (rows, cols, shows) in [
        (24, 80, "3 In flight"),
        (16, 60, "3 In flight"),
        (12, 40, "queue"),
        (1, 1, ""),
        (30, 100, "4 Assistance"),
    ] {
        session.resize(rows, cols).unwrap();
        session.wait_for(shows, LONG).unwrap();
    }
}

#[test]
fn colour_is_left_out_where_it_is_not_wanted() {
    let session = start(fake_run().arg("steady"), 24, 80);
    session.wait_until("colours", LONG, PtySession::colored).unwrap();
    let session = start(fake_run().arg("steady").env("NO_COLOR", "1"), 24, 80);
    assert!(!session.colored());
    let session = start(fake_run().arg("steady").env("LC_ALL", "C"), 24, 80);
    assert!(session.text().is_ascii());
}

#[test]
fn no_terminal_is_told_with_the_way_out() {
    let out = Process::new(program()).arg("steady").stdin(Stdio::null()).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stdout).contains("--headless"));
}

/// A run served by this test: both peers, a supervisor, and the console on them.
struct Served {
    dir: tempfile::TempDir,
}

impl Served {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn peer(&self, name: &str) -> FakeEngine {
        let face = PeerSnapshot {
            run: "wan-bulk-3".into(),
            peer: name.into(),
            state: PeerState::Running,
            policy: "learning".into(),
            ratio: 0.5,
            ..PeerSnapshot::default()
        };
        FakeEngine::start(
            &self.dir.path().join(format!("{name}.sock")),
            Face::Peer(Box::new(face)),
            |request| CommandResult::Done(format!("did {:?}", request.command)),
        )
        .unwrap()
    }

    fn supervisor(&self) -> FakeEngine {
        let face =
            RunSnapshot { run: "wan-bulk-3".into(), state: RunState::Running, ..RunSnapshot::default() };
        FakeEngine::start(&self.dir.path().join("supervisor.sock"), Face::Supervisor(Box::new(face)), |_| {
            CommandResult::Done("stopping".into())
        })
        .unwrap()
    }

    fn console(&self) -> PtySession {
        PtySession::spawn(fake_run().arg("attach").arg(self.dir.path()), 24, 80).unwrap()
    }
}

#[test]
fn sockets_may_come_late_die_and_come_back() {
    let served = Served::new();
    let session = served.console();
    session.wait_for("no socket yet", LONG).unwrap();
    let (alpha, beta, supervisor) = (served.peer("alpha"), served.peer("beta"), served.supervisor());
    session.wait_for("LIVE", LONG).unwrap();
    drop(alpha);
    session.wait_for("STALE", LONG).unwrap();
    let alpha = served.peer("alpha");
    session.wait_for("LIVE", LONG).unwrap();
    beta.tell_raw(b"{\"nonsense\":\x1b[2J}\n");
    session.wait_for("a line is not a frame", LONG).unwrap();
    drop(supervisor);
    session.wait_for("no supervisor", LONG).unwrap();
    drop(alpha);
}

#[test]
fn keys_become_requests_and_replies_become_words() {
    let served = Served::new();
    let (alpha, beta, supervisor) = (served.peer("alpha"), served.peer("beta"), served.supervisor());
    let mut session = served.console();
    session.wait_for("LIVE", LONG).unwrap();
    session.send("1xp").unwrap();
    session.wait_for("same as  twinhaul pause wan-bulk-3 --peer alpha", LONG).unwrap();
    std::thread::sleep(SEEN);
    session.send("y").unwrap();
    session.wait_for("did Pause", LONG).unwrap();
    let asked = |engine: &FakeEngine| {
        engine.requests().iter().any(|r| r.command == Command::Pause && r.by == "console")
    };
    assert!(asked(&alpha) && !asked(&beta));
    session.send("q").unwrap();
    session.wait_for("[ Drain and quit ]", LONG).unwrap();
    std::thread::sleep(SEEN);
    session.send("\t\r").unwrap();
    session.wait_for("type wan-bulk-3 to confirm", LONG).unwrap();
    std::thread::sleep(SEEN);
    session.send("wan-bulk-3\r").unwrap();
    assert_eq!(session.wait_exit(LONG).unwrap(), 0);
    session.wait_for("left: Stopped { drain: true }", LONG).unwrap();
    assert!(supervisor.requests().iter().any(|r| r.command == Command::Stop { drain: true }));
}

#[test]
fn the_end_of_a_run_stays_on_the_screen_until_a_key() {
    let served = Served::new();
    let (_alpha, _beta, supervisor) = (served.peer("alpha"), served.peer("beta"), served.supervisor());
    let mut session = served.console();
    session.wait_for("LIVE", LONG).unwrap();
    supervisor.change(|face| {
        if let Face::Supervisor(run) = face {
            run.state = RunState::Failed;
            run.exit = Some(3);
        }
    });
    session.wait_for("twinhaul report wan-bulk-3", LONG).unwrap();
    drop(supervisor);
    session.send("\r").unwrap();
    assert_eq!(session.wait_exit(LONG).unwrap(), 0);
    session.wait_for("left: Ended { exit: 3 }", LONG).unwrap();
}
