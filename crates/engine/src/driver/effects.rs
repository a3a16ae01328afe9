//! Carrying out what the core wants, and telling it what came of it.

use super::{Driver, DriverEvent, Life};
use crate::error::{EngineError, Result};
use crate::feeder::Feed;
use crate::ledger_thread::{Answer, Job};
use crate::link::LinkEvent;
use twinhaul_assist::{ByteRange, Effect, Event, Interval, Message, OpId, Refusal};
use twinhaul_ledger::{Assign, AssignOutcome, RangeCut, Refused};
use twinhaul_units::{Bytes, Incarnation, TransferId};
use twinhaul_wire::{Envelope, EventKind};

impl Driver {
    pub(super) fn carry_out(&mut self, effect: Effect) -> Result<()> {
        match effect {
            Effect::Assign { op, asker_incarnation, intervals, cuts, why, .. } => {
                let cuts = self.cut(op.0, &cuts);
                if intervals.is_empty() && cuts.is_empty() {
                    // Everything had been claimed meanwhile. The ledger never hears of this number.
                    return self.tell_core(Event::Refused { op, why: Refusal::LotChanged });
                }
                self.assign(op, asker_incarnation, (intervals, cuts), super::translate::why(why))
            }
            Effect::StartRange(range) => self.start_range(range),
            Effect::Split(cut) => self.split(cut),
            Effect::Abandon { range } => {
                self.abandon(&range);
                Ok(())
            }
            Effect::Fence { op, incarnation } => self.fence(op, incarnation),
            Effect::LoadLots { limit } => self.load(limit),
            Effect::Start(unit) => self.start(unit),
            Effect::Send(message) => {
                self.send(super::translate::to_wire(message));
                Ok(())
            }
            Effect::Timer { at } => {
                self.timer = Some(at);
                Ok(())
            }
            Effect::Report(report) => {
                self.on_report(report);
                Ok(())
            }
        }
    }

    /// During a take-over what it brings is not complete: a load would pass over what is planned again at its end.
    fn load(&mut self, limit: usize) -> Result<()> {
        if self.other.is_being_taken() {
            self.load_later = Some(limit);
            return Ok(());
        }
        self.ledger(Job::Load { limit })
    }

    fn assign(
        &mut self,
        op: OpId,
        to_incarnation: Incarnation,
        (intervals, cuts): (Vec<Interval>, Vec<RangeCut>),
        why: twinhaul_wire::AssignWhy,
    ) -> Result<()> {
        let (from, to) = (self.options.me, self.options.me.other());
        let from_incarnation = self.incarnation;
        self.ledger(Job::Assign(Assign {
            op: op.0,
            from,
            from_incarnation,
            to,
            to_incarnation,
            intervals,
            cuts,
            why,
        }))
    }

    /// Hands a job to the ledger's thread.
    pub(super) fn ledger(&mut self, job: Job) -> Result<()> {
        self.out.ledger.try_send(job).map_err(|_| EngineError::Bug("the ledger's thread is gone or overrun"))
    }

    pub(super) fn feed(&mut self, feed: Feed) -> Result<()> {
        self.out.feeder.try_send(feed).map_err(|_| EngineError::Bug("the feeder is gone or overrun"))
    }

    pub(super) fn send(&mut self, body: twinhaul_wire::Message) {
        self.seq += 1;
        let envelope = Envelope {
            from: self.options.name().to_owned(),
            incarnation: self.incarnation.0,
            seq: self.seq,
            sent_at_ms: crate::clock::wall_ms(),
            body,
        };
        // A full outbox means a link that is down: messages are wake-ups, the core asks again (protocol.md 5).
        let _ = self.out.outbox.try_send(envelope);
    }

