//! What a plan comes to: per route, and per peer by the initial division.

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
    /// Listing failed; each becomes a failed transfer.
    pub unreadable_directories: u64,
}

/// What one route takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteSummary {
    pub from: String,
    pub to: String,
    pub amount: Amount,
}

impl Summary {
    pub(crate) fn give(&mut self, peer: PeerId, amount: Amount) {
        self.peers[peer.index()] += amount;
    }
}
