//! A part of a large transfer in flight: bytes that one slot works through from the front, while its end can be moved.
//!
//! Bytes are claimed in steps before they are read; what is not claimed can be cut off the end, for the other peer or
//! for an own second slot. A cut that the ledger has not decided about holds the part open, so that it can grow back.
//! It must never give away a byte that is claimed. Entry points: [`Part::claim`], [`Part::cut`], [`Part::decide`].

use crate::gate::Gate;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use twinhaul_ledger::Chain;

/// How long to wait for a decision before the gate is looked at again.
const LOOK: Duration = Duration::from_millis(100);

/// What the slot gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// These bytes are this slot's now.
    Bytes { from: u64, to: u64 },
    /// All that is left of the part is claimed; nothing can be cut off it any more.
    Finished,
    /// Let go: nobody needs it, or its transfer failed, or the peer ends.
    Stopped,
}

#[derive(Debug)]
struct State {
    claimed: u64,
    end: u64,
    /// The end before a cut that is not decided.
    undecided: Option<u64>,
    /// From here to the end somebody else makes a copy: that is neither cut nor copied again.
    hedged: Option<u64>,
    finished: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Part {
    from: u64,
    /// Where its slot begins: what is before that was there.
    begin: u64,
    /// Cuts are made on multiples of it.
    align: u64,
    state: Mutex<State>,
    changed: Condvar,
    /// Everything before it is written.
    reached: AtomicU64,
    /// Chaining values of what is written.
    trail: Mutex<Vec<Chain>>,
    /// Also cancels the backend's calls.
    stop: Arc<AtomicBool>,
}

impl Part {
    /// The bytes `[from, to)`; cuts fall on multiples of `align`, as `from` does.
    pub(crate) fn new(from: u64, to: u64, align: u64) -> Self {
        Self::resumed(from, from, to, align)
    }

