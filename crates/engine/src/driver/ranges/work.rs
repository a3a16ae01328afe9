//! Ranges in slots here: lent by the other peer, come back, or for an own second slot.

use super::{Guest, Stage, key};
use crate::copy::RangeJob;
use crate::driver::{Driver, Life};
use crate::error::Result;
use crate::feeder::Feed;
use crate::ledger_thread::Job;
use crate::parts::Part;
use crate::slots::{RangeEnded, RangeReport};
use crate::whole::{Span, Whole};
use std::sync::Arc;
use twinhaul_assist::{ByteRange, Event, RangeOutcome};
use twinhaul_ledger::{FinishedRange, HeldRange, Lent, RangeEnd};
use twinhaul_wire::EventKind;

impl Driver {
    /// A load named ranges: lent by the other peer, or of own transfers and come back. Returns those for the core.
    pub(in crate::driver) fn ranges_loaded(&mut self, loaded: Vec<Lent>) -> Result<Vec<ByteRange>> {
        let mut ranges = Vec::with_capacity(loaded.len());
        for Lent { range, object, row } in loaded {
            let span = Span { from: range.from, to: range.to };
            if range.home == self.options.me {
                let whole = self.shared.wholes.get(range.id).filter(|w| w.object.attempt == object.attempt);
                // Of an attempt that is over, nothing is to be done.
                let Some(whole) = whole else { continue };
                let taken = if range.hedge { whole.copy_too(span) } else { whole.came_back(span) };
                if !taken {
                    continue;
                }
            } else if self.ranges.end_former(&range, &object.attempt) {
                // Its place is taken until the slot has let go of the former attempt: back, and the home lends it again.
                let Span { from, to } = span;
                let ByteRange { id, epoch, hedge, .. } = range;
                let held = HeldRange { id, epoch, from, to, hedge, attempt: object.attempt };
                self.ledger(Job::ReturnRanges(vec![held]))?;
                continue;
            } else if self.ranges.guests.get(&key(&range)).is_some_and(|g| g.object.attempt == object.attempt)
            {
                // The end of one that was divided here: known since then.
                continue;
            } else {
                self.ranges.guests.insert(key(&range), Guest::new(range, object, row));
            }
            ranges.push(range);
        }
        self.go_on_stopping()?;
        Ok(ranges)
    }

    /// The core hears of ranges outside of a load of its own.
    pub(in crate::driver) fn take_in(&mut self, ranges: Vec<ByteRange>) -> Result<()> {
        if ranges.is_empty() {
            return Ok(());
        }
        self.go_on_stopping()?;
        let (lots, pinned, all_planned) = (Vec::new(), Vec::new(), self.core.all_planned());
        self.tell_core(Event::LotsLoaded { lots, pinned, ranges, all_planned })
    }

    /// A core that starts nothing more: what came back is done all the same, or the transfer would never end.
    fn go_on_stopping(&mut self) -> Result<()> {
        if matches!(self.life, Life::Stopping { .. }) {
            self.return_waiting()?;
            self.feed_due()?;
        }
        Ok(())
    }

    pub(in crate::driver) fn start_range(&mut self, range: ByteRange) -> Result<()> {
        if range.home == self.options.me {
            let whole = self.shared.wholes.get(range.id);
            return match whole.and_then(|whole| Some((whole.begin(range.from)?, whole))) {
                Some((part, whole)) => self.feed_own(range, part, whole, true),
                None => self.range_is_over(range, RangeOutcome::Moot),
            };
        }
        let Some(guest) = self.ranges.guests.get_mut(&key(&range)).filter(|g| g.stage == Stage::Waiting)
        else {
            return self.range_is_over(range, RangeOutcome::Moot);
        };
        guest.stage = Stage::InSlot;
        let job = RangeJob {
            range,
            row: guest.row.clone(),
            object: guest.object.clone(),
            part: Arc::clone(&guest.part),
            whole: None,
            core_waits: true,
        };
        self.feed(Feed::Range(Box::new(job)))
    }

    fn feed_own(
        &mut self,
        range: ByteRange,
        part: Arc<Part>,
        whole: Arc<Whole>,
        core_waits: bool,
    ) -> Result<()> {
        let (row, object) = (whole.job.row.clone(), whole.object.clone());
        let job = RangeJob { range, row, object, part, whole: Some(whole), core_waits };
        self.feed(Feed::Range(Box::new(job)))
    }

