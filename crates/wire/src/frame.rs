//! Frames, their limits, and how lines become frames.

use crate::{Envelope, Event, PeerSnapshot, Request, RunSnapshot, command::Reply};
use serde::{Deserialize, Serialize};

/// The protocol's number; ends that differ refuse each other and say so.
pub const PROTO: u32 = 1;

/// Longest line, in bytes, before it is read whole: a hostile or broken end cannot make this one allocate more.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;

/// One line on a control socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    Hello(Hello),
    Request(Request),
    Reply(Reply),
    /// A peer's state; at most ten a second.
    Snapshot(Box<PeerSnapshot>),
    /// The supervisor's state of the run.
    Run(Box<RunSnapshot>),
    Event(Event),
    /// Between the two peers.
    Message(Envelope),
}

/// The first line in each direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub proto: u32,
    pub version: String,
    pub run: String,
    pub role: Role,
    /// The peer's name, when `role` is `peer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    #[serde(default)]
    pub incarnation: u64,
    #[serde(default)]
    pub pid: u32,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Peer,
    Supervisor,
    Console,
    /// A verb such as `twinhaul pause`.
    Verb,
}

/// Why a line was refused.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("a line is longer than {FRAME_BYTES_MAX} bytes")]
    TooLong,
    #[error("a line is not a frame: {0}")]
    NotAFrame(#[from] serde_json::Error),
    #[error("the other end speaks protocol {theirs}, this one {PROTO}; use the same twinhaul on both ends")]
    Protocol { theirs: u32 },
}

/// `frame` as one line, newline included.
///
/// # Errors
/// When the line would be longer than [`FRAME_BYTES_MAX`].
pub fn encode(frame: &Frame) -> Result<Vec<u8>, WireError> {
    let mut line = serde_json::to_vec(frame)?;
    line.push(b'\n');
    if line.len() > FRAME_BYTES_MAX { Err(WireError::TooLong) } else { Ok(line) }
}

/// One line, with or without its newline, as a frame.
///
/// # Errors
/// When it is too long, not JSON, or not a frame of this protocol.
pub fn decode(line: &[u8]) -> Result<Frame, WireError> {
    if line.len() > FRAME_BYTES_MAX {
        return Err(WireError::TooLong);
    }
    let frame: Frame = serde_json::from_slice(line)?;
    match frame {
        Frame::Hello(Hello { proto, .. }) if proto != PROTO => Err(WireError::Protocol { theirs: proto }),
        frame => Ok(frame),
    }
}

/// Collects bytes as they arrive and yields whole frames.
#[derive(Debug, Default)]
pub struct LineDecoder {
    buffer: Vec<u8>,
    scanned: usize,
}

impl LineDecoder {
    /// Adds what was read.
    ///
    /// # Errors
    /// When the unfinished line grows past [`FRAME_BYTES_MAX`]; the connection is then of no more use.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.buffer.extend_from_slice(bytes);
        let unfinished = self.buffer.iter().rev().take_while(|b| **b != b'\n').count();
        if unfinished > FRAME_BYTES_MAX { Err(WireError::TooLong) } else { Ok(()) }
    }

    /// The next whole frame, if one has arrived.
    pub fn next_frame(&mut self) -> Option<Result<Frame, WireError>> {
        let end = self.scanned + self.buffer.get(self.scanned..)?.iter().position(|b| *b == b'\n')?;
        let frame = decode(&self.buffer[self.scanned..end]);
        self.scanned = end + 1;
        if self.scanned >= self.buffer.len() {
            self.buffer.clear();
            self.scanned = 0;
        } else if self.scanned > FRAME_BYTES_MAX {
            self.buffer.drain(..self.scanned);
            self.scanned = 0;
        }
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, EventKind};
    use proptest::prelude::*;

    fn request() -> Frame {
        Frame::Request(Request { id: 7, by: "operator".into(), command: Command::Pause })
    }

    #[test]
    fn a_frame_is_one_readable_line() {
        let line = encode(&request()).unwrap();
        assert_eq!(
            String::from_utf8(line.clone()).unwrap(),
            "{\"request\":{\"id\":7,\"by\":\"operator\",\"do\":\"pause\"}}\n"
        );
        assert_eq!(decode(&line).unwrap(), request());
    }

    #[test]
    fn no_field_of_an_event_is_named_twice() {
        for kind in [
            EventKind::Linked { other: 2 },
            EventKind::Failed {
                id: 1,
                key: crate::KeyText::from_bytes(b"\xff"),
                error: "e".into(),
                attempts: 1,
            },
            EventKind::Planned { wave: 0, transfers: 1, bytes: 2, growing: false },
        ] {
            let event =
                Frame::Event(Event { seq: 1, at_ms: 2, peer: Some("alpha".into()), incarnation: 3, kind });
            let line = encode(&event).unwrap();
            assert_eq!(decode(&line).unwrap(), event);
        }
    }

    #[test]
    fn another_protocol_is_refused_in_words() {
        let hello = r#"{"hello":{"proto":9,"version":"9","run":"r","role":"peer"}}"#;
        let error = decode(hello.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("speaks protocol 9"), "{error}");
    }

    #[test]
    fn split_lines_join() {
        let line = encode(&request()).unwrap();
        let mut decoder = LineDecoder::default();
        let mut frames = 0;
        for chunk in [&line[..5], &line[5..], &line[..], &line[..9]] {
            decoder.push(chunk).unwrap();
            while let Some(frame) = decoder.next_frame() {
                assert_eq!(frame.unwrap(), request());
                frames += 1;
            }
        }
        assert_eq!(frames, 2);
    }

    #[test]
    fn an_endless_line_is_cut_off() {
        let mut decoder = LineDecoder::default();
        let chunk = vec![b'x'; 64 * 1024];
        let refused = (0..10).find_map(|_| decoder.push(&chunk).err());
        assert!(matches!(refused, Some(WireError::TooLong)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_the_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn events_survive_the_road(text in ".{0,40}", at in any::<u32>()) {
            let event = Frame::Event(Event {
                seq: 1,
                at_ms: u64::from(at),
                peer: Some("alpha".into()),
                incarnation: 1,
                kind: EventKind::Warning { text },
            });
            prop_assert_eq!(decode(&encode(&event).unwrap()).unwrap(), event);
        }
    }
}
