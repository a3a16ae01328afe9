//! Peers coming, handing over lots (claims 2.2.1, 3.2.2) and taking over a dead one's; each answer kept under its number.

use super::lots::Lot;
use super::{Memory, Sim};
use crate::rules::lending::Kind;
use crate::{
    ASSIGN_INTERVALS_MAX, Assign, AssignOutcome, Assigned, Interval, Joined, LOTS_MAX, LedgerError,
    OPERATIONS_MAX, Process, Refused, Remembered, Result, State, TakeOver, TakeOverOutcome, TakenOver, rules,
};
use twinhaul_units::{Dial, Incarnation, PeerId, Turned};

/// Who asks, and under which number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Operation {
    pub(super) peer: PeerId,
    pub(super) incarnation: Incarnation,
    pub(super) op: u64,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    Assigned(Assigned),
    Taken(TakenOver),
    Refused(Refused),
}

impl Answer {
    fn assignment(self) -> Result<AssignOutcome> {
        match self {
            Self::Assigned(assigned) => Ok(AssignOutcome::Assigned(assigned)),
            Self::Refused(why) => Ok(AssignOutcome::Refused(why)),
            Self::Taken(_) => Err(LedgerError::Operation { found: "a take-over" }),
        }
    }

    fn take_over(self) -> Result<TakeOverOutcome> {
        match self {
            Self::Taken(taken) => Ok(TakeOverOutcome::Taken(taken)),
            Self::Refused(why) => Ok(TakeOverOutcome::Refused(why)),
            Self::Assigned(_) => Err(LedgerError::Operation { found: "an assignment" }),
        }
    }
}

impl Sim {
    /// See [`crate::Store::join`].
    pub fn join(&mut self, peer: PeerId, process: &Process, now_ms: u64) -> Result<Joined> {
        let row = self.peer_mut(peer);
        row.incarnation.0 += 1;
        let joined =
            Joined { incarnation: row.incarnation, memory: row.remembered(), dials: row.dials.clone() };
        let about = &mut self.aside.0.peers[peer.index()];
        about.joined = joined.incarnation;
        (about.process, about.joined_at_ms) = (Some(process.clone()), Some(now_ms));
        // Whoever joins holds the peer's lock: the former process is gone.
        self.ranges_of_ended(peer);
        self.committed();
        Ok(joined)
    }

    /// See [`crate::Store::remember`].
    pub fn remember(&mut self, peer: PeerId, mine: Incarnation, memory: &Remembered) -> Result<()> {
        self.fence(peer, mine)?;
        self.peer_mut(peer).memory = Some(Memory {
            ratio: memory.ratio.to_bits(),
            live_ratio: memory.live_ratio.to_bits(),
            last: memory.last.clone(),
        });
        self.committed();
        Ok(())
    }

    /// See [`crate::Store::turn`].
    pub fn turn(&mut self, peer: PeerId, mine: Incarnation, dial: &Dial, to: Turned) -> Result<()> {
        self.fence(peer, mine)?;
        let dials = &mut self.peer_mut(peer).dials;
        match to {
            Turned::AsProfiled => dials.remove(dial),
            to => dials.insert(dial.clone(), to),
        };
        self.committed();
        Ok(())
    }

    /// See [`crate::Store::assign`].
    pub fn assign(&mut self, assign: &Assign) -> Result<AssignOutcome> {
        let operation = Operation { peer: assign.from, incarnation: assign.from_incarnation, op: assign.op };
        if let Some(answer) = self.answered(&operation) {
            return answer.assignment();
        }
        self.fence(assign.from, assign.from_incarnation)?;
        let intervals = rules::joined(&assign.intervals);
        let answer = match self.refuse(assign, &intervals) {
            Err(why) => Answer::Refused(why),
            Ok(kinds) => {
                let ranges = self.lend(assign, &kinds);
                Answer::Assigned(Assigned { ranges, ..self.hand_over(assign.from, assign.to, &intervals) })
            }
        };
        self.record(operation, answer.clone());
        answer.assignment()
    }

    /// See [`crate::Store::take_over`].
    pub fn take_over(&mut self, take: &TakeOver) -> Result<TakeOverOutcome> {
        let operation = Operation { peer: take.by, incarnation: take.by_incarnation, op: take.op };
        if let Some(answer) = self.answered(&operation) {
            return answer.take_over();
        }
        self.fence(take.by, take.by_incarnation)?;
        let dead = take.by.other();
        let current = self.incarnation(dead);
        let answer = if current == take.dead_incarnation {
            Answer::Taken(self.take_all(dead))
        } else {
            Answer::Refused(Refused::StaleOwner { current })
        };
        self.record(operation, answer.clone());
        answer.take_over()
    }

