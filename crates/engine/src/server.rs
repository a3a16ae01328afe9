//! The control socket of a peer: consoles, verbs, the supervisor and the other peer connect here.
//!
//! Mode 0600 in a 0700 directory, and only this user (or root) is listened to (threat 1). A client that is too slow or speaks
//! nonsense loses its connection; it can never hold up the engine.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use twinhaul_wire::{
    Command, CommandResult, Envelope, Frame, Hello, LineDecoder, PeerSnapshot, Refusal, Reply, Request,
    encode,
};

/// Connections at once; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 32;
/// A client that does not take a line within this is dropped.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// After a failed accept (no descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Snapshots are not sent more often than this.
const EVERY_MIN_MS: u64 = 100;

/// How many clients still wait for the last snapshot of this peer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watchers(Arc<AtomicUsize>);

impl Watchers {
    pub(crate) fn are_there(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }

    fn one_more(&self) -> Watching {
        self.0.fetch_add(1, Ordering::AcqRel);
        Watching(self.clone())
    }
}

/// One of them, until it is dropped.
struct Watching(Watchers);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What the driver hears from clients.
#[derive(Debug)]
pub(crate) enum Heard {
    Message(Envelope),
    Request { request: Request, answer: oneshot::Sender<CommandResult> },
}

/// Binds the socket; a stale one of a dead process is replaced (the caller holds the peer's lock).
///
/// # Errors
/// When the directory is not to be trusted, or the path cannot be bound.
pub(crate) fn bind(run_dir: &Path, name: &str) -> std::io::Result<UnixListener> {
    let listener = twinhaul_control_socket::bind(run_dir, name).map_err(std::io::Error::other)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Serves until the driver is gone.
pub(crate) async fn serve(
    listener: UnixListener,
    hello: Hello,
    heard: mpsc::Sender<Heard>,
    snapshots: watch::Receiver<Arc<PeerSnapshot>>,
    watchers: Watchers,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            // Asked again at once it would answer the same, and nothing else of this thread would have its turn.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if let Err(why) = twinhaul_control_socket::check_uid(&stream) {
            tracing::warn!(why, "a client was not let in");
            continue;
        }
        let (hello, heard, snapshots) = (hello.clone(), heard.clone(), snapshots.clone());
        let watchers = watchers.clone();
        tokio::spawn(async move {
            // How a client's connection ends concerns nobody but the client.
            let _ = talk(stream, hello, heard, snapshots, watchers).await;
            drop(place);
        });
    }
}

async fn send(stream: &mut UnixStream, frame: &Frame) -> std::io::Result<()> {
    let line = encode(frame).map_err(std::io::Error::other)?;
    tokio::time::timeout(WRITE_TIMEOUT, stream.write_all(&line)).await?
}

async fn talk(
    mut stream: UnixStream,
    hello: Hello,
    heard: mpsc::Sender<Heard>,
    mut snapshots: watch::Receiver<Arc<PeerSnapshot>>,
    watchers: Watchers,
) -> std::io::Result<()> {
    send(&mut stream, &Frame::Hello(hello)).await?;
    let mut decoder = LineDecoder::default();
    let mut chunk = vec![0u8; 16 * 1024];
    let mut greeted = false;
    let mut every: Option<tokio::time::Interval> = None;
    let mut watching = None;
    // By whom it was held, as this client knows it.
    let mut held: Option<String> = None;
    loop {
        tokio::select! {
            read = stream.read(&mut chunk) => {
                let n = read?;
                if n == 0 {
                    return Ok(());
                }
                decoder.push(&chunk[..n]).map_err(std::io::Error::other)?;
                while let Some(frame) = decoder.next_frame() {
                    match frame.map_err(std::io::Error::other)? {
                        Frame::Hello(_) => greeted = true,
                        _ if !greeted => return Ok(()),
                        Frame::Message(envelope) => {
                            if heard.send(Heard::Message(envelope)).await.is_err() { return Ok(()) }
                        }
                        Frame::Request(Request { id, command: Command::Subscribe { every_ms }, .. }) => {
                            let period = Duration::from_millis(every_ms.max(EVERY_MIN_MS));
                            let mut interval = tokio::time::interval(period);
                            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
                            every = Some(interval);
                            watching.get_or_insert_with(|| watchers.one_more());
                            let done = CommandResult::Done("subscribed".into());
                            send(&mut stream, &Frame::Reply(Reply { id, result: done })).await?;
                        }
                        Frame::Request(request) => {
                            let result = ask_driver(&heard, request.clone(), &snapshots).await;
                            send(&mut stream, &Frame::Reply(Reply { id: request.id, result })).await?;
                        }
                        Frame::Reply(_) | Frame::Snapshot(_) | Frame::Run(_) | Frame::Event(_) => {}
                    }
                }
            }
            () = tick(&mut every) => {
                // Whoever watches keeps the driver awake to make snapshots: a receiver's borrow marks it as seen.
                let snapshot = Box::new(PeerSnapshot::clone(&snapshots.borrow_and_update()));
                held.clone_from(&snapshot.paused_by);
                send(&mut stream, &Frame::Snapshot(snapshot)).await?;
            }
            // The last snapshot ("finished") must not be lost to the interval, nor what it was told just before it died: it is
            // held again, or not, when it comes back.
            gone = snapshots.changed(), if every.is_some() => {
                let finished = gone.is_err() || snapshots.borrow().state == twinhaul_wire::PeerState::Finished;
                if finished || snapshots.borrow().paused_by != held {
                    let snapshot = Box::new(PeerSnapshot::clone(&snapshots.borrow_and_update()));
                    held.clone_from(&snapshot.paused_by);
                    send(&mut stream, &Frame::Snapshot(snapshot)).await?;
                }
                if finished {
                    watching = None;
                }
                if gone.is_err() { return Ok(()) }
            }
        }
    }
}

async fn tick(every: &mut Option<tokio::time::Interval>) {
    match every {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

async fn ask_driver(
    heard: &mpsc::Sender<Heard>,
    request: Request,
    snapshots: &watch::Receiver<Arc<PeerSnapshot>>,
) -> CommandResult {
    if request.command == Command::Status {
        return CommandResult::Status(Box::new(PeerSnapshot::clone(&snapshots.borrow())));
    }
    let (answer, answered) = oneshot::channel();
    let ending = || CommandResult::Refused(Refusal { why: "the peer is ending".into(), next: String::new() });
    if heard.send(Heard::Request { request, answer }).await.is_err() {
        return ending();
    }
    answered.await.unwrap_or_else(|_| ending())
}
