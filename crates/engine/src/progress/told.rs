//! What a backend says that its call waits for: it knows better than the slot, which only sees that a call takes long.

use super::{SlotProgress, Totals};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use twinhaul_backend_host::WaitReason as BackendReason;
use twinhaul_wire::WaitReason;

/// The wait of one call.
#[derive(Debug)]
pub(super) struct Told {
    call: u64,
    pub(super) reason: WaitReason,
    pub(super) detail: String,
    pub(super) since: Instant,
}

/// A backend's reason in the words of the wire. `None`: plain I/O, which the slot itself knows better.
pub(crate) const fn wait_reason(reason: BackendReason) -> Option<WaitReason> {
    Some(match reason {
        BackendReason::Io => return None,
        BackendReason::Drive => WaitReason::Drive,
        BackendReason::Mount => WaitReason::Mount,
        BackendReason::Locate => WaitReason::Locate,
        BackendReason::Cartridge => WaitReason::Cartridge,
        BackendReason::RateLimit => WaitReason::RateLimit,
        BackendReason::Retry => WaitReason::Retry,
        BackendReason::Connect => WaitReason::Connect,
        BackendReason::Lock => WaitReason::Lock,
        BackendReason::Space => WaitReason::Space,
    })
}

/// The waits of one operation of a slot; what it said last ends with it.
#[derive(Debug)]
pub(crate) struct CallWait {
    slots: Arc<[SlotProgress]>,
    slot: usize,
    call: u64,
}

impl CallWait {
    pub(crate) fn new(slots: &Arc<[SlotProgress]>, slot: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { slots: Arc::clone(slots), slot, call: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    pub(crate) fn tell(&self, reason: Option<BackendReason>, detail: &str) {
        self.slots[self.slot].told(self.call, reason.map(|r| (wait_reason(r), detail)));
    }
}

impl Drop for CallWait {
    fn drop(&mut self) {
        self.tell(None, "");
    }
}

impl Told {
    fn over(self, place: &str, totals: &Totals) {
        totals.waited(place, self.reason, self.since.elapsed());
    }
}

impl SlotProgress {
    /// `None`: the call waits no longer.
    fn told(&self, call: u64, now: Option<(Option<WaitReason>, &str)>) {
        let mut ended = None;
        self.with(|c| {
            let slots_own = c.wait.as_ref().map(|wait| wait.reason);
            let new = now.map(|(reason, detail)| Told {
                call,
                reason: reason.or(slots_own).unwrap_or(WaitReason::TargetWrite),
                detail: detail.to_owned(),
                since: Instant::now(),
            });
            match (&mut c.told, new) {
                (Some(old), Some(new)) if (old.call, old.reason) == (new.call, new.reason) => {
                    old.detail = new.detail;
                }
                // Another call's wait goes on.
                (Some(old), None) if old.call != call => {}
                (_, new) => {
                    let place = c.place().to_owned();
                    ended = std::mem::replace(&mut c.told, new).map(|told| (place, told));
                }
            }
            // The time is counted once: for what the backend waited, not for the call around it.
            if let (Some((_, told)), Some(own)) = (&ended, &mut c.wait) {
                own.since = (own.since + told.since.elapsed()).min(Instant::now());
            }
        });
        if let Some((place, told)) = ended {
            told.over(&place, &self.totals);
        }
    }

    /// The transfer leaves its slot.
    pub(super) fn forget_told(&self) {
        let mut ended = None;
        self.with(|c| ended = c.told.take().map(|told| (c.target.clone(), told)));
        if let Some((place, told)) = ended {
            told.over(&place, &self.totals);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_a_backend_waits_for_is_shown_before_what_the_slot_sees_and_ends_with_its_call() {
        let begun = Instant::now();
        let totals = Arc::new(Totals::default());
        let slots: Arc<[SlotProgress]> = Arc::new([SlotProgress::new(Arc::clone(&totals))]);
        let slot = &slots[0];
        slot.begin(7, b"a/b", "vault", 100, 1);
        slot.wait(WaitReason::TargetWrite, "vault".into());
        let (mine, other) = (CallWait::new(&slots, 0), CallWait::new(&slots, 0));
        mine.tell(Some(BackendReason::Mount), "drive 0");
        mine.tell(Some(BackendReason::Mount), "drive 1");
        other.tell(None, "");
        std::thread::sleep(Duration::from_millis(120));
        let wait = slot.shown(0).unwrap().wait.unwrap();
        assert_eq!((wait.reason, wait.detail.as_str()), (WaitReason::Mount, "drive 1"));
        drop(mine);
        assert!(slot.shown(0).unwrap().wait.is_none(), "the slot's own wait has only begun");
        let waits = totals.waits();
        assert!(waits[&WaitReason::Mount] >= 120, "{waits:?}");
        other.tell(Some(BackendReason::Io), "the data set fills up");
        assert_eq!(slot.with_told(), Some(WaitReason::TargetWrite));
        slot.end();
        slot.begin(8, b"c", "vault", 1, 1);
        assert_eq!(slot.with_told(), None);
        let all: u64 = totals.waits().values().sum();
        assert!(u128::from(all) <= begun.elapsed().as_millis(), "counted twice: {all}");
    }

    impl SlotProgress {
        fn with_told(&self) -> Option<WaitReason> {
            let mut found = None;
            self.with(|c| found = c.told.as_ref().map(|told| told.reason));
            found
        }
    }
}
