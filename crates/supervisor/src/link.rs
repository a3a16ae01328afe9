//! The supervisor's connection to one peer: says hello, subscribes, passes on what it hears, forwards commands.
//!
//! It connects again for as long as it exists. A peer is ready when its socket has answered hello. Entry point:
//! [`Link::open`]; dropping it hangs up.

use crate::{run::Input, socket};
use std::{collections::HashMap, io::ErrorKind, path::PathBuf, time::Duration};
use tokio::{
    io::AsyncWriteExt as _,
    net::UnixStream,
    sync::{mpsc, oneshot},
    task::AbortHandle,
    time::{sleep, timeout},
};
use twinhaul_wire::{
    Command, CommandResult, Event, Frame, Hello, LineDecoder, PeerSnapshot, Request, encode,
};

/// Between two attempts to connect: soon, for a peer that starts, then less often.
const RETRY_MIN: Duration = Duration::from_millis(5);
const RETRY_MAX: Duration = Duration::from_millis(100);
/// From the connection until hello, and for a line to be taken.
const HELLO_MAX: Duration = Duration::from_secs(5);
/// How often the peer is to send its state.
const EVERY_MS: u64 = 250;
/// Commands on their way to one peer.
const FORWARDS_MAX: usize = 16;
const READ_BYTES: usize = 16 * 1024;

/// What a link has to tell.
#[derive(Debug)]
pub(crate) enum News {
    Up,
    Snapshot(Box<PeerSnapshot>),
    Event(Event),
    Down(String),
}

struct Forward {
    by: String,
    command: Command,
    answer: oneshot::Sender<CommandResult>,
}

/// Where a link leads and whom it tells.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) run_dir: PathBuf,
    pub(crate) peer: String,
    pub(crate) seat: usize,
    pub(crate) life: u64,
    pub(crate) hello: Hello,
}

/// An open link.
#[derive(Debug)]
pub(crate) struct Link {
    forwards: mpsc::Sender<Forward>,
    task: AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    pub(crate) fn open(route: Route, inputs: mpsc::Sender<Input>) -> Self {
        let (forwards, todo) = mpsc::channel(FORWARDS_MAX);
        let task = tokio::spawn(keep(route, todo, inputs)).abort_handle();
        Self { forwards, task }
    }

    /// Sends a command; the answer comes through the receiver, which ends without one when the peer hangs up.
    /// `None`: too many are on their way already.
    pub(crate) fn request(&self, by: &str, command: Command) -> Option<oneshot::Receiver<CommandResult>> {
        let (answer, receiver) = oneshot::channel();
        self.forwards.try_send(Forward { by: by.into(), command, answer }).ok().map(|()| receiver)
    }
}

async fn keep(route: Route, mut todo: mpsc::Receiver<Forward>, inputs: mpsc::Sender<Input>) {
    let mut pause = RETRY_MIN;
    loop {
        let mut up = false;
        let why = session(&route, &mut todo, &inputs, &mut up).await;
        if up && !tell(&route, &inputs, News::Down(why)).await {
            return;
        }
        // A peer that took the connection and hangs up is not asked in a hurry.
        pause = if up { RETRY_MAX } else { (pause * 2).min(RETRY_MAX) };
        sleep(pause).await;
    }
}

async fn tell(route: &Route, inputs: &mpsc::Sender<Input>, news: News) -> bool {
    inputs.send(Input::Link { seat: route.seat, life: route.life, news }).await.is_ok()
}

/// One connection, from connect to its end; returns why it ended.
async fn session(
    route: &Route,
    todo: &mut mpsc::Receiver<Forward>,
    inputs: &mpsc::Sender<Input>,
    up: &mut bool,
) -> String {
    match greet(route).await {
        Ok((stream, decoder)) => {
            *up = true;
            if !tell(route, inputs, News::Up).await {
                return "the supervisor ends".into();
            }
            talk(route, stream, decoder, todo, inputs).await
        }
        Err(why) => why,
    }
}

