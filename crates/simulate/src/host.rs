//! One peer's process as far as the method needs one: slots with parts in them, how far each has come, where one can
//! be cut. The rules of the engine, without its bytes.

use crate::course::Life;
use crate::link::Link;
use crate::world::Due;
use crate::{Cost, Scenario};
use std::collections::VecDeque;
use twinhaul_assist::{ByteRange, Core, Cut, PartProgress, Unit};
use twinhaul_units::{Bytes, Incarnation, TransferId};

/// Ranges begin and end on these, but at the object's end: what a subtree of the digest covers.
pub(crate) const GRAIN: u64 = 256 * 1024;
/// Smallest and largest claim: what a slot takes at once, and what can not be cut off any more.
pub(crate) const CLAIM_MIN: u64 = GRAIN;
pub(crate) const CLAIM_MAX: u64 = 8 * 1024 * 1024;
/// A claim is as much as a slot moves in this time, inside its limits.
pub(crate) const CLAIM_SECONDS: f64 = 0.05;
/// What waits for a frozen process; what comes then is lost, as in a socket's buffer.
pub(crate) const INBOX_MAX: usize = 100_000;

/// Whose a part is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// An own transfer, as far as it is not cut.
    Own(Unit),
    /// A range: lent from the other peer, or a second part of an own transfer.
    Range(ByteRange),
}

/// What is in a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) kind: Kind,
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// On the link's scale: where the bytes begin, behind what the transfer costs besides them.
    begin: f64,
    /// Was done before, at the beginning of it.
    done: u64,
    /// Setting up until then, without the link.
    waits_until: Option<u64>,
    /// Complete, waiting for the ledger to record it.
    pub(crate) recording: bool,
}

impl Part {
    pub(crate) const fn id(&self) -> TransferId {
        match self.kind {
            Kind::Own(unit) => unit.id,
            Kind::Range(range) => range.id,
        }
    }

    /// The range as it is now.
    pub(crate) const fn range(&self) -> Option<ByteRange> {
        match self.kind {
            Kind::Own(_) => None,
            Kind::Range(range) => Some(ByteRange { to: self.to, ..range }),
        }
    }

    pub(crate) fn is_at(&self, range: &ByteRange) -> bool {
        self.id() == range.id && self.from == range.from
    }

    fn reached(&self, served: f64) -> u64 {
        if self.recording {
            return self.to;
        }
        let before = self.from.saturating_add(self.done);
        if self.waits_until.is_some() {
            return before.min(self.to);
        }
        let moved = (served - self.begin).max(0.0) as u64;
        before.saturating_add(moved).min(self.to)
    }

    fn target(&self) -> f64 {
        self.begin + (self.to - self.from).saturating_sub(self.done) as f64
    }
}

/// One peer's place.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) incarnation: Incarnation,
    /// `None`: no process.
    pub(crate) core: Option<Core>,
    pub(crate) life: Life,
    pub(crate) link: Link,
    pub(crate) parts: Vec<Part>,
    /// Own transfers whose own part is complete, while ranges of it are not.
    pub(crate) awaiting: Vec<Unit>,
    /// Of this incarnation, without what is in flight.
    pub(crate) moved: u64,
    pub(crate) inbox: VecDeque<Due>,
    pub(crate) timer_ns: Option<u64>,
    pub(crate) measure_ns: Option<u64>,
    /// What `Measured` said last: silence needs no report.
    pub(crate) reported: u64,
    /// A new process is due but the place is frozen.
    pub(crate) join_at_thaw: bool,
    cost: Cost,
    slots: u32,
}

