//! Memory of all open writers of a target: reserved whole when a writer opens, so that none can wait half-way for another.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use twinhaul_backend_abi::{Op, Result, WaitReason};

const POLL: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Budget {
    max: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// Given back when dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(max: u64) -> Self {
        Self { max, used: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until `bytes` fit; what is larger than the whole budget waits until it is alone.
    pub(crate) fn reserve(self: &Arc<Self>, op: &Op<'_>, bytes: u64) -> Result<Reserved> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = false;
        while *used > 0 && *used + bytes > self.max {
            op.check()?;
            if !told {
                op.wait(Some(WaitReason::Space), "memory for parts: other objects hold it");
                told = true;
            }
            used = self.freed.wait_timeout(used, POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
        if told {
            op.wait(None, "");
        }
        *used += bytes;
        drop(used);
        Ok(Reserved { budget: self.clone(), bytes })
    }

    pub(crate) fn used(&self) -> u64 {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        *self.budget.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_waits_until_it_is_alone() {
        let budget = Arc::new(Budget::new(10));
        let op = Op::detached();
        let first = budget.reserve(&op, 6).unwrap();
        std::thread::scope(|s| {
            let waiting = s.spawn(|| budget.reserve(&op, 20).map(|r| r.bytes));
            assert!(!waiting.is_finished());
            drop(first);
            assert_eq!(waiting.join().unwrap().unwrap(), 20);
        });
        assert_eq!(budget.used(), 0);
    }
}
