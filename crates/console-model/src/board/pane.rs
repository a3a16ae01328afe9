//! One peer as the console sees it: its last snapshot, how old that is, the connection, and its rates so far.

use crate::ring::Samples;
use std::time::Duration;
use twinhaul_units::Moment;
use twinhaul_wire::{PeerSnapshot, PeerState};

/// A peer or supervisor not heard for so long is stale: its numbers are the past.
pub const STALE_AFTER: Duration = Duration::from_secs(3);

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
#[derive(Clone, Debug, Default)]
pub struct Pane {
    pub link: LinkState,
    pub snapshot: Option<PeerSnapshot>,
    /// When the last snapshot arrived.
    pub heard: Option<Moment>,
    /// Bytes a second, one sample a second.
    pub rates: Samples,
}

impl Pane {
    pub(crate) fn take(&mut self, snapshot: PeerSnapshot, now: Moment) {
        self.rates.set(now, snapshot.rate.now);
        self.heard = Some(now);
        self.snapshot = Some(snapshot);
    }

    pub fn standing(&self, now: Moment) -> Standing {
        let (Some(heard), Some(snapshot)) = (self.heard, &self.snapshot) else { return Standing::Unknown };
        let age = now.since(heard);
        if snapshot.state == PeerState::Finished {
            Standing::Done
        } else if age >= STALE_AFTER {
            Standing::Stale(age)
        } else {
            Standing::Live
        }
    }

    /// Queued and in flight, in bytes.
    pub fn remaining_bytes(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |s| {
            let flying: u64 = s.in_flight.iter().map(|f| f.bytes.saturating_sub(f.done)).sum();
            s.queue.bytes.saturating_add(flying)
        })
    }

    /// Queued and in flight, in transfers.
    pub fn remaining_transfers(&self) -> u64 {
        self.snapshot
            .as_ref()
            .map_or(0, |s| s.queue.transfers + s.in_flight.len() as u64 + s.settling.transfers)
    }
}