async fn greet(route: &Route) -> Result<(UnixStream, LineDecoder), String> {
    let reach = socket::reach(&route.run_dir, &route.peer).map_err(|e| e.to_string())?;
    let mut stream = UnixStream::connect(reach.path()).await.map_err(|e| e.to_string())?;
    socket::check_uid(&stream)?;
    let subscribe =
        Request { id: 0, by: "supervisor".into(), command: Command::Subscribe { every_ms: EVERY_MS } };
    let mut decoder = LineDecoder::default();
    let hello = timeout(HELLO_MAX, async {
        write(&mut stream, &Frame::Hello(route.hello.clone())).await?;
        let Frame::Hello(hello) = next(&stream, &mut decoder).await? else {
            return Err("its first line is not a hello".to_owned());
        };
        if hello.run != route.hello.run {
            return Err(format!("it belongs to the run {}", twinhaul_units::text::show(&hello.run)));
        }
        write(&mut stream, &Frame::Request(subscribe)).await
    });
    hello.await.map_err(|_| format!("no hello in {}", socket::seconds(HELLO_MAX)))??;
    Ok((stream, decoder))
}

async fn talk(
    route: &Route,
    mut stream: UnixStream,
    mut decoder: LineDecoder,
    todo: &mut mpsc::Receiver<Forward>,
    inputs: &mpsc::Sender<Input>,
) -> String {
    let mut pending: HashMap<u64, oneshot::Sender<CommandResult>> = HashMap::new();
    let mut next_id = 1;
    loop {
        let frame = tokio::select! {
            frame = next(&stream, &mut decoder) => match frame {
                Ok(frame) => frame,
                Err(why) => return why,
            },
            Some(Forward { by, command, answer }) = todo.recv() => {
                // Answers that nobody waits for any more make room.
                pending.retain(|_, answer| !answer.is_closed());
                if pending.len() < FORWARDS_MAX {
                    pending.insert(next_id, answer);
                    let request = Frame::Request(Request { id: next_id, by, command });
                    next_id += 1;
                    match timeout(HELLO_MAX, write(&mut stream, &request)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(why)) => return why,
                        Err(_) => return format!("it read nothing for {}", socket::seconds(HELLO_MAX)),
                    }
                }
                continue;
            }
        };
        let news = match frame {
            Frame::Snapshot(snapshot) => News::Snapshot(snapshot),
            Frame::Event(event) => News::Event(event),
            Frame::Reply(reply) => {
                if let Some(answer) = pending.remove(&reply.id) {
                    let _ = answer.send(reply.result);
                }
                continue;
            }
            Frame::Hello(_) | Frame::Request(_) | Frame::Run(_) | Frame::Message(_) => continue,
        };
        if !tell(route, inputs, news).await {
            return "the supervisor ends".into();
        }
    }
}

/// The next frame. Cancel-safe: what was read stays in the decoder.
pub(crate) async fn next(stream: &UnixStream, decoder: &mut LineDecoder) -> Result<Frame, String> {
    loop {
        if let Some(frame) = decoder.next_frame() {
            return frame.map_err(|e| e.to_string());
        }
        stream.readable().await.map_err(|e| e.to_string())?;
        take(stream, decoder)?;
    }
}

/// Moves what has arrived into the decoder.
fn take(stream: &UnixStream, decoder: &mut LineDecoder) -> Result<(), String> {
    let mut bytes = [0; READ_BYTES];
    match stream.try_read(&mut bytes) {
        Ok(0) => Err("it hung up".into()),
        Ok(n) => decoder.push(&bytes[..n]).map_err(|e| e.to_string()),
        Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(()),
        Err(e) => Err(e.to_string()),
    }
}

pub(crate) async fn write(stream: &mut UnixStream, frame: &Frame) -> Result<(), String> {
    let line = encode(frame).map_err(|e| e.to_string())?;
    stream.write_all(&line).await.map_err(|e| e.to_string())
}
