//! What no ledger may do, for the proof's deliberate bugs. [`Sim`] is never the ledger of a run, so nothing of this is in
//! reach of one.

use super::Sim;
use crate::State;
use twinhaul_units::{Incarnation, PeerId};

#[doc(hidden)]
impl Sim {
    /// Gives a peer's place a number out of turn (S5).
    pub fn tamper_incarnation(&mut self, peer: PeerId, incarnation: Incarnation) {
        self.peer_mut(peer).incarnation = incarnation;
    }

    /// Counts a transfer that there is not (S11).
    pub fn tamper_counters(&mut self, peer: PeerId) {
        self.tally.add(peer, 0, State::Done, 1, 0);
    }
}
