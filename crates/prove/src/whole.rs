//! A large transfer in flight at its home, as the engine keeps it: one private object, the parts of it that slots here
//! work on, and those that are lent. It is sealed when nobody may write into it any more. In grains, not in bytes.

use crate::target::{Attempt, Content};
use twinhaul_assist::{ByteRange, Unit};
use twinhaul_ledger::{HeldRange, RangeCut, SharedObject, Version};
use twinhaul_units::TransferId;

use crate::target::GRAIN;

/// Grains that one slot works through from the front, while their end can be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Part {
    pub(crate) from: u8,
    pub(crate) end: u8,
    pub(crate) reached: u8,
    /// The end before a cut that the ledger has not decided about: the part may grow back.
    pub(crate) undecided: Option<u8>,
    /// Nobody needs it any more.
    pub(crate) stopped: bool,
    /// The object and the source are open.
    pub(crate) open: bool,
    pub(crate) core_waits: bool,
    /// A copy of what the other peer does too.
    pub(crate) hedge: bool,
}

impl Part {
    pub(crate) const fn new(from: u8, end: u8) -> Self {
        Self {
            from,
            end,
            reached: from,
            undecided: None,
            stopped: false,
            open: false,
            core_waits: true,
            hedge: false,
        }
    }

    pub(crate) const fn is_complete(&self) -> bool {
        self.reached >= self.end
    }

    /// Where a cut of `grains` would fall. The first step stays, unless nobody has begun.
    fn place(&self, grains: u8, waiting: bool) -> Option<(u8, u8)> {
        let first = if waiting { self.from } else { self.from + 1 };
        let at = self.end.saturating_sub(grains).max(self.reached).max(first);
        let may = grains > 0 && at < self.end && !self.stopped && self.undecided.is_none();
        may.then_some((at, self.end))
    }

    /// Cuts at most so much off the end, until [`Self::decide`].
    pub(crate) fn cut(&mut self, grains: u8, waiting: bool) -> Option<(u8, u8)> {
        let (at, end) = self.place(grains, waiting)?;
        (self.undecided, self.end) = (Some(end), at);
        Some((at, end))
    }

    /// What a hedge of the last grains would copy: nothing is cut.
    pub(crate) fn tail(&self, grains: u8) -> Option<(u8, u8)> {
        self.place(grains, false)
    }

    pub(crate) const fn decide(&mut self, granted: bool) {
        if let Some(end) = self.undecided.take()
            && !granted
        {
            self.end = end;
        }
    }

    /// Somebody else has done everything from `at` on.
    fn enough(&mut self, at: u8) {
        if self.undecided.is_none() {
            self.end = self.end.min(at.max(self.reached));
        }
    }
}

/// What the other peer has of a transfer and has not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lending {
    pub(crate) from: u8,
    pub(crate) hedge: bool,
    pub(crate) to: u8,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Whole {
    pub(crate) unit: Unit,
    pub(crate) redo: bool,
    pub(crate) attempt: Attempt,
    pub(crate) version: u8,
    pub(crate) overwrite: bool,
    pub(crate) size: u8,
    /// In slots here, and waiting for one.
    pub(crate) own: Vec<Part>,
    pub(crate) due: Vec<Part>,
    pub(crate) lent: Vec<Lending>,
    /// What came home: from, to, and the version that was read.
    pub(crate) brought: Vec<(u8, u8, u8)>,
    /// The first part is complete and has left its slot.
    pub(crate) parked: bool,
    pub(crate) failed: bool,
    pub(crate) ever_lent: bool,
    /// Everything is home: to be sealed.
    pub(crate) closing: bool,
}

impl Whole {
    /// With its first part in a slot.
    pub(crate) fn new(
        unit: Unit,
        redo: bool,
        attempt: Attempt,
        version: u8,
        overwrite: bool,
        size: u8,
    ) -> Self {
        let first = Part { open: true, core_waits: !redo, ..Part::new(0, size) };
        Self {
            unit,
            redo,
            attempt,
            version,
            overwrite,
            size,
            own: vec![first],
            due: Vec::new(),
            lent: Vec::new(),
            brought: Vec::new(),
            parked: false,
            failed: false,
            ever_lent: false,
            closing: false,
        }
    }

