//! Transfers that need no slot, because the scout has found them at the target: they end as soon as the core starts them.
//!
//! Everything else is as for a slot: the committer records each, the core hears of each. Looking ahead begins when skips
//! come in a row, so that a run that copies does not ask its target twice.

use super::{DRAIN_MAX, Driver, Life};
use crate::clock::wall_ms;
use crate::committer::Item;
use crate::error::Result;
use crate::feeder::Feed;
use crate::scout::{Ask, LOOK_ROWS, Looked, Same};
use std::collections::VecDeque;
use std::time::Duration;
use twinhaul_assist::{Event, Interval, SlotOutcome, Unit};
use twinhaul_ledger::{Outcome, Settled};
use twinhaul_profile::OnExists;
use twinhaul_units::{Bytes, Moment, TransferId};

/// Skips in a row after which it is worth to look ahead …
const ROW_MIN: u32 = 16;
/// … after looks that brought little: each asks for four times as many as the one before, at most.
const ROW_MAX: u32 = 65_536;
/// A look that comes less far in its time is not worth the waiting.
const LOOK_MIN: u64 = 64;
/// What was found at the target longer ago is looked at again, by a slot.
const FRESH: Duration = Duration::from_secs(1);
/// A start is held back only for a look that is younger; after that a slot takes it, and shows what it waits for.
const PATIENCE: Duration = Duration::from_millis(10);

/// See the module.
#[derive(Debug)]
pub(super) struct Skips {
    /// Skipped in a row, and how many that must be.
    row: u32,
    row_min: u32,
    /// The look that is under way: where, and since when.
    asked: Option<(Interval, Moment)>,
    /// What the last looks found, ascending: each look goes on from the one before, or they are forgotten.
    found: VecDeque<(Same, Interval, Moment)>,
    /// Where the last look began, and the first transfer behind it.
    looked: Option<(TransferId, TransferId)>,
    /// Started while the scout is looking at them.
    held: Vec<Unit>,
    /// Ended without a slot, and the core has not heard it.
    ended: VecDeque<(TransferId, Bytes)>,
    last_started: Option<TransferId>,
}

impl Default for Skips {
    fn default() -> Self {
        Self {
            row: 0,
            row_min: ROW_MIN,
            asked: None,
            found: VecDeque::new(),
            looked: None,
            held: Vec::new(),
            ended: VecDeque::new(),
            last_started: None,
        }
    }
}

impl Skips {
    /// A slot has ended one.
    pub(super) fn note(&mut self, outcome: SlotOutcome) {
        self.row = if outcome == SlotOutcome::Skipped { self.row.saturating_add(1) } else { 0 };
    }

    /// Whether the core has something to hear that nobody else will tell.
    pub(super) fn is_waiting(&self) -> bool {
        !self.ended.is_empty()
    }

    fn is_looked_at(&self, unit: Unit, now: Moment) -> bool {
        self.asked.as_ref().is_some_and(|(part, since)| holds(part, unit) && now.since(*since) < PATIENCE)
    }

    /// Where the next look begins: behind the last one, if the starts have not left that.
    fn next(&self) -> Option<TransferId> {
        let behind = TransferId(self.last_started?.0.saturating_add(1));
        let within = self.looked.filter(|(first, beyond)| *first <= behind && behind <= *beyond);
        Some(within.map_or(behind, |(_, beyond)| beyond))
    }

    /// A look of `part` is back.
    fn take_in(&mut self, part: Interval, looked: Looked, now: Moment) {
        let seen = looked.beyond.0.saturating_sub(part.first.0);
        let whole = looked.beyond > part.last;
        if (whole || seen >= LOOK_MIN) && looked.same.len() as u64 > seen / 2 {
            self.row_min = ROW_MIN;
        } else {
            // Most of it is to be copied, or the target is slow: the slots do better.
            self.row = 0;
            self.row_min = self.row_min.saturating_mul(4).min(ROW_MAX);
        }
        if self.looked.is_none_or(|(_, beyond)| beyond != part.first) {
            // Elsewhere: what is left of the looks before was passed over, or is another peer's by now.
            self.found.clear();
        }
        self.looked = Some((part.first, looked.beyond));
        self.found.extend(looked.same.into_iter().map(|same| (same, part, now)));
    }

