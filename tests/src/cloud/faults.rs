//! A server that misbehaves: a proxy before a good one, with faults for the requests that a rule names.
//!
//! Each connection has a thread; each request is read whole, passed on, and answered whole, so that a fault is exact: before the
//! good server has seen it, or after it has done it. It counts what it spoiled, so that a test can say that its fault happened.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

const HEAD_MAX: usize = 64 * 1024;
const BODY_MAX: u64 = 1 << 30;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Done by the server; the connection ends before the reply.
    DropReply,
    /// Not done; 503, and come again after so many seconds.
    SlowDown(u32),
    /// Done after so long.
    Slow(Duration),
    /// The server never sees `If-None-Match`: it overwrites.
    IgnoreConditions,
    /// The body of the reply ends after so many bytes, with the connection.
    Truncate(usize),
    /// The connection ends after so many bytes of the request's body; not done.
    Reset(u64),
    /// Not done; this status, with this code in the body.
    Refuse(u16, &'static str),
}

/// Which requests, and how many of them.
#[derive(Debug)]
pub struct Rule {
    pub method: &'static str,
    /// In path or query; empty: any.
    pub has: &'static str,
    pub fault: Fault,
    left: AtomicU32,
    hits: AtomicU32,
}

impl Rule {
    pub fn new(method: &'static str, has: &'static str, fault: Fault, times: u32) -> Self {
        Self { method, has, fault, left: AtomicU32::new(times), hits: AtomicU32::new(0) }
    }

    fn takes(&self, method: &str, target: &str) -> bool {
        if method != self.method || !target.contains(self.has) {
            return false;
        }
        let took = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
        if took {
            self.hits.fetch_add(1, Ordering::SeqCst);
        }
        took
    }
}

/// See the module.
#[derive(Debug)]
pub struct Proxy {
    pub address: SocketAddr,
    rules: Arc<Vec<Rule>>,
    stop: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    pub fn start(upstream: SocketAddr, rules: Vec<Rule>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("its number");
        let (rules, stop) = (Arc::new(rules), Arc::new(AtomicBool::new(false)));
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let (all, ending, kept) = (rules.clone(), stop.clone(), open.clone());
        let listening = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ending.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(copy) = stream.try_clone() {
                    kept.lock().expect("streams").push(copy);
                }
                let rules = all.clone();
                std::thread::spawn(move || {
                    // A client that goes away is no failure of the proxy.
                    let _ = serve(stream, upstream, &rules);
                });
            }
        });
        Self { address, rules, stop, listening: Some(listening), open }
    }

    /// How often a rule was used, by its place.
    pub fn hits(&self, rule: usize) -> u32 {
        self.rules[rule].hits.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        for stream in self.open.lock().expect("streams").iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

/// Head as it came, and what it says.
struct Head {
    lines: Vec<String>,
    length: Option<u64>,
    chunked: bool,
}

impl Head {
    fn read(from: &mut BufReader<TcpStream>) -> std::io::Result<Option<Self>> {
        let (mut lines, mut size) = (Vec::new(), 0);
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            size += line.len();
            let line = line.trim_end().to_owned();
            if line.is_empty() || size > HEAD_MAX {
                break;
            }
            lines.push(line);
        }
        let field = |name: &str| {
            lines.iter().find_map(|l| {
                let (field, value) = l.split_once(':')?;
                field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let length = field("content-length").and_then(|v| v.parse().ok());
        let chunked = field("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"));
        Ok(Some(Self { lines, length, chunked }))
    }

    fn without(&self, names: &[&str]) -> String {
        let keep = |l: &&String| {
            let field = l.split(':').next().unwrap_or_default();
            !names.iter().any(|n| field.eq_ignore_ascii_case(n))
        };
        self.lines.iter().filter(keep).flat_map(|l| [l.as_str(), "\r\n"]).collect()
    }
}

fn serve(client: TcpStream, upstream: SocketAddr, rules: &[Rule]) -> std::io::Result<()> {
    let mut answer = client.try_clone()?;
    let mut from = BufReader::new(client);
    while let Some(head) = Head::read(&mut from)? {
        let mut words = head.lines.first().map(String::as_str).unwrap_or_default().split(' ');
        let (method, target) =
            (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
        let fault = rules.iter().find(|r| r.takes(&method, &target)).map(|r| r.fault);
        let length = head.length.unwrap_or(0).min(BODY_MAX);
        if let Some(Fault::Reset(after)) = fault {
            std::io::copy(&mut from.by_ref().take(after.min(length)), &mut std::io::sink())?;
            return answer.shutdown(Shutdown::Both);
        }
        let mut body = Vec::new();
        from.by_ref().take(length).read_to_end(&mut body)?;
        match fault {
            Some(Fault::SlowDown(seconds)) => {
                let text = "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>";
                let more = format!("Retry-After: {seconds}\r\n");
                reply(&mut answer, 503, &more, text.as_bytes(), &method)?;
                continue;
            }
            Some(Fault::Refuse(status, code)) => {
                let text = format!("<Error><Code>{code}</Code><Message>as told</Message></Error>");
                reply(&mut answer, status, "", text.as_bytes(), &method)?;
                continue;
            }
            Some(Fault::Slow(pause)) => std::thread::sleep(pause),
            _ => {}
        }
        let drop_fields: &[&str] = match fault {
            Some(Fault::IgnoreConditions) => &["connection", "if-none-match"],
            _ => &["connection"],
        };
        let (head, body) = pass_on(upstream, &head.without(drop_fields), &body, method == "HEAD")?;
        match fault {
            Some(Fault::DropReply) => return answer.shutdown(Shutdown::Both),
            Some(Fault::Truncate(n)) if body.len() > n => {
                answer.write_all(head.as_bytes())?;
                answer.write_all(&body[..n])?;
                return answer.shutdown(Shutdown::Both);
            }
            _ => {
                answer.write_all(head.as_bytes())?;
                answer.write_all(&body)?;
            }
        }
    }
    Ok(())
}

fn reply(to: &mut TcpStream, status: u16, more: &str, body: &[u8], method: &str) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status} Fault\r\n{more}Content-Length: {}\r\n\r\n", body.len());
    to.write_all(head.as_bytes())?;
    if method == "HEAD" { Ok(()) } else { to.write_all(body) }
}

/// The head of the good server's reply, ready to be sent, and its body.
fn pass_on(
    upstream: SocketAddr,
    head: &str,
    body: &[u8],
    headless: bool,
) -> std::io::Result<(String, Vec<u8>)> {
    let mut to = TcpStream::connect(upstream)?;
    to.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    to.write_all(body)?;
    let mut from = BufReader::new(to);
    let nothing = || std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "no reply");
    let reply = Head::read(&mut from)?.ok_or_else(nothing)?;
    let mut body = Vec::new();
    if headless {
        return Ok((format!("{}\r\n", reply.without(&["connection"])), body));
    }
    match reply.length {
        Some(length) => {
            from.take(length).read_to_end(&mut body)?;
        }
        None => {
            from.read_to_end(&mut body)?;
        }
    }
    assert!(!reply.chunked, "the good server's replies have a length");
    let head =
        format!("{}Content-Length: {}\r\n\r\n", reply.without(&["connection", "content-length"]), body.len());
    Ok((head, body))
}
