//! How a peer's speed goes in time: piecewise constant, as disturbances in hundredths of a per cent of the bound.
//!
//! Positions are kept in those, not in time, so that the bound, on which the times depend, can be computed first.

use crate::chance::{Chance, seed_of};
use twinhaul_units::PeerId;

/// A position in hundredths of a per cent of the bound.
pub type Position = u64;

/// 100 % of the bound.
pub const WHOLE: Position = 10_000;

/// Something that happens to one peer's speed, or to both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disturbance {
    pub peer: Whom,
    pub what: What,
    pub from: Position,
    /// Where it ends; never, if left out.
    pub to: Option<Position>,
    /// From where to where it begins again, for ever.
    pub every: Option<Position>,
}

/// Whom it happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    Fast,
    Slow,
    Both,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    /// The link has this many times its speed.
    Speed(f64),
    /// Log-normal of this sigma with mean 1, drawn again at each `every`.
    Noise(f64),
    /// Nothing moves, and the process answers nothing.
    Frozen,
    /// The process is gone, with its memory. Another takes its place at the end.
    Dead,
}

/// What a process can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Alive,
    Frozen,
    Dead,
}

/// One peer's course.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    base: f64,
    disturbances: Vec<Disturbance>,
    seed: u64,
}

impl Course {
    /// `base`: bytes per second, undisturbed.
    pub(crate) fn new(peer: PeerId, base: f64, disturbances: &[Disturbance], seed: u64) -> Self {
        let mine = |d: &&Disturbance| match d.peer {
            Whom::Fast => peer == PeerId::First,
            Whom::Slow => peer == PeerId::Second,
            Whom::Both => true,
        };
        let seed = seed_of(seed, if peer == PeerId::First { "fast" } else { "slow" });
        Self { base, disturbances: disturbances.iter().filter(mine).copied().collect(), seed }
    }

    /// The link's bytes per second from `at` on, and what the process is.
    pub(crate) fn state(&self, at: Position) -> (f64, Life) {
        let mut speed = self.base;
        let mut life = Life::Alive;
        for (n, d) in self.disturbances.iter().enumerate().filter(|(_, d)| d.lasts(at)) {
            match d.what {
                What::Speed(factor) => speed *= factor,
                What::Noise(sigma) => {
                    let cell = d.every.map_or(0, |every| (at - d.from) / every.max(1));
                    let name = format!("noise {n} {cell}");
                    speed *= Chance::new(seed_of(self.seed, &name)).lognormal(sigma);
                }
                What::Frozen if life == Life::Alive => life = Life::Frozen,
                What::Frozen => {}
                What::Dead => life = Life::Dead,
            }
        }
        (if life == Life::Alive { speed } else { 0.0 }, life)
    }

    /// Where something changes next after `at`.
    pub(crate) fn next(&self, at: Position) -> Option<Position> {
        self.disturbances.iter().filter_map(|d| d.next(at)).min()
    }

    /// Where a frozen or dead process may come back after `at`.
    pub(crate) fn comes_back(&self, at: Position) -> bool {
        let ends = |d: &Disturbance| {
            matches!(d.what, What::Frozen | What::Dead) && d.to.is_some_and(|to| to > at || d.every.is_some())
        };
        self.disturbances.iter().any(ends)
    }

    /// Mean speed from 0 to 100 % of the bound.
    pub(crate) fn mean_speed(&self) -> f64 {
        let mut sum = 0.0;
        let mut at = 0;
        while at < WHOLE {
            let next = self.next(at).unwrap_or(WHOLE).min(WHOLE);
            sum += self.state(at).0 * (next - at) as f64;
            at = next;
        }
        sum / WHOLE as f64
    }
}

impl Disturbance {
    fn lasts(&self, at: Position) -> bool {
        let Some(since) = at.checked_sub(self.from) else { return false };
        let length = self.to.map(|to| to.saturating_sub(self.from));
        match (self.every, length) {
            (Some(every), Some(length)) => since % every.max(1) < length,
            (_, Some(length)) => since < length,
            (_, None) => true,
        }
    }

    fn next(&self, at: Position) -> Option<Position> {
        let Some(since) = at.checked_sub(self.from) else { return Some(self.from) };
        match self.every {
            None => self.to.filter(|to| *to > at),
            Some(every) => {
                let every = every.max(1);
                let cell = self.from + since / every * every;
                let end = self.to.map(|to| cell + to.saturating_sub(self.from)).filter(|end| *end > at);
                Some(end.unwrap_or(u64::MAX).min(cell + every))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(what: What, from: Position, to: Option<Position>, every: Option<Position>) -> Course {
        Course::new(PeerId::First, 100.0, &[Disturbance { peer: Whom::Fast, what, from, to, every }], 1)
    }

    #[test]
    fn means_by_hand() {
        for (course, mean) in [
            (course(What::Speed(0.1), 5000, None, None), 55.0),
            (course(What::Frozen, 4000, Some(7000), None), 70.0),
            (course(What::Frozen, 6000, Some(14_000), None), 60.0),
            (course(What::Dead, 3000, Some(7000), None), 60.0),
            (course(What::Speed(0.1), 1000, Some(2000), Some(2000)), 55.0),
        ] {
            assert!((course.mean_speed() - mean).abs() < 1e-9, "{course:?}");
        }
        let other = Course::new(
            PeerId::Second,
            10.0,
            &[Disturbance { peer: Whom::Fast, what: What::Dead, from: 0, to: None, every: None }],
            1,
        );
        assert!((other.mean_speed() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn steps_go_on_behind_the_bound() {
        let c = course(What::Speed(0.1), 1000, Some(2000), Some(2000));
        let steps: Vec<_> = std::iter::successors(Some(9000), |at| c.next(*at)).take(5).collect();
        assert_eq!(steps, [9000, 10_000, 11_000, 12_000, 13_000]);
        assert!((c.state(11_000).0 - 10.0).abs() < 1e-9 && (c.state(12_000).0 - 100.0).abs() < 1e-9);
    }

    #[test]
    fn noise_is_the_same_whenever_it_is_looked_at() {
        let c = course(What::Noise(0.5), 0, None, Some(100));
        assert_eq!(c.next(250), Some(300));
        assert!((c.state(300).0 - c.state(399).0).abs() < 1e-9);
        assert!((c.state(300).0 - c.state(400).0).abs() > 1e-9);
    }
}
