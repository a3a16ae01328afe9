//! What a limit, a number of slots or a ratio would change, without turning it. How fast a peer would be is told only where its
//! present rate says so; where something else holds it back, or nothing was ever measured, it is not known.

use super::control::refused;
use super::rebalance::ends_in;
use super::{Driver, dials};
use twinhaul_units::{Amount, Bytes, Dial, Turned};
use twinhaul_wire::{Command, CommandResult, Outlook};

/// A peer that does so much of what its limit allows is held back by it.
const HELD_AT: f64 = 0.8;

/// What a setting does to the peer's rate.
struct Pace {
    rate: Option<u64>,
    basis: &'static str,
}

impl Driver {
    pub(super) fn what_if(&mut self, command: &Command) -> CommandResult {
        match command {
            Command::Ratio { value } => self.with_ratio(*value),
            Command::Turn { dial, to } => self.with_dial(dial, *to),
            _ => {
                refused("only a ratio, a limit and slots are asked about so", "twinhaul rebalance --dry-run")
            }
        }
    }

    fn with_ratio(&mut self, value: f64) -> CommandResult {
        let ratio = match self.as_ratio(value) {
            Ok(ratio) => ratio,
            Err(refusal) => return CommandResult::Refused(refusal),
        };
        let (now, left) = (self.core.ratio(), self.left());
        let rates = [self.view.rates(self.clock.ms(), &self.shared).one_min, self.view.other_rate()];
        let (queued, bytes) = (self.core.queued().max(1), self.view.queued_bytes(&self.shared).0);
        let gives = [self.core.would_give_at(now), self.core.would_give_at(ratio)];
        let end = |count: u64| {
            let bytes = Bytes((bytes as f64 / queued as f64 * count as f64) as u64);
            let moved = Amount { transfers: count, bytes };
            ends_in([left[0] - moved, left[1] + moved], rates)
        };
        let learns = self.options.profile.assistance.policy == twinhaul_profile::Policy::Learning;
        let basis =
            if learns { "if it were asked now" } else { "this run's policy does not go by the ratio" };
        CommandResult::Outlook(Outlook {
            peer: self.options.name().to_owned(),
            setting: [format!("ratio {now}"), format!("ratio {ratio}")],
            rate: [Some(rates[0]), Some(rates[0])],
            gives: Some(gives),
            eta_now_s: end(gives[0]),
            eta_after_s: end(gives[1]),
            basis: basis.to_owned(),
        })
    }

    fn with_dial(&mut self, dial: &Dial, to: Turned) -> CommandResult {
        if let Some(refusal) = self.refusal(dial, to) {
            return refusal;
        }
        let values = [self.dial_value(dial), self.dial_value_at(dial, to)];
        let rate = self.view.rates(self.clock.ms(), &self.shared).one_min;
        let pace = self.pace_with(dial, values, rate);
        let (left, other) = (self.left(), self.view.other_rate());
        CommandResult::Outlook(Outlook {
            peer: self.options.name().to_owned(),
            setting: values.map(|value| dials::words(dial, value)),
            rate: [Some(rate), pace.rate],
            gives: None,
            eta_now_s: ends_in(left, [rate, other]),
            eta_after_s: pace.rate.and_then(|rate| ends_in(left, [rate, other])),
            basis: pace.basis.to_owned(),
        })
    }

    fn pace_with(&self, dial: &Dial, [now, after]: [Option<u64>; 2], rate: u64) -> Pace {
        let one_target = self.options.profile.targets.len() == 1;
        if dial.target().is_some() && !one_target {
            return Pace { rate: None, basis: "it depends on how much of the rest goes to that target" };
        }
        if rate == 0 {
            return Pace { rate: None, basis: "nothing has moved in the last minute" };
        }
        // Whatever else limits it goes on to do so.
        let into = self.options.profile.targets.first().filter(|_| one_target);
        let into = into.map(|target| Dial::TargetLimit(target.name.clone()));
        let others: Vec<Dial> = [Dial::Limit, Dial::SharedLimit].into_iter().chain(into).collect();
        let limits = others.iter().filter(|other| *other != dial);
        let cap = limits.filter_map(|other| self.dial_value(other).map(|limit| self.own_part(other, limit)));
        let cap = cap.min().unwrap_or(u64::MAX);
        if dial.is_limit() {
            let [now, after] = [now, after].map(|limit| limit.map(|limit| self.own_part(dial, limit)));
            return under_limit(rate, now, after, cap);
        }
        let [now, after] = [now, after].map(|slots| slots.unwrap_or_else(|| self.slots_max().into()).max(1));
        let own = self.dial_value(&Dial::Limit).unwrap_or(u64::MAX).min(cap);
        in_slots(rate, [now, after], self.slots_used().into(), own)
    }
}