    /// What is due here is done without the core.
    pub(in crate::driver) fn feed_due(&mut self) -> Result<()> {
        for whole in self.shared.wholes.all() {
            for span in whole.due() {
                if let Some(part) = whole.begin(span.from) {
                    self.feed_own(self.own_range(&whole, span), part, Arc::clone(&whole), false)?;
                }
            }
        }
        Ok(())
    }

    /// Lent ranges that no slot has begun go back: this peer is ending.
    pub(in crate::driver) fn return_waiting(&mut self) -> Result<()> {
        let waiting: Vec<HeldRange> =
            self.ranges.guests.values().filter(|g| g.stage == Stage::Waiting).map(Guest::held).collect();
        self.ranges.guests.retain(|_, g| g.stage != Stage::Waiting);
        if waiting.is_empty() { Ok(()) } else { self.ledger(Job::ReturnRanges(waiting)) }
    }

    /// The other copy of a hedge is done: this one is of no use.
    pub(in crate::driver) fn abandon(&mut self, range: &ByteRange) {
        if let Some(guest) = self.ranges.guests.get_mut(&key(range)) {
            guest.abandoned = true;
            guest.part.stop();
        } else if range.home == self.options.me
            && range.hedge
            && let Some((part, _)) = self.shared.wholes.get(range.id).and_then(|w| w.part(range.from))
            && range.from > 0
        {
            part.stop();
        }
        // What the ledger says of it decides.
        self.polled_at = twinhaul_units::Moment::ZERO;
    }

    /// A slot is done with a range.
    pub(in crate::driver) fn on_range(&mut self, report: RangeReport) -> Result<()> {
        self.view.progressed(self.clock.ms());
        let RangeReport { range, end, core_waits } = report;
        if range.home == self.options.me {
            let outcome = match end {
                RangeEnded::Done(_) => RangeOutcome::Done,
                RangeEnded::Moot | RangeEnded::Cut => RangeOutcome::Moot,
                RangeEnded::Failed(_) => RangeOutcome::Failed,
            };
            return if core_waits { self.range_is_over(range, outcome) } else { Ok(()) };
        }
        let Some(guest) = self.ranges.guests.get_mut(&key(&range)) else { return Ok(()) };
        let held = guest.held();
        let abandoned = guest.abandoned;
        match end {
            RangeEnded::Done(chains) => {
                guest.stage = Stage::Told;
                return self.ledger(Job::FinishRanges(vec![FinishedRange { held, chains }]));
            }
            RangeEnded::Cut => {}
            RangeEnded::Moot => self.ledger(Job::ReturnRanges(vec![held]))?,
            RangeEnded::Failed(why) => {
                let text = format!(
                    "a range of transfer {} goes back to {}: {why}",
                    range.id,
                    self.options.other_name()
                );
                self.record(EventKind::Warning { text });
                self.ranges.guests.remove(&key(&range));
                self.ledger(Job::ReturnRanges(vec![held]))?;
                return if abandoned { Ok(()) } else { self.range_is_over(range, RangeOutcome::Failed) };
            }
        }
        self.ranges.guests.remove(&key(&range));
        if abandoned { Ok(()) } else { self.range_is_over(range, RangeOutcome::Moot) }
    }

    /// The ledger has recorded finished ranges, or says that nobody needs them.
    pub(in crate::driver) fn on_finished_ranges(&mut self, ends: Vec<(HeldRange, RangeEnd)>) -> Result<()> {
        for (held, end) in ends {
            let Some(guest) = self.ranges.guests.remove(&(held.id, held.from, held.hedge)) else { continue };
            if guest.abandoned {
                continue;
            }
            let range = ByteRange { to: held.to, ..guest.range };
            let outcome = match end {
                RangeEnd::Done => {
                    self.view.assisted.ranges += 1;
                    self.view.assisted.range_bytes += range.len();
                    RangeOutcome::Done
                }
                RangeEnd::Moot => RangeOutcome::Moot,
            };
            self.range_is_over(range, outcome)?;
        }
        Ok(())
    }

    fn range_is_over(&mut self, range: ByteRange, outcome: RangeOutcome) -> Result<()> {
        self.tell_core(Event::RangeDone { range, outcome })
    }
}
