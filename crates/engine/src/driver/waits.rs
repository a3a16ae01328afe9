//! What is waited for, judged: the budget of each wait, stalls, what free slots wait for, and how long calls take.
//!
//! Where a wait happens it is only named (`progress`); what is too long for its place is judged here, ten times a second, by what
//! the run itself has seen to be usual.

use super::{Driver, Life};
use crate::budget::{budget, group_budget};
use crate::calls::Calls;
use crate::progress::{SlotProgress, Totals, is_call, wait_reason};
use crate::stall::{Change, Stall, Stalls, Watched};
use std::time::{Duration, Instant};
use twinhaul_assist::Awaits;
use twinhaul_units::Span;
use twinhaul_wire::{InFlight, Wait, WaitReason};

/// How often the slots' times of calls are summed up.
const SUM_EVERY: Duration = Duration::from_secs(1);
/// The ledger's place among sources and targets; no profile can name one so.
const LEDGER: &str = "the ledger";
/// A wait of free slots that is shown has lasted so long: a load or an answer within it is work.
const FREE_SHOWN_AFTER_MS: u64 = 100;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Waits {
    stalls: Stalls,
    calls: Calls,
    summed_at: Option<Instant>,
    free: Option<Free>,
}

/// What the free slots wait for.
#[derive(Debug)]
struct Free {
    reason: WaitReason,
    detail: String,
    since_ms: u64,
    /// Up to then its time is in the sums.
    counted_ms: u64,
}

impl Waits {
    pub(super) const fn calls(&self) -> &Calls {
        &self.calls
    }

    /// For the snapshot of `now_ms`.
    pub(super) fn free(&self, now_ms: u64) -> Option<Wait> {
        let free = self.free.as_ref()?;
        let age_ms = now_ms.saturating_sub(free.since_ms);
        let budget_ms = budget(free.reason, "", None).map(whole_ms);
        let wait = Wait { reason: free.reason, detail: free.detail.clone(), age_ms, budget_ms };
        (age_ms >= FREE_SHOWN_AFTER_MS).then_some(wait)
    }

    /// `slots` of them are free and wait for this since the last look.
    fn stand(&mut self, now_ms: u64, slots: u32, reason: Option<(WaitReason, String)>, totals: &Totals) {
        let Some((reason, detail)) = reason else {
            self.free = None;
            return;
        };
        match &mut self.free {
            Some(free) if free.reason == reason => {
                totals.stood(reason, now_ms.saturating_sub(free.counted_ms) * u64::from(slots));
                free.counted_ms = now_ms;
                free.detail = detail;
            }
            free => *free = Some(Free { reason, detail, since_ms: now_ms, counted_ms: now_ms }),
        }
    }

    fn sum_up(&mut self, now: Instant, slots: &[SlotProgress]) {
        if self.summed_at.is_none_or(|at| now.saturating_duration_since(at) >= SUM_EVERY) {
            self.summed_at = Some(now);
            self.calls = Calls::default();
            for slot in slots {
                slot.add_calls(now, &mut self.calls);
            }
        }
    }
}

fn whole_ms(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}

impl Driver {
    /// At each tick: what stands free, and how long calls take.
    pub(super) fn look_at_the_waits(&mut self) {
        self.waits.sum_up(Instant::now(), &self.shared.slots);
        let free = self.slots_max().saturating_sub(self.slots_used());
        let reason = self.free_reason().filter(|_| free > 0);
        self.waits.stand(self.clock.ms(), free, reason, &self.shared.totals);
    }

