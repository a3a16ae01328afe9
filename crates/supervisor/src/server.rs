//! `supervisor.sock`: consoles and verbs ask here about the run as a whole, and subscribe to its state.
//!
//! Few connections, short lines, checked users (threats 1, 5); a client that does not read is cut off rather than waited for.
//! It decides nothing: every request goes to the loop, which answers. Entry point: [`Server::open`].

use crate::{link, run::Input, socket};
use std::{os::unix::net::UnixListener as StdListener, sync::Arc, time::Duration};
use tokio::{
    io::AsyncWriteExt as _,
    net::{UnixListener, UnixStream},
    sync::{Semaphore, broadcast, mpsc, oneshot},
    task::AbortHandle,
    time::{Instant, sleep, sleep_until, timeout},
};
use twinhaul_wire::{Command, Frame, Hello, LineDecoder, Request, encode};

/// Consoles and verbs at one time.
pub(crate) const CONNECTIONS_MAX: usize = 16;
/// Frames that a subscriber may be behind before it is cut off.
const BEHIND_MAX: usize = 256;
/// Between two requests of a client that has not subscribed.
const SILENT_MAX: Duration = Duration::from_mins(1);
/// From the connection until hello.
const HELLO_MAX: Duration = Duration::from_secs(5);
/// For a client to take what is written to it.
const WRITE_MAX: Duration = Duration::from_secs(5);
/// After a failed accept (no descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A request, and where its frames go.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) request: Request,
    pub(crate) answer: oneshot::Sender<Vec<Frame>>,
}

type Line = Arc<Vec<u8>>;

/// The open socket.
#[derive(Debug)]
pub(crate) struct Server {
    hub: broadcast::Sender<Line>,
    places: Arc<Semaphore>,
    task: AbortHandle,
}

#[derive(Clone)]
struct Shared {
    hello: Hello,
    answer_max: Duration,
    inputs: mpsc::Sender<Input>,
}

impl Server {
    /// Accepts on `listener`; each request becomes an [`Input::Ask`].
    pub(crate) fn open(
        listener: StdListener,
        hello: Hello,
        answer_max: Duration,
        inputs: mpsc::Sender<Input>,
    ) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        let (hub, _) = broadcast::channel(BEHIND_MAX);
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let shared = Shared { hello, answer_max, inputs };
        let task =
            tokio::spawn(accept(listener, shared, hub.downgrade(), Arc::clone(&places))).abort_handle();
        Ok(Self { hub, places, task })
    }

    /// To all subscribers.
    pub(crate) fn publish(&self, frame: &Frame) {
        if let Ok(line) = encode(frame) {
            // No subscriber is no error.
            let _ = self.hub.send(Arc::new(line));
        }
    }

    /// Takes no new client, and gives those that are here `within` to take what was published.
    pub(crate) async fn close(self, within: Duration) {
        self.task.abort();
        drop(self.hub);
        let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
        let _ = timeout(within, self.places.acquire_many(all)).await;
    }
}

async fn accept(
    listener: UnixListener,
    shared: Shared,
    hub: broadcast::WeakSender<Line>,
    places: Arc<Semaphore>,
) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "could not accept");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Err(why) = socket::check_uid(&stream) {
            tracing::warn!(why, "a connection was closed");
            continue;
        }
        // A full house: closed at once, and the client says that the supervisor hung up.
        let (Ok(place), Some(hub)) = (Arc::clone(&places).try_acquire_owned(), hub.upgrade()) else {
            continue;
        };
        let lines = hub.subscribe();
        let shared = shared.clone();
        tokio::spawn(async move {
            if let Err(why) = serve(stream, lines, shared).await {
                tracing::debug!(why, "a connection ended");
            }
            drop(place);
        });
    }
}

async fn serve(
    mut stream: UnixStream,
    mut lines: broadcast::Receiver<Line>,
    shared: Shared,
) -> Result<(), String> {
    let mut decoder = LineDecoder::default();
    send(&mut stream, &Frame::Hello(shared.hello.clone())).await?;
    let hello = timeout(HELLO_MAX, link::next(&stream, &mut decoder)).await.map_err(|_| "no hello")??;
    match hello {
        Frame::Hello(hello) if hello.run.is_empty() || hello.run == shared.hello.run => {}
        Frame::Hello(_) => return Err("it asks for another run".into()),
        _ => return Err("its first line is not a hello".into()),
    }
    let mut subscribed = false;
    let mut silent_until = Instant::now() + SILENT_MAX;
    loop {
        tokio::select! {
            frame = link::next(&stream, &mut decoder) => match frame? {
                Frame::Request(request) => {
                    silent_until = Instant::now() + SILENT_MAX;
                    subscribed |= matches!(request.command, Command::Subscribe { .. });
                    for frame in ask(request, &shared).await? {
                        send(&mut stream, &frame).await?;
                    }
                }
                _ => return Err("it sends what is not a request".into()),
            },
            line = lines.recv() => match line {
                Ok(line) if subscribed => write(&mut stream, &line).await?,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
                Err(broadcast::error::RecvError::Lagged(_)) if !subscribed => {}
                Err(broadcast::error::RecvError::Lagged(n)) => return Err(format!("it is {n} frames behind")),
            },
            () = sleep_until(silent_until), if !subscribed => return Err("it asks nothing".into()),
        }
    }
}

async fn ask(request: Request, shared: &Shared) -> Result<Vec<Frame>, String> {
    let (answer, frames) = oneshot::channel();
    shared.inputs.send(Input::Ask(Ask { request, answer })).await.map_err(|_| "the supervisor ends")?;
    // Forwarded commands have their own limit; this one is for a loop that is gone.
    let frames = timeout(shared.answer_max * 2, frames).await.map_err(|_| "no answer")?;
    frames.map_err(|_| "the supervisor ends".into())
}

async fn send(stream: &mut UnixStream, frame: &Frame) -> Result<(), String> {
    write(stream, &encode(frame).map_err(|e| e.to_string())?).await
}

async fn write(stream: &mut UnixStream, line: &[u8]) -> Result<(), String> {
    match timeout(WRITE_MAX, stream.write_all(line)).await {
        Ok(written) => written.map_err(|e| e.to_string()),
        Err(_) => Err(format!("it read nothing for {}", socket::seconds(WRITE_MAX))),
    }
}
