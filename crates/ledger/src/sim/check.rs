//! Every rule about lots and counters, recounted from the transfers (S4, S11).

use super::Sim;
use super::tally::Tally;
use crate::{Result, State, VIOLATIONS_MAX};
use twinhaul_units::{Epoch, TransferId};

impl Sim {
    /// See [`crate::Store::check_invariants`].
    pub fn check_invariants(&self) -> Result<Vec<String>> {
        let mut broken = Vec::new();
        let mut counted = Tally::default();
        let covered = self.check_lots(&mut broken, &mut counted);
        if covered != self.lines.len() {
            broken.push(format!("the lots hold {covered} of {} transfers", self.lines.len()));
        }
        for (at, line) in self.lines.iter().enumerate().filter(|(_, line)| line.state.settled()) {
            let (id, size) = (self.plan.0.transfers[at].id, self.size(at));
            match line.by {
                Some(by) => counted.add(by, self.plan.0.transfers[at].target, line.state, 1, size),
                None => broken.push(format!("transfer {id} was settled by nobody")),
            }
            if let Some(by) = line.by
                && line.state == State::Done
                && line.end.as_ref().is_some_and(|end| end.verified)
            {
                counted.verified(by, size);
            }
        }
        if self.tally != counted {
            broken.push(format!("the counters say {:?}, recounted {counted:?}", self.tally));
        }
        let sum = self.tally.rows().fold((0, 0), |sum, (_, n, bytes)| (sum.0 + n, sum.1 + bytes));
        if sum != (self.lines.len() as u64, self.plan.0.bytes) {
            broken.push(format!("{} were discovered, the counters hold {sum:?}", self.lines.len()));
        }
        self.check_ranges(&mut broken);
        broken.truncate(VIOLATIONS_MAX);
        Ok(broken)
    }

    /// S4: disjoint, covering, of one target, counted, and nothing open below their cursors. Returns how many
    /// transfers they hold.
    fn check_lots(&self, broken: &mut Vec<String>, counted: &mut Tally) -> usize {
        let (mut next, mut covered) = (0, 0);
        for lot in &self.lots {
            let interval = lot.interval(lot.first, lot.last);
            let name = format!("lot {} ({}..={})", lot.id, lot.first, lot.last);
            let places = self.places(lot.first, lot.last);
            covered += places.len();
            let mut tell = |holds: bool, what: String| {
                if !holds {
                    broken.push(format!("{name} {what}"));
                }
            };
            tell(lot.first >= next && lot.first <= lot.last, "overlaps the one before".to_owned());
            next = lot.last + 1;
            tell(places.len() as u64 == interval.count(), format!("holds {} transfers", places.len()));
            let same = places.clone().all(|at| self.plan.0.transfers[at].target == lot.target);
            tell(same, "crosses a target".to_owned());
            let (mut planned, mut authorised) = (0, 0);
            for at in places {
                let state = self.lines[at].state;
                planned += u64::from(state == State::Planned);
                authorised += u64::from(state == State::Authorised);
                let id = self.plan.0.transfers[at].id;
                tell(state.settled() || id.0 >= lot.low, format!("has {id} open below its cursor"));
                if !state.settled() {
                    counted.add(lot.owner, lot.target, state, 1, self.size(at));
                }
            }
            let says = (lot.planned, lot.authorised);
            tell(says == (planned, authorised), format!("says {says:?}, has {planned}, {authorised}"));
        }
        covered
    }

    /// The epochs of all transfers in their order, for checks of S5.
    pub fn epochs(&self) -> impl Iterator<Item = (TransferId, Epoch)> + '_ {
        self.lots.iter().flat_map(|lot| (lot.first..=lot.last).map(|id| (TransferId(id), Epoch(lot.epoch))))
    }
}