    /// `None`: they will not be needed any more, or what they wait for is the peer's own state.
    fn free_reason(&self) -> Option<(WaitReason, String)> {
        if self.life != Life::Running || self.view.draining || self.view.polled.all_settled() {
            return None;
        }
        if let Some(by) = &self.view.paused_by {
            return Some((WaitReason::Paused, format!("by {by}")));
        }
        let other = self.options.other_name();
        let answer = |words: String| Some((WaitReason::PeerAnswer, words));
        if self.load_later.is_some() || self.core.queued() > 0 {
            return Some((WaitReason::Ledger, "the rows of its queue".to_owned()));
        }
        match self.core.waits_for() {
            Awaits::Ledger => Some((WaitReason::Ledger, "its queue".to_owned())),
            Awaits::Answer => answer(format!("{other} was asked for assistance")),
            Awaits::Parked => answer(format!("{other} keeps the ask until assistance pays")),
            Awaits::NextAsk => answer(format!("{other} needs no assistance; asks again soon")),
            Awaits::Nothing => None,
        }
    }

    /// What the group waits for that is being made durable.
    pub(super) fn settling_wait(&self) -> Option<Wait> {
        let (reason, detail, since) = self.shared.storage.settling_wait.current()?;
        let reason = wait_reason(reason).unwrap_or(WaitReason::TargetWrite);
        Some(Wait { reason, detail, age_ms: whole_ms(since.elapsed()), budget_ms: None })
    }

    /// Gives every wait its budget, and raises and clears the stalls.
    pub(super) fn judge_waits(
        &mut self,
        in_flight: &mut [InFlight],
        settling: &mut Option<Wait>,
        free: Option<&Wait>,
    ) {
        let mut places = Vec::new();
        for flight in in_flight.iter_mut() {
            let Some(wait) = &mut flight.wait else { continue };
            let slot = usize::try_from(flight.slot).ok().and_then(|slot| self.shared.slots.get(slot));
            // What a backend says, it says of the call that the slot is in.
            let place = slot.and_then(SlotProgress::place).unwrap_or_else(|| flight.target.clone());
            let known = self.shared.storage.backend_of(&place);
            // A slot that waits for a target to come back waits for no call: that is a problem of its own.
            let is_trouble = is_call(wait.reason) && self.shared.storage.problems.is_about(&place);
            if let Some(backend) = known.filter(|_| !is_trouble) {
                wait.budget_ms =
                    budget(wait.reason, backend, self.waits.calls.usual(&place, wait.reason)).map(whole_ms);
                places.push((place, wait.clone(), Some(flight.id)));
            }
        }
        if let Some(wait) = settling {
            let place = self.shared.storage.settling_place();
            let backend = self.shared.storage.backend_of(&place).unwrap_or_default();
            let bytes = self.shared.storage.settling.get().bytes.0;
            wait.budget_ms = group_budget(wait.reason, backend, bytes).map(whole_ms);
            places.push((place, wait.clone(), None));
        }
        places.extend(free.map(|wait| (LEDGER.to_owned(), wait.clone(), None)));
        let watched: Vec<Watched<'_>> = places
            .iter()
            .filter_map(|(place, wait, transfer)| {
                Some(Watched {
                    place,
                    reason: wait.reason,
                    age: Duration::from_millis(wait.age_ms),
                    budget: Duration::from_millis(wait.budget_ms?),
                    transfer: *transfer,
                })
            })
            .collect();
        for change in self.waits.stalls.look(self.clock.now(), &watched) {
            self.stall(&change);
        }
    }

    /// The peer ends: nothing stalls any more.
    pub(super) fn end_the_stalls(&mut self) {
        for change in self.waits.stalls.end() {
            self.stall(&change);
        }
    }

    fn stall(&mut self, change: &Change) {
        let problems = &self.shared.storage.problems;
        let event = match change {
            Change::Began(stall) => {
                // Both peers say it in the same words, so that it is told as one.
                let Stall { place, reason, budget, .. } = stall;
                let (what, most) = (reason.words(), Span(*budget));
                let text = format!("{place}: {what} has taken longer than the {most} that it may take");
                problems.stall_began(stall, text, format!("twinhaul diagnose {}", self.options.run))
            }
            Change::Ended { place, reason } => problems.stall_ended(place, *reason),
        };
        self.record(event);
    }
}
