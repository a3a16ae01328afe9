//! What travels between the processes of a run: frames as newline-delimited JSON.
//!
//! Sans-IO: types, encoding and decoding only. No tokio, no sockets, no clock. The first line in each direction is
//! a [`Frame::Hello`]; its protocol number is checked before anything else is believed. Messages between the peers
//! ([`Frame::Message`]) change no ownership (protocol.md 5): the ledger is the truth.

mod as_text;
pub mod backend;
pub mod command;
pub mod event;
pub mod frame;
pub mod key_text;
pub mod message;
pub mod requests;
pub mod snapshot;
pub mod status;
pub mod weather;

pub use backend::{BackendProblem, BackendRow, BackendStatus, RowState};
pub use command::{Chaos, Command, CommandResult, Outlook, Preview, QueueSize, Refusal, Reply, Request};
pub use event::{AssignWhy, Event, EventKind, Level, LotIds, RangeName, Rule};
pub use frame::{FRAME_BYTES_MAX, Frame, Hello, LineDecoder, PROTO, Role, WireError, decode, encode};
pub use key_text::KeyText;
pub use message::{Envelope, Message, Pace};
pub use requests::{RequestCount, Requests};
pub use snapshot::{
    Assisted, CallTimes, DialSnapshot, InFlight, Link, PeerSnapshot, PeerState, Phase, Problem, QueueRow,
    RangeShown, Rates, RatioMove, RunSnapshot, RunState, Slots, Spread, Supervised, TargetSnapshot, Totals,
    Wait, WaitReason,
};
pub use weather::{Storm, Weather};
