//! What comes to a process from outside, and is no fault: an operator hands single transfers to the other peer, and its
//! driver sees a sign of life of the other's place beside the link (faults.md 25).

use super::World;
use super::check::Invariant;
use crate::seen::Rare;
use twinhaul_assist::{AssignWhy, Event, Interval};
use twinhaul_units::{Incarnation, TransferId};

impl World {
    /// The core is told, whatever it can make of it.
    pub(crate) fn hand_over(&mut self, at: usize, ids: u64) -> bool {
        let process = &mut self.processes[at];
        if process.frozen || process.core.is_none() {
            return false;
        }
        process.notes.named = Some(ids);
        let named = (0..self.setup.transfers()).filter(|id| is_named(ids, TransferId(*id))).map(TransferId);
        let named = named.collect();
        self.tell(at, Event::HandOver { ids: named });
        self.processes[at].notes.named = None;
        true
    }

    /// Whether an operator's wish would bring anything about: for who tries them all.
    pub(crate) fn may_hand_over(&self, at: usize) -> bool {
        let process = &self.processes[at];
        let can = |core: &twinhaul_assist::Core| core.peer().1 && core.queued() > 0;
        !process.frozen && process.core.as_ref().is_some_and(can)
    }

    /// What an operator's wish moves was named, and nothing else (S6 looks whether any of it had started).
    pub(crate) fn check_named(&mut self, at: usize, why: AssignWhy, intervals: &[Interval]) {
        let Some(named) = self.processes[at].notes.named.filter(|_| why == AssignWhy::Rebalance) else {
            return; // no wish, or one that is asked for again
        };
        let all = intervals.iter().flat_map(|i| i.first.0..=i.last.0).map(TransferId);
        let other = all.into_iter().find(|id| !is_named(named, *id));
        self.unless(other.is_none(), Invariant::S6, || {
            format!("transfer {other:?} is handed over, and nobody named it")
        });
        self.saw(Rare::HandedOver);
    }

    /// A look may be older than what is known by now: who was seen may be gone, or have a successor.
    pub(crate) fn sign(&mut self, at: usize, former: bool) -> bool {
        let Some(incarnation) = self.may_sign(at, former) else { return false };
        self.saw(if former { Rare::SignOfFormer } else { Rare::Sign });
        self.tell(at, Event::PeerSeen { incarnation });
        true
    }

    /// Whose sign it would be.
    pub(crate) fn may_sign(&self, at: usize, former: bool) -> Option<Incarnation> {
        let process = &self.processes[at];
        let there = !process.frozen && process.core.is_some();
        let seen = self.joined[process.me.other().index()].0.checked_sub(u64::from(former))?;
        (there && seen > 0).then_some(Incarnation(seen))
    }
}

const fn is_named(ids: u64, id: TransferId) -> bool {
    id.0 < u64::BITS as u64 && ids >> id.0 & 1 == 1
}