    /// What is known of a start. Starts come in order: what lies before it is not asked for any more.
    fn take(&mut self, unit: Unit, now: Moment) -> Option<Same> {
        if self.found.back().is_none_or(|(last, ..)| last.id < unit.id) {
            return None;
        }
        while self.found.front().is_some_and(|(same, ..)| same.id < unit.id) {
            self.found.pop_front();
        }
        let (same, part, at) = self.found.front()?;
        let known = (same.id == unit.id && holds(part, unit) && now.since(*at) < FRESH).then_some(*same);
        if known.is_some() {
            self.found.pop_front();
        }
        known
    }
}

/// Of the very lot under the very epoch: what was found before it changed hands says nothing.
fn holds(part: &Interval, unit: Unit) -> bool {
    (part.lot, part.epoch) == (unit.lot, unit.epoch) && part.first <= unit.id && unit.id <= part.last
}

impl Driver {
    /// The core starts a transfer: it ends here, waits for the scout, or goes to a slot.
    pub(super) fn start(&mut self, unit: Unit) -> Result<()> {
        self.skips.last_started = Some(unit.id);
        if let Some(same) = self.skips.take(unit, self.clock.now()) {
            return self.skip(unit, same);
        }
        if self.skips.is_looked_at(unit, self.clock.now()) {
            self.skips.held.push(unit);
            return Ok(());
        }
        self.feed(Feed::Start(unit))
    }

    fn skip(&mut self, unit: Unit, same: Same) -> Result<()> {
        let at_ms = wall_ms();
        let settled = Settled {
            id: unit.id,
            epoch: unit.epoch,
            outcome: Outcome::Skipped,
            attempts: same.attempts + 1,
            at_ms,
            started_at_ms: Some(at_ms),
            first_error: None,
        };
        self.shared.storage.settling.add(same.bytes);
        // Only of what failed the key is told.
        let item = Item::Ended { settled, bytes: same.bytes, key: Vec::new() };
        if self.out.committer.try_send(item).is_err() {
            // It is full: the slots wait for it, the driver must not.
            self.shared.storage.settling.remove(same.bytes);
            return self.feed(Feed::Start(unit));
        }
        self.skips.note(SlotOutcome::Skipped);
        self.skips.ended.push_back((unit.id, Bytes(same.bytes)));
        Ok(())
    }

    /// Tells the core of what has ended without a slot; it starts as much in turn.
    pub(super) fn end_skipped(&mut self) -> Result<()> {
        if self.skips.is_waiting() {
            self.view.progressed(self.clock.ms());
        }
        for _ in 0..DRAIN_MAX {
            let Some((id, bytes)) = self.skips.ended.pop_front() else { break };
            self.view.owned_bytes = self.view.owned_bytes - bytes;
            self.tell_core(Event::SlotDone { id, outcome: SlotOutcome::Skipped })?;
        }
        self.look_ahead();
        Ok(())
    }

    /// Sends the scout ahead of the core's starts, if that is worth it and it is not under way.
    fn look_ahead(&mut self) {
        let skips = &mut self.skips;
        let worth = skips.row >= skips.row_min && (skips.found.len() as u64) < LOOK_ROWS / 2;
        let same = self.options.profile.on_exists == OnExists::SkipSame && self.life == Life::Running;
        if !worth || !same || skips.asked.is_some() {
            return;
        }
        let Some(first) = skips.next() else { return };
        let Some(part) = self.core.queue().find(|part| part.first <= first && first <= part.last) else {
            return;
        };
        let last = part.last.min(TransferId(first.0.saturating_add(LOOK_ROWS - 1)));
        if self.out.scout.try_send(Ask { first, last }).is_ok() {
            skips.asked = Some((Interval { first, last, ..*part }, self.clock.now()));
        }
    }

    /// The scout is back.
    pub(super) fn on_looked(&mut self, looked: Looked) -> Result<()> {
        let now = self.clock.now();
        if let Some((part, _)) = self.skips.asked.take() {
            self.skips.take_in(part, looked, now);
        }
        self.start_held()
    }

    /// What waits for a look that takes long goes to the slots.
    pub(super) fn look_after_the_scout(&mut self) -> Result<()> {
        let now = self.clock.now();
        let late = self.skips.asked.as_ref().is_some_and(|(_, since)| now.since(*since) >= PATIENCE);
        if late { self.feed_held() } else { Ok(()) }
    }

    /// Paused or ending, whoever has begun waits in its slot, or gives up there.
    fn start_held(&mut self) -> Result<()> {
        if self.life != Life::Running || self.view.paused_by.is_some() {
            return self.feed_held();
        }
        for unit in std::mem::take(&mut self.skips.held) {
            self.start(unit)?;
        }
        Ok(())
    }

