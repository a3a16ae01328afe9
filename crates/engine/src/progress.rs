//! What each slot is doing, written by the slot where it happens, read by the snapshot. Never a guess.

mod told;

use crate::calls::Calls;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use twinhaul_assist::PartProgress;
use twinhaul_units::TransferId;
use twinhaul_wire::{InFlight, KeyText, Phase, RangeShown, Wait, WaitReason};

pub(crate) use told::{CallWait, wait_reason};

/// Keys longer than this are shown by their end; a snapshot must fit its frame.
const KEY_SHOWN_MAX: usize = 512;
/// An I/O call shorter than this is work, not a wait; what is shown as "waiting" has lasted at least so long.
const WAIT_SHOWN_AFTER_MS: u64 = 100;
/// Places whose sums of waits are shown.
const PLACES_MAX: usize = 16;

#[derive(Debug)]
struct Current {
    id: u64,
    key: KeyText,
    target: String,
    size: u64,
    phase: Phase,
    done: u64,
    /// Of bytes as planned, those that this peer's queue held until it began.
    queued: u64,
    /// Of a range, where in its transfer it begins.
    range_from: Option<u64>,
    /// How far it has come is told part by part.
    in_parts: bool,
    attempts: u32,
    since: Instant,
    wait: Option<OwnWait>,
    /// What a backend says that its call waits for, by the call's number: it knows better than the slot.
    told: Option<told::Told>,
    /// (when, bytes) about a second ago, for this transfer's own rate.
    mark: (Instant, u64),
    rate: u64,
}

impl Current {
    /// Where it waits: at the source or target whose call it is in, else for its target.
    fn place(&self) -> &str {
        self.wait.as_ref().map_or(&self.target, |wait| self.place_of(wait))
    }

    /// The range that this is; whose it is, and where it ends by now, the driver knows.
    fn range(&self) -> Option<RangeShown> {
        let done = self.done.min(self.size);
        self.range_from.map(|from| RangeShown { peer: String::new(), from, to: from + self.size, done })
    }

    fn place_of<'a>(&'a self, wait: &'a OwnWait) -> &'a str {
        if wait.is_call { &wait.detail } else { &self.target }
    }
}

/// What the slot itself says that it waits for.
#[derive(Debug)]
struct OwnWait {
    reason: WaitReason,
    detail: String,
    since: Instant,
    /// A call to the source or target that the detail names.
    is_call: bool,
}

/// One slot's state.
#[derive(Debug, Default)]
pub(crate) struct SlotProgress {
    current: Mutex<Option<Current>>,
    totals: Arc<Totals>,
    /// How long its calls took.
    calls: Mutex<Calls>,
}

/// Sums over all slots of a peer.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// Bytes copied, attempts that failed later included: what the wire and the disks felt.
    pub bytes: AtomicU64,
    /// By where and for what; nowhere is empty.
    waits: Mutex<BTreeMap<(String, WaitReason), u64>>,
}

impl Totals {
    pub(crate) fn waits(&self) -> BTreeMap<WaitReason, u64> {
        let mut sums = BTreeMap::new();
        for ((_, reason), ms) in &*self.waits.lock().unwrap_or_else(PoisonError::into_inner) {
            *sums.entry(*reason).or_default() += ms;
        }
        sums
    }

    /// Of the sources and targets where slots waited longest, at most [`PLACES_MAX`].
    pub(crate) fn waits_at(&self) -> BTreeMap<String, BTreeMap<WaitReason, u64>> {
        let mut places: BTreeMap<String, BTreeMap<WaitReason, u64>> = BTreeMap::new();
        for ((place, reason), ms) in &*self.waits.lock().unwrap_or_else(PoisonError::into_inner) {
            if !place.is_empty() {
                places.entry(place.clone()).or_default().insert(*reason, *ms);
            }
        }
        if places.len() > PLACES_MAX {
            let mut all: Vec<_> = places.into_iter().collect();
            all.sort_by_key(|(_, of)| std::cmp::Reverse(of.values().sum::<u64>()));
            all.truncate(PLACES_MAX);
            places = all.into_iter().collect();
        }
        places
    }

    fn waited(&self, place: &str, reason: WaitReason, took: Duration) {
        self.stood(place, reason, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }

    /// Slots waited so long at `place` (a source or target of the profile, so that there are few) for `reason`, in milliseconds.
    pub(crate) fn stood(&self, place: &str, reason: WaitReason, ms: u64) {
        if ms > 0 {
            let mut all = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
            *all.entry((place.to_owned(), reason)).or_default() += ms;
        }
    }
}

impl SlotProgress {
    pub(crate) fn new(totals: Arc<Totals>) -> Self {
        Self { current: Mutex::new(None), totals, calls: Mutex::new(Calls::default()) }
    }

