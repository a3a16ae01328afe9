//! One control socket: connect, greet, subscribe, read; when it goes, say so and try again with growing pauses.
//!
//! Each link has a thread that blocks in reading. Requests are written by the loop through [`Link::send`], with a time
//! limit: an end that does not read cannot hold the console.

use crate::input::{Input, spawn};
use crate::runtime::Clock;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use twinhaul_console_model::{Clean, LinkState, Msg, To, clean};
use twinhaul_wire::{Command, Frame, Hello, LineDecoder, PROTO, Request, Role, encode};

/// Snapshots are asked for at this pace.
const SNAPSHOT_EVERY_MS: u64 = 250;
/// First and longest pause between attempts.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long a write may take.
const WRITE_WITHIN: Duration = Duration::from_secs(2);
/// How long the other end may take to greet.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// Pauses are slept in pieces, to notice the end.
const NAP: Duration = Duration::from_millis(100);

/// The writing half, and how to end the thread.
#[derive(Debug)]
pub(crate) struct Link {
    writer: Arc<Mutex<Option<UnixStream>>>,
}

/// What a link needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub to: To,
    pub dir: PathBuf,
    /// Name of the socket without `.sock`.
    pub name: String,
    pub run: String,
}

impl Link {
    pub(crate) fn start(
        place: Place,
        tx: SyncSender<Input>,
        clock: Clock,
        ended: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let writer = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&writer);
        let name = format!("link {}", place.name);
        spawn(&name, tx.clone(), move || keep_trying(&place, &tx, &clock, &ended, &shared))?;
        Ok(Self { writer })
    }

    /// Writes a request. A failure needs no telling: the reading half notices the same and says so.
    pub(crate) fn send(&self, request: &Request) {
        let Ok(line) = encode(&Frame::Request(request.clone())) else { return };
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = writer.as_mut()
            && stream.write_all(&line).is_err()
        {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Ends the reading.
    pub(crate) fn close(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = writer.as_ref() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn keep_trying(
    place: &Place,
    tx: &SyncSender<Input>,
    clock: &Clock,
    ended: &AtomicBool,
    writer: &Mutex<Option<UnixStream>>,
) {
    let mut attempt = 0u32;
    while !ended.load(Ordering::Relaxed) {
        let mut greeted = false;
        let why = match talk(place, tx, writer, &mut greeted) {
            Ok(()) => "connection closed".to_owned(),
            Err(Trouble::Io(error)) => words(&error),
            Err(Trouble::Refused(why)) => {
                let state = LinkState::Refused { why };
                let _ = tx.send(Input::Msg(Msg::Link(place.to, state)));
                pause(PAUSE_MAX, ended);
                continue;
            }
        };
        *writer.lock().unwrap_or_else(PoisonError::into_inner) = None;
        attempt = if greeted { 1 } else { attempt.saturating_add(1) };
        let wait = PAUSE_FIRST.saturating_mul(1 << attempt.min(6).saturating_sub(1)).min(PAUSE_MAX);
        let state = LinkState::Waiting { attempt, retry_at: clock.now() + wait, why: clean::text(&why) };
        if tx.send(Input::Msg(Msg::Link(place.to, state))).is_err() {
            return;
        }
        pause(wait, ended);
    }
}

/// Reasons in the operator's words.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no socket yet".into(),
        io::ErrorKind::ConnectionRefused => "nobody listens".into(),
        io::ErrorKind::PermissionDenied => "not permitted".into(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no greeting".into(),
        _ => error.to_string(),
    }
}

fn pause(length: Duration, ended: &AtomicBool) {
    let mut left = length;
    while !left.is_zero() && !ended.load(Ordering::Relaxed) {
        let nap = left.min(NAP);
        std::thread::sleep(nap);
        left -= nap;
    }
}

enum Trouble {
    Io(io::Error),
    /// Trying again soon would not help.
    Refused(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// One connection from its greeting to its end.
fn talk(
    place: &Place,
    tx: &SyncSender<Input>,
    writer: &Mutex<Option<UnixStream>>,
    greeted: &mut bool,
) -> Result<(), Trouble> {
    let mut stream = connect(&place.dir, &place.name)?;
    stream.set_write_timeout(Some(WRITE_WITHIN))?;
    stream.set_read_timeout(Some(HELLO_WITHIN))?;
    greet(&mut stream, &place.run)?;
    let mut decoder = LineDecoder::default();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let n = stream.read(&mut chunk)?;
        if n == 0 {
            return Ok(());
        }
        decoder.push(&chunk[..n]).map_err(|e| Trouble::Refused(e.to_string()))?;
        while let Some(frame) = decoder.next_frame() {
            let frame = frame.map_err(|e| Trouble::Refused(clean::text(&e.to_string())))?;
            if !*greeted {
                let Frame::Hello(hello) = &frame else {
                    return Err(Trouble::Refused("it did not greet".into()));
                };
                if hello.run != place.run {
                    return Err(Trouble::Refused(format!("it serves the run {}", clean::text(&hello.run))));
                }
                *greeted = true;
                stream.set_read_timeout(None)?;
                *writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream.try_clone()?);
                if tx.send(Input::Msg(Msg::Link(place.to, LinkState::Up))).is_err() {
                    return Ok(());
                }
                continue;
            }
            if let Some(msg) = message(place.to, frame)
                && tx.send(Input::Msg(msg)).is_err()
            {
                return Ok(());
            }
        }
    }
}

fn greet(stream: &mut UnixStream, run: &str) -> Result<(), Trouble> {
    let hello = Hello {
        proto: PROTO,
        version: env!("CARGO_PKG_VERSION").into(),
        run: run.into(),
        role: Role::Console,
        peer: None,
        incarnation: 0,
        pid: std::process::id(),
    };
    let subscribe = Command::Subscribe { every_ms: SNAPSHOT_EVERY_MS };
    for frame in
        [Frame::Hello(hello), Frame::Request(Request { id: 0, by: "console".into(), command: subscribe })]
    {
        let line = encode(&frame).map_err(|e| Trouble::Refused(e.to_string()))?;
        stream.write_all(&line)?;
    }
    Ok(())
}

/// Frames as washed messages; what is not for a console is nothing.
fn message(to: To, frame: Frame) -> Option<Msg> {
    match (frame, to) {
        (Frame::Snapshot(snapshot), To::Peer(peer)) => {
            Some(Msg::Peer(peer, Box::new(Clean::new(*snapshot)?)))
        }
        (Frame::Run(run), To::Supervisor) => Some(Msg::Run(Box::new(Clean::new(*run)?))),
        (Frame::Reply(reply), _) => Some(Msg::Reply(Clean::new(reply)?)),
        (Frame::Event(event), _) => Some(Msg::Event(Clean::new(event)?)),
        _ => None,
    }
}

/// Connects to `dir/name.sock`, and makes sure whose it is.
fn connect(dir: &Path, name: &str) -> io::Result<UnixStream> {
    let reach = twinhaul_control_socket::reach(dir, name).map_err(io::Error::other)?;
    let stream = UnixStream::connect(reach.path())?;
    twinhaul_control_socket::check_server(&stream).map_err(io::Error::other)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{Mode, OFlags};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixListener;

    #[test]
    fn long_paths_are_reached_through_their_directory() {
        let root = std::env::temp_dir().join(format!("twinhaul-link-{}", std::process::id()));
        let dir = root.join("d".repeat(90)).join("e".repeat(90));
        std::fs::create_dir_all(&dir).unwrap();
        let held = rustix::fs::open(&dir, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        let listener = UnixListener::bind(format!("/proc/self/fd/{}/alpha.sock", held.as_raw_fd())).unwrap();
        assert!(connect(&dir, "alpha").is_ok());
        drop(listener);
        assert_eq!(words(&connect(&dir, "alpha").unwrap_err()), "nobody listens");
        assert_eq!(words(&connect(&dir, "beta").unwrap_err()), "no socket yet");
        assert!(connect(&dir, "../alpha").is_err());
        std::fs::remove_dir_all(&root).unwrap();
    }
}
