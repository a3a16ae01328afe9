//! A small blocking client for verbs: connect to a peer or to the supervisor, ask, get the answer or learn why not.
//!
//! Every wait has a limit and every failure says who did not answer. Entry point: [`Client::connect`].

use crate::{
    SupervisorError,
    socket::{self, seconds, who},
};
use std::{
    collections::VecDeque,
    io::{ErrorKind, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};
use twinhaul_wire::{
    Command, CommandResult, Frame, Hello, LineDecoder, PROTO, Request, Role, RunSnapshot, encode,
};

/// How long an answer is waited for.
pub const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Frames that arrived while an answer was waited for; the oldest go first.
pub const FRAMES_KEPT_MAX: usize = 256;
const READ_BYTES: usize = 16 * 1024;

/// A connection to one peer or to the supervisor of a run.
#[derive(Debug)]
pub struct Client {
    who: String,
    stream: UnixStream,
    decoder: LineDecoder,
    hello: Hello,
    next_id: u64,
    kept: VecDeque<Frame>,
    answer_within: Duration,
    by: String,
}

impl Client {
    /// Connects as a verb to `name` ("alpha", "supervisor") of the run in `run_dir` and exchanges Hello.
    ///
    /// # Errors
    /// Unreachable (nothing runs there), no answer within [`ANSWER_MAX`], or another protocol: exit code 12.
    pub fn connect(run_dir: &Path, name: &str) -> Result<Self, SupervisorError> {
        Self::connect_as(run_dir, name, Role::Verb, ANSWER_MAX)
    }

    /// As [`Self::connect`], with a role (it becomes the `by` of requests: "verb", "console") and a limit for each answer.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_as(
        run_dir: &Path,
        name: &str,
        role: Role,
        answer_within: Duration,
    ) -> Result<Self, SupervisorError> {
        let stream = socket::connect(run_dir, name, answer_within)?;
        let mine = Hello {
            proto: PROTO,
            version: env!("CARGO_PKG_VERSION").into(),
            run: run_dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
            role,
            peer: None,
            incarnation: 0,
            pid: std::process::id(),
        };
        let by = if role == Role::Console { "console" } else { "verb" };
        let mut client = Self {
            who: who(name),
            stream,
            decoder: LineDecoder::default(),
            hello: mine.clone(),
            next_id: 1,
            kept: VecDeque::new(),
            answer_within,
            by: by.into(),
        };
        let deadline = Instant::now() + answer_within;
        client.send(&Frame::Hello(mine))?;
        match client.frame_until(deadline)? {
            Some(Frame::Hello(theirs)) => client.hello = theirs,
            Some(_) => return Err(client.garbled("its first line is not a hello")),
            None => return Err(client.no_answer()),
        }
        Ok(client)
    }

    /// The `by` of its requests from now on.
    pub fn call_it(&mut self, by: &str) {
        by.clone_into(&mut self.by);
    }

    /// What the other end said of itself: run, role, pid, incarnation.
    pub const fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Gives a command and waits for its reply.
    ///
    /// # Errors
    /// No answer in time, or the other end hung up: exit code 12. A refusal is not an error but a result.
    pub fn request(&mut self, command: Command) -> Result<CommandResult, SupervisorError> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&Frame::Request(Request { id, by: self.by.clone(), command }))?;
        let deadline = Instant::now() + self.answer_within;
        loop {
            match self.frame_until(deadline)? {
                Some(Frame::Reply(reply)) if reply.id == id => return Ok(reply.result),
                Some(Frame::Reply(_)) => {}
                Some(frame) => self.keep(frame),
                None => return Err(self.no_answer()),
            }
        }
    }

    /// The state of the run, from its supervisor.
    ///
    /// # Errors
    /// As [`Self::request`]; also when this is not a supervisor.
    pub fn run_snapshot(&mut self) -> Result<RunSnapshot, SupervisorError> {
        self.kept.retain(|f| !matches!(f, Frame::Run(_)));
        self.request(Command::Status)?;
        let newest = self.kept.iter().rposition(|f| matches!(f, Frame::Run(_)));
        match newest.and_then(|i| self.kept.remove(i)) {
            Some(Frame::Run(run)) => Ok(*run),
            _ => Err(self.garbled("it answered without the state of the run")),
        }
    }

    /// The next frame of a subscription, in order; `None` when nothing came within `within`.
    ///
    /// # Errors
    /// When the other end hung up or speaks garbage: exit code 12.
    pub fn next_frame(&mut self, within: Duration) -> Result<Option<Frame>, SupervisorError> {
        match self.kept.pop_front() {
            Some(frame) => Ok(Some(frame)),
            None => self.frame_until(Instant::now() + within),
        }
    }

    fn keep(&mut self, frame: Frame) {
        if self.kept.len() >= FRAMES_KEPT_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(frame);
    }

    fn send(&mut self, frame: &Frame) -> Result<(), SupervisorError> {
        let line = encode(frame).map_err(|e| self.garbled(&e.to_string()))?;
        let limit = Some(self.answer_within.max(Duration::from_millis(1)));
        let sent = self.stream.set_write_timeout(limit).and_then(|()| self.stream.write_all(&line));
        sent.map_err(|e| match e.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.no_answer(),
            _ => self.lost(&e),
        })
    }

    fn frame_until(&mut self, deadline: Instant) -> Result<Option<Frame>, SupervisorError> {
        let mut bytes = [0; READ_BYTES];
        loop {
            if let Some(frame) = self.decoder.next_frame() {
                return frame.map(Some).map_err(|e| self.garbled(&e.to_string()));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let read = self.stream.set_read_timeout(Some(left)).and_then(|()| self.stream.read(&mut bytes));
            match read {
                Ok(0) => return Err(self.unreachable("it hung up")),
                Ok(n) => self.decoder.push(&bytes[..n]).map_err(|e| self.garbled(&e.to_string()))?,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(None),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.lost(&e)),
            }
        }
    }

    fn lost(&self, error: &std::io::Error) -> SupervisorError {
        match error.kind() {
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => self.unreachable("it hung up"),
            _ => self.unreachable(&error.to_string()),
        }
    }

    fn garbled(&self, why: &str) -> SupervisorError {
        SupervisorError::Garbled { who: self.who.clone(), why: why.into() }
    }

    fn unreachable(&self, why: &str) -> SupervisorError {
        SupervisorError::Unreachable { who: self.who.clone(), why: why.into() }
    }

    fn no_answer(&self) -> SupervisorError {
        SupervisorError::NoAnswer { who: self.who.clone(), within: seconds(self.answer_within) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::fs::PermissionsExt as _, thread};

    fn private() -> tempfile::TempDir {
        tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap()
    }

    fn hello(proto: u32) -> Frame {
        Frame::Hello(Hello {
            proto,
            version: "1".into(),
            run: "r".into(),
            role: Role::Peer,
            peer: Some("beta".into()),
            incarnation: 3,
            pid: 1,
        })
    }

    /// Accepts once, says `frames`, and stays connected until the client leaves.
    fn serve(dir: &Path, frames: Vec<Frame>) -> thread::JoinHandle<()> {
        let listener = socket::bind(dir, "beta").unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for frame in frames {
                stream.write_all(&encode(&frame).unwrap()).unwrap();
            }
            let mut bytes = [0; 512];
            while stream.read(&mut bytes).is_ok_and(|n| n > 0) {}
        })
    }

    #[test]
    fn nobody_there_is_code_12() {
        let dir = private();
        let error = Client::connect(dir.path(), "beta").unwrap_err();
        assert_eq!(error.exit_code(), 12);
        assert_eq!(error.to_string(), "reach peer beta: it does not run");
    }

    #[test]
    fn silence_is_named() {
        let dir = private();
        let server = serve(dir.path(), vec![hello(PROTO)]);
        let mut client =
            Client::connect_as(dir.path(), "beta", Role::Verb, Duration::from_millis(200)).unwrap();
        assert_eq!(client.hello().incarnation, 3);
        let error = client.request(Command::Pause).unwrap_err();
        assert!(error.to_string().ends_with("peer beta did not answer in 0.2 s"), "{error}");
        drop(client);
        server.join().unwrap();
    }

    #[test]
    fn frames_before_the_reply_are_kept_in_order() {
        let dir = private();
        let reply =
            Frame::Reply(twinhaul_wire::Reply { id: 1, result: CommandResult::Done("paused".into()) });
        let run = |pid| Frame::Run(Box::new(RunSnapshot { pid, ..RunSnapshot::default() }));
        let server = serve(dir.path(), vec![hello(PROTO), run(1), run(2), reply]);
        let mut client = Client::connect(dir.path(), "beta").unwrap();
        assert_eq!(client.request(Command::Pause).unwrap(), CommandResult::Done("paused".into()));
        assert_eq!(client.next_frame(Duration::ZERO).unwrap(), Some(run(1)));
        assert_eq!(client.next_frame(Duration::ZERO).unwrap(), Some(run(2)));
        assert_eq!(client.next_frame(Duration::ZERO).unwrap(), None);
        drop(client);
        server.join().unwrap();
    }

    #[test]
    fn another_protocol_is_said() {
        let dir = private();
        let server = serve(dir.path(), vec![hello(PROTO + 1)]);
        let error = Client::connect(dir.path(), "beta").unwrap_err();
        assert!(error.to_string().contains("speaks protocol 2"), "{error}");
        server.join().unwrap();
    }
}
