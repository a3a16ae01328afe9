//! The counters: how many transfers of which state, kept with every change so that they can be recounted (S11).

use super::Sim;
use crate::{Counter, Counters, Result, State};
use twinhaul_units::{Amount, Bytes, PeerId};

/// Sorted; what has come to nothing is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Tally {
    rows: Vec<(Key, u64, u64)>,
    /// Transfers and bytes done and verified, by peer.
    verified: [(u64, u64); 2],
}

/// Peer, target, state.
pub(super) type Key = (PeerId, u16, State);

impl Tally {
    pub(super) fn add(&mut self, peer: PeerId, target: u16, state: State, n: u64, bytes: u64) {
        if n == 0 {
            return;
        }
        let key = (peer, target, state);
        match self.rows.binary_search_by_key(&key, |row| row.0) {
            Ok(at) => {
                self.rows[at].1 += n;
                self.rows[at].2 += bytes;
            }
            Err(at) => self.rows.insert(at, (key, n, bytes)),
        }
    }

    /// Takes away what was added before.
    pub(super) fn sub(&mut self, peer: PeerId, target: u16, state: State, n: u64, bytes: u64) {
        let found = self.rows.binary_search_by_key(&(peer, target, state), |row| row.0);
        let Ok(at) = found else { return };
        let row = &mut self.rows[at];
        (row.1, row.2) = (row.1.saturating_sub(n), row.2.saturating_sub(bytes));
        if row.1 == 0 {
            self.rows.remove(at);
        }
    }

    pub(super) fn verified(&mut self, peer: PeerId, bytes: u64) {
        let sum = &mut self.verified[peer.index()];
        *sum = (sum.0 + 1, sum.1 + bytes);
    }

    /// Everything of one peer that is not settled becomes the other's; returns how much that is.
    pub(super) fn move_open(&mut self, from: PeerId) -> (u64, u64) {
        let open: Vec<_> =
            self.rows.iter().copied().filter(|((p, _, state), ..)| *p == from && !state.settled()).collect();
        let mut sum = (0, 0);
        for ((_, target, state), n, bytes) in open {
            self.sub(from, target, state, n, bytes);
            self.add(from.other(), target, state, n, bytes);
            sum = (sum.0 + n, sum.1 + bytes);
        }
        sum
    }

    /// Whether anything is planned or authorised.
    pub(super) fn any_open(&self) -> bool {
        self.rows.iter().any(|((_, _, state), ..)| !state.settled())
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (Key, u64, u64)> + '_ {
        self.rows.iter().copied()
    }

    pub(super) const fn all_verified(&self) -> [(u64, u64); 2] {
        self.verified
    }
}

impl Sim {
    /// See [`crate::View::counters`].
    pub fn counters(&self) -> Result<Counters> {
        let amount = |n, bytes| Amount { transfers: n, bytes: Bytes(bytes) };
        let row =
            |((peer, target, state), n, bytes)| Counter { peer, target, state, amount: amount(n, bytes) };
        Ok(Counters {
            rows: self.tally.rows().map(row).collect(),
            verified: self.tally.all_verified().map(|(n, bytes)| amount(n, bytes)),
        })
    }

    pub(crate) fn queue_len(&self, peer: PeerId) -> Result<Amount> {
        Ok(self.counters()?.at(peer, State::Planned))
    }
}
