//! How a run is ended on request: what is sent to the peers, and when patience ends (fault 50).
//!
//! Pure: a schedule of acts over moments. A drain has no limit; a stop and a signal end in SIGTERM, then SIGKILL.
//! Entry points: [`Stop::begin`], [`Stop::again`], [`Stop::due`].

use crate::Timing;
use std::collections::VecDeque;
use twinhaul_units::Moment;

/// Something to do to every process that still runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Through the socket: finish (`drain`) or cut what is in flight, then end.
    Send {
        drain: bool,
    },
    Term,
    Kill,
}

/// Why the run is being ended; gives the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The command stop; `drain`: without a limit.
    Command {
        drain: bool,
    },
    /// SIGTERM, system shutdown.
    Terminate,
    Interrupt,
    /// The run cannot go on, for instance because the planner failed with this exit code.
    Broken(i32),
}

impl Why {
    /// Interrupted never looks like success.
    pub(crate) const fn exit_code(self) -> i32 {
        match self {
            Self::Command { .. } | Self::Interrupt => 130,
            Self::Terminate => 143,
            Self::Broken(code) => code,
        }
    }
}

/// A stop under way.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) why: Why,
    /// What a peer that is reached only now must be told.
    pub(crate) drain: bool,
    plan: VecDeque<(Moment, Act)>,
}

impl Stop {
    pub(crate) fn begin(now: Moment, why: Why, timing: &Timing) -> Self {
        let (drain, plan): (bool, VecDeque<_>) = match why {
            Why::Command { drain: true } => (true, [(now, Act::Send { drain: true })].into()),
            Why::Command { drain: false } | Why::Broken(_) => {
                (false, [(now, Act::Send { drain: false })].into_iter().chain(force(now, timing)).collect())
            }
            Why::Terminate | Why::Interrupt => {
                let cut = (now + timing.grace / 2, Act::Send { drain: false });
                let drain = [(now, Act::Send { drain: true }), cut];
                (true, drain.into_iter().chain(force(now, timing)).collect())
            }
        };
        Self { why, drain, plan }
    }

    /// Asked to stop while stopping: a drain is cut, a cut is forced. The first reason to end keeps its exit code.
    pub(crate) fn again(&mut self, now: Moment, timing: &Timing) {
        if self.drain {
            let cut = [(now, Act::Send { drain: false })];
            self.plan = cut.into_iter().chain(force(now, timing)).collect();
        } else {
            self.plan = [(now, Act::Term), (now + timing.kill_after, Act::Kill)].into();
        }
    }

    /// The next act whose time has come.
    pub(crate) fn due(&mut self, now: Moment) -> Option<Act> {
        let act = self.plan.pop_front_if(|(at, _)| *at <= now)?.1;
        if let Act::Send { drain } = act {
            self.drain = drain;
        }
        Some(act)
    }
}

fn force(now: Moment, timing: &Timing) -> [(Moment, Act); 2] {
    let term = now + timing.grace;
    [(term, Act::Term), (term + timing.kill_after, Act::Kill)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAIN: Act = Act::Send { drain: true };
    const CUT: Act = Act::Send { drain: false };

    /// (second, act) of everything that happens within two hours.
    fn schedule(stop: &mut Stop) -> Vec<(u64, Act)> {
        (0..7200)
            .flat_map(|s| {
                let now = Moment(s * 1_000_000);
                std::iter::from_fn(|| stop.due(now)).map(|act| (s, act)).collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn a_drain_has_no_limit_until_it_is_asked_twice() {
        let timing = Timing::default();
        let mut stop = Stop::begin(Moment::ZERO, Why::Command { drain: true }, &timing);
        assert_eq!(schedule(&mut stop), [(0, DRAIN)]);
        let now = Moment(100 * 1_000_000);
        stop.again(now, &timing);
        assert_eq!(schedule(&mut stop), [(100, CUT), (110, Act::Term), (115, Act::Kill)]);
        assert_eq!(stop.why.exit_code(), 130);
    }

    #[test]
    fn a_stop_cuts_then_terms_then_kills() {
        let mut stop = Stop::begin(Moment::ZERO, Why::Command { drain: false }, &Timing::default());
        assert_eq!(schedule(&mut stop), [(0, CUT), (10, Act::Term), (15, Act::Kill)]);
    }

    #[test]
    fn a_signal_drains_as_long_as_a_shutdown_allows() {
        let mut stop = Stop::begin(Moment::ZERO, Why::Terminate, &Timing::default());
        assert_eq!(schedule(&mut stop), [(0, DRAIN), (5, CUT), (10, Act::Term), (15, Act::Kill)]);
        assert_eq!(stop.why.exit_code(), 143);
    }

    #[test]
    fn the_third_asking_does_not_wait() {
        let timing = Timing::default();
        let mut stop = Stop::begin(Moment::ZERO, Why::Interrupt, &timing);
        assert_eq!(stop.due(Moment::ZERO), Some(DRAIN));
        stop.again(Moment::ZERO, &timing);
        assert_eq!(stop.due(Moment::ZERO), Some(CUT));
        stop.again(Moment::ZERO, &timing);
        assert_eq!(schedule(&mut stop), [(0, Act::Term), (5, Act::Kill)]);
    }
}
