//! The space guard (architecture.md 6): too little room for the plan is refused, at the first wave that shows it.
//!
//! What is already at the target needs no room: only when the plain sum does not fit is the target asked for each object.

use crate::PlanError;
use twinhaul_backend_host::{Caps, OpContext, Target};
use twinhaul_ledger::Planned;
use twinhaul_units::{Bytes, Key};

/// A target's room before the run; `None`: the target does not say, or takes more media (`REMOVABLE`).
#[derive(Debug)]
pub struct Free {
    pub name: String,
    pub target: Target,
    pub bytes: Option<u64>,
    pub objects: Option<u64>,
    needed_bytes: u64,
    needed_objects: u64,
    /// The plain sum has not fitted: each object is asked for from now on.
    close: bool,
}

impl Free {
    pub fn new(name: String, target: Target, bytes: Option<u64>, objects: Option<u64>) -> Self {
        // More media can be added to such a target while the run waits for them: it is never too small for a plan.
        let grows = target.caps().contains(Caps::REMOVABLE);
        let (bytes, objects) = (bytes.filter(|_| !grows), objects.filter(|_| !grows));
        Self { name, target, bytes, objects, needed_bytes: 0, needed_objects: 0, close: false }
    }

    /// Counts one wave's transfers to this target.
    pub(crate) fn count(&mut self, transfers: &[&Planned]) -> Result<(), PlanError> {
        let plain: u64 = transfers.iter().map(|t| t.size).sum();
        let objects = transfers.len() as u64;
        let fits = |needed: u64, free: Option<u64>| free.is_none_or(|free| needed <= free);
        let plain_fits = fits(self.needed_bytes.saturating_add(plain), self.bytes)
            && fits(self.needed_objects + objects, self.objects);
        if !self.close && plain_fits {
            self.needed_bytes += plain;
            self.needed_objects += objects;
            return Ok(());
        }
        self.close = true;
        for transfer in transfers {
            let there = Key::new(transfer.key.clone())
                .ok()
                .and_then(|k| self.target.stat(&OpContext::new(), &k).ok());
            self.needed_objects += u64::from(there.is_none());
            self.needed_bytes += transfer.size.saturating_sub(there.map_or(0, |s| s.size));
        }
        if let Some(free) = self.bytes.filter(|free| self.needed_bytes > *free) {
            let (needed, free) = (Bytes(self.needed_bytes), Bytes(free));
            return Err(PlanError::Space { name: self.name.clone(), needed, free });
        }
        if let Some(free) = self.objects.filter(|free| self.needed_objects > *free) {
            return Err(PlanError::Objects { name: self.name.clone(), needed: self.needed_objects, free });
        }
        Ok(())
    }
}
