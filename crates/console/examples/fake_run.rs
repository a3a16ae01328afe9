//! The console on a run that is only played: two fake engines with moving queues, the method's rule, a story, and
//! controls that work. For looking at every screen, and for the tests of the real terminal.
//!
//! `fake_run [demo|big|steady] [--read-only] [--ascii]`: the demo's story in a minute, a large run that goes on for
//! hours, or one that stands still. `fake_run attach DIR [--run=ID]` opens the console on sockets that somebody else
//! serves;
//! `fake_run nest` holds a terminal with a console in it, and prints that console's process id.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::exit,
    reason = "an example speaks and may fail loudly"
)]

#[path = "fake_run/play.rs"]
mod play;

use play::{Play, Scene};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use twinhaul_console::history::History;
use twinhaul_console::{Color, ConsoleError, Left, Options};
use twinhaul_console_model::Pull;
use twinhaul_testkit::fake_engine::{Face, FakeEngine};
use twinhaul_testkit::pty::{PtyCommand, PtySession};
use twinhaul_units::PeerId;
use twinhaul_wire::{Event, QueueRow};

/// The play's events and queues, in the ledger's place.
struct PlayedHistory {
    play: Arc<Mutex<Play>>,
    told: usize,
}

impl History for PlayedHistory {
    fn events(&mut self) -> Result<Option<Vec<Event>>, String> {
        let play = self.play.lock().unwrap_or_else(PoisonError::into_inner);
        let news = play.events[self.told..].to_vec();
        self.told = play.events.len();
        Ok(Some(news))
    }

    fn page(&mut self, pull: Pull) -> Result<Option<(u64, Vec<QueueRow>)>, String> {
        let play = self.play.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(play.page(pull.peer, pull.from, pull.limit)))
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| args.iter().any(|a| a == name);
    let options = |run_dir: PathBuf| Options {
        run_dir,
        run: args.iter().find_map(|a| a.strip_prefix("--run=")).unwrap_or(play::RUN).into(),
        names: play::NAMES.map(Into::into),
        targets: Vec::new(),
        looker: None,
        bundler: None,
        read_only: has("--read-only"),
        face: twinhaul_console::Face {
            ascii: has("--ascii").then_some(true),
            color: Color::Auto,
            mouse: true,
            ..Default::default()
        },
        exit_when_done: has("--exit-when-done"),
    };
    if has("nest") {
        nest();
        return;
    }
    if let ["attach", dir, ..] = args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        leave(twinhaul_console::run(options(dir.into())));
        return;
    }
    let scene = match args.first().map(String::as_str) {
        Some("demo") => Scene::Demo,
        Some("steady") => Scene::Steady,
        _ => Scene::Big,
    };
    let dir: PathBuf = std::env::temp_dir().join(format!("twinhaul-fake-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory for the sockets");
    let play = Arc::new(Mutex::new(Play::new(scene)));
    let start = |peer: PeerId| {
        let answering = Arc::clone(&play);
        let face = Face::Peer(Box::new(play.lock().expect("not poisoned").snapshot(peer)));
        let path = dir.join(format!("{}.sock", play::NAMES[peer.index()]));
        FakeEngine::start(&path, face, move |request| {
            answering.lock().unwrap_or_else(PoisonError::into_inner).control(Some(peer), request)
        })
        .expect("a socket")
    };
    let engines = PeerId::BOTH.map(start);
    let supervisor = {
        let answering = Arc::clone(&play);
        let face = Face::Supervisor(Box::new(play.lock().expect("not poisoned").run()));
        FakeEngine::start(&dir.join("supervisor.sock"), face, move |request| {
            answering.lock().unwrap_or_else(PoisonError::into_inner).control(None, request)
        })
        .expect("a socket")
    };
    let playing = Arc::clone(&play);
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(50));
            let mut play = playing.lock().unwrap_or_else(PoisonError::into_inner);
            play.step(0.05);
            for (peer, engine) in PeerId::BOTH.into_iter().zip(&engines) {
                let snapshot = play.snapshot(peer);
                engine.change(|face| *face = Face::Peer(Box::new(snapshot)));
            }
            let run = play.run();
            supervisor.change(|face| *face = Face::Supervisor(Box::new(run)));
        }
    });
    let left = twinhaul_console::run_with(&options(dir.clone()), Box::new(PlayedHistory { play, told: 0 }));
    let _ = std::fs::remove_dir_all(&dir);
    leave(left);
}

/// The console in a terminal that this process holds: killing this process hangs the terminal up.
fn nest() {
    let program = std::env::current_exe().expect("a path");
    let session = PtySession::spawn(PtyCommand::new(program).arg("steady"), 24, 80).expect("a terminal");
    session.wait_for("LIVE", Duration::from_secs(20)).expect("a console");
    println!("{}", session.pid().unwrap_or_default());
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn leave(left: Result<Left, ConsoleError>) {
    match left {
        Ok(left) => println!("left: {left:?}"),
        Err(error) => {
            println!("error: {error}");
            std::process::exit(i32::from(error.exit_code()));
        }
    }
}
