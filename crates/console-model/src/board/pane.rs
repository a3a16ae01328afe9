//! One peer as the console sees it: its last snapshot, how old that is, the connection, and its rates so far.

use crate::ring::Samples;
use std::time::Duration;
use twinhaul_units::Moment;
use twinhaul_wire::{InFlight, PeerSnapshot, PeerState, QueueSize};

/// A peer or supervisor not heard for so long is stale: its numbers are the past.
pub const STALE_AFTER: Duration = Duration::from_secs(3);

/// So many failed attempts (about a second and a half) mean that an end is gone.
const GONE_AFTER: u32 = 4;

/// The state of a connection to a control socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// Trying for the first time.
    #[default]
    Connecting,
    Up,
    /// The last attempt failed; the next one is at `retry_at`.
    Waiting {
        attempt: u32,
        retry_at: Moment,
        why: String,
    },
    /// The other end speaks another protocol; trying again would not help soon.
    Refused {
        why: String,
    },
}

impl LinkState {
    pub const fn is_up(&self) -> bool {
        matches!(self, Self::Up)
    }

    /// Whether the other end is gone, and not only slow to come.
    pub const fn gone(&self) -> bool {
        matches!(self, Self::Waiting { attempt: GONE_AFTER.., .. })
    }

    /// One line for the screen; empty while the connection stands.
    pub fn words(&self, now: Moment) -> String {
        match self {
            Self::Connecting => "connecting".into(),
            Self::Up => String::new(),
            Self::Waiting { attempt, retry_at, why } => {
                format!("{why}; attempt {} in {} s", attempt + 1, retry_at.since(now).as_secs() + 1)
            }
            Self::Refused { why } => why.clone(),
        }
    }
}

/// How much a peer's numbers can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing heard yet.
    Unknown,
    Live,
    /// Not heard for this long.
    Stale(Duration),
    /// It finished its work and went; its last numbers are final.
    Done,
}

/// One peer.
#[derive(Clone, Debug)]
pub struct Pane {
    pub link: LinkState,
    pub snapshot: Option<PeerSnapshot>,
    /// When the last snapshot arrived.
    pub heard: Option<Moment>,
    /// Bytes a second, one sample a second.
    pub rates: Samples,
    /// Silence that makes it stale.
    pub stale_after: Duration,
    /// Incarnations up to this one were taken over: what they had is the other peer's. `None`: none was.
    fenced: Option<u64>,
}

impl Default for Pane {
    fn default() -> Self {
        Self {
            link: LinkState::default(),
            snapshot: None,
            heard: None,
            rates: Samples::default(),
            stale_after: STALE_AFTER,
            fenced: None,
        }
    }
}

impl Pane {
    pub(crate) fn take(&mut self, snapshot: PeerSnapshot, now: Moment) {
        self.rates.set(now, snapshot.rate.now);
        self.heard = Some(now);
        self.snapshot = Some(snapshot);
        self.lose_what_was_taken_over();
    }

    /// What this peer had until `incarnation` has been taken over. It is shown once, at its new owner, whatever this peer said last.
    pub(crate) fn taken_over(&mut self, incarnation: u64) {
        self.fenced = self.fenced.max(Some(incarnation));
        self.lose_what_was_taken_over();
    }

    fn lose_what_was_taken_over(&mut self) {
        let fenced = self.fenced;
        let Some(s) = self.snapshot.as_mut().filter(|s| Some(s.incarnation) <= fenced) else { return };
        s.queue = QueueSize::default();
        s.settling = QueueSize::default();
        s.published = QueueSize::default();
        s.portion = 0.0;
        // Nor does it move anything: a forecast counts on nobody who has nothing.
        (s.rate.now, s.rate.one_min) = (0, 0);
        s.slots.used = 0;
        s.in_flight.clear();
        s.awaiting.clear();
        s.next_up.clear();
    }

    /// Whether what it said last has gone to the other peer since.
    pub fn is_taken_over(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|s| Some(s.incarnation) <= self.fenced)
    }

    pub fn standing(&self, now: Moment) -> Standing {
        let Some(snapshot) = &self.snapshot else { return Standing::Unknown };
        if snapshot.state == PeerState::Finished {
            return Standing::Done;
        }
        let Some(heard) = self.heard else { return Standing::Unknown };
        let age = now.since(heard);
        if age >= self.stale_after { Standing::Stale(age) } else { Standing::Live }
    }

    /// Bytes a second, if they are of now: a stale peer's are the past, a finished one moves nothing.
    pub fn rate_now(&self, now: Moment) -> u64 {
        let snapshot = self.snapshot.as_ref().filter(|_| self.standing(now) == Standing::Live);
        snapshot.map_or(0, |s| s.rate.now)
    }

    /// Bytes that have arrived: of what is done, of what is settling (it has moved whole), and of what is in flight or waits
    /// for the rest of it.
    pub fn moved_bytes(&self) -> u64 {
        let Some(s) = &self.snapshot else { return 0 };
        let rows = rows(s).chain(&s.awaiting);
        s.done.bytes + s.settling.bytes + rows.map(|f| f.done).sum::<u64>()
    }

    /// Queued and in flight, in bytes.
    pub fn remaining_bytes(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |s| s.queue.bytes.saturating_add(self.flying_bytes()))
    }

    /// Of what is in flight, the bytes still to move.
    pub fn flying_bytes(&self) -> u64 {
        self.snapshot.iter().flat_map(|s| rows(s).map(|f| left(f, &s.peer))).sum()
    }

    /// Queued and in flight, in transfers.
    pub fn remaining_transfers(&self) -> u64 {
        self.snapshot
            .as_ref()
            .map_or(0, |s| s.queue.transfers + s.in_flight.len() as u64 + s.settling.transfers)
    }
}

/// What is in flight, each byte once: of a transfer of its own that a peer does in several slots, the row that knows of all parts.
fn rows(s: &PeerSnapshot) -> impl Iterator<Item = &InFlight> {
    let home = |id: u64| s.in_flight.iter().any(|f| f.id == id && f.ranges.len() > 1);
    s.in_flight.iter().filter(move |f| f.ranges.len() != 1 || !home(f.id))
}

/// The bytes of a row that its own peer has still to move: what is lent is counted where it is done.
fn left(f: &InFlight, peer: &str) -> u64 {
    if f.ranges.len() < 2 {
        return f.bytes.saturating_sub(f.done);
    }
    let own = f.ranges.iter().filter(|r| r.peer == peer);
    own.map(|r| (r.to - r.from).saturating_sub(r.done)).sum()
}
