//! The durable steps of single transfers, in groups: authorise, settle, release (store.md 3). One bad member fails the
//! whole group: everything is checked before anything is changed.

use super::Sim;
use super::rows::End;
use crate::{Authorise, LedgerError, Outcome, Result, Settled, State, rules};
use std::sync::Arc;
use twinhaul_units::{Epoch, Incarnation, PeerId, TransferId};

impl Sim {
    /// See [`crate::Store::authorise`].
    pub fn authorise(&mut self, peer: PeerId, mine: Incarnation, group: &[Authorise]) -> Result<()> {
        rules::check_group(group.len())?;
        self.whole(group.len(), |sim| {
            sim.fence(peer, mine)?;
            for item in group {
                let at = sim.unsettled_place(peer, item.id, item.epoch)?;
                sim.step(at, State::Authorised, peer);
                let line = &mut sim.lines[at];
                (line.by, line.incarnation, line.epoch) = (Some(peer), Some(mine), Some(item.epoch));
                line.reference = Some(Arc::from(item.reference.as_slice()));
                (line.blake3, line.actual_size) = (Some(item.blake3), Some(item.size));
                line.mtime_ns = item.mtime_ns;
            }
            sim.advance_all(group.iter().map(|item| item.id));
            Ok(())
        })
    }

    /// See [`crate::Store::settle`].
    pub fn settle(&mut self, peer: PeerId, mine: Incarnation, group: &[Settled]) -> Result<()> {
        rules::check_group(group.len())?;
        self.whole(group.len(), |sim| {
            sim.fence(peer, mine)?;
            for item in group {
                if sim.repeated(peer, item)? {
                    continue;
                }
                let at = sim.unsettled_place(peer, item.id, item.epoch)?;
                sim.step(at, item.outcome.state(), peer);
                sim.write_settled(at, peer, mine, item);
            }
            sim.advance_all(group.iter().map(|item| item.id));
            Ok(())
        })
    }

    /// See [`crate::Store::release`].
    pub fn release(&mut self, peer: PeerId, mine: Incarnation, group: &[(TransferId, Epoch)]) -> Result<()> {
        rules::check_group(group.len())?;
        self.whole(group.len(), |sim| {
            sim.fence(peer, mine)?;
            for (id, epoch) in group {
                let at = sim.unsettled_place(peer, *id, *epoch)?;
                sim.step(at, State::Planned, peer);
            }
            sim.advance_all(group.iter().map(|(id, _)| *id));
            Ok(())
        })
    }

    /// All of a group or none of it. A group of one changes nothing before its only check has passed.
    fn whole(&mut self, len: usize, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let before = (len > 1).then(|| self.clone());
        let result = work(self);
        match (&result, before) {
            (Ok(()), _) => self.committed(),
            (Err(_), Some(before)) => *self = before,
            (Err(_), None) => {}
        }
        result
    }

    /// Whether exactly this end is recorded already: the caller did not hear of it.
    fn repeated(&self, peer: PeerId, item: &Settled) -> Result<bool> {
        let at = self.place(item.id.0).ok_or(LedgerError::Unknown { id: item.id })?;
        let line = &self.lines[at];
        Ok(line.state == item.outcome.state() && line.by == Some(peer) && line.epoch == Some(item.epoch))
    }

    /// Where the transfer is, if it is this peer's under this epoch and not settled (S3, S7).
    fn unsettled_place(&self, peer: PeerId, id: TransferId, epoch: Epoch) -> Result<usize> {
        let at = self.place(id.0).ok_or(LedgerError::Unknown { id })?;
        let lot = self.lot_of(id.0).ok_or(LedgerError::Unknown { id })?;
        if lot.owner != peer || lot.epoch != epoch.0 {
            let (current, owner) = (Epoch(lot.epoch), lot.owner);
            return Err(LedgerError::LotFenced { id, epoch, current, owner });
        }
        let state = self.lines[at].state;
        if state.settled() { Err(LedgerError::Settled { id, state }) } else { Ok(at) }
    }

    /// Changes the state with everything that counts it.
    fn step(&mut self, at: usize, to: State, peer: PeerId) {
        let from = std::mem::replace(&mut self.lines[at].state, to);
        let (id, size) = (self.plan.0.transfers[at].id.0, self.size(at));
        self.ranges.forget(id);
        self.checkpoints.remove(&id);
        let Some(place) = self.lot_place(id) else { return };
        let lot = &mut self.lots[place];
        for (state, count) in [(State::Planned, &mut lot.planned), (State::Authorised, &mut lot.authorised)] {
            *count = *count + u64::from(to == state) - u64::from(from == state);
        }
        self.tally.sub(peer, lot.target, from, 1, size);
        self.tally.add(peer, lot.target, to, 1, size);
    }

    fn advance_all(&mut self, ids: impl Iterator<Item = TransferId>) {
        let mut done = None;
        for id in ids {
            let Some(place) = self.lot_place(id.0).filter(|place| done != Some(*place)) else { continue };
            self.advance(place);
            done = Some(place);
        }
    }

    /// The reference of a failed one stays: what could not be discarded must still be found (S8, L4).
    fn write_settled(&mut self, at: usize, peer: PeerId, mine: Incarnation, item: &Settled) {
        let size = self.size(at);
        let line = &mut self.lines[at];
        line.attempts = item.attempts;
        let tried = &mut line.tried.0;
        tried.started_at_ms = tried.started_at_ms.or(item.started_at_ms);
        if tried.first_error.is_none() {
            tried.first_error = item.first_error.as_deref().map(|error| Arc::from(rules::cut(error)));
        }
        (line.by, line.incarnation, line.epoch) = (Some(peer), Some(mine), Some(item.epoch));
        (line.blake3, line.actual_size) = (None, None);
        let mut end = End { settled_at_ms: item.at_ms, ..End::default() };
        match &item.outcome {
            Outcome::Done { verified, etag, lost, blake3, size: actual } => {
                (line.blake3, line.actual_size) = (Some(*blake3), Some(*actual));
                (end.verified, end.etag, end.lost) = (*verified, etag.clone(), *lost);
                if *verified {
                    self.tally.verified(peer, size);
                }
            }
            Outcome::Skipped => {}
            Outcome::Failed { error, class } => {
                end.error = Some(rules::cut(error).to_owned());
                end.class = Some(rules::cut(class).to_owned());
            }
        }
        if !matches!(item.outcome, Outcome::Failed { .. }) {
            line.reference = None;
        }
        line.end = Some(Arc::new(end));
    }
}
