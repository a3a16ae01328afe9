//! At most so many blocking calls in one target at once (`limits.max_inflight_calls`).

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::op::OpContext;

/// How often a caller that waits looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(crate) struct Gate {
    /// 0 = no limit.
    max: u32,
    inside: Mutex<u32>,
    left: Condvar,
}

/// One call inside.
#[derive(Debug)]
pub(crate) struct Pass<'a>(Option<&'a Gate>);

impl Gate {
    pub(crate) fn new(max: u32) -> Self {
        Self { max, inside: Mutex::new(0), left: Condvar::new() }
    }

    /// Waits for a place. `None`: cancelled meanwhile.
    pub(crate) fn enter(&self, op: &OpContext) -> Option<Pass<'_>> {
        if self.max == 0 {
            return Some(Pass(None));
        }
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        while *inside >= self.max {
            if op.is_cancelled() {
                return None;
            }
            inside = self.left.wait_timeout(inside, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        *inside += 1;
        Some(Pass(Some(self)))
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.0 {
            *gate.inside.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            gate.left.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gate_lets_nobody_in_until_one_leaves() {
        let gate = Gate::new(1);
        let op = OpContext::new();
        let first = gate.enter(&op).unwrap();
        let hurried = OpContext::new();
        hurried.cancel();
        assert!(gate.enter(&hurried).is_none());
        drop(first);
        assert!(gate.enter(&op).is_some());
        assert!(Gate::new(0).enter(&hurried).is_some());
    }
}