impl Host {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let slots = scenario.slots.count.max(1);
        let share_max = if scenario.slots.capped { 1.0 / f64::from(slots) } else { 1.0 };
        Self {
            incarnation: Incarnation(1),
            core: None,
            life: Life::Alive,
            link: Link::new(share_max),
            parts: Vec::new(),
            awaiting: Vec::new(),
            moved: 0,
            inbox: VecDeque::new(),
            timer_ns: None,
            measure_ns: None,
            reported: u64::MAX,
            join_at_thaw: false,
            cost: scenario.cost,
            slots,
        }
    }

    /// A process that runs.
    pub(crate) fn is_up(&self) -> bool {
        self.life == Life::Alive && self.core.is_some()
    }

    /// Moves everything on to `now`.
    pub(crate) fn advance(&mut self, now_ns: u64) {
        self.link.advance(now_ns);
    }

    /// The link's streams are those that move bytes.
    fn recount(&mut self) {
        let streams = self.parts.iter().filter(|p| p.waits_until.is_none() && !p.recording).count();
        self.link.set_streams(streams);
    }

    /// Puts a part into a slot; after [`Self::advance`].
    ///
    /// `reached`: what is done already of `from..to`, at its beginning.
    pub(crate) fn begin(&mut self, now_ns: u64, kind: Kind, (from, to): (u64, u64), reached: u64) {
        let done = reached.saturating_sub(from);
        let (begin, waits_until) = match self.cost {
            Cost::Work(work) => (self.link.served() + work, None),
            Cost::Time(each) => (0.0, Some(now_ns.saturating_add(each.as_nanos() as u64))),
        };
        self.parts.push(Part { kind, from, to, begin, done, waits_until, recording: false });
        self.recount();
    }

    /// When something happens in a slot by itself.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        if !self.is_up() {
            return None;
        }
        let moving = self.parts.iter().filter(|p| !p.recording);
        moving.filter_map(|p| p.waits_until.or_else(|| self.link.reaches(p.target()))).min()
    }

    /// Lets those that are set up begin, and takes out one part that is complete. A lent one stays, as its slot does,
    /// until the ledger has recorded it. After [`Self::advance`].
    pub(crate) fn take_complete(&mut self, now_ns: u64) -> Option<Part> {
        let served = self.link.served();
        for part in self.parts.iter_mut().filter(|p| p.waits_until.is_some_and(|at| at <= now_ns)) {
            part.waits_until = None;
            part.begin = served;
        }
        let complete =
            |p: &Part| p.waits_until.is_none() && !p.recording && self.link.has_reached(p.target());
        let found = self.parts.iter().position(complete);
        let part = found.map(|at| match self.parts[at].kind {
            Kind::Own(_) => self.parts.remove(at),
            Kind::Range(_) => {
                self.parts[at].recording = true;
                self.parts[at]
            }
        });
        if let Some(part) = &part {
            self.moved += (part.to - part.from).saturating_sub(part.done);
        }
        self.recount();
        part
    }

    /// Takes a part out, done or not.
    pub(crate) fn remove(&mut self, id: TransferId, from: u64) -> Option<Part> {
        let at = self.parts.iter().position(|p| p.id() == id && p.from == from)?;
        let part = self.parts.remove(at);
        if !part.recording {
            let reached = part.reached(self.link.served());
            self.moved += (reached - part.from).saturating_sub(part.done);
        }
        self.recount();
        Some(part)
    }

    /// Cuts the end off the part that `cut` names, as far as it is not claimed; `None`: nothing can be cut.
    /// After [`Self::advance`].
    pub(crate) fn cut(&mut self, cut: &Cut) -> Option<(Part, u64, u64)> {
        let served = self.link.served();
        let claim = self.claim();
        let part = self.parts.iter_mut().find(|p| p.id() == cut.id && p.from == cut.from && !p.recording)?;
        let taken = (part.reached(served) - part.from) / claim + 1;
        let free = part.from.saturating_add(taken * claim);
        let wanted = part.to.saturating_sub(cut.bytes);
        let at = if cut.hedge { wanted.max(part.from) } else { wanted.max(free) };
        let at = at.div_ceil(GRAIN).saturating_mul(GRAIN).max(part.from);
        if at >= part.to {
            return None;
        }
        let end = part.to;
        if !cut.hedge {
            part.to = at;
        }
        Some((*part, at, end))
    }

    /// What was cut off and could not be lent goes back to its part, if that is still in its slot.
    pub(crate) fn uncut(&mut self, range: &ByteRange) -> bool {
        let part = self.parts.iter_mut().find(|p| p.id() == range.id && p.to == range.from && !p.recording);
        part.map(|part| part.to = range.to).is_some()
    }

    /// Bytes that a slot takes at once.
    fn claim(&self) -> u64 {
        let bytes = (self.link.speed() * CLAIM_SECONDS / f64::from(self.slots)) as u64;
        bytes.clamp(CLAIM_MIN, CLAIM_MAX).div_ceil(GRAIN) * GRAIN
    }

    /// How far everything is. After [`Self::advance`].
    pub(crate) fn measured(&self) -> (Bytes, Vec<PartProgress>) {
        let served = self.link.served();
        let mut moved = self.moved;
        let moving = self.parts.iter().filter(|p| !p.recording);
        let parts = moving.map(|p| {
            let reached = p.reached(served);
            moved += (reached - p.from).saturating_sub(p.done);
            PartProgress { id: p.id(), from: p.from, reached, to: p.to }
        });
        let parts = parts.collect();
        (Bytes(moved), parts)
    }

    /// How far the parts are that move: what a checkpoint records. After [`Self::advance`].
    pub(crate) fn progress(&self) -> Vec<PartProgress> {
        let served = self.link.served();
        let moving = self.parts.iter().filter(|p| !p.recording);
        moving
            .map(|p| PartProgress { id: p.id(), from: p.from, reached: p.reached(served), to: p.to })
            .collect()
    }

    /// The process is gone with all it knew.
    pub(crate) fn lose(&mut self) {
        self.core = None;
        self.parts.clear();
        self.awaiting.clear();
        self.inbox.clear();
        self.moved = 0;
        self.timer_ns = None;
        self.measure_ns = None;
        self.reported = u64::MAX;
        self.recount();
    }
}
