//! Connections and requests, each with its bound; the weather comes before the store.

use crate::sky::{Sky, Spell};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::service::S3Service;
use s3s::{Body, HttpError};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Connections at a time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 256;
/// A head that takes longer, or a connection that says nothing for so long, is closed.
const HEAD_MAX: Duration = Duration::from_mins(5);
/// Bytes of a head.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// From head to answer.
const REQUEST_MAX: Duration = Duration::from_mins(10);
/// What is read of a request that is not served, so that its client hears why; then the connection ends.
const UNSERVED_BYTES_MAX: u64 = 64 << 20;
/// Accepting fails where the process has no descriptors left: again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves until it is dropped; `listens` is called when somebody may come.
pub(crate) async fn serve(
    listener: TcpListener,
    service: S3Service,
    sky: Sky,
    listens: impl FnOnce() -> std::io::Result<()>,
) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (places, sky) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), Arc::new(sky));
    listens()?;
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        let (service, sky) = (service.clone(), Arc::clone(&sky));
        tokio::spawn(async move {
            // A client that goes away is no failure of the store.
            let _ = connection(stream, service, sky).await;
            drop(place);
        });
    }
    Ok(())
}

async fn connection(stream: TcpStream, service: S3Service, sky: Arc<Sky>) -> hyper::Result<()> {
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request: Request<Incoming>| {
        let (service, sky) = (service.clone(), Arc::clone(&sky));
        async move {
            let answered = tokio::time::timeout(REQUEST_MAX, answer(&service, &sky, request)).await;
            answered.unwrap_or_else(|late| Err(HttpError::new(late.into())))
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), answer)
        .await
}

async fn answer(
    service: &S3Service,
    sky: &Sky,
    request: Request<Incoming>,
) -> Result<Response<Body>, HttpError> {
    match sky.now() {
        Spell::Storm { status, retry_after_s } => {
            let is_read = read_away(request.into_body()).await;
            let mut refused = slow_down(status, retry_after_s).map_err(|e| HttpError::new(e.into()))?;
            if !is_read {
                refused.headers_mut().insert("connection", http::HeaderValue::from_static("close"));
            }
            Ok(refused)
        }
        Spell::Fair { delay } => {
            tokio::time::sleep(delay).await;
            service.call(request.map(Body::from)).await
        }
    }
}

/// Whether all of it came and was not too much: who is answered in the middle of sending may never read the answer.
async fn read_away(mut body: Incoming) -> bool {
    let mut left = UNSERVED_BYTES_MAX;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        let Some(less) = left.checked_sub(bytes) else { return false };
        left = less;
    }
    true
}

fn slow_down(status: StatusCode, retry_after_s: u32) -> http::Result<Response<Body>> {
    const WORDS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
        <Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>";
    Response::builder()
        .status(status)
        .header(RETRY_AFTER, retry_after_s)
        .header(CONTENT_TYPE, "application/xml")
        .body(Body::from(WORDS.to_owned()))
}