    fn feed_held(&mut self) -> Result<()> {
        for unit in std::mem::take(&mut self.skips.held) {
            self.feed(Feed::Start(unit))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_units::{Epoch, LotId};

    const PART: Interval =
        Interval { first: TransferId(100), last: TransferId(1099), lot: LotId(7), epoch: Epoch(1) };

    fn unit(id: u64) -> Unit {
        Unit { id: TransferId(id), lot: LotId(7), epoch: Epoch(1) }
    }

    fn looked(ids: impl Iterator<Item = u64>, beyond: u64) -> Looked {
        let same = ids.map(|id| Same { id: TransferId(id), bytes: 5, attempts: 0 }).collect();
        Looked { beyond: TransferId(beyond), same }
    }

    fn at(ms: u64) -> Moment {
        Moment(ms * 1000)
    }

    #[test]
    fn only_what_was_found_fresh_under_this_epoch_needs_no_slot() {
        let mut skips = Skips::default();
        skips.take_in(PART, looked((100..1100).filter(|id| id % 10 != 0), 1100), at(0));
        assert_eq!(skips.take(unit(1500), at(1)), None, "from the tail, where nobody looked");
        assert_eq!(skips.take(unit(101), at(1)).map(|same| same.id), Some(TransferId(101)));
        assert_eq!(skips.take(unit(110), at(1)), None, "another one is there");
        assert_eq!(skips.take(unit(105), at(1)), None, "passed");
        assert!(skips.take(unit(111), at(1)).is_some());
        assert_eq!(
            skips.take(Unit { epoch: Epoch(3), ..unit(112) }, at(1)),
            None,
            "it was elsewhere meanwhile"
        );
        assert!(skips.take(unit(113), at(999)).is_some());
        assert_eq!(skips.take(unit(114), at(1000)), None, "long ago");
    }

    #[test]
    fn the_next_look_begins_behind_the_last_one_or_behind_the_starts() {
        let mut skips = Skips::default();
        assert_eq!(skips.next(), None);
        skips.last_started = Some(TransferId(99));
        assert_eq!(skips.next(), Some(TransferId(100)));
        skips.take_in(PART, looked(100..400, 400), at(0));
        assert_eq!(skips.next(), Some(TransferId(400)));
        skips.last_started = Some(TransferId(700));
        assert_eq!(skips.next(), Some(TransferId(701)), "the starts have left that");
        skips.last_started = Some(TransferId(20));
        assert_eq!(skips.next(), Some(TransferId(21)), "another part");
    }

    #[test]
    fn a_look_elsewhere_forgets_what_is_left_of_those_before() {
        let mut skips = Skips::default();
        skips.take_in(Interval { first: TransferId(600), ..PART }, looked(600..800, 800), at(0));
        skips.take_in(Interval { first: TransferId(800), ..PART }, looked(800..1000, 1000), at(1));
        assert_eq!(skips.found.len(), 400, "it went on");
        skips.take_in(PART, looked(100..300, 300), at(2));
        assert_eq!(skips.found.len(), 200);
        assert!(skips.take(unit(100), at(3)).is_some());
    }

    #[test]
    fn looks_that_bring_little_become_rare() {
        let mut skips = Skips { row: 99, ..Skips::default() };
        skips.take_in(PART, looked(100..1100, 1100), at(0));
        assert_eq!((skips.row, skips.row_min), (99, ROW_MIN));
        skips.take_in(PART, looked(100..130, 130), at(0));
        assert_eq!((skips.row, skips.row_min), (0, 4 * ROW_MIN), "a slow target");
        for _ in 0..20 {
            skips.take_in(PART, looked(0..0, 1100), at(0));
        }
        assert_eq!(skips.row_min, ROW_MAX, "all of it is to be copied");
        skips.take_in(PART, looked(100..1100, 1100), at(0));
        assert_eq!(skips.row_min, ROW_MIN);
    }

    #[test]
    fn a_start_waits_for_a_look_that_is_young_and_for_no_other() {
        let mut skips = Skips::default();
        assert!(!skips.is_looked_at(unit(100), at(0)));
        skips.asked = Some((PART, at(0)));
        assert!(skips.is_looked_at(unit(100), at(9)) && !skips.is_looked_at(unit(1100), at(9)));
        assert!(!skips.is_looked_at(unit(100), at(10)));
    }
}
