//! A large transfer in flight at its home: one private object, the parts of it that slots here work on, and those that
//! are lent. The home alone seals it, when every byte has come home; whoever brings the last one learns so.
//!
//! Shared by the slots (which copy), the driver (which cuts and hears of the other peer) and the closer (which seals).
//! It must never be closed while somebody may still write into the object. Entry points: [`Wholes`], [`Whole`].

use crate::copy::Failure;
use crate::feeder::Job;
use crate::parts::Part;
use crate::subtree;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use twinhaul_backend_host::{Attrs, Lost, Put, Reader, Writer};
use twinhaul_ledger::{CHECKPOINT_CHAINS_MAX, Chain, Checkpoint, SharedObject};
use twinhaul_units::TransferId;

#[cfg(test)]
mod tests;

/// Transfers that may wait for lent ranges at one moment; with more, nothing further is cut.
pub(crate) const WHOLES_MAX: usize = 1024;

/// Bytes `[from, to)` of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub from: u64,
    pub to: u64,
}

/// What the first part leaves behind when its slot is free: the open object, and the open source.
#[derive(Debug)]
pub(crate) struct Parked {
    pub reader: Reader,
    pub writer: Writer,
    pub before: Attrs,
    /// The object has holes: its length is to be set.
    pub sparse: bool,
    pub lost: Lost,
}

/// Whether everything has come home; said to exactly one caller, who closes the transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Home {
    All,
    NotYet,
}

#[derive(Debug, Default)]
struct State {
    /// In slots here, by where they begin; hedges of lent ranges too.
    own: BTreeMap<u64, Arc<Part>>,
    /// Waiting for a slot here.
    due: BTreeMap<u64, Arc<Part>>,
    /// At the other peer, not done: from, hedge → to.
    lent: BTreeMap<(u64, bool), u64>,
    chains: Vec<Chain>,
    /// Who brought what, for the screen: (here, span).
    done: Vec<(bool, Span)>,
    parked: Option<Parked>,
    failed: Option<Failure>,
    ever_lent: bool,
    closing: bool,
    /// Bytes that the last checkpoint covers.
    recorded: u64,
    /// The attempt whose private object this one has taken bytes over from, until it is of no more use.
    adopted: Option<String>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Whole {
    pub job: Job,
    pub attempts: u32,
    pub size: u64,
    /// Cuts fall on multiples of it.
    pub align: u64,
    pub object: SharedObject,
    pub put: Put,
    pub since: Instant,
    state: Mutex<State>,
}

/// What an earlier attempt left in the new object; the default: nothing.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Where the first part begins …
    pub begin: u64,
    /// … and ends, if what is behind that is there too.
    pub end: Option<u64>,
    pub chains: Vec<Chain>,
    /// The earlier attempt.
    pub attempt: Option<String>,
}

/// What the driver must know of a transfer to draw it and to tell the core of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shares {
    /// In slots here: span, claimed up to, written up to.
    pub own: Vec<(Span, u64, u64)>,
    /// Waiting for a slot here.
    pub due: Vec<Span>,
    /// At the other peer; the flag says a hedge.
    pub lent: Vec<(Span, bool)>,
    /// Done, and whether here.
    pub done: Vec<(bool, Span)>,
    /// The first part has left its slot.
    pub parked: bool,
}

impl Whole {
    pub(crate) fn new(
        job: Job,
        attempts: u32,
        (size, align): (u64, u64),
        object: SharedObject,
        put: Put,
        kept: Kept,
    ) -> (Arc<Self>, Arc<Part>) {
        let first = Arc::new(Part::resumed(0, kept.begin, kept.end.unwrap_or(size), align));
        let state = State {
            own: BTreeMap::from([(0, Arc::clone(&first))]),
            chains: kept.chains,
            adopted: kept.attempt,
            done: kept.end.map(|end| (true, Span { from: end, to: size })).into_iter().collect(),
            ..State::default()
        };
        let whole =
            Self { job, attempts, size, align, object, put, since: Instant::now(), state: Mutex::new(state) };
        (Arc::new(whole), first)
    }