    fn with(&self, change: impl FnOnce(&mut Current)) {
        if let Some(current) = self.current.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            change(current);
        }
    }

    pub(crate) fn begin(&self, id: u64, key: &[u8], target: &str, size: u64, attempts: u32) {
        self.start(id, key, target, (size, size), attempts);
    }

    /// A range of a transfer: its bytes were in no queue of whole transfers.
    pub(crate) fn begin_range(&self, id: u64, key: &[u8], target: &str, (from, to): (u64, u64)) {
        self.start(id, key, target, (to.saturating_sub(from), 0), 1);
        self.with(|c| c.range_from = Some(from));
        self.in_parts();
    }

    /// This transfer is cut: see [`Self::part`].
    pub(crate) fn in_parts(&self) {
        self.with(|c| c.in_parts = true);
    }

    fn start(&self, id: u64, key: &[u8], target: &str, (size, queued): (u64, u64), attempts: u32) {
        let now = Instant::now();
        let shown = &key[key.len().saturating_sub(KEY_SHOWN_MAX)..];
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Current {
            id,
            key: KeyText::from_bytes(shown),
            target: target.to_owned(),
            size,
            phase: Phase::Open,
            done: 0,
            queued,
            range_from: None,
            in_parts: false,
            attempts,
            since: now,
            wait: None,
            told: None,
            mark: (now, 0),
            rate: 0,
        });
    }

    pub(crate) fn end(&self) {
        self.wait_over();
        self.forget_told();
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Bytes as planned of the transfer in this slot; 0 for a range.
    pub(crate) fn size(&self) -> Option<u64> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|c| c.queued)
    }

    /// How far the transfer in this slot has come; `None` also for one that is told part by part.
    pub(crate) fn part(&self) -> Option<PartProgress> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|c| !c.in_parts).map(|c| PartProgress {
            id: TransferId(c.id),
            from: 0,
            reached: c.done.min(c.size),
            to: c.size,
        })
    }

    pub(crate) fn phase(&self, phase: Phase) {
        self.with(|c| c.phase = phase);
    }

    /// Whether what is in it was opened, and its attempt has not ended.
    pub(crate) fn is_under_way(&self) -> bool {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().is_some_and(|c| c.phase != Phase::Open)
    }

    /// `bytes` more have moved.
    pub(crate) fn moved(&self, bytes: u64) {
        self.totals.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.with(|c| {
            c.done += bytes;
            let elapsed = c.mark.0.elapsed();
            if elapsed.as_millis() >= 1000 {
                c.rate = ((c.done - c.mark.1) as f64 / elapsed.as_secs_f64()) as u64;
                c.mark = (Instant::now(), c.done);
            }
        });
    }

    /// A hole of `bytes` is behind us: progress without anything moving.
    pub(crate) fn passed(&self, bytes: u64) {
        self.with(|c| c.done += bytes);
    }

    /// A new attempt starts from nothing.
    pub(crate) fn restart(&self, attempts: u32) {
        self.with(|c| {
            c.done = 0;
            c.mark = (Instant::now(), 0);
            c.attempts = attempts;
            c.phase = Phase::Open;
        });
    }

    /// From now on this slot waits for `reason`; the former wait, if any, ends.
    pub(crate) fn wait(&self, reason: WaitReason, detail: String) {
        let is_call = is_call(reason);
        self.wait_own(OwnWait { reason, detail, since: Instant::now(), is_call });
    }

    /// As [`Self::wait`], before the next attempt at `place`: a pause of our own and no call.
    pub(crate) fn stand_by(&self, reason: WaitReason, place: &str) {
        let detail = place.to_owned();
        self.wait_own(OwnWait { reason, detail, since: Instant::now(), is_call: false });
    }

    fn wait_own(&self, wait: OwnWait) {
        self.wait_over();
        self.with(|c| c.wait = Some(wait));
    }

    /// What was waited for has come; its time is added to the sums.
    pub(crate) fn wait_over(&self) {
        let (mut ended, now) = (None, Instant::now());
        self.with(|c| {
            ended = c.wait.take();
            if let Some(wait) = &ended {
                self.totals.waited(c.place_of(wait), wait.reason, now.saturating_duration_since(wait.since));
            }
        });
        if let Some(OwnWait { reason, detail, since, is_call }) = ended {
            let took = now.saturating_duration_since(since);
            if is_call {
                self.calls.lock().unwrap_or_else(PoisonError::into_inner).note(now, &detail, reason, took);
            }
        }
    }

    /// Adds how long its calls took to `sum`.
    pub(crate) fn add_calls(&self, now: Instant, sum: &mut Calls) {
        sum.add(now, &mut self.calls.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The source or target whose call it waits for, as far as the slot itself knows.
    pub(crate) fn place(&self) -> Option<String> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = current.as_ref()?.wait.as_ref()?;
        wait.is_call.then(|| wait.detail.clone())
    }

    /// For the snapshot, without the budget of its wait; `None` when the slot is free.
    pub(crate) fn shown(&self, slot: u32) -> Option<InFlight> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let c = current.as_ref()?;
        let age_ms = |since: Instant| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mark_age = c.mark.0.elapsed();
        // No chunk for a second: the rate shown is what came since, so that it falls to 0 and does not freeze.
        let rate = if mark_age.as_millis() >= 1000 || c.rate == 0 {
            ((c.done - c.mark.1) as f64 / mark_age.as_secs_f64().max(0.001)) as u64
        } else {
            c.rate
        };
        Some(InFlight {
            ranges: c.range().into_iter().collect(),
            id: c.id,
            slot,
            key: c.key.clone(),
            target: c.target.clone(),
            phase: c.phase,
            bytes: c.size,
            done: c.done.min(c.size),
            rate,
            age_ms: age_ms(c.since),
            attempts: c.attempts,
            wait: {
                let told = c.told.as_ref().map(|told| (&told.reason, &told.detail, &told.since));
                let own = c.wait.as_ref().map(|wait| (&wait.reason, &wait.detail, &wait.since));
                told.or(own).and_then(|(reason, detail, since)| {
                    let age_ms = age_ms(*since);
                    let (reason, detail) = (*reason, detail.clone());
                    let place = c.place().to_owned();
                    (age_ms >= WAIT_SHOWN_AFTER_MS)
                        .then(|| Wait { place, ..Wait::new(reason, detail, age_ms) })
                })
            },
        })
    }
}

