//! The gate that every chunk passes: open, paused, or cut. What pause and stop mean to a transfer in flight.

use std::sync::{Condvar, Mutex, PoisonError};

/// How often paused work is looked at that may become useless.
const LOOK: std::time::Duration = std::time::Duration::from_millis(100);

/// What the gate says to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Go,
    /// Give the transfer up now; it is redone later. Not a failure.
    Cut,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    paused_by: Option<String>,
    cut: bool,
}

/// Shared by the driver, which turns it, and all slots, which pass it.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    turned: Condvar,
}

impl Gate {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        self.turned.notify_all();
        result
    }

    /// Holds every slot before its next chunk, on behalf of `by`.
    pub(crate) fn pause(&self, by: &str) {
        self.with(|s| s.paused_by = Some(by.to_owned()));
    }

    pub(crate) fn resume(&self) {
        self.with(|s| s.paused_by = None);
    }

    /// From now on every slot gives its transfer up. Final.
    pub(crate) fn cut(&self) {
        self.with(|s| s.cut = true);
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).cut
    }

    /// Waits while paused; `waiting` is called with who paused it, once, before the wait.
    pub(crate) fn pass(&self, waiting: impl FnOnce(&str)) -> Pass {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let (false, Some(by)) = (state.cut, &state.paused_by) {
            waiting(by);
        }
        while !state.cut && state.paused_by.is_some() {
            state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.cut { Pass::Cut } else { Pass::Go }
    }

    /// As [`Self::pass`] for work that may become useless while it waits: then it waits no longer.
    pub(crate) fn pass_unless(&self, useless: impl Fn() -> bool, waiting: impl FnOnce(&str)) -> Pass {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let (false, Some(by)) = (state.cut, &state.paused_by) {
            waiting(by);
        }
        while !state.cut && state.paused_by.is_some() && !useless() {
            state = self.turned.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.cut || useless() { Pass::Cut } else { Pass::Go }
    }

    /// Sleeps up to `d`, or until the gate is cut.
    pub(crate) fn sleep(&self, d: std::time::Duration) -> Pass {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, _) =
            self.turned.wait_timeout_while(state, d, |s| !s.cut).unwrap_or_else(PoisonError::into_inner);
        if state.cut { Pass::Cut } else { Pass::Go }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_paused_slot_goes_on_after_resume_and_names_who_paused_it() {
        let gate = Arc::new(Gate::default());
        gate.pause("console");
        let (tell, told) = std::sync::mpsc::channel();
        let slot = {
            let gate = Arc::clone(&gate);
            std::thread::spawn(move || gate.pass(|by| tell.send(by.to_owned()).unwrap()))
        };
        assert_eq!(told.recv().unwrap(), "console");
        gate.resume();
        assert_eq!(slot.join().unwrap(), Pass::Go);
    }

    #[test]
    fn what_becomes_useless_does_not_wait() {
        let gate = Gate::default();
        gate.pause("verb");
        assert_eq!(gate.pass_unless(|| true, |_| {}), Pass::Cut);
        gate.resume();
        assert_eq!(gate.pass_unless(|| false, |_| panic!("waited")), Pass::Go);
    }

    #[test]
    fn cut_frees_even_a_paused_slot() {
        let gate = Gate::default();
        gate.pause("verb");
        gate.cut();
        assert_eq!(gate.pass(|_| {}), Pass::Cut);
    }
}