    pub(crate) fn id(&self) -> TransferId {
        self.job.unit.id
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(state: &mut State) -> Home {
        let parked = state.parked.is_some() && !state.closing;
        let nothing_out = state.own.is_empty() && state.due.is_empty() && state.lent.is_empty();
        if parked && (nothing_out || state.failed.is_some()) {
            state.closing = true;
            return Home::All;
        }
        Home::NotYet
    }

    /// The first part is complete up to where it ends now; its slot goes.
    pub(crate) fn park(&self, parked: Parked, chains: Vec<Chain>) -> Home {
        let mut state = self.state();
        state.parked = Some(parked);
        Self::bring(&mut state, 0, chains);
        Self::look(&mut state)
    }

    /// A part in a slot here is complete.
    pub(crate) fn part_done(&self, from: u64, chains: Vec<Chain>) -> Home {
        let mut state = self.state();
        Self::bring(&mut state, from, chains);
        Self::look(&mut state)
    }

    fn bring(state: &mut State, from: u64, chains: Vec<Chain>) {
        if let Some(part) = state.own.remove(&from) {
            state.done.push((true, Span { from, to: part.end() }));
        }
        state.chains.extend(chains);
    }

    /// A part in a slot here was let go without its bytes; somebody else has them, or the transfer fails.
    pub(crate) fn part_gone(&self, from: u64) -> Home {
        let mut state = self.state();
        state.own.remove(&from);
        Self::look(&mut state)
    }

    /// The transfer cannot be completed in this attempt: every part here stops.
    pub(crate) fn fail(&self, failure: Failure) -> Home {
        let mut state = self.state();
        state.own.values().for_each(|part| part.stop());
        state.failed.get_or_insert(failure);
        Self::look(&mut state)
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.state().failed.clone()
    }

    /// For whoever closes: the open object, all chaining values, and what failed.
    pub(crate) fn take(&self) -> (Option<Parked>, Vec<Chain>, Option<Failure>) {
        let mut state = self.state();
        (state.parked.take(), std::mem::take(&mut state.chains), state.failed.clone())
    }

    // --- checkpoints

    /// What is written of it, if that is more than the last checkpoint covers. Whoever records it makes it durable
    /// before, and says so with [`Self::recorded`].
    pub(crate) fn written(&self) -> Option<(Checkpoint, u64)> {
        let state = self.state();
        if state.failed.is_some() || state.closing {
            return None;
        }
        let mut chains = state.chains.clone();
        chains.extend(state.own.values().flat_map(|part| part.trail()));
        chains.sort_by_key(|chain| (chain.at, std::cmp::Reverse(chain.len)));
        chains.truncate(CHECKPOINT_CHAINS_MAX);
        let checkpoint = Checkpoint { object: self.object.clone(), chains };
        let covered = checkpoint.covered().iter().map(|(from, to)| to - from).sum();
        (covered > state.recorded).then_some((checkpoint, covered))
    }

    /// A checkpoint is in the ledger. Returns the attempt whose object is of no more use now.
    pub(crate) fn recorded(&self, covered: u64) -> Option<String> {
        let mut state = self.state();
        state.recorded = covered;
        state.adopted.take()
    }

    /// Whether the next process finds something of this attempt.
    pub(crate) fn is_recorded(&self) -> bool {
        self.state().recorded > 0
    }

    /// Whether ranges of this attempt were ever in the ledger.
    pub(crate) fn ever_lent(&self) -> bool {
        self.state().ever_lent
    }

    /// The part here that begins at `from`, and whether it waits for a slot.
    pub(crate) fn part(&self, from: u64) -> Option<(Arc<Part>, bool)> {
        let state = self.state();
        let own = state.own.get(&from).map(|part| (Arc::clone(part), false));
        own.or_else(|| state.due.get(&from).map(|part| (Arc::clone(part), true)))
    }

    // --- cuts

    /// A range is at the other peer now, in the ledger.
    pub(crate) fn lend(&self, span: Span, hedge: bool) {
        let mut state = self.state();
        state.ever_lent = true;
        state.lent.insert((span.from, hedge), span.to);
        if !hedge && state.due.get(&span.from).is_some_and(|part| part.end() == span.from) {
            // All of what waited here went.
            state.due.remove(&span.from);
        }
    }

    /// A range is to be done here by another slot.
    pub(crate) fn owe(&self, span: Span) {
        self.state().due.insert(span.from, Arc::new(Part::new(span.from, span.to, self.align)));
    }

    /// A slot begins with a range that was due here; `None`: it is not any more.
    pub(crate) fn begin(&self, from: u64) -> Option<Arc<Part>> {
        let mut state = self.state();
        if state.failed.is_some() {
            return None;
        }
        let part = state.due.remove(&from)?;
        state.own.insert(from, Arc::clone(&part));
        Some(part)
    }

    /// All that waits for a slot here: when the core starts nothing more, somebody must.
    pub(crate) fn due(&self) -> Vec<Span> {
        self.state().due.values().map(|part| Span { from: part.from(), to: part.end() }).collect()
    }

    // --- what the ledger says

    /// What is lent: span and hedge.
    pub(crate) fn lent(&self) -> Vec<(Span, bool)> {
        let state = self.state();
        state.lent.iter().map(|((from, hedge), to)| (Span { from: *from, to: *to }, *hedge)).collect()
    }

    /// A lent range is done: its bytes are durable in the object. Copies of them that are made here need not be.
    pub(crate) fn lent_done(&self, span: Span, hedge: bool, chains: &[Chain]) -> Home {
        let mut state = self.state();
        let Some(to) = state.lent.remove(&(span.from, hedge)) else { return Self::look(&mut state) };
        if span.to < to && !hedge {
            // Its end was given back, and is on its way here.
            state.lent.insert((span.to, false), to);
        }
        state.chains.extend_from_slice(chains);
        state.done.push((false, span));
        for part in state.own.values() {
            let inside = span.from <= part.from() && part.end() <= span.to;
            if inside {
                part.stop();
            } else if hedge && part.from() < span.from && span.from < part.end() && part.end() <= span.to {
                part.enough(span.from);
            }
        }
        state.due.retain(|from, part| !(span.from <= *from && part.end() <= span.to));
        Self::look(&mut state)
    }

    /// The other peer has let go of a range; of a hedge, or after it gave back what is due here now.
    pub(crate) fn lent_gone(&self, from: u64, hedge: bool) -> Home {
        let mut state = self.state();
        state.lent.remove(&(from, hedge));
        Self::look(&mut state)
    }

    /// A lent range came back, whole or a part: its holder may have divided it.
    pub(crate) fn came_back(&self, span: Span) -> bool {
        let mut state = self.state();
        let holding = state
            .lent
            .iter()
            .find(|((from, hedge), to)| !hedge && *from <= span.from && span.to <= **to)
            .map(|((from, _), to)| (*from, *to));
        let Some((from, to)) = holding else { return false };
        if from == span.from {
            state.lent.remove(&(from, false));
        } else {
            state.lent.insert((from, false), span.from);
        }
        if span.to < to {
            state.lent.insert((span.to, false), to);
        }
        state.due.insert(span.from, Arc::new(Part::new(span.from, span.to, self.align)));
        true
    }

    /// A copy of what the other peer works on is to be made here; false: these bytes are home already, or all of them, and
    /// nobody writes into an object that is being sealed.
    pub(crate) fn copy_too(&self, span: Span) -> bool {
        let mut state = self.state();
        let meets = |((from, hedge), to): (&(u64, bool), &u64)| !hedge && *from < span.to && span.from < *to;
        let of_use = state.lent.iter().any(meets);
        if of_use {
            state.due.insert(span.from, Arc::new(Part::new(span.from, span.to, self.align)));
        }
        of_use
    }

    /// Lent ranges whose bytes are here already: their holders may stop.
    pub(crate) fn unneeded(&self) -> Vec<(Span, bool)> {
        let state = self.state();
        let covered = |span: &Span| {
            let mut at = span.from;
            while let Some(done) =
                state.done.iter().map(|(_, d)| *d).filter(|d| d.from <= at && at < d.to).map(|d| d.to).max()
            {
                at = done;
                if at >= span.to {
                    return true;
                }
            }
            false
        };
        let spans = state.lent.iter().map(|((from, hedge), to)| (Span { from: *from, to: *to }, *hedge));
        spans.filter(|(span, _)| covered(span)).collect()
    }

    pub(crate) fn shares(&self) -> Shares {
        let state = self.state();
        Shares {
            own: state
                .own
                .values()
                .map(|part| {
                    let (claimed, to) = part.claimed();
                    (Span { from: part.from(), to }, claimed, part.reached())
                })
                .collect(),
            due: state.due.values().map(|part| Span { from: part.from(), to: part.end() }).collect(),
            lent: state
                .lent
                .iter()
                .map(|((from, hedge), to)| (Span { from: *from, to: *to }, *hedge))
                .collect(),
            done: state.done.clone(),
            parked: state.parked.is_some() || state.closing,
        }
    }
}

/// The digest of the whole from the chaining values of all parts; `None`: something is missing, which is a defect.
pub(crate) fn digest(whole: &Whole, chains: &[Chain]) -> Option<[u8; 32]> {
    subtree::merge(whole.size, chains)
}

/// All transfers in flight here that can be cut, or were.
#[derive(Debug, Default)]
pub(crate) struct Wholes(Mutex<BTreeMap<TransferId, Arc<Whole>>>);

impl Wholes {
    fn map(&self) -> MutexGuard<'_, BTreeMap<TransferId, Arc<Whole>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, whole: &Arc<Whole>) {
        self.map().insert(whole.id(), Arc::clone(whole));
    }

    /// The attempt is over; one of a later attempt stays.
    pub(crate) fn retire(&self, whole: &Whole) {
        let mut map = self.map();
        if map.get(&whole.id()).is_some_and(|known| known.object.attempt == whole.object.attempt) {
            map.remove(&whole.id());
        }
    }

    pub(crate) fn get(&self, id: TransferId) -> Option<Arc<Whole>> {
        self.map().get(&id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Whole>> {
        self.map().values().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.map().len()
    }
}