    /// Looks whether everything has come home.
    pub(crate) fn look(&mut self) {
        let nothing_out = self.own.is_empty() && self.due.is_empty() && self.lent.is_empty();
        self.closing |= self.parked && (nothing_out || self.failed);
    }

    /// A part in a slot here is complete.
    pub(crate) fn bring(&mut self, from: u8, version: u8) {
        if let Some(at) = self.own.iter().position(|part| part.from == from) {
            let part = self.own.remove(at);
            self.brought.push((part.from, part.end, version));
        }
    }

    pub(crate) fn fail(&mut self) {
        self.failed = true;
        self.own.iter_mut().for_each(|part| part.stopped = true);
        self.look();
    }

    /// The part here that begins at `from`, and whether it waits for a slot.
    pub(crate) fn part(&mut self, from: u8) -> Option<(&mut Part, bool)> {
        let own = self.own.iter_mut().map(|part| (part, false));
        own.chain(self.due.iter_mut().map(|part| (part, true))).find(|(part, _)| part.from == from)
    }

    /// A range is at the other peer now, in the ledger.
    pub(crate) fn lend(&mut self, lending: Lending) {
        self.ever_lent = true;
        self.lent.push(lending);
        self.lent.sort_unstable();
        if !lending.hedge {
            // All of what waited here went.
            self.due.retain(|part| part.from != lending.from || part.end != lending.from);
        }
    }

    /// A lent range is done: copies of it that are made here need not be.
    pub(crate) fn lent_done(&mut self, from: u8, to: u8, hedge: bool, version: u8) {
        let Some(at) = self.lent.iter().position(|l| (l.from, l.hedge) == (from, hedge)) else {
            self.look();
            return;
        };
        let was = self.lent.remove(at);
        if to < was.to && !hedge {
            // Its end was given back, and is on its way here.
            self.lent.push(Lending { from: to, hedge: false, to: was.to });
            self.lent.sort_unstable();
        }
        self.brought.push((from, to, version));
        for part in &mut self.own {
            if from <= part.from && part.end <= to {
                part.stopped = true;
            } else if hedge && part.from < from && from < part.end && part.end <= to {
                part.enough(from);
            }
        }
        self.due.retain(|part| !(from <= part.from && part.end <= to));
        self.look();
    }

    pub(crate) fn lent_gone(&mut self, from: u8, hedge: bool) {
        self.lent.retain(|l| (l.from, l.hedge) != (from, hedge));
        self.look();
    }

    /// A lent range came back, whole or a part; false: it is of no concern.
    pub(crate) fn came_back(&mut self, from: u8, to: u8) -> bool {
        let holding = self.lent.iter().position(|l| !l.hedge && l.from <= from && to <= l.to);
        let Some(at) = holding else { return false };
        let was = self.lent.remove(at);
        let rests = [Lending { to: from, ..was }, Lending { from: to, ..was }];
        self.lent.extend(rests.into_iter().filter(|rest| rest.from < rest.to));
        self.lent.sort_unstable();
        self.due.push(Part::new(from, to));
        true
    }

    /// A copy of what the other peer works on is to be made here; false: these bytes are home already, or all of them.
    pub(crate) fn copy_too(&mut self, from: u8, to: u8) -> bool {
        let of_use = self.lent.iter().any(|l| !l.hedge && l.from < to && from < l.to);
        if of_use {
            self.due.push(Part { hedge: true, ..Part::new(from, to) });
        }
        of_use
    }

    /// Lent ranges whose bytes are here already.
    pub(crate) fn unneeded(&self) -> Vec<Lending> {
        let is_here = |l: &&Lending| {
            (l.from..l.to).all(|grain| self.brought.iter().any(|(from, to, _)| (*from..*to).contains(&grain)))
        };
        self.lent.iter().filter(is_here).copied().collect()
    }

