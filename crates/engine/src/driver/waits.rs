//! What is waited for, judged: the budget of each wait, stalls, what free slots wait for, and how long calls take.
//!
//! Where a wait happens it is only named (`progress`); what is too long for its place is judged here, ten times a second, by what
//! the run itself has seen to be usual.

use super::{Driver, Life};
use crate::budget::{budget, of_bytes};
use crate::calls::Calls;
use crate::progress::{SlotProgress, Totals, is_call, wait_reason};
use crate::stall::{Change, Stalls, Watched};
use std::time::{Duration, Instant};
use twinhaul_assist::Awaits;
use twinhaul_units::Moment;
use twinhaul_wire::{CallTimes, InFlight, Phase, Wait, WaitReason};

/// How often the slots' times of calls are summed up.
const SUM_EVERY: Duration = Duration::from_secs(1);
/// The ledger's place among sources and targets; no profile can name one so.
const LEDGER: &str = "the ledger";
/// Looks come ten times a second. With so long a gap between two of them the process was stopped, or its machine; whatever was in a
/// call then has this long to return.
const GAP: Duration = Duration::from_secs(2);
const AFTER_GAP: Duration = Duration::from_secs(10);
/// A wait of free slots that is shown has lasted so long: a load or an answer within it is work.
const FREE_SHOWN_AFTER_MS: u64 = 100;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Waits {
    stalls: Stalls,
    calls: Calls,
    /// For snapshots, of which there are ten between two sums.
    shown: Vec<CallTimes>,
    summed_at: Option<Instant>,
    free: Option<Free>,
    looked_at: Option<Moment>,
    deaf_until: Option<Moment>,
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
    /// How long calls take, as of the last sum.
    pub(super) fn call_times(&self) -> &[CallTimes] {
        &self.shown
    }

    /// For the snapshot of `now_ms`.
    pub(super) fn free(&self, now_ms: u64) -> Option<Wait> {
        let free = self.free.as_ref()?;
        let age_ms = now_ms.saturating_sub(free.since_ms);
        // How long listing the sources takes, nobody knows.
        let judged = free.reason == WaitReason::Ledger;
        let budget_ms = budget(free.reason, "", None).filter(|_| judged).map(whole_ms);
        let wait = Wait { budget_ms, ..Wait::new(free.reason, free.detail.clone(), age_ms) };
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
                totals.stood("", reason, now_ms.saturating_sub(free.counted_ms) * u64::from(slots));
                free.counted_ms = now_ms;
                free.detail = detail;
            }
            free => *free = Some(Free { reason, detail, since_ms: now_ms, counted_ms: now_ms }),
        }
    }

    /// After a gap everything has waited long that was in a call: this process stood still, and not the storage.
    fn look(&mut self, now: Moment, waits: &[Watched]) -> Vec<Change> {
        let before = self.looked_at.replace(now).unwrap_or(now);
        if now.since(before) >= GAP {
            self.deaf_until = Some(now + AFTER_GAP);
        }
        if self.deaf_until.is_some_and(|until| now < until) {
            return Vec::new();
        }
        self.stalls.look(now, waits)
    }

    fn sum_up(&mut self, now: Instant, slots: &[SlotProgress]) {
        if self.summed_at.is_none_or(|at| now.saturating_duration_since(at) >= SUM_EVERY) {
            self.summed_at = Some(now);
            self.calls = Calls::default();
            for slot in slots {
                slot.add_calls(now, &mut self.calls);
            }
            self.shown = self.calls.shown();
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
        if self.view.polled.totals.growing && self.core.queued() == 0 {
            return Some((WaitReason::SourceRead, "the sources are still being listed".to_owned()));
        }
        if self.other.is_being_taken() {
            return answer(format!("what {other} had is being taken over"));
        }
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
        let place = self.shared.storage.settling_wait.place();
        let place = place.unwrap_or_else(|| self.shared.storage.settling_place().to_owned());
        Some(Wait { place, ..Wait::new(reason, detail, whole_ms(since.elapsed())) })
    }

    /// Gives every wait its budget, and raises and clears the stalls.
    pub(super) fn judge_waits(
        &mut self,
        in_flight: &mut [InFlight],
        settling: &mut Option<Wait>,
        free: Option<&Wait>,
    ) {
        let mut watched = Vec::new();
        for flight in in_flight.iter_mut() {
            let budget = self.budget_of(flight);
            if let (Some(wait), Some((place, budget))) = (&mut flight.wait, budget) {
                wait.budget_ms = Some(whole_ms(budget));
                watched.extend(Watched::of(place, wait, Some(flight.id)));
            }
        }
        if let Some(wait) = settling {
            wait.budget_ms = self.group_budget(wait.reason).map(whole_ms);
            watched.extend(Watched::of(wait.place.clone(), wait, None));
        }
        watched.extend(free.and_then(|wait| Watched::of(LEDGER.to_owned(), wait, None)));
        for change in self.waits.look(self.clock.now(), &watched) {
            self.stall(&change);
        }
    }

    /// Where it waits, and how long it may. `None`: as long as it likes.
    fn budget_of(&self, flight: &InFlight) -> Option<(String, Duration)> {
        let reason = flight.wait.as_ref()?.reason;
        let slot = self.shared.slots.get(usize::try_from(flight.slot).ok()?)?;
        // What a backend says, it says of the call that the slot is in.
        let place = match slot.place() {
            Some(place) => place,
            // Between two attempts there is no call; the target's trouble is a problem of its own.
            None if is_call(reason) => return None,
            None => flight.target.clone(),
        };
        // Another object of ours may hold the drive for as long as it is large: then something moves.
        if reason == WaitReason::Drive && self.view.moves() {
            return None;
        }
        let backend = self.shared.storage.backend_of(&place)?;
        let usual = self.waits.calls.usual(&place, reason);
        let more = is_call(reason).then(|| of_bytes(flight.phase, backend, flight.bytes));
        let budget = budget(reason, backend, usual)? + more.unwrap_or_default();
        Some((place, budget))
    }

    /// Of the group that is being made durable: that of the slowest kind of target there is.
    fn group_budget(&self, reason: WaitReason) -> Option<Duration> {
        let bytes = self.shared.storage.settling.get().bytes.0;
        let of = |backend: &str| Some(budget(reason, backend, None)? + of_bytes(Phase::Seal, backend, bytes));
        self.shared.storage.reached().filter_map(|target| of(&target.backend)).max()
    }

    /// The peer ends: nothing stalls any more.
    pub(super) fn end_the_stalls(&mut self) {
        self.waits.free = None;
        for change in self.waits.stalls.end() {
            self.stall(&change);
        }
    }

    fn stall(&mut self, change: &Change) {
        let problems = &self.shared.storage.problems;
        let event = match change {
            Change::Began(stall) => {
                // In the same words at both peers, so that it is told as one; what each has learned is told with the waits.
                let text = format!("{}: {} has taken longer than it may", stall.place, stall.reason.words());
                problems.stall_began(stall, text, format!("twinhaul diagnose {}", self.options.run))
            }
            Change::Ended { place, reason } => problems.stall_ended(place, *reason),
        };
        self.record(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    fn write(age_s: u64) -> [Watched; 1] {
        let (age, budget) = (Duration::from_secs(age_s), Duration::from_secs(10));
        [Watched { place: "vault".into(), reason: WaitReason::TargetWrite, age, budget, transfer: Some(1) }]
    }

    #[test]
    fn a_process_that_stood_still_blames_no_storage_for_it() {
        let mut waits = Waits::default();
        assert!(waits.look(at(0), &write(0)).is_empty());
        // Stopped for a minute, and woken: the call has lasted as long, and returns a moment later.
        assert!(waits.look(at(60), &write(60)).is_empty());
        assert!(waits.look(at(61), &write(0)).is_empty());
        // One that does not return is one that stalls, after it had its time.
        let mut later = (62..80).map(|s| waits.look(at(s), &write(s - 50)).len());
        assert_eq!(later.next(), Some(0));
        assert_eq!(later.sum::<usize>(), 1);
    }

    #[test]
    fn what_free_slots_wait_for_is_summed_over_them_and_has_an_age() {
        let (mut waits, totals) = (Waits::default(), Totals::default());
        let ask = || Some((WaitReason::PeerAnswer, "beta was asked".to_owned()));
        waits.stand(1_000, 3, ask(), &totals);
        waits.stand(1_050, 3, ask(), &totals);
        assert_eq!(waits.free(1_050), None, "an answer takes a moment");
        waits.stand(2_000, 2, ask(), &totals);
        let shown = waits.free(2_000).unwrap();
        assert_eq!((shown.reason, shown.age_ms, shown.budget_ms), (WaitReason::PeerAnswer, 1_000, None));
        assert_eq!(totals.waits()[&WaitReason::PeerAnswer], 3 * 50 + 2 * 950);
        waits.stand(2_100, 2, None, &totals);
        assert_eq!(waits.free(9_000), None);
    }
}
