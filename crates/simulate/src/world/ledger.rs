//! Operations on the ledger: asked for now, performed and answered a little later.

use super::{Due, LEDGER_DELAY, World};
use crate::trace::Mark;
use twinhaul_assist::{ByteRange, Event, Interval, OpId, RangeOutcome, Refusal};
use twinhaul_units::{Incarnation, PeerId};

/// What a host asks of the ledger.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Load { limit: usize },
    Assign { op: OpId, to: Incarnation, intervals: Vec<Interval>, ranges: Vec<ByteRange> },
    Fence { op: OpId, incarnation: Incarnation },
    FinishRange(ByteRange),
}

impl World {
    pub(super) fn ask_ledger(&mut self, peer: PeerId, operation: Operation) {
        let incarnation = self.hosts[peer.index()].incarnation;
        self.schedule(LEDGER_DELAY.as_nanos() as u64, peer, Due::Ledger { incarnation, operation });
    }

    /// Any operation tells a fenced process that it is one.
    pub(super) fn on_operation(&mut self, peer: PeerId, operation: Operation) {
        if self.books.current(peer) != self.hosts[peer.index()].incarnation {
            self.find_itself_fenced(peer);
            return;
        }
        match operation {
            Operation::Load { limit } => {
                let lots = self.books.load(peer, limit);
                let ranges = self.books.load_ranges(peer);
                let event = Event::LotsLoaded { lots, pinned: Vec::new(), ranges, all_planned: true };
                self.deliver(peer, event);
            }
            Operation::Assign { op, to, intervals, ranges } => {
                self.on_assign(peer, op, to, &intervals, &ranges);
            }
            Operation::Fence { op, incarnation } => self.on_fence(peer, op, incarnation),
            Operation::FinishRange(range) => self.on_finish_range(peer, range),
        }
    }

    fn on_assign(
        &mut self,
        peer: PeerId,
        op: OpId,
        to: Incarnation,
        intervals: &[Interval],
        ranges: &[ByteRange],
    ) {
        let me = (peer, self.hosts[peer.index()].incarnation);
        let outcome = self.books.assign(op, me, to, intervals, ranges);
        let count = intervals.iter().map(Interval::count).sum::<u64>();
        let event = match outcome {
            Ok((lots, lent, bytes)) => {
                self.trace.note(self.now_ns, peer, Mark::Assigned, &[op.0, count, bytes.0], || {
                    format!("has assigned {count} transfers and {} ranges, {bytes}", lent.len())
                });
                let made = |range: &ByteRange| lent.iter().any(|l| l.id == range.id && l.from == range.from);
                self.uncut(peer, ranges.iter().filter(|range| !made(range)));
                Event::Assigned { op, lots, ranges: lent, bytes }
            }
            Err(why) => {
                self.trace.note(self.now_ns, peer, Mark::Refused, &[op.0], || format!("is refused: {why:?}"));
                self.uncut(peer, ranges.iter());
                Event::Refused { op, why }
            }
        };
        self.deliver(peer, event);
    }

    /// What was cut off and could not be lent goes back to its part, or waits for a slot.
    fn uncut<'a>(&mut self, peer: PeerId, ranges: impl Iterator<Item = &'a ByteRange>) {
        for range in ranges.filter(|range| !range.hedge) {
            if !self.hosts[peer.index()].uncut(range) {
                self.books.take_back(peer, range);
            }
        }
    }

    fn on_fence(&mut self, peer: PeerId, op: OpId, incarnation: Incarnation) {
        let me = (peer, self.hosts[peer.index()].incarnation);
        let outcome = self.books.fence(op, me, incarnation);
        self.tally.fences += u64::from(outcome.is_ok());
        self.trace.note(self.now_ns, peer, Mark::Fenced, &[op.0, incarnation.0], || {
            format!("takes over {incarnation}: {outcome:?}")
        });
        let took_over = outcome.is_ok() || outcome == Err(Refusal::ReceiverNotCurrent);
        self.deliver(peer, Event::Fenced { op, outcome });
        if took_over {
            self.drop_moot_ranges(peer);
        }
    }

    fn on_finish_range(&mut self, peer: PeerId, range: ByteRange) {
        let outcome = self.books.finish_range(peer, &range);
        self.tally.moot_ranges += u64::from(outcome == RangeOutcome::Moot);
        let now_ns = self.now_ns;
        let numbers = [range.id.0, range.from, range.to];
        self.trace.note(now_ns, peer, Mark::RangeDone, &numbers, || format!("{outcome:?}: {range:?}"));
        let host = self.host(peer);
        host.advance(now_ns);
        if host.remove(range.id, range.from).is_none() {
            return; // abandoned meanwhile
        }
        self.deliver(peer, Event::RangeDone { range, outcome });
        if range.home == peer {
            self.look_for_ranges(peer);
        }
    }
}
