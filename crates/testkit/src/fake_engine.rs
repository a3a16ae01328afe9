//! A peer or a supervisor that only speaks: a control socket that greets, sends snapshots and events, and answers
//! requests as it is told. For tests of whatever looks at a run.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use twinhaul_wire::{
    Command, CommandResult, Event, Frame, Hello, LineDecoder, PROTO, PeerSnapshot, Reply, Request, Role,
    RunSnapshot, encode,
};

/// Connections at most; a fake serves a test, not a crowd.
const CONNECTIONS_MAX: usize = 16;
/// How long a connection may take what is written.
const WRITE_WITHIN: Duration = Duration::from_secs(2);

/// Whom it plays, and the state it tells.
#[derive(Clone, Debug)]
pub enum Face {
    Peer(Box<PeerSnapshot>),
    Supervisor(Box<RunSnapshot>),
}

impl Face {
    fn hello(&self) -> Hello {
        let (run, role, peer, incarnation, pid) = match self {
            Self::Peer(s) => (&s.run, Role::Peer, Some(s.peer.clone()), s.incarnation, s.pid),
            Self::Supervisor(s) => (&s.run, Role::Supervisor, None, 0, s.pid),
        };
        Hello { proto: PROTO, version: "fake".into(), run: run.clone(), role, peer, incarnation, pid }
    }

    fn frame(&self) -> Frame {
        match self {
            Self::Peer(s) => Frame::Snapshot(s.clone()),
            Self::Supervisor(s) => Frame::Run(s.clone()),
        }
    }
}

type Answer = dyn Fn(&Request) -> CommandResult + Send + Sync;

struct Shared {
    face: Mutex<Face>,
    answer: Box<Answer>,
    requests: Mutex<Vec<Request>>,
    connections: Mutex<Vec<Arc<Mutex<UnixStream>>>>,
    ended: AtomicBool,
}

/// The fake; its socket goes with it.
pub struct FakeEngine {
    shared: Arc<Shared>,
    path: PathBuf,
}

impl std::fmt::Debug for FakeEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeEngine").field("path", &self.path).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeEngine {
    /// Listens at `path`; `answer` answers every request but `Subscribe` and `Status`.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn start(
        path: &Path,
        face: Face,
        answer: impl Fn(&Request) -> CommandResult + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path)?;
        let shared = Arc::new(Shared {
            face: Mutex::new(face),
            answer: Box::new(answer),
            requests: Mutex::new(Vec::new()),
            connections: Mutex::new(Vec::new()),
            ended: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.ended.load(Ordering::Relaxed) {
                    return;
                }
                if lock(&accepting.connections).len() < CONNECTIONS_MAX {
                    let shared = Arc::clone(&accepting);
                    thread::spawn(move || drop(serve(&shared, stream)));
                }
            }
        });
        Ok(Self { shared, path: path.to_owned() })
    }

    /// Changes what the next snapshots tell.
    pub fn change(&self, change: impl FnOnce(&mut Face)) {
        change(&mut lock(&self.shared.face));
    }

    /// Tells an event to all who are connected.
    pub fn tell(&self, event: &Event) {
        if let Ok(line) = encode(&Frame::Event(event.clone())) {
            self.tell_raw(&line);
        }
    }

    /// Writes bytes as they are, for tests of what cannot be a frame.
    pub fn tell_raw(&self, bytes: &[u8]) {
        lock(&self.shared.connections).retain(|stream| lock(stream).write_all(bytes).is_ok());
    }

    /// The requests so far, `Subscribe` included.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Cuts every connection; new ones are welcome.
    pub fn cut(&self) {
        for stream in lock(&self.shared.connections).drain(..) {
            let _ = lock(&stream).shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        self.cut();
        // Wakes the accepting thread, which then sees the end.
        let _ = UnixStream::connect(&self.path);
        let _ = std::fs::remove_file(&self.path);
    }
}

fn send(stream: &Mutex<UnixStream>, frame: &Frame) -> io::Result<()> {
    let line = encode(frame).map_err(io::Error::other)?;
    lock(stream).write_all(&line)
}

/// One connection until its end.
fn serve(shared: &Arc<Shared>, mut stream: UnixStream) -> io::Result<()> {
    stream.set_write_timeout(Some(WRITE_WITHIN))?;
    let writer = Arc::new(Mutex::new(stream.try_clone()?));
    send(&writer, &Frame::Hello(lock(&shared.face).hello()))?;
    lock(&shared.connections).push(Arc::clone(&writer));
    let mut decoder = LineDecoder::default();
    let mut chunk = [0; 16 * 1024];
    loop {
        let n = stream.read(&mut chunk)?;
        if n == 0 {
            return Ok(());
        }
        decoder.push(&chunk[..n]).map_err(io::Error::other)?;
        while let Some(frame) = decoder.next_frame() {
            if let Ok(Frame::Request(request)) = frame {
                take(shared, &writer, &request)?;
            }
        }
    }
}

fn take(shared: &Arc<Shared>, writer: &Arc<Mutex<UnixStream>>, request: &Request) -> io::Result<()> {
    lock(&shared.requests).push(request.clone());
    let result = match &request.command {
        Command::Subscribe { every_ms } => {
            let every = Duration::from_millis((*every_ms).max(20));
            let (shared, writer) = (Arc::clone(shared), Arc::clone(writer));
            thread::spawn(move || {
                while !shared.ended.load(Ordering::Relaxed) {
                    let frame = lock(&shared.face).frame();
                    if send(&writer, &frame).is_err() {
                        return;
                    }
                    thread::sleep(every);
                }
            });
            CommandResult::Done("subscribed".into())
        }
        Command::Status => match &*lock(&shared.face) {
            Face::Peer(snapshot) => CommandResult::Status(snapshot.clone()),
            Face::Supervisor(_) => CommandResult::Done("supervising".into()),
        },
        _ => (shared.answer)(request),
    };
    send(writer, &Frame::Reply(Reply { id: request.id, result }))
}
