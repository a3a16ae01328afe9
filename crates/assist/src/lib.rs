//! The method (US 7,779,088 B2): two peers, each with its own queue of transfers; whichever completes first
//! assists the other with a portion sized by a learned ratio, until all are done.
//!
//! Sans-IO: [`Event`]s go in, [`Effect`]s come out, `now` is passed in. Never a clock, a file, a socket, a random
//! number or an iteration order that depends on hashing, so the same code runs in production, in the simulator and
//! in the model checker. Messages change no ownership; only an assignment that the ledger has made durable does.
//!
//! Entry points: [`Core::new`], [`Core::handle`], [`Core::memory`]. The pages are protocol.md 1 to 6; the code
//! names the claim that each step comes from.

mod book;
mod effect;
mod event;
#[doc(hidden)]
pub mod flaw;
mod ids;
mod interval;
mod load;
mod machine;
mod message;
mod millionths;
mod pace;
mod queue;
mod range;
mod real;
mod settings;
mod sizes;

pub use effect::{AnswerFigures, Answered, AssignWhy, ControlRefusal, Effect, FenceWhy, Report, Rule};
pub use event::{Control, Event, FencedFigures, Refusal, SlotOutcome};
pub use ids::{AskId, Episode, OpId};
pub use interval::{Interval, Unit};
pub use load::LoadedLot;
#[doc(hidden)]
pub use machine::Number;
pub use machine::{Awaits, Core, Preview};
pub use message::Message;
pub use millionths::Millionths;
pub use pace::Pace;
pub use range::{ByteRange, Cut, PartProgress, RangeOutcome};
pub use settings::{
    ASK_RESEND_CAP, ASK_RESEND_FLOOR, ASSIGN_CONFIRM_CAP, ASSIGN_CONFIRM_FLOOR, ASSIGNS_PENDING_MAX,
    CHECKPOINT_BYTES_MIN, CHECKPOINT_EVERY, CUTS_MAX, HEARTBEAT_EVERY, INTERVALS_MAX, LEASE, LOAD_EVERY,
    LOAD_TIMEOUT, LOTS_NAMED_MAX, Last, Memory, POLL_CAP, POLL_FLOOR, Policy, RANGES_MAX, RETRIES_MAX,
    RTT_MAX, SLOTS_MAX, STANDBY_MAX, SUSPECT_BEATS, Settings, Timing,
};
pub use sizes::Sizes;
