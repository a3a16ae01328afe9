//! At most so many at a time: transfers of this peer that go into one target. The number may change while some wait.

use crate::gate::Gate;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often whoever waits looks at the gate.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
struct State {
    /// `None`: any number.
    max: Option<u32>,
    inside: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Turnstile {
    state: Mutex<State>,
    changed: Condvar,
}

/// Counted until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Inside<'a>(Option<&'a Turnstile>);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if let Some(turnstile) = self.0 {
            let mut state = turnstile.state();
            state.inside -= 1;
            // To wake is to ask the kernel: not for every transfer of a target that has no such limit.
            if state.max.is_some() {
                turnstile.changed.notify_one();
            }
        }
    }
}

impl Turnstile {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is inside stays there, also when there are more now than may be.
    pub(crate) fn set(&self, max: Option<u32>) {
        self.state().max = max;
        self.changed.notify_all();
    }

    /// Waits for room; `waiting` is called before the wait, with the number. `None`: the gate was cut.
    pub(crate) fn enter(&self, gate: &Gate, waiting: impl FnOnce(u32)) -> Option<Inside<'_>> {
        let mut waiting = Some(waiting);
        let mut state = self.state();
        while let Some(max) = state.max.filter(|max| state.inside >= *max) {
            if let Some(tell) = waiting.take() {
                tell(max);
            }
            state = self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
            if gate.is_cut() {
                return None;
            }
        }
        state.inside += 1;
        Some(Inside(Some(self)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_it_full_waits_for_room_or_for_a_larger_number() {
        let (turnstile, gate) = (Turnstile::default(), Gate::default());
        let free: Vec<_> = (0..3).map(|_| turnstile.enter(&gate, |_| panic!("waited"))).collect();
        turnstile.set(Some(2));
        drop(free);
        let first = turnstile.enter(&gate, |_| panic!("waited")).unwrap();
        let _second = turnstile.enter(&gate, |_| panic!("waited")).unwrap();
        for make_room in
            [Box::new(|| drop(first)) as Box<dyn FnOnce() + Send>, Box::new(|| turnstile.set(Some(3)))]
        {
            let (tell, told) = std::sync::mpsc::channel();
            std::thread::scope(|scope| {
                let third = scope.spawn(|| turnstile.enter(&gate, |max| tell.send(max).unwrap()).is_some());
                assert_eq!(told.recv().unwrap(), 2);
                make_room();
                assert!(third.join().unwrap());
            });
            std::mem::forget(turnstile.enter(&gate, |_| panic!("waited")));
        }
        gate.cut();
        assert!(turnstile.enter(&gate, |_| {}).is_none());
    }
}
