//! Every limit that the bytes of a transfer pass: the peer's, that of both peers together, and the target's.

use crate::gate::{Gate, Pass};
use crate::limiter::{Limiter, WHOLE};
use crate::turnstile::{Inside, Turnstile};
use twinhaul_units::Dial;

/// The peers begin with half of what they share; the supervisor moves it to whoever can use it.
const HALF: u16 = WHOLE / 2;
/// One that comes back begins with little: the other may have all of it by now.
const LITTLE: u16 = WHOLE / 20;

/// See the module.
#[derive(Debug)]
pub(crate) struct Limits {
    own: Limiter,
    shared: Limiter,
    /// By the ledger's number of the target.
    targets: Box<[TargetLimits]>,
}

/// What may go into one target.
#[derive(Debug)]
struct TargetLimits {
    name: String,
    bandwidth: Limiter,
    slots: Turnstile,
}

impl Limits {
    /// Without any limit. `came_back`: not the first incarnation of the peer.
    pub(crate) fn new<'a>(came_back: bool, targets: impl Iterator<Item = &'a str>) -> Self {
        let part = if came_back { LITTLE } else { HALF };
        let target = |name: &str| TargetLimits {
            name: name.to_owned(),
            bandwidth: Limiter::new(format!(" of target {name}"), part),
            slots: Turnstile::default(),
        };
        Self {
            own: Limiter::new(String::new(), WHOLE),
            shared: Limiter::new(" of both peers".to_owned(), part),
            targets: targets.map(target).collect(),
        }
    }

    /// The bucket behind a dial; `None`: it is about slots, or about a target that is not there.
    pub(crate) fn limiter(&self, dial: &Dial) -> Option<&Limiter> {
        match dial {
            Dial::Limit => Some(&self.own),
            Dial::SharedLimit => Some(&self.shared),
            Dial::TargetLimit(name) => self.named(name).map(|t| &t.bandwidth),
            Dial::Slots | Dial::TargetSlots(_) => None,
        }
    }

    /// Where transfers into a target queue up; `None`: no such target.
    pub(crate) fn turnstile(&self, target: &str) -> Option<&Turnstile> {
        self.named(target).map(|t| &t.slots)
    }

    fn named(&self, target: &str) -> Option<&TargetLimits> {
        self.targets.iter().find(|t| t.name == target)
    }

    fn target(&self, number: u16) -> Option<&TargetLimits> {
        self.targets.get(usize::from(number))
    }

    /// All that bytes for the target of this number pass.
    fn passed(&self, target: u16) -> impl Iterator<Item = &Limiter> {
        [&self.own, &self.shared].into_iter().chain(self.target(target).map(|t| &t.bandwidth))
    }

    /// How much to ask for at once, at most `max`.
    pub(crate) fn chunk(&self, target: u16, max: usize) -> usize {
        self.passed(target).fold(max, |max, limiter| limiter.chunk(max))
    }

    /// Waits until `bytes` may move. `waiting` is called before each wait, with what is waited for in words.
    pub(crate) fn take(&self, target: u16, bytes: usize, gate: &Gate, waiting: impl Fn(String)) -> Pass {
        for limiter in self.passed(target) {
            if limiter.take(bytes, gate, &waiting) == Pass::Cut {
                return Pass::Cut;
            }
        }
        Pass::Go
    }

    /// Waits until another transfer may go into the target, and holds a slot of it as long as the answer lives. `None`:
    /// the gate was cut.
    pub(crate) fn enter(&self, target: u16, gate: &Gate, waiting: impl FnOnce(String)) -> Option<Inside<'_>> {
        match self.target(target) {
            Some(t) => t.slots.enter(gate, |max| waiting(format!("{max} slots of target {}", t.name))),
            // Whoever works on it will find out.
            None => Some(Inside::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_on_the_way_counts() {
        let limits = Limits::new(false, ["a", "b"].into_iter());
        let set = |dial: Dial, limit| limits.limiter(&dial).unwrap().set(Some(limit));
        assert_eq!(limits.chunk(0, 1 << 20), 1 << 20);
        set(Dial::Limit, 16 << 20);
        assert_eq!(limits.chunk(1, 1 << 20), 512 << 10);
        set(Dial::TargetLimit("b".into()), 4 << 20);
        assert_eq!((limits.chunk(0, 1 << 20), limits.chunk(1, 1 << 20)), (512 << 10, 64 << 10), "half of it");
        assert!(limits.limiter(&Dial::TargetLimit("c".into())).is_none());
        assert_eq!(limits.take(7, 1, &Gate::default(), |_| {}), Pass::Go, "a target that is not there");
    }
}
