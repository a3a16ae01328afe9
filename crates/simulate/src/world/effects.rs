//! What a core wants is carried out, in its order; what it answers at once comes back before anything else happens.

use super::{Due, World, ledger::Operation};
use crate::host::{Kind, Part};
use crate::trace::Mark;
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use twinhaul_assist::{ByteRange, Cut, Effect, Event, Message, RangeOutcome, Unit};
use twinhaul_units::{Bytes, PeerId};

/// What a core gets told in answer to its own effects at one moment; beyond that it runs in a circle.
const ANSWERS_MAX: u32 = 10_000;

impl World {
    /// Hands an event to a running peer, and carries out what comes of it.
    pub(super) fn deliver(&mut self, peer: PeerId, event: Event) {
        let mut events = VecDeque::from([event]);
        let mut out = Vec::new();
        let now = self.moment();
        let mut answers = 0;
        while let Some(event) = events.pop_front() {
            answers += 1;
            if answers > ANSWERS_MAX {
                self.circles(peer, &event);
                return;
            }
            let Some(core) = &mut self.hosts[peer.index()].core else { return };
            core.handle(now, event, &mut out);
            for effect in out.drain(..) {
                self.carry_out(peer, effect, &mut events);
            }
        }
    }

    /// A fault of the method: nothing else would ever happen.
    fn circles(&mut self, peer: PeerId, event: &Event) {
        self.books.breach += 1;
        self.circles = true;
        self.trace.note(self.now_ns, peer, Mark::Circle, &[], || format!("runs in a circle: {event:?}"));
    }

    fn carry_out(&mut self, peer: PeerId, effect: Effect, events: &mut VecDeque<Event>) {
        match effect {
            Effect::Start(unit) => self.start(peer, unit, events),
            Effect::StartRange(range) => self.start_range(peer, range, events),
            Effect::Split(cut) => {
                let range = self.cut(peer, &cut);
                if let Some(range) = &range {
                    self.books.split(peer, range);
                    self.tally.splits += 1;
                }
                self.trace.note(self.now_ns, peer, Mark::Split, &[cut.id.0, cut.bytes], || {
                    format!("splits {cut:?}: {range:?}")
                });
                events.push_back(Event::Split { cut, range });
            }
            Effect::Abandon { range } => self.abandon(peer, &range),
            Effect::Assign { op, asker_incarnation, intervals, cuts, .. } => {
                let ranges = cuts.iter().filter_map(|cut| self.cut(peer, cut)).collect();
                let operation = Operation::Assign { op, to: asker_incarnation, intervals, ranges };
                self.ask_ledger(peer, operation);
            }
            Effect::LoadLots { limit } => self.ask_ledger(peer, Operation::Load { limit }),
            Effect::Fence { op, incarnation } => self.ask_ledger(peer, Operation::Fence { op, incarnation }),
            Effect::Send(msg) => self.send(peer, &msg),
            Effect::Timer { at } => self.host(peer).timer_ns = Some(at.0.saturating_mul(1000)),
            Effect::Report(report) => {
                self.trace.note(self.now_ns, peer, Mark::Report, &[], || format!("{report:?}"));
            }
        }
    }

    fn start(&mut self, peer: PeerId, unit: Unit, events: &mut VecDeque<Event>) {
        let (now_ns, size) = (self.now_ns, self.books.size(unit.id));
        self.books.start(peer, unit.id, unit.epoch);
        let (reached, to, more) = self.books.begin_kept(peer, unit);
        let host = self.host(peer);
        host.advance(now_ns);
        host.begin(now_ns, Kind::Own(unit), (0, to), reached);
        self.trace.note(now_ns, peer, Mark::Start, &[unit.id.0], || {
            format!("starts transfer {} of {}", unit.id, Bytes(size))
        });
        events.push_back(Event::Began { id: unit.id, bytes: Bytes(to) });
        if more {
            let ranges = self.books.load_ranges(peer);
            let (lots, pinned) = (Vec::new(), Vec::new());
            events.push_back(Event::LotsLoaded { lots, pinned, ranges, all_planned: true });
        }
    }

