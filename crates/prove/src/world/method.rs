//! What the claims say and no other check sees: the portion, when a ratio may move, and that an idle peer asks again.
//! And the deliberate bugs that change what the driver does with the core's wishes.

use super::World;
use super::check::Invariant;
use crate::mutant::Mutant;
use twinhaul_assist::{AnswerFigures, AssignWhy, Core, Event, Interval, Message, Policy, Rule};

/// Longest step of a peer's clock in which its timer counts as punctual.
const LEAP_US: u64 = 1_000_000;

impl World {
    /// Claims 4.2, 5.2: portion = ratio x queued.
    pub(super) fn check_portion(&mut self, at: usize, figures: &AnswerFigures) {
        let literal = self.setup.policy == Policy::Learning;
        let right = figures.portion == figures.ratio.times(figures.queued);
        self.unless(!literal || right, Invariant::Claims, || {
            format!(
                "peer {at} hands over a portion of {:?} where {:?} x {}",
                figures.portion, figures.ratio, figures.queued
            )
        });
    }

    /// Claims 6.1, 7.1: once in each episode of the asker.
    pub(super) fn check_rule(&mut self, at: usize, rule: Rule) {
        if !matches!(rule, Rule::Claim6_1 | Rule::Claim7_1) {
            return;
        }
        let notes = &mut self.processes[at].notes;
        let again = notes.hears.is_some() && notes.raised_for == notes.hears;
        notes.raised_for = notes.hears;
        self.unless(!again, Invariant::Claims, || "a ratio moved twice for one episode".to_owned());
    }

    /// Since when this peer could ask and has not.
    pub(super) fn mark_idle(&mut self, at: usize) {
        let process = &self.processes[at];
        // An episode can lie open behind work that came otherwise.
        let dry = |c: &Core| c.queued() + c.pinned() == 0 && c.ranges_queued().next().is_none();
        let free = |c: &Core| c.in_flight().len() + c.ranges_in_flight().len() < c.slots();
        let may = |c: &Core| c.episode().is_some() && c.peer().1 && !c.awaits_load() && dry(c) && free(c);
        let idle = process.core.as_ref().is_some_and(may)
            && self.is_current(at)
            && self.setup.policy != Policy::None;
        let now = self.now(process.me);
        let since = &mut self.processes[at].notes.idle_since;
        *since = if idle { Some(since.unwrap_or(now)) } else { None };
    }

    /// Who slept through so much time could not have asked meanwhile.
    pub(super) fn forgive_leaps(&mut self, passed: u64) {
        for process in &mut self.processes {
            if process.frozen || passed * self.clocks.speed[process.me.index()] / 100 > LEAP_US {
                process.notes.idle_since = None;
            }
        }
    }

    /// L2: an idle peer asks again within the back-off cap; `balanced` may think it of no use for as long again.
    pub(super) fn check_asks_again(&mut self, at: usize) {
        let Some(since) = self.processes[at].notes.idle_since else { return };
        let waited = self.now(self.processes[at].me).since(since);
        let most = self.setup.timing.poll_cap * 2 + self.setup.timing.ask_resend_cap;
        self.unless(self.setup.is_untimed() || waited <= most, Invariant::L2, || {
            format!("a peer has been idle for {waited:?} and does not ask")
        });
    }

    /// A deliberate bug: what is in a slot is handed over too.
    pub(super) fn with_started(
        &self,
        at: usize,
        why: AssignWhy,
        mut intervals: Vec<Interval>,
    ) -> Vec<Interval> {
        let started = self.processes[at].flights.first().map(|flight| Interval::from(flight.unit));
        let mutant = match why {
            AssignWhy::Rebalance => Mutant::FlightHandedOver,
            AssignWhy::Assistance | AssignWhy::Drain => Mutant::StartedHandedOver,
        };
        if self.setup.is(mutant) && !intervals.is_empty() {
            intervals.extend(started.filter(|s| intervals.iter().all(|i| i.first != s.first)));
            intervals.sort_unstable_by_key(|i| i.first);
        }
        intervals
    }

    /// A deliberate bug: a message is believed before the ledger is asked.
    pub(super) fn believe(&mut self, at: usize, message: &Message) {
        let Message::Needed { lots, .. } = message else { return };
        if !self.setup.is(Mutant::NeededIsBelieved) {
            return;
        }
        let named = |(_, i): &(_, Interval)| lots.contains(&i.lot);
        let lots = self.ledger.owners().filter(named).map(|(_, i)| self.loaded_lot(i)).collect();
        self.tell(at, Event::LotsLoaded { lots, pinned: Vec::new(), ranges: Vec::new(), all_planned: true });
    }
}