    fn answered(&self, operation: &Operation) -> Option<Answer> {
        self.operations.iter().find(|(known, _)| known == operation).map(|(_, answer)| answer.clone())
    }

    fn record(&mut self, operation: Operation, answer: Answer) {
        self.operations.push_back((operation, answer));
        if self.operations.len() as u64 > OPERATIONS_MAX {
            self.operations.pop_front();
        }
        self.committed();
    }

    /// Why this assignment may not be made, or what its cuts mean.
    fn refuse(&mut self, assign: &Assign, intervals: &[Interval]) -> std::result::Result<Vec<Kind>, Refused> {
        if assign.from == assign.to {
            return Err(Refused::Same);
        }
        let nothing = intervals.is_empty() && assign.cuts.is_empty();
        if nothing || intervals.iter().any(|i| i.count() == 0) {
            return Err(Refused::Empty);
        }
        if intervals.windows(2).any(|pair| pair[0].last >= pair[1].first) {
            return Err(Refused::Overlap);
        }
        let current = self.incarnation(assign.to);
        if current != assign.to_incarnation {
            return Err(Refused::StaleHelper { current });
        }
        match self.refuse_intervals(assign.from, intervals) {
            Some(why) => Err(why),
            None => self.refuse_cuts(assign),
        }
    }

    fn refuse_intervals(&mut self, from: PeerId, intervals: &[Interval]) -> Option<Refused> {
        let mut pieces = 0;
        for interval in intervals {
            let (lot, epoch) = (interval.lot, interval.epoch);
            match self.owned_lots(from, interval) {
                None => return Some(Refused::NotOwned { lot, epoch }),
                Some(lots) => pieces += lots,
            }
            let started = self.ranges.any_in(interval.first.0, interval.last.0);
            if started || self.open_in(interval.first.0, interval.last.0).planned != interval.count() {
                return Some(Refused::NotPlanned { lot, epoch });
            }
        }
        if intervals.is_empty() {
            return None;
        }
        self.compact();
        // A cut leaves two more lots at most.
        let full = self.lots.len() as u64 + 2 * pieces > LOTS_MAX;
        (full || intervals.len() > ASSIGN_INTERVALS_MAX).then_some(Refused::TooManyLots)
    }

    /// How many lots the interval lies in, if all of it is `owner`'s under its epoch.
    fn owned_lots(&self, owner: PeerId, interval: &Interval) -> Option<u64> {
        let (mut next, mut found) = (interval.first.0, 0);
        while next <= interval.last.0 {
            let lot = self.lot_of(next)?;
            if lot.owner != owner || lot.epoch != interval.epoch.0 {
                return None;
            }
            (next, found) = (lot.last + 1, found + 1);
        }
        Some(found)
    }

    fn hand_over(&mut self, from: PeerId, to: PeerId, intervals: &[Interval]) -> Assigned {
        let mut assigned = Assigned::default();
        if intervals.is_empty() {
            return assigned;
        }
        for interval in intervals {
            let mut next = interval.first.0;
            while let Some(place) = self.lot_place(next).filter(|_| next <= interval.last.0) {
                let last = interval.last.0.min(self.lots[place].last);
                let (moved, open) = self.cut(place, next, last, to);
                self.tally.sub(from, moved.target, State::Planned, open.planned, open.planned_bytes);
                self.tally.add(to, moved.target, State::Planned, open.planned, open.planned_bytes);
                assigned.count += open.planned;
                assigned.bytes += open.planned_bytes;
                assigned.lots.push(moved.interval(moved.first, moved.last));
                next = last + 1;
            }
        }
        self.lots_changed();
        let about = &mut self.aside.0.peers[from.index()];
        about.gave += 1;
        about.given.transfers += assigned.count;
        about.given.bytes.0 += assigned.bytes;
        assigned.lots.sort_unstable_by_key(|l| l.lot);
        assigned
    }

    fn take_all(&mut self, dead: PeerId) -> TakenOver {
        self.peer_mut(dead).incarnation.0 += 1;
        let mut open: Vec<Lot> =
            self.lots.iter().filter(|lot| lot.owner == dead && lot.open() > 0).copied().collect();
        open.sort_unstable_by_key(|lot| (lot.born, lot.first));
        for lot in &open {
            if let Some(place) = self.lot_place(lot.first) {
                self.renew(place, dead.other());
            }
        }
        let (count, bytes) = self.tally.move_open(dead);
        self.ranges_of_ended(dead);
        self.lots_changed();
        TakenOver { incarnation: self.incarnation(dead), lots: open.len() as u64, count, bytes }
    }
}
