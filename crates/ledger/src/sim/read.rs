//! What the console reads of the whole: the run, totals, peers, lots, and whether anything has changed.

use super::Sim;
use crate::{LotRow, PeerRow, Result, RunRow, Totals};
use twinhaul_units::{Epoch, LotId, PeerId, TransferId};

impl Sim {
    pub(crate) fn run(&self) -> Result<RunRow> {
        let new = &self.plan.0.run;
        Ok(RunRow {
            id: new.id.clone(),
            name: new.name.clone(),
            profile_hash: new.profile_hash.clone(),
            policy: new.policy.clone(),
            names: new.names.clone(),
            created_at_ms: new.created_at_ms,
            state: self.state,
            state_at_ms: self.aside.0.state_at_ms,
            finished: self.finished,
        })
    }

    /// See [`crate::View::totals`].
    pub fn totals(&self) -> Result<Totals> {
        let plan = &self.plan.0;
        Ok(Totals {
            transfers: plan.transfers.len() as u64,
            bytes: plan.bytes,
            directories: plan.directories.len() as u64,
            growing: plan.growing,
            waves: plan.waves,
            next: plan.next(),
        })
    }

    pub(crate) fn peers(&self) -> Result<[PeerRow; 2]> {
        Ok(PeerId::BOTH.map(|peer| {
            let (row, about) = (&self.peers[peer.index()], &self.aside.0.peers[peer.index()]);
            PeerRow {
                peer,
                name: self.plan.0.run.names[peer.index()].clone(),
                incarnation: row.incarnation,
                joined: about.joined,
                process: about.process.clone(),
                joined_at_ms: about.joined_at_ms,
                memory: row.remembered(),
                dials: row.dials.clone(),
                gave: about.gave,
                given: about.given,
                lent: about.lent,
                lent_bytes: about.lent_bytes,
            }
        }))
    }

    /// See [`crate::View::lots`].
    pub fn lots(&self, after: Option<LotId>, limit: usize) -> Result<Vec<LotRow>> {
        let mut lots: Vec<_> =
            self.lots.iter().filter(|lot| after.is_none_or(|after| lot.id > after.0)).collect();
        lots.sort_unstable_by_key(|lot| lot.id);
        let row = |lot: &&super::Lot| LotRow {
            id: LotId(lot.id),
            wave: lot.wave,
            target: lot.target,
            first: TransferId(lot.first),
            last: TransferId(lot.last),
            low: TransferId(lot.low),
            owner: lot.owner,
            epoch: Epoch(lot.epoch),
            planned: lot.planned,
            authorised: lot.authorised,
        };
        Ok(lots.iter().take(limit).map(row).collect())
    }

    pub(crate) const fn lots_version(&self) -> Result<u64> {
        Ok(self.aside.0.lots_version)
    }

    /// Own changes count too: there is one counter for all connections.
    pub(crate) const fn data_version(&self) -> Result<u64> {
        Ok(self.aside.0.data_version)
    }

    pub(crate) const fn wal_bytes() -> u64 {
        0
    }
}
