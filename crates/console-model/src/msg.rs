//! What can happen to the console, and what the console can want done. Both are plain values: a session is a list of
//! messages, and nothing happens but by an effect that somebody carries out.

use crate::board::{FailedRow, Past, StoredRow};
use crate::filter::Filter;
use crate::ui::Panel;
use crate::{Clean, LinkState, Press, Seek};
use twinhaul_diagnose::Diagnosis;
use twinhaul_units::PeerId;
use twinhaul_wire::{Event, LotIds, PeerSnapshot, QueueRow, Reply, Request, RunSnapshot};

/// The other end of a control socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum To {
    Peer(PeerId),
    Supervisor,
}

/// How the console was left; the binary's exit code follows from it (architecture.md 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The run goes on without a console.
    Detached,
    /// The run had ended; `exit` is its exit code.
    Ended { exit: i32 },
    /// The supervisor took a stop from here; with `drain` it finishes what is in flight first.
    Stopped { drain: bool },
}

/// Some rows of a peer's queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub peer: PeerId,
    /// Place of the first row in the queue, from 0.
    pub from: u64,
    /// Length of the whole queue when the page was read.
    pub total: u64,
    pub rows: Vec<Clean<QueueRow>>,
}

/// Rows that a search of a queue keeps at most; of more it has the first ones and says so.
pub const FOUND_MAX: usize = 1_000;

/// A queue is to be searched on, from where the last look ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// Of this search; what comes back for another one is too late.
    pub number: u64,
    pub peer: PeerId,
    pub filter: Filter,
    /// The last row looked at; `None`: from the head.
    pub after: Option<u64>,
    /// Rows looked at, and found, so far.
    pub looked: u64,
    pub found: usize,
    /// As in [`Pull`].
    pub queued: Option<u64>,
}

/// What a look of a [`Search`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub number: u64,
    /// Each with its place in the queue.
    pub rows: Vec<(u64, Clean<QueueRow>)>,
    pub looked: u64,
    pub after: Option<u64>,
    pub ended: bool,
}

/// Where a transfer stands in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceOf {
    /// From 0.
    Row(u64),
    /// Not there; in words, where it is.
    Elsewhere(String),
}

/// What of the screen the mouse is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    pub panel: Panel,
    /// The row's id and its place in the list as it is shown.
    pub row: Option<(u64, usize)>,
}

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    Wheel {
        up: bool,
        over: Option<Hit>,
    },
    /// The left button.
    Click(Hit),
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Msg {
    Key(Press),
    Mouse(Mouse),
    /// Pasted text (bracketed paste): goes into a prompt, nowhere else.
    Paste(String),
    Resize {
        w: u16,
        h: u16,
    },
    Link(To, LinkState),
    Peer(PeerId, Box<Clean<PeerSnapshot>>),
    Run(Box<Clean<RunSnapshot>>),
    Reply(Clean<Reply>),
    /// An event from a control socket; dropped once the ledger tells the events.
    Event(Clean<Event>),
    /// Events from the ledger, in order; each is told once.
    History(Vec<Clean<Event>>),
    Page(Page),
    Found(Found),
    Place {
        peer: PeerId,
        id: u64,
        place: PlaceOf,
    },
    /// Given-up transfers; `more` than these.
    Failed {
        rows: Vec<Clean<FailedRow>>,
        more: bool,
    },
    /// The transfers asked for with [`Effect::PullTransfers`].
    Transfers {
        beat: u64,
        rows: Vec<Clean<StoredRow>>,
    },
    /// The transfers asked for with [`Effect::FollowTransfers`].
    Followed(Vec<Clean<StoredRow>>),
    /// How fast each peer was when, before this console came: milliseconds since the epoch, bytes a second.
    Rates([Vec<(u64, u64)>; 2]),
    /// The ledger's figures, read at the start and when the run may have ended.
    Past(Box<Past>),
    /// The look at the processes that was asked for; or why there is none.
    Diagnosis(Box<Result<Clean<Diagnosis>, String>>),
    /// A bundle was made, and where it is; or why not.
    Bundled(Result<String, String>),
    /// A replay begins anew: nothing of the run is known yet.
    Rewound,
    /// The console itself could not do something.
    Trouble(String),
    /// The console did something that was asked for.
    Told(String),
    /// A frame with the present state is on the screen.
    Drawn,
    /// A second has passed.
    Tick,
}

/// Which rows of a queue are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pull {
    pub peer: PeerId,
    /// Place of the first row, from 0.
    pub from: u64,
    pub limit: u32,
    /// How many the peer says it has queued: in the ledger a transfer counts as planned until its group is authorised,
    /// and those that have been started stand at the head. `None`: the peer is not heard.
    pub queued: Option<u64>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Send(To, Request),
    /// Read rows of a peer's queue from the ledger.
    PullQueue(Pull),
    /// Look for rows of a peer's queue in the ledger, a bounded number of them.
    SearchQueue(Search),
    /// Look where a transfer stands in a peer's queue.
    FindPlace {
        peer: PeerId,
        id: u64,
        queued: Option<u64>,
    },
    /// Read the given-up transfers from the ledger.
    PullFailed,
    /// Read these transfers from the ledger, the first [`crate::board::STORED_MAX`] of them; `beat` is given back.
    PullTransfers {
        beat: u64,
        lots: Vec<LotIds>,
    },
    /// Read these transfers from the ledger, at most [`crate::retried::FOLLOWED_MAX`] and one that is looked at.
    FollowTransfers(Vec<u64>),
    /// Look at the processes and everything else that tells what is wrong.
    Diagnose,
    /// Put what is known of the run into one file.
    Bundle,
    /// Go to another time of a recording.
    Seek(Seek),
    /// Take the mouse, or give it back to the terminal, so that text can be selected.
    TakeMouse(bool),
    /// Stop this process only; the terminal is given back first.
    Suspend,
    /// Clear the terminal and draw everything.
    Redraw,
    /// Put `text` into the terminal's clipboard; `what` says so in one line.
    Copy {
        text: String,
        what: String,
    },
    /// Write the screen, and this state (JSON) beside it, to files.
    SaveScreen {
        state: String,
    },
    Leave(Left),
}