fn is_held(rate: u64, limit: u64) -> bool {
    rate as f64 >= limit as f64 * HELD_AT
}

/// The rate with another limit; `cap` is the strictest of the others.
fn under_limit(rate: u64, now: Option<u64>, after: Option<u64>, cap: u64) -> Pace {
    let held = now.is_some_and(|limit| is_held(rate, limit));
    match after {
        Some(limit) if limit <= rate => Pace { rate: Some(limit), basis: "the limit" },
        _ if !held => Pace { rate: Some(rate), basis: "the limit is not what holds it" },
        Some(limit) => Pace { rate: Some(limit.min(cap)), basis: "at most, if nothing else holds it" },
        None if cap < u64::MAX => Pace { rate: Some(cap), basis: "at most: another limit holds it then" },
        None => Pace { rate: None, basis: "how fast it is without the limit was not seen" },
    }
}

/// The rate with another number of slots, of which so many are used.
fn in_slots(rate: u64, [now, after]: [u64; 2], used: u64, limit: u64) -> Pace {
    let busy = used.clamp(1, now);
    let each = rate as f64 / busy as f64;
    if after < busy {
        return Pace { rate: Some((each * after as f64) as u64), basis: "if each slot goes on as now" };
    }
    if limit < u64::MAX && is_held(rate, limit) {
        return Pace { rate: Some(rate), basis: "a limit holds it, and not the slots" };
    }
    if used < now {
        return Pace { rate: Some(rate), basis: "it does not use the slots that it has" };
    }
    let more = ((each * after as f64) as u64).min(limit);
    Pace { rate: Some(more), basis: "at most, if each slot goes on as now" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: u64 = u64::MAX;

    #[test]
    fn a_limit_is_believed_only_as_far_as_the_present_rate_tells() {
        let rate = |rate, now, after, cap| under_limit(rate, now, after, cap).rate;
        assert_eq!(rate(100, None, Some(40), NONE), Some(40), "slower is certain");
        assert_eq!(rate(100, None, Some(400), NONE), Some(100), "what does not hold it");
        assert_eq!(rate(98, Some(100), Some(400), NONE), Some(400), "at most");
        assert_eq!(rate(98, Some(100), Some(400), 150), Some(150), "the other limit holds it then");
        assert_eq!(rate(50, Some(100), Some(400), NONE), Some(50), "it was not held");
        assert_eq!(rate(98, Some(100), None, NONE), None, "nobody has seen it without");
        assert_eq!(rate(98, Some(100), None, 120), Some(120));
        assert_eq!(rate(50, Some(100), None, NONE), Some(50));
    }

    #[test]
    fn slots_count_where_they_are_what_is_short() {
        let rate = |rate, slots, used, limit| in_slots(rate, slots, used, limit).rate;
        assert_eq!(rate(80, [4, 8], 4, NONE), Some(160), "at most");
        assert_eq!(rate(80, [4, 8], 4, 100), Some(80), "a limit holds it");
        assert_eq!(rate(50, [4, 8], 4, 80), Some(80), "until the limit holds it");
        assert_eq!(rate(80, [4, 8], 2, NONE), Some(80), "two of four are used");
        assert_eq!(rate(80, [4, 1], 4, NONE), Some(20));
        assert_eq!(rate(80, [4, 3], 2, NONE), Some(80), "three are enough for two");
    }
}
