//! The way out to the other peer: one connection to its control socket, made again whenever it breaks.
//!
//! What goes out here is a wake-up, never the truth (protocol.md 5): a full queue drops the oldest news, and the
//! core asks again.

use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};
use twinhaul_wire::{Envelope, Frame, Hello, LineDecoder, encode};

/// Pause before the next try to connect; the other peer may be starting.
const RETRY_MIN: Duration = Duration::from_millis(5);
/// The same after a connection that broke.
const RETRY_BROKEN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);
/// The other end's Hello must come within this.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Messages waiting for the connection; more are dropped.
pub(crate) const OUTBOX_MAX: usize = 256;

/// What the driver hears of the link.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    Up { incarnation: u64 },
    Down { why: String },
}

/// Keeps a connection to `other` and sends what comes out of `outbox`, until the outbox's sender is gone. While it is `cut`, which only a
/// demonstration does, there is none.
pub(crate) async fn keep(
    run_dir: PathBuf,
    other: String,
    hello: Hello,
    mut outbox: mpsc::Receiver<Envelope>,
    events: mpsc::Sender<LinkEvent>,
    mut cut: watch::Receiver<bool>,
) {
    let mut pause = RETRY_MIN;
    loop {
        if !comes_to_be(&mut cut, false).await {
            return;
        }
        match connect(&run_dir, &other, &hello).await {
            Ok((stream, incarnation)) => {
                pause = RETRY_BROKEN;
                // What queued up while the link was down is older than the Hello: let the core send it afresh.
                while outbox.try_recv().is_ok() {}
                if events.send(LinkEvent::Up { incarnation }).await.is_err() {
                    return;
                }
                let why = match carry(stream, &mut outbox, &mut cut).await {
                    Ended::NoMoreToSend => return,
                    Ended::Broken(why) => why,
                };
                if events.send(LinkEvent::Down { why }).await.is_err() {
                    return;
                }
            }
            Err(_) if outbox.is_closed() => return,
            Err(_) => pause = (pause * 2).min(RETRY_MAX),
        }
        tokio::time::sleep(pause).await;
    }
}

/// Waits until it is so; false when nobody can say so any more.
async fn comes_to_be(cut: &mut watch::Receiver<bool>, wanted: bool) -> bool {
    cut.wait_for(|is_cut| *is_cut == wanted).await.is_ok()
}

enum Ended {
    NoMoreToSend,
    Broken(String),
}

async fn connect(
    run_dir: &std::path::Path,
    other: &str,
    hello: &Hello,
) -> std::io::Result<(UnixStream, u64)> {
    let reach = twinhaul_control_socket::reach(run_dir, other).map_err(std::io::Error::other)?;
    let mut stream = UnixStream::connect(reach.path()).await?;
    twinhaul_control_socket::check_uid(&stream).map_err(std::io::Error::other)?;
    let line = encode(&Frame::Hello(hello.clone())).map_err(std::io::Error::other)?;
    stream.write_all(&line).await?;
    let theirs = tokio::time::timeout(HELLO_TIMEOUT, read_hello(&mut stream)).await??;
    Ok((stream, theirs.incarnation))
}

async fn read_hello(stream: &mut UnixStream) -> std::io::Result<Hello> {
    let mut decoder = LineDecoder::default();
    let mut chunk = [0u8; 4096];
    loop {
        let n = stream.read(&mut chunk).await?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        decoder.push(&chunk[..n]).map_err(std::io::Error::other)?;
        if let Some(frame) = decoder.next_frame() {
            return match frame.map_err(std::io::Error::other)? {
                Frame::Hello(hello) => Ok(hello),
                _ => Err(std::io::Error::other("the first line is not a hello")),
            };
        }
    }
}

async fn carry(
    mut stream: UnixStream,
    outbox: &mut mpsc::Receiver<Envelope>,
    cut: &mut watch::Receiver<bool>,
) -> Ended {
    let mut sink = [0u8; 256];
    loop {
        tokio::select! {
            message = outbox.recv() => {
                let Some(message) = message else { return Ended::NoMoreToSend };
                let Ok(line) = encode(&Frame::Message(message)) else { continue };
                if let Err(e) = stream.write_all(&line).await {
                    return Ended::Broken(e.to_string());
                }
            }
            true = comes_to_be(cut, true) => return Ended::Broken("cut on purpose".into()),
            // Nothing is expected on this direction; its end says that the other process is gone.
            read = stream.read(&mut sink) => match read {
                Ok(0) => return Ended::Broken("the other peer closed the connection".into()),
                Ok(_) => {}
                Err(e) => return Ended::Broken(e.to_string()),
            }
        }
    }
}