/// Whether it is a call to a source or target, which the detail of the wait names.
pub(crate) const fn is_call(reason: WaitReason) -> bool {
    matches!(reason, WaitReason::SourceRead | WaitReason::TargetWrite | WaitReason::TargetOpen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_says_where_it_is_and_a_whole_transfer_is_none() {
        let slot = SlotProgress::new(Arc::default());
        slot.begin_range(7, b"a/b", "vault", (100, 150));
        slot.passed(20);
        let shown = slot.shown(0).unwrap();
        let place = RangeShown { peer: String::new(), from: 100, to: 150, done: 20 };
        assert_eq!((shown.bytes, shown.ranges), (50, vec![place]));
        slot.begin(7, b"a/b", "vault", 100, 1);
        assert!(slot.shown(0).unwrap().ranges.is_empty());
    }

    #[test]
    fn a_pause_of_our_own_is_no_call_and_a_call_is_counted_at_its_place() {
        let slot = SlotProgress::new(Arc::default());
        slot.begin(7, b"a/b", "vault", 100, 1);
        slot.wait(WaitReason::TargetOpen, "vault".into());
        assert_eq!(slot.place().as_deref(), Some("vault"));
        slot.stand_by(WaitReason::TargetOpen, "vault");
        assert_eq!(slot.place(), None);
        slot.wait_over();
        let mut calls = Calls::default();
        slot.add_calls(Instant::now(), &mut calls);
        let [one] = &calls.shown()[..] else { panic!("{:?}", calls.shown()) };
        assert_eq!((one.place.as_str(), one.lately.count), ("vault", 1));
    }

    #[test]
    fn a_wait_is_shown_with_its_reason_and_summed_when_over() {
        let totals = Arc::new(Totals::default());
        let slot = SlotProgress::new(Arc::clone(&totals));
        assert!(slot.shown(0).is_none());
        slot.begin(7, b"a/b", "vault", 100, 1);
        slot.wait(WaitReason::Throttle, "limit 1 MiB/s".into());
        std::thread::sleep(Duration::from_millis(WAIT_SHOWN_AFTER_MS + 20));
        let shown = slot.shown(3).unwrap();
        assert_eq!((shown.id, shown.slot, shown.wait.unwrap().reason), (7, 3, WaitReason::Throttle));
        slot.moved(40);
        slot.wait_over();
        assert_eq!(slot.shown(3).unwrap().done, 40);
        slot.end();
        assert!(totals.waits()[&WaitReason::Throttle] >= WAIT_SHOWN_AFTER_MS);
        assert_eq!(totals.waits_at()["vault"], totals.waits());
        assert_eq!(totals.bytes.load(Ordering::Relaxed), 40);
    }
}
