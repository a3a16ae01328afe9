//! The history, the life of the run, and its last step: one fenced peer finishes when everything else is settled.

use super::Sim;
use crate::{
    DirectoryCursor, DirectoryRow, EVENTS_MAX, LedgerError, NewEvent, Process, Result, RunState, State, rules,
};
use twinhaul_units::{Amount, Incarnation, PeerId};
use twinhaul_wire::Event;

/// What people read about a peer.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub(super) process: Option<Process>,
    /// Of `process`.
    pub(super) joined: Incarnation,
    pub(super) joined_at_ms: Option<u64>,
    pub(super) gave: u64,
    pub(super) given: Amount,
    pub(super) lent: u64,
    pub(super) lent_bytes: u64,
}

/// An event in its place.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    seq: u64,
    event: NewEvent,
}

impl Sim {
    /// See [`crate::Store::append_events`].
    pub fn append_events(&mut self, events: &[NewEvent]) -> Result<u64> {
        let first = self.aside.0.last_seq + 1;
        for event in events {
            self.keep(event.clone());
        }
        self.committed();
        Ok(first)
    }

    fn keep(&mut self, event: NewEvent) {
        let figures = &mut self.aside.0;
        figures.last_seq += 1;
        figures.events.push_back(Kept { seq: figures.last_seq, event });
        if figures.events.len() as u64 > EVENTS_MAX {
            figures.events.pop_front();
        }
    }

    pub(crate) fn events_since(&self, seq: u64, limit: usize) -> Result<Vec<Event>> {
        let events = &self.aside.0.events;
        let from = events.partition_point(|kept| kept.seq <= seq);
        let read = |kept: &Kept| Event {
            seq: kept.seq,
            at_ms: kept.event.at_ms,
            peer: kept.event.peer.clone(),
            incarnation: kept.event.incarnation,
            kind: kept.event.kind.clone(),
        };
        Ok(events.iter().skip(from).take(limit).map(read).collect())
    }

    pub(crate) const fn last_seq(&self) -> Result<u64> {
        Ok(self.aside.0.last_seq)
    }

    /// See [`crate::Store::claim_finishing`].
    pub fn claim_finishing(&mut self, peer: PeerId, mine: Incarnation) -> Result<bool> {
        self.fence(peer, mine)?;
        if self.finished || self.plan.0.growing || self.tally.any_open() {
            return Ok(false);
        }
        let free = match self.finishing {
            None => true,
            Some((holder, _)) if holder == peer => true,
            Some((holder, theirs)) => self.incarnation(holder) != theirs,
        };
        if free {
            self.finishing = Some((peer, mine));
            self.committed();
        }
        Ok(free)
    }

    /// See [`crate::Store::finishing_done`].
    pub fn finishing_done(&mut self, peer: PeerId, mine: Incarnation) -> Result<()> {
        self.fence(peer, mine)?;
        match self.finishing {
            Some(holder) if holder == (peer, mine) => {}
            holder => {
                let (peer, current) = holder.unwrap_or((peer, Incarnation(0)));
                return Err(LedgerError::Fenced { peer, mine, current });
            }
        }
        self.finished = true;
        self.committed();
        Ok(())
    }

    /// See [`crate::Store::set_run_state`].
    pub fn set_run_state(&mut self, state: RunState, at_ms: u64) -> Result<()> {
        if self.state.ended() && !state.ended() {
            return Ok(());
        }
        if state.ended() && !self.state.ended() {
            let counters = self.counters()?;
            let ends = [State::Done, State::Skipped, State::Failed].map(|s| counters.sum(s).transfers);
            self.keep(rules::run_ended(state, ends, at_ms));
        }
        self.state = state;
        self.aside.0.state_at_ms = at_ms;
        self.committed();
        Ok(())
    }

    /// See [`crate::Store::go_on`].
    pub fn go_on(&mut self, at_ms: u64) -> Result<()> {
        self.state = RunState::Running;
        self.aside.0.state_at_ms = at_ms;
        self.committed();
        Ok(())
    }

    pub(crate) fn directories(
        &self,
        after: Option<DirectoryCursor>,
        limit: usize,
    ) -> Result<Vec<DirectoryRow>> {
        let mut rows: Vec<&DirectoryRow> = self.plan.0.directories.iter().collect();
        rows.sort_by_key(|d| (std::cmp::Reverse(d.depth), d.id));
        let past = |d: &&&DirectoryRow| {
            after.is_none_or(|c| d.depth < c.depth || (d.depth == c.depth && d.id > c.id))
        };
        Ok(rows.iter().filter(past).take(limit).map(|d| (*d).clone()).collect())
    }
}
