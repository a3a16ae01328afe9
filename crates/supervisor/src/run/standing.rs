//! What the run as a whole waits for: every peer that is not over waits, and the commonest of their reasons.

use super::Run;
use crate::seat::Seat;
use std::time::Duration;
use twinhaul_units::Moment;
use twinhaul_wire::{PeerState, Wait, WaitReason};

/// Since when a peer's process is waited for: only the supervisor knows.
#[derive(Debug, Default)]
pub(super) struct Standing(Vec<(String, Moment)>);

impl Standing {
    /// `waiting`: the peers whose process is not there; the others are forgotten. How long each has been.
    fn look(&mut self, waiting: &[&str], now: Moment) -> Vec<Duration> {
        self.0.retain(|(name, _)| waiting.contains(&name.as_str()));
        let mut age = |name: &str| {
            if !self.0.iter().any(|(known, _)| known == name) {
                self.0.push((name.to_owned(), now));
            }
            self.0
                .iter()
                .find(|(known, _)| known == name)
                .map_or(Duration::ZERO, |(_, since)| now.since(*since))
        };
        waiting.iter().map(|name| age(name)).collect()
    }
}

impl Run {
    /// At each tick. `None`: somebody works, or nobody is left to.
    pub(super) fn stands(&mut self, now: Moment) -> Option<Wait> {
        let absent = |s: &Seat| s.process.is_none() || !s.ready || s.silent(now, &self.timing);
        let (mut away, mut waits, mut works) = (Vec::new(), Vec::new(), false);
        for seat in self.seats.iter().filter(|s| s.is_peer() && s.over.is_none()) {
            if absent(seat) {
                let words = seat.supervised(now, self.stop.is_some(), &self.timing).state;
                away.push((seat.name(), words));
                continue;
            }
            match seat.snapshot.as_deref() {
                Some(s) if s.state == PeerState::Finished => {}
                Some(s) => match s.wait() {
                    Some(wait) => waits.push(wait),
                    // It has nothing to do, or something of it works.
                    None => works |= s.state != PeerState::Idle || !s.in_flight.is_empty(),
                },
                None => works = true,
            }
        }
        let names: Vec<&str> = away.iter().map(|(name, _)| *name).collect();
        let ages = self.standing.look(&names, now);
        let whole_ms = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let absent = away.iter().zip(ages).map(|((name, words), age)| {
            Wait::new(WaitReason::Process, format!("{name} {words}"), whole_ms(age))
        });
        waits.extend(absent);
        if works {
            return None;
        }
        // Of one that waits at a place, and one that waits for that one's answer, the place is the reason.
        let at_places: Vec<&Wait> = waits.iter().filter(|wait| !wait.place.is_empty()).collect();
        if at_places.is_empty() {
            Wait::commonest(&waits.iter().collect::<Vec<_>>())
        } else {
            Wait::commonest(&at_places)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_a_missing_process_begins_anew_when_it_was_there_meanwhile() {
        let at = |s| Moment::ZERO + Duration::from_secs(s);
        let seconds = |s| Duration::from_secs(s);
        let mut standing = Standing::default();
        assert_eq!(standing.look(&["alpha", "beta"], at(1)), [seconds(0), seconds(0)]);
        assert_eq!(standing.look(&["beta"], at(3)), [seconds(2)]);
        assert_eq!(standing.look(&["alpha", "beta"], at(4)), [seconds(0), seconds(3)]);
    }
}
