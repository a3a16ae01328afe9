//! What happens in slots: parts become complete, ranges come home, progress is measured and recorded.

use super::{MEASURE_EVERY, World, ledger::Operation};
use crate::host::Kind;
use crate::trace::Mark;
use twinhaul_assist::{ByteRange, Event, Policy, RangeOutcome, SlotOutcome, Unit};
use twinhaul_units::PeerId;

impl World {
    /// Something is complete in a slot, or set up.
    pub(super) fn on_slot(&mut self, peer: PeerId) {
        let now_ns = self.now_ns;
        let host = self.host(peer);
        host.advance(now_ns);
        let Some(part) = host.take_complete(now_ns) else { return };
        if self.books.current(peer) != self.hosts[peer.index()].incarnation {
            self.find_itself_fenced(peer);
            return;
        }
        match part.kind {
            Kind::Range(_) => {
                if let Some(range) = part.range() {
                    self.ask_ledger(peer, Operation::FinishRange(range));
                }
            }
            Kind::Own(unit) => {
                self.books.note_done(unit.id, part.from, part.to);
                let outcome = if self.books.is_whole(unit.id) {
                    self.finish(peer, unit);
                    SlotOutcome::Settling
                } else {
                    self.host(peer).awaiting.push(unit);
                    SlotOutcome::AwaitingRanges
                };
                self.trace.note(now_ns, peer, Mark::Done, &[unit.id.0], || {
                    format!("transfer {} leaves its slot: {outcome:?}", unit.id)
                });
                if self.books.undone > 0 {
                    self.deliver(peer, Event::SlotDone { id: unit.id, outcome });
                }
            }
        }
    }

    /// Sealed and published.
    pub(super) fn finish(&mut self, peer: PeerId, unit: Unit) {
        self.books.finish(peer, unit.id, unit.epoch);
        self.trace.note(self.now_ns, peer, Mark::Settled, &[unit.id.0], || {
            format!("transfer {} is complete", unit.id)
        });
    }

    /// Own transfers whose lent ranges are all done now go on to settle; what a copy has done needs no doing.
    pub(super) fn look_for_ranges(&mut self, peer: PeerId) {
        let whole = |unit: &Unit| self.books.is_whole(unit.id);
        let (home, awaiting): (Vec<_>, Vec<_>) =
            self.hosts[peer.index()].awaiting.iter().copied().partition(whole);
        self.host(peer).awaiting = awaiting;
        for unit in home {
            self.finish(peer, unit);
            self.deliver(peer, Event::RangesHome { id: unit.id });
        }
        let now_ns = self.now_ns;
        let books = &self.books;
        let host = &mut self.hosts[peer.index()];
        host.advance(now_ns);
        for part in host.parts.iter_mut().filter(|p| !p.recording) {
            if let Some(cover) = books.cover(part.id()) {
                part.to = cover.tail(part.from, part.to);
            }
        }
    }

    /// What somebody else has done, or let go of, leaves its slot.
    pub(super) fn drop_moot_ranges(&mut self, peer: PeerId) {
        let moot = |range: &ByteRange| !self.books.holds(peer, range);
        let parts = self.hosts[peer.index()].parts.iter().filter(|p| !p.recording);
        let gone: Vec<_> = parts.filter_map(crate::host::Part::range).filter(moot).collect();
        let now_ns = self.now_ns;
        for range in gone {
            let host = self.host(peer);
            host.advance(now_ns);
            host.remove(range.id, range.from);
            self.tally.moot_ranges += 1;
            self.deliver(peer, Event::RangeDone { range, outcome: RangeOutcome::Moot });
        }
    }

    pub(super) fn on_measure(&mut self, peer: PeerId) {
        let next_ns = self.now_ns + MEASURE_EVERY.as_nanos() as u64;
        self.host(peer).measure_ns = Some(next_ns);
        if self.books.current(peer) != self.hosts[peer.index()].incarnation {
            self.find_itself_fenced(peer);
            return;
        }
        self.look_for_ranges(peer);
        self.record(peer);
        self.measure(peer);
    }

    /// What is in flight is made durable and recorded, as often as the scenario says.
    pub(super) fn record(&mut self, peer: PeerId) {
        let Some(every) = self.checkpoint else { return };
        let now_ns = self.now_ns;
        if now_ns < self.recorded_ns[peer.index()] + every.as_nanos() as u64 {
            return;
        }
        self.recorded_ns[peer.index()] = now_ns;
        let host = &mut self.hosts[peer.index()];
        host.advance(now_ns);
        for part in host.progress() {
            self.books.record(&part);
        }
    }

    /// Policies that do not measure are told nothing.
    pub(super) fn measure(&mut self, peer: PeerId) {
        if self.policy != Policy::Balanced {
            return;
        }
        let now_ns = self.now_ns;
        let host = self.host(peer);
        host.advance(now_ns);
        let (moved, parts) = host.measured();
        if parts.is_empty() && moved.0 == host.reported {
            return;
        }
        host.reported = moved.0;
        self.deliver(peer, Event::Measured { moved, parts });
    }
}