    fn start_range(&mut self, peer: PeerId, range: ByteRange, events: &mut VecDeque<Event>) {
        let now_ns = self.now_ns;
        let numbers = [range.id.0, range.from, range.to];
        self.trace.note(now_ns, peer, Mark::StartRange, &numbers, || format!("starts {range:?}"));
        if !self.books.holds(peer, &range) {
            self.tally.moot_ranges += 1;
            events.push_back(Event::RangeDone { range, outcome: RangeOutcome::Moot });
            return;
        }
        let host = self.host(peer);
        host.advance(now_ns);
        host.begin(now_ns, Kind::Range(range), (range.from, range.to), range.from);
    }

    /// A copy that is of no use any more leaves its slot; the end of an own part that a copy has done is cut off.
    fn abandon(&mut self, peer: PeerId, range: &ByteRange) {
        let now_ns = self.now_ns;
        let numbers = [range.id.0, range.from];
        self.trace.note(now_ns, peer, Mark::Abandon, &numbers, || format!("abandons {range:?}"));
        let host = self.host(peer);
        host.advance(now_ns);
        let copy = host.parts.iter().any(|p| p.range().is_some_and(|r| r.hedge) && p.is_at(range));
        if copy {
            host.remove(range.id, range.from);
        } else {
            self.look_for_ranges(peer);
        }
    }

    /// Cuts the end off a part in flight here, or off a lent range that is still queued.
    fn cut(&mut self, peer: PeerId, cut: &Cut) -> Option<ByteRange> {
        let now_ns = self.now_ns;
        let host = self.host(peer);
        host.advance(now_ns);
        if let Some((part, from, to)) = host.cut(cut) {
            return Some(piece(peer, &part, from, to, cut.hedge));
        }
        if host.parts.iter().any(|part| part.id() == cut.id && part.from == cut.from) {
            return None;
        }
        let held = self.books.held(peer, cut.id, cut.from)?;
        let grain = crate::host::GRAIN;
        let at = held.to.saturating_sub(cut.bytes).max(held.from);
        let at = (at.div_ceil(grain) * grain).max(held.from);
        let whole = at.saturating_sub(held.from) < grain;
        let from = if whole { held.from } else { at };
        (from < held.to).then_some(ByteRange { from, ..held })
    }

    fn send(&mut self, peer: PeerId, msg: &Message) {
        match msg {
            Message::Ask { .. } => self.tally.asks += 1,
            Message::Needed { .. } | Message::NotNeeded { .. } | Message::Given { .. } => {
                self.tally.answers += 1;
            }
            _ => {}
        }
        let mut hash = crate::chance::Fnv::default();
        msg.hash(&mut hash);
        let delays = self.net.delays(self.position());
        self.trace.note(self.now_ns, peer, Mark::Send, &[hash.finish()], || {
            let lost = if delays[0].is_none() { " (lost)" } else { "" };
            format!("sends{lost} {msg:?}")
        });
        let (from, to) = (self.hosts[peer.index()].incarnation, self.hosts[peer.other().index()].incarnation);
        for delay in delays.into_iter().flatten() {
            self.schedule(delay, peer.other(), Due::Message { from, to, msg: msg.clone() });
        }
    }
}

/// The range `from..to` of what `part` works on.
fn piece(peer: PeerId, part: &Part, from: u64, to: u64, hedge: bool) -> ByteRange {
    match part.kind {
        Kind::Own(Unit { id, lot, epoch }) => {
            ByteRange { id, lot, epoch, home: peer, target: 0, from, to, hedge }
        }
        Kind::Range(range) => ByteRange { from, to, hedge: hedge || range.hedge, ..range },
    }
}
