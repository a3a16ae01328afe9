//! HTTP with patience: every request of a target passes here, is timed by what it carries, repeated when that is safe, and waits when the
//! server asked for it.
//!
//! Timeouts are inside the repeats, per request and by its size; OpenDAL's own layers, whose wrong order corrupts a writer (backends.md
//! 4), are not needed for HTTP. What makes an object visible is never repeated here after its reply was lost: the writer
//! looks first. It must never show a URL's query or a header: both carry signatures.

use std::time::Duration;

use http::header::CONTENT_DISPOSITION;
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport, Result};
use opendal_http_transport_reqwest::ReqwestTransport;

use crate::class::Class;
use crate::meter::Meter;

/// A part at this rate is slow, not stuck (backends.md 4).
const SLOWEST_BYTES_PER_S: u64 = 64 * 1024;
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(20);
/// A server that names a longer one is asked again after this.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);
const CONNECT: Duration = Duration::from_secs(10);

/// How long to wait and how often to try.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
}

impl Patience {
    /// For a request that carries `bytes`.
    pub(crate) fn of(&self, bytes: u64) -> Duration {
        self.timeout.max(Duration::from_secs(bytes / SLOWEST_BYTES_PER_S))
    }
}

/// See the module.
pub(crate) struct Transport {
    inner: ReqwestTransport,
    meter: std::sync::Arc<Meter>,
    patience: Patience,
}

impl Transport {
    /// # Errors
    /// The TLS roots of this machine could not be read.
    pub(crate) fn new(
        meter: std::sync::Arc<Meter>,
        patience: Patience,
    ) -> std::result::Result<Self, reqwest::Error> {
        // One for all rustls users of this library; a second time it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(Duration::from_mins(1))
            .tcp_nodelay(true)
            .build()?;
        Ok(Self { inner: ReqwestTransport::new(client), meter, patience })
    }

    async fn once(&self, class: Class, req: http::Request<Buffer>) -> Result<http::Response<HttpBody>> {
        let bytes = req.body().len() as u64;
        let limit = self.patience.of(bytes);
        let sent = self.meter.send(class, bytes);
        match tokio::time::timeout(limit, self.inner.fetch(req)).await {
            Ok(Ok(mut response)) => {
                without_odd_headers(response.headers_mut());
                sent.answered(response.status().as_u16() < 500 && response.status().as_u16() != 429);
                Ok(response)
            }
            Ok(Err(e)) => Err(e),
            Err(_) => {
                Err(Error::new(ErrorKind::Unexpected, format!("no answer within {} s", limit.as_secs()))
                    .with_context("timeout", limit.as_secs())
                    .set_temporary())
            }
        }
    }

    async fn wait_for_the_server(&self) {
        while let Some((left, _)) = self.meter.limited() {
            tokio::time::sleep(left).await;
        }
    }
}

impl HttpTransport for Transport {
    async fn fetch(&self, req: http::Request<Buffer>) -> Result<http::Response<HttpBody>> {
        let class = Class::of(req.method().as_str(), req.uri().query().unwrap_or_default());
        let conditional =
            req.headers().contains_key("if-none-match") || req.headers().contains_key("if-match");
        let repeatable = class.repeatable(conditional);
        let (parts, body) = req.into_parts();
        let mut tries = 0;
        loop {
            self.wait_for_the_server().await;
            let answer = self.once(class, http::Request::from_parts(parts.clone(), body.clone())).await;
            let last = tries >= self.patience.retries;
            let pause = match &answer {
                Ok(response) => match verdict(response) {
                    Verdict::SlowDown(named) => {
                        let pause = named.unwrap_or_else(|| backoff(tries)).min(RETRY_AFTER_MAX);
                        self.meter.limit(pause);
                        if !repeatable && response.status().as_u16() != 429 {
                            return answer;
                        }
                        // It was put off and has not failed; the wait is at the head of the loop.
                        None
                    }
                    Verdict::Broken if repeatable => Some(backoff(tries)),
                    Verdict::Broken | Verdict::Final => return answer,
                },
                Err(e) if repeatable || never_sent(e) => Some(backoff(tries)),
                Err(_) => return answer,
            };
            if last {
                return answer;
            }
            tries += 1;
            if let Some(pause) = pause {
                self.meter.repeated();
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Says nothing that is needed; where it holds a name beyond ASCII, as dufs sends it, OpenDAL would take it for the failure of a read.
fn without_odd_headers(headers: &mut http::HeaderMap) {
    if headers.get(CONTENT_DISPOSITION).is_some_and(|value| value.to_str().is_err()) {
        headers.remove(CONTENT_DISPOSITION);
    }
}

enum Verdict {
    Final,
    SlowDown(Option<Duration>),
    Broken,
}

fn verdict(response: &http::Response<HttpBody>) -> Verdict {
    match response.status().as_u16() {
        429 | 503 => {
            let after = response.headers().get("retry-after").and_then(|v| v.to_str().ok());
            // A date is as good as no number: back off instead of doing calendars.
            Verdict::SlowDown(after.and_then(|v| v.trim().parse().ok()).map(Duration::from_secs))
        }
        408 | 499 | 500 | 502 | 504 => Verdict::Broken,
        _ => Verdict::Final,
    }
}

/// Doubles, with a quarter of chance, so that slots do not come back together.
fn backoff(tries: u32) -> Duration {
    let base = PAUSE.saturating_mul(2u32.saturating_pow(tries)).min(PAUSE_MAX);
    base.mul_f64(0.75 + fastrand::f64() / 2.0)
}

/// No byte of the request has left: it may be sent again whatever it was.
pub(crate) fn never_sent(e: &Error) -> bool {
    cause(e).is_some_and(reqwest::Error::is_connect)
}

/// The transport's own error behind OpenDAL's.
pub(crate) fn cause(e: &Error) -> Option<&reqwest::Error> {
    let mut source = std::error::Error::source(e);
    while let Some(at) = source {
        if let Some(found) = at.downcast_ref::<reqwest::Error>() {
            return Some(found);
        }
        source = at.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_part_has_longer_than_a_small_one() {
        let patience = Patience { timeout: Duration::from_mins(1), retries: 1 };
        assert_eq!(patience.of(0), Duration::from_mins(1));
        assert_eq!(patience.of(64 << 20), Duration::from_secs(1024));
    }

    #[test]
    fn a_header_that_is_no_text_is_taken_out() {
        let mut headers = http::HeaderMap::new();
        headers.insert("etag", http::HeaderValue::from_static("x"));
        headers.insert("content-disposition", http::HeaderValue::from_bytes("a=\u{fc}".as_bytes()).unwrap());
        without_odd_headers(&mut headers);
        assert_eq!(headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["etag"]);
    }

    #[test]
    fn pauses_grow_and_end() {
        assert!(backoff(0) < Duration::from_millis(130));
        assert!(backoff(30) <= PAUSE_MAX.mul_f64(1.25));
    }
}
