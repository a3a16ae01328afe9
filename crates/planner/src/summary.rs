//! What a plan comes to: per route, and per peer by the initial division.

use crate::Losses;
use twinhaul_units::{Amount, PeerId};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub total: Amount,
    pub directories: u64,
    pub routes: Vec<RouteSummary>,
    /// The initial division (claims 1.1, 1.2).
    pub peers: [Amount; 2],
    pub waves: u64,
    pub hard_link_groups: u64,
    pub symlinks: u64,
    /// Devices, FIFOs, sockets: not copied.
    pub special: u64,
    /// No route takes them.
    pub unrouted: u64,
    /// Listed (`--only`), and met by no walk; each becomes a failed transfer.
    pub missing: u64,
    /// Listing failed; each becomes a failed transfer.
    pub unreadable_directories: u64,
    /// Of each target, in the profile's order.
    pub losses: Vec<Losses>,
    /// Media that a sequential source has to bring, in the order of the plan; each is one mount. At most
    /// [`MEDIA_MAX`], the others are counted.
    pub media: Vec<Medium>,
    pub media_more: u64,
}

/// Steps of the media plan that are kept.
pub const MEDIA_MAX: usize = 10_000;

/// One medium (a cartridge) for one peer: all its transfers from it come one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Medium {
    /// In the profile's order.
    pub source: u16,
    /// The backend's number of it.
    pub number: u32,
    pub peer: PeerId,
    pub amount: Amount,
}

/// What one route takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteSummary {
    pub from: String,
    pub to: String,
    pub amount: Amount,
}

impl Summary {
    /// A transfer of `peer` from a medium, after those before it.
    pub(crate) fn bring(&mut self, source: u16, number: u32, peer: PeerId, amount: Amount) {
        let full = self.media.len() >= MEDIA_MAX;
        match self.media.iter_mut().rev().find(|m| m.peer == peer) {
            Some(last) if (last.source, last.number) == (source, number) => last.amount += amount,
            _ if full => self.media_more += 1,
            _ => self.media.push(Medium { source, number, peer, amount }),
        }
    }

    pub(crate) fn give(&mut self, peer: PeerId, amount: Amount) {
        self.peers[peer.index()] += amount;
    }
}