    /// The bytes that the object must have now, from what everybody read; `None`: something is missing.
    pub(crate) fn content(&self) -> Option<Content> {
        let mut content = Content::empty(self.size);
        for (from, to, version) in &self.brought {
            content.write(*from, *to, *version);
        }
        content.stamp(self.version);
        content.has_no_hole().then_some(content)
    }

    /// Grains of which nobody knows who does them, or that two do who are not each other's hedge (S4).
    pub(crate) fn astray(&self) -> Option<u8> {
        let whole = |part: &Part| (part.from, part.undecided.unwrap_or(part.end));
        let hands: Vec<(u8, u8)> = self
            .own
            .iter()
            .chain(&self.due)
            .filter(|part| !part.hedge)
            .map(whole)
            .chain(self.lent.iter().filter(|l| !l.hedge).map(|l| (l.from, l.to)))
            .collect();
        (0..self.size).find(|grain| {
            let here = hands.iter().filter(|(from, to)| (*from..*to).contains(grain)).count();
            let done = self.brought.iter().any(|(from, to, _)| (*from..*to).contains(grain));
            here != 1 && !done
        })
    }

    pub(crate) fn object(&self) -> SharedObject {
        object(self.attempt, self.version, self.size)
    }

    pub(crate) fn own_range(&self, from: u8, to: u8) -> ByteRange {
        ByteRange {
            id: self.unit.id,
            lot: self.unit.lot,
            epoch: self.unit.epoch,
            home: self.attempt.peer,
            target: 0,
            from: bytes(from),
            to: bytes(to),
            hedge: false,
        }
    }
}

impl std::fmt::Display for Whole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}:", self.attempt.name(), self.size)?;
        for (word, parts) in [("own", &self.own), ("due", &self.due)] {
            for part in parts {
                let held = part.undecided.map(|end| format!("?{end}")).unwrap_or_default();
                write!(f, " {word} {}({})..{}{held}", part.from, part.reached, part.end)?;
            }
        }
        for lent in &self.lent {
            write!(f, " {} {}..{}", if lent.hedge { "hedged" } else { "lent" }, lent.from, lent.to)?;
        }
        for (from, to, _) in &self.brought {
            write!(f, " home {from}..{to}")?;
        }
        for (word, is) in [("parked", self.parked), ("failed", self.failed), ("closing", self.closing)] {
            if is {
                write!(f, " {word}")?;
            }
        }
        Ok(())
    }
}

/// What the ledger records of a shared private object.
pub(crate) fn object(attempt: Attempt, version: u8, size: u8) -> SharedObject {
    SharedObject {
        reference: attempt.reference(),
        attempt: attempt.name(),
        version: Version { size: bytes(size), mtime_ns: Some(version.into()), ..Version::default() },
    }
}

/// A range of the other peer's transfer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Guest {
    pub(crate) range: ByteRange,
    pub(crate) attempt: Attempt,
    pub(crate) version: u8,
    pub(crate) part: Part,
    pub(crate) stage: Stage,
    /// The core has let go of it.
    pub(crate) abandoned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    Waiting,
    InSlot,
    /// Durable; the ledger is being told.
    Told,
}

impl Guest {
    pub(crate) fn held(&self) -> HeldRange {
        HeldRange {
            id: self.range.id,
            epoch: self.range.epoch,
            from: self.range.from,
            to: bytes(self.part.end),
            hedge: self.range.hedge,
            attempt: self.attempt.name(),
        }
    }

    pub(crate) fn is(&self, id: TransferId, from: u64, hedge: bool) -> bool {
        (self.range.id, self.range.from, self.range.hedge) == (id, from, hedge)
    }
}

/// Cuts on their way through the ledger, as one assignment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cutting {
    pub(crate) op: u64,
    /// Each with the beginning of the part that it was cut off.
    pub(crate) cuts: Vec<(u8, RangeCut)>,
}

pub(crate) const fn bytes(grains: u8) -> u64 {
    grains as u64 * GRAIN
}

pub(crate) fn grains(bytes: u64) -> u8 {
    u8::try_from(bytes.div_ceil(GRAIN)).unwrap_or(u8::MAX)
}
