//! One ledger for all that answer alike, for the model check alone.
//!
//! Some numbers here only grow, and only their order is ever looked at; and some answers are kept for a question that
//! nobody asks any more. A search would visit a state once for each history of them.

use super::Sim;
use crate::RangeCursor;
use std::collections::BTreeSet;
use twinhaul_units::{Incarnation, PeerId};

#[doc(hidden)]
impl Sim {
    /// Forgets the answers to operations of which `again` says that nobody will ask for them again. They are kept for that
    /// alone, and a later operation never has the number of an earlier one (S5).
    pub fn forget_answers(&mut self, again: impl Fn(PeerId, Incarnation, u64) -> bool) {
        self.operations.retain(|(known, _)| again(known.peer, known.incarnation, known.op));
    }

    /// The number of every operation that is kept.
    pub fn operation_numbers(&mut self) -> impl Iterator<Item = &mut u64> {
        self.operations.iter_mut().map(|(known, _)| &mut known.op)
    }

    /// Numbers the holdings of ranges from 1 on, in their order, and sets each cursor to how many of them it has passed.
    ///
    /// Holdings are compared with each other and with cursors by `<` alone, and a new one gets a number above all there
    /// are. So whatever a cursor has passed it has still passed, what it has not it has not, and the next holding is beyond
    /// all cursors as before.
    pub fn renumber_holdings<'a>(&mut self, cursors: impl Iterator<Item = &'a mut RangeCursor>) {
        let held: BTreeSet<u64> = self.ranges.numbers().map(|seq| *seq).collect();
        let passed = |at: u64| held.range(..=at).count() as u64;
        cursors.for_each(|cursor| cursor.0 = passed(cursor.0));
        self.ranges.numbers().for_each(|seq| *seq = passed(*seq));
        self.ranges.numbered(held.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Assign, AssignWhy, NewLot, NewRun, Planned, Process, RANGE_ALIGN, RangeCut, SharedObject};
    use twinhaul_units::{Epoch, TransferId};

    /// One transfer of the first peer, of which it lends a range with each operation.
    fn lending() -> Sim {
        let run = NewRun {
            id: "r".into(),
            name: "r".into(),
            profile_hash: String::new(),
            policy: String::new(),
            names: ["alpha".into(), "beta".into()],
            created_at_ms: 0,
        };
        let mut sim = Sim::new(&run);
        let (first, last) = (TransferId(0), TransferId(0));
        let planned = Planned { id: first, key: vec![b'k'], size: 8 * RANGE_ALIGN, ..Planned::default() };
        sim.add_wave(1, &[planned], &[NewLot { target: 0, first, last, owner: PeerId::First }]).unwrap();
        for peer in PeerId::BOTH {
            sim.join(peer, &Process::default(), 0).unwrap();
        }
        sim
    }

    fn lend(sim: &mut Sim, op: u64, leaf: u64) {
        let mut object = SharedObject { reference: vec![1], attempt: "a".into(), ..SharedObject::default() };
        object.version.size = 8 * RANGE_ALIGN;
        let (from, to) = (leaf * RANGE_ALIGN, (leaf + 1) * RANGE_ALIGN);
        let cut = RangeCut { id: TransferId(0), epoch: Epoch(1), from, to, hedge: false, object };
        let assign = Assign {
            op,
            from: PeerId::First,
            from_incarnation: Incarnation(1),
            to: PeerId::Second,
            to_incarnation: Incarnation(1),
            intervals: Vec::new(),
            cuts: vec![cut],
            why: AssignWhy::Assistance,
        };
        sim.assign(&assign).unwrap();
    }

    fn loads(sim: &Sim, after: RangeCursor) -> Vec<u64> {
        let loaded = sim.ranges_since(PeerId::Second, Incarnation(1), after, usize::MAX).unwrap();
        loaded.ranges.iter().map(|lent| lent.range.from / RANGE_ALIGN).collect()
    }

    #[test]
    fn cursors_have_passed_the_same_holdings_and_no_later_one() {
        let mut sim = lending();
        (2..8).rev().for_each(|leaf| lend(&mut sim, leaf, leaf));
        let mut cursors = [0, 1, 4, 6].map(RangeCursor);
        let before = cursors.map(|cursor| loads(&sim, cursor));
        assert_eq!(before, [vec![7, 6, 5, 4, 3, 2], vec![6, 5, 4, 3, 2], vec![3, 2], vec![]]);
        sim.renumber_holdings(cursors.iter_mut());
        assert_eq!(cursors.map(|cursor| loads(&sim, cursor)), before);
        lend(&mut sim, 9, 1);
        assert_eq!(loads(&sim, cursors[3]), [1], "what comes later is beyond all of them");
        assert_eq!(sim.check_invariants().unwrap(), [""; 0]);
    }

    #[test]
    fn how_many_there_were_is_no_state() {
        let (mut one, mut other) = (lending(), lending());
        lend(&mut one, 1, 7);
        let held = crate::HeldRange {
            id: TransferId(0),
            epoch: Epoch(1),
            from: 7 * RANGE_ALIGN,
            to: 8 * RANGE_ALIGN,
            hedge: false,
            attempt: "a".into(),
        };
        one.return_ranges(PeerId::Second, Incarnation(1), &[held]).unwrap();
        one.recall_ranges(PeerId::First, Incarnation(1), &[(TransferId(0), Epoch(1))]).unwrap();
        lend(&mut one, 2, 7);
        lend(&mut other, 2, 7);
        assert_ne!(one, other, "the first one's answer is kept, and it has counted further");
        for sim in [&mut one, &mut other] {
            sim.forget_answers(|_, _, op| op == 2);
            sim.renumber_holdings(std::iter::empty());
        }
        assert_eq!(one, other);
    }
}