    /// The bytes `[from, to)`, of which those before `begin` are in the object already.
    pub(crate) fn resumed(from: u64, begin: u64, to: u64, align: u64) -> Self {
        Self {
            from,
            begin,
            align: align.max(1),
            state: Mutex::new(State {
                claimed: begin,
                end: to,
                undecided: None,
                hedged: None,
                finished: false,
            }),
            changed: Condvar::new(),
            reached: AtomicU64::new(begin),
            trail: Mutex::default(),
            stop: Arc::new(AtomicBool::new(false)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) const fn from(&self) -> u64 {
        self.from
    }

    /// The first byte that its slot has to copy.
    pub(crate) const fn begin(&self) -> u64 {
        self.begin
    }

    /// Where it ends now.
    pub(crate) fn end(&self) -> u64 {
        self.state().end
    }

    /// Where it ends at most: a cut that is not decided may come back.
    pub(crate) fn end_at_most(&self) -> u64 {
        let state = self.state();
        state.undecided.unwrap_or(state.end)
    }

    /// What is done and what may still be cut: everything before the first number is claimed.
    pub(crate) fn claimed(&self) -> (u64, u64) {
        let state = self.state();
        (state.claimed, state.end)
    }

    /// Everything before it is written.
    pub(crate) fn reached(&self) -> u64 {
        self.reached.load(Ordering::Relaxed)
    }

    pub(crate) fn reach(&self, at: u64) {
        self.reached.store(at, Ordering::Relaxed);
    }

    /// Chaining values of bytes that are written, from where the slot began; not yet durable.
    pub(crate) fn trail(&self) -> Vec<Chain> {
        self.trail.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn leave_trail(&self, chains: Vec<Chain>) {
        *self.trail.lock().unwrap_or_else(PoisonError::into_inner) = chains;
    }

    /// Claims the next bytes, about `step` of them; waits while nothing is left and a cut is not decided.
    pub(crate) fn claim(&self, step: u64, gate: &Gate) -> Claim {
        let mut state = self.state();
        loop {
            if self.is_stopped() || gate.is_cut() {
                return Claim::Stopped;
            }
            if state.claimed < state.end {
                let from = state.claimed;
                let to = (from + step.max(1)).next_multiple_of(self.align).min(state.end);
                state.claimed = to;
                return Claim::Bytes { from, to };
            }
            if state.undecided.is_none() {
                state.finished = true;
                return Claim::Finished;
            }
            state = self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// From the beginning again: the same bytes, after a temporary failure.
    pub(crate) fn restart(&self) {
        let mut state = self.state();
        (state.claimed, state.finished) = (self.begin, false);
        self.reach(self.begin);
        self.leave_trail(Vec::new());
    }

    /// Where a cut of `bytes` would fall. The first step stays, unless nobody has begun.
    fn place(&self, state: &State, bytes: u64, waiting: bool) -> Option<(u64, u64)> {
        let wished = state.end.saturating_sub(bytes).next_multiple_of(self.align);
        let first = if waiting { self.from } else { self.from + self.align };
        let at = wished.max(state.claimed).max(first);
        (bytes > 0 && at < state.end && !state.finished && !self.is_stopped()).then_some((at, state.end))
    }

    /// Cuts at most `bytes` off the end, until [`Self::decide`]; one cut at a time. `waiting`: no slot has begun with
    /// it, so that all of it may go.
    pub(crate) fn cut(&self, bytes: u64, waiting: bool) -> Option<(u64, u64)> {
        let mut state = self.state();
        let free = state.undecided.is_none() && state.hedged.is_none();
        let (at, end) = self.place(&state, bytes, waiting).filter(|_| free)?;
        state.undecided = Some(end);
        state.end = at;
        Some((at, end))
    }

    /// The cut is made, or the part grows back.
    pub(crate) fn decide(&self, granted: bool) {
        let mut state = self.state();
        if let Some(end) = state.undecided.take()
            && !granted
        {
            state.end = end;
        }
        self.changed.notify_all();
    }

    /// Hedges the last `bytes`, as far as they are not hedged: somebody else makes a copy, nothing is cut.
    pub(crate) fn hedge(&self, bytes: u64) -> Option<(u64, u64)> {
        let mut state = self.state();
        let end = state.hedged.unwrap_or(state.end);
        let (at, _) = self.place(&state, bytes, false).filter(|_| state.undecided.is_none())?;
        if at >= end {
            return None;
        }
        state.hedged = Some(at);
        Some((at, end))
    }

    /// The ledger refused a hedge that ended at `to`.
    pub(crate) fn unhedge(&self, to: u64) {
        let mut state = self.state();
        state.hedged = (to < state.end).then_some(to);
    }

    /// Somebody else has done everything from `at` on: no more than what is claimed already is needed.
    pub(crate) fn enough(&self, at: u64) {
        let mut state = self.state();
        if state.undecided.is_none() {
            state.end = state.end.min(at.max(state.claimed));
        }
        self.changed.notify_all();
    }

    /// Nobody needs it any more.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// For the operations of this part: they end soon after [`Self::stop`].
    pub(crate) fn cancel(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    const K: u64 = 256 << 10;

    fn claims(part: &Part, step: u64) -> Vec<(u64, u64)> {
        let gate = Gate::default();
        std::iter::from_fn(|| match part.claim(step, &gate) {
            Claim::Bytes { from, to } => Some((from, to)),
            Claim::Finished | Claim::Stopped => None,
        })
        .collect()
    }

    #[test]
    fn claims_cover_the_part_and_end_on_boundaries() {
        let part = Part::new(4 * K, 9 * K + 5, K);
        assert_eq!(claims(&part, 2 * K), [(4 * K, 6 * K), (6 * K, 8 * K), (8 * K, 9 * K + 5)]);
        assert_eq!(part.cut(K, false), None, "what is finished is whole");
        assert_eq!(claims(&Part::new(0, 3 * K, K), 16 << 10), [(0, K), (K, 2 * K), (2 * K, 3 * K)]);
    }

    #[test]
    fn a_cut_takes_what_is_not_claimed_and_grows_back_when_refused() {
        let part = Part::new(0, 10 * K + 7, K);
        let gate = Gate::default();
        assert_eq!(part.claim(3 * K, &gate), Claim::Bytes { from: 0, to: 3 * K });
        assert_eq!(part.cut(2 * K, false), Some((9 * K, 10 * K + 7)));
        assert_eq!(part.cut(K, false), None, "one at a time");
        part.decide(false);
        assert_eq!(part.claimed(), (3 * K, 10 * K + 7));
        assert_eq!(part.cut(u64::MAX, false), Some((3 * K, 10 * K + 7)));
        part.decide(true);
        assert_eq!(part.claim(K, &gate), Claim::Finished);
        assert_eq!(Part::new(K, 2 * K, K).cut(K, false), None, "the first step stays");
        assert_eq!(Part::new(K, 2 * K, K).cut(K, true), Some((K, 2 * K)), "unless nobody has begun");
        assert_eq!(part.cut(0, false), None);
    }

    #[test]
    fn what_is_hedged_is_neither_cut_nor_hedged_again() {
        let part = Part::new(0, 10 * K + 7, K);
        assert_eq!(part.hedge(2 * K), Some((9 * K, 10 * K + 7)), "rounded up to a boundary");
        assert_eq!((part.hedge(2 * K), part.cut(5 * K, false)), (None, None));
        assert_eq!(part.hedge(4 * K), Some((7 * K, 9 * K)), "what is before it may be");
        part.unhedge(9 * K);
        assert_eq!(part.hedge(3 * K), Some((8 * K, 9 * K)));
        part.unhedge(9 * K);
        part.unhedge(10 * K + 7);
        assert_eq!(part.cut(2 * K, false), Some((9 * K, 10 * K + 7)));
    }

    #[test]
    fn an_undecided_cut_holds_the_part_open() {
        let part = Arc::new(Part::new(0, 4 * K, K));
        assert_eq!(part.cut(2 * K, false), Some((2 * K, 4 * K)));
        let begun = Arc::new(Barrier::new(2));
        let worker = {
            let (part, begun) = (Arc::clone(&part), Arc::clone(&begun));
            std::thread::spawn(move || {
                begun.wait();
                claims(&part, 8 * K)
            })
        };
        begun.wait();
        part.decide(false);
        // However far the worker had come: it ends with the whole part.
        assert_eq!(worker.join().unwrap().last().map(|c| c.1), Some(4 * K));
    }

    #[test]
    fn what_somebody_else_did_is_not_needed() {
        let part = Part::new(0, 8 * K, K);
        let gate = Gate::default();
        part.claim(2 * K, &gate);
        part.enough(6 * K);
        assert_eq!(part.end(), 6 * K);
        part.enough(K);
        assert_eq!(part.claim(K, &gate), Claim::Finished);
        let part = Part::new(0, 8 * K, K);
        part.stop();
        assert_eq!((part.claim(K, &gate), part.cut(K, false)), (Claim::Stopped, None));
    }
}