    pub(super) fn on_ledger(&mut self, answer: Answer) -> Result<()> {
        match answer {
            Answer::Loaded { lots, pinned, ranges, bytes, all_planned } => {
                self.view.owned_bytes += Bytes(bytes);
                let ranges = self.ranges_loaded(ranges)?;
                self.tell_core(Event::LotsLoaded { lots, pinned, ranges, all_planned })?;
                if all_planned && self.core_is_idle() {
                    // The last look may be older than the plan: without another one nothing says that all is settled.
                    self.poll_now();
                }
                Ok(())
            }
            Answer::LoadedRanges(ranges) => {
                let ranges = self.ranges_loaded(ranges)?;
                self.take_in(ranges)
            }
            Answer::FinishedRanges(ends) => self.on_finished_ranges(ends),
            Answer::SplitRange(tail, made) => self.on_guest_split(&tail, made),
            Answer::LoadLater { limit } => {
                self.load_later = Some(limit);
                Ok(())
            }
            Answer::Assigned { op, outcome: AssignOutcome::Assigned(assigned) } => {
                self.view.owned_bytes = self.view.owned_bytes - Bytes(assigned.bytes);
                self.cuts_decided(op, true);
                let lent: u64 = assigned.ranges.iter().map(ByteRange::len).sum();
                let bytes = Bytes(assigned.bytes + lent);
                let (lots, ranges) = (assigned.lots, assigned.ranges);
                self.note_lots(op, &lots);
                if !ranges.is_empty() {
                    self.note_lent(op, &ranges);
                }
                self.tell_core(Event::Assigned { op: OpId(op), lots, ranges, bytes })
            }
            Answer::Assigned { op, outcome: AssignOutcome::Refused(refused) } => {
                self.cuts_decided(op, false);
                self.record(EventKind::Warning { text: format!("an assignment was refused: {refused}") });
                self.tell_core(Event::Refused { op: OpId(op), why: refusal(refused) })
            }
            Answer::Polled(polled, seen) => {
                self.poll_pending = false;
                self.polled_at = self.clock.now();
                self.polled_as_of = self.poll_asked_at;
                self.view.take_poll(*polled);
                self.on_ranges_seen(seen)
            }
            Answer::Claimed(granted) => self.on_claimed(granted),
            Answer::Taken { op, outcome } => self.on_taken(op, outcome),
            Answer::Cured(stopped) => {
                self.record(stopped.told());
                Ok(())
            }
        }
    }

    pub(super) fn on_link(&mut self, event: LinkEvent) -> Result<()> {
        match event {
            LinkEvent::Up { incarnation } => {
                self.view.link_up(incarnation, self.clock.ms());
                self.other.has_taken_leave = false;
                self.on_other_linked(Incarnation(incarnation));
                self.record(EventKind::Linked { other: incarnation });
                self.tell_core(Event::PeerJoined { incarnation: Incarnation(incarnation) })
            }
            LinkEvent::Down { why } => {
                self.view.link_down();
                self.on_other_unlinked();
                if self.life == Life::Running && !self.other.has_taken_leave {
                    self.record(EventKind::Unlinked { why });
                }
                self.tell_core(Event::PeerLost)
            }
        }
    }

    pub(super) fn on_message(&mut self, envelope: Envelope) -> Result<()> {
        // What was on its way when the link was cut did not arrive either.
        if envelope.from != self.options.other_name() || *self.out.cut.borrow() {
            return Ok(());
        }
        self.view.heard(&envelope, self.clock.ms());
        let from_incarnation = Incarnation(envelope.incarnation);
        if matches!(envelope.body, twinhaul_wire::Message::Bye { .. }) {
            self.other.has_taken_leave = true;
            // The ledger knows whether the run has ended.
            self.poll_now();
        }
        match super::translate::from_wire(envelope.body) {
            Some(msg) => {
                match msg {
                    // What moves is decided by how far everything is now.
                    Message::Ask { .. } => self.measure()?,
                    // A wake-up: the ledger knows what was done.
                    Message::RangeDone { .. } => self.poll_now(),
                    _ => {}
                }
                self.tell_core(Event::Message { from_incarnation, msg })
            }
            None => Ok(()),
        }
    }

    /// First and last id at the head of the queue, for "next up".
    pub(super) fn queue_head(&self) -> Option<(TransferId, TransferId)> {
        self.core.queue().next().map(|i| (i.first, i.last))
    }
}

fn refusal(refused: Refused) -> Refusal {
    match refused {
        Refused::StaleHelper { .. } => Refusal::ReceiverNotCurrent,
        Refused::StaleOwner { .. } => Refusal::OwnerNotCurrent,
        _ => Refusal::LotChanged,
    }
}

impl From<LinkEvent> for DriverEvent {
    fn from(event: LinkEvent) -> Self {
        Self::Link(event)
    }
}
