//! The slots' threads: as many as there are slots, more or fewer while the peer works.

use crate::copy::Desk;
use crate::error::Result;
use crate::feeder::{Feed, Work};
use crate::{slots, start};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use twinhaul_profile::SLOTS_MAX;

/// Numbers for slots: those at work, and as many that are told to end and have not yet.
pub(crate) const NUMBERS: usize = 2 * SLOTS_MAX as usize;

/// See the module.
#[derive(Debug)]
pub(crate) struct Crew {
    /// What every slot works with, but for its number.
    desk: Desk,
    jobs: crossbeam_channel::Receiver<Work>,
    /// Numbers that nobody has, the lowest last.
    free: Arc<Mutex<Vec<usize>>>,
    /// Slots that are to be there.
    count: u32,
}

impl Crew {
    /// Nobody yet.
    pub(crate) fn new(desk: Desk, jobs: crossbeam_channel::Receiver<Work>) -> Self {
        let free = Arc::new(Mutex::new((0..NUMBERS).rev().collect()));
        Self { desk, jobs, free, count: 0 }
    }

    /// As many slots from now on, as far as that is possible; how many. Those that are too many end with what they have in
    /// hand.
    ///
    /// # Errors
    /// No thread can be had; what there is stays.
    pub(crate) fn resize(&mut self, count: u32, feeder: &crossbeam_channel::Sender<Feed>) -> Result<u32> {
        while self.count < count && self.spawn()? {
            self.count += 1;
        }
        // A feeder that is full has more to do than any number of slots; the next change tries again.
        while self.count > count && feeder.try_send(Feed::Retire).is_ok() {
            self.count -= 1;
        }
        Ok(self.count)
    }

    /// Whether there was a number left.
    fn spawn(&self) -> Result<bool> {
        let Some(slot) = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop() else {
            return Ok(false);
        };
        let desk = Desk { slot, cancel: Arc::new(AtomicBool::new(false)), ..self.desk.clone() };
        let (jobs, free) = (self.jobs.clone(), Arc::clone(&self.free));
        let work = move || {
            slots::run(&desk, &jobs);
            free.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
        };
        start::spawn(&format!("slot-{slot}"), work).map(|_| true)
    }
}
