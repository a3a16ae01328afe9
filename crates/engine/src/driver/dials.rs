//! Dials of this peer: what an operator turned last, else what the profile says for this hour.

use super::Driver;
use super::control::refused;
use crate::error::Result;
use crate::ledger_thread::Job;
use crate::limiter::{Limiter, WHOLE};
use crate::limits::Limits;
use std::collections::BTreeMap;
use twinhaul_assist::{Control, Event};
use twinhaul_profile::{Bandwidth, Profile, SLOTS_MAX};
use twinhaul_units::{Dial, PeerId, Rate, Turned};
use twinhaul_wire::{Command, CommandResult, DialSnapshot, EventKind};

/// Who the history says it was when an hour brought another limit.
const TIMETABLE: &str = "timetable";

/// What operators turned.
pub(crate) type Dials = BTreeMap<Dial, Turned>;

/// What holds now, in bytes a second or in slots; `None`: no limit.
pub(crate) fn value(profile: &Profile, me: PeerId, turned: &Dials, dial: &Dial) -> Option<u64> {
    match turned.get(dial).copied().unwrap_or_default() {
        Turned::AsProfiled => as_profiled(profile, me, dial),
        Turned::Lifted => None,
        Turned::Set(value) => Some(value),
    }
}

fn as_profiled(profile: &Profile, me: PeerId, dial: &Dial) -> Option<u64> {
    match dial {
        Dial::Slots => Some(profile.peer(me).slots.into()),
        Dial::TargetSlots(target) => profile.target(target)?.slots_per_peer.map(u64::from),
        limit => in_this_hour(bandwidth(profile, me, limit)?).map(|rate| rate.0),
    }
}

fn bandwidth<'a>(profile: &'a Profile, me: PeerId, dial: &Dial) -> Option<&'a Bandwidth> {
    match dial {
        Dial::Limit => Some(&profile.peer(me).bandwidth),
        Dial::SharedLimit => Some(&profile.bandwidth),
        Dial::TargetLimit(target) => profile.target(target).map(|t| &t.bandwidth),
        Dial::Slots | Dial::TargetSlots(_) => None,
    }
}

fn in_this_hour(bandwidth: &Bandwidth) -> Option<Rate> {
    // A clock that is not needed is not asked.
    if bandwidth.timetable.is_empty() {
        return bandwidth.limit;
    }
    let now = jiff::Zoned::now();
    let day = now.weekday().to_monday_zero_offset().unsigned_abs();
    let minute = u16::from(now.hour().unsigned_abs()) * 60 + u16::from(now.minute().unsigned_abs());
    bandwidth.at(day, minute)
}

/// Every dial of a peer of this profile.
fn all(profile: &Profile) -> Vec<Dial> {
    let of_target =
        |t: &twinhaul_profile::End| [Dial::TargetLimit(t.name.clone()), Dial::TargetSlots(t.name.clone())];
    let mut dials = vec![Dial::Limit, Dial::SharedLimit, Dial::Slots];
    dials.extend(profile.targets.iter().flat_map(of_target));
    dials
}

impl Driver {
    /// Everything as the profile and earlier words of operators have it.
    pub(super) fn set_all_dials(&mut self) -> Result<()> {
        all(&self.options.profile).iter().try_for_each(|dial| self.apply(dial))
    }

    pub(super) fn dial_value(&self, dial: &Dial) -> Option<u64> {
        value(&self.options.profile, self.options.me, &self.dials, dial)
    }

    fn apply(&mut self, dial: &Dial) -> Result<()> {
        let value = self.dial_value(dial);
        let count = value.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        match dial {
            Dial::Slots => {
                let slots = self.crew.resize(count.unwrap_or(1), &self.out.feeder)?;
                self.tell_core(Event::Control(Control::Slots(slots)))?;
            }
            Dial::TargetSlots(target) => {
                if let Some(turnstile) = self.shared.limits.turnstile(target) {
                    turnstile.set(count);
                }
            }
            limit => {
                if let Some(limiter) = self.shared.limits.limiter(limit) {
                    limiter.set(value);
                }
            }
        }
        Ok(())
    }

    /// An operator's word: it holds until the next one, also for later incarnations of this peer.
    pub(super) fn turn(&mut self, dial: &Dial, to: Turned) -> Result<CommandResult> {
        if let Some(refusal) = self.refusal(dial, to) {
            return Ok(refusal);
        }
        match to {
            Turned::AsProfiled => self.dials.remove(dial),
            to => self.dials.insert(dial.clone(), to),
        };
        self.apply(dial)?;
        self.ledger(Job::KeepDial(dial.clone(), to))?;
        let by_profile = if to == Turned::AsProfiled { ", as the profile says" } else { "" };
        let words = words(dial, self.dial_value(dial));
        Ok(CommandResult::Done(format!("{}: {words}{by_profile}", self.options.name())))
    }

    pub(super) fn refusal(&self, dial: &Dial, to: Turned) -> Option<CommandResult> {
        if let Some(target) = dial.target()
            && self.options.profile.target(target).is_none()
        {
            let names: Vec<_> = self.options.profile.targets.iter().map(|t| t.name.as_str()).collect();
            let why = format!("there is no target \"{target}\"; there are: {}", names.join(", "));
            return Some(refused(why, "twinhaul status"));
        }
        match to {
            Turned::Set(0) => Some(refused(
                if dial.is_limit() { "a limit of nothing is a pause" } else { "no slots at all are a pause" },
                format!("twinhaul pause --peer {}", self.options.name()),
            )),
            Turned::Set(n) if !dial.is_limit() && n > u64::from(SLOTS_MAX) => Some(refused(
                format!("{n} is more than the {SLOTS_MAX} slots that a peer can have"),
                format!("twinhaul slots --peer {} {SLOTS_MAX}", self.options.name()),
            )),
            Turned::Lifted if *dial == Dial::Slots => Some(refused(
                "a peer has a number of slots",
                format!("twinhaul slots --peer {} profile", self.options.name()),
            )),
            _ => None,
        }
    }

    /// What would hold if it were turned.
    pub(super) fn dial_value_at(&self, dial: &Dial, to: Turned) -> Option<u64> {
        value(&self.options.profile, self.options.me, &[(dial.clone(), to)].into(), dial)
    }

    /// What of a limit is this peer's, in bytes a second.
    pub(super) fn own_part(&self, dial: &Dial, limit: u64) -> u64 {
        let part = self.shared.limits.limiter(dial).map_or(WHOLE, Limiter::part);
        limit.saturating_mul(part.into()) / u64::from(WHOLE)
    }

    /// The supervisor's division of a limit that both peers share. No news for the history: it follows the load.
    pub(super) fn set_part(&self, dial: &Dial, part: u16) -> CommandResult {
        match self.shared.limits.limiter(dial).filter(|_| dial.is_shared()) {
            Some(limiter) => {
                limiter.set_part(part);
                CommandResult::Done("ok".into())
            }
            None => refused(format!("the {dial} is not shared"), "twinhaul status"),
        }
    }

    /// Another hour may have another limit.
    pub(super) fn look_at_the_timetables(&mut self) -> Result<()> {
        let profile = &self.options.profile;
        let by_the_hour = |dial: &Dial| {
            !self.dials.contains_key(dial)
                && bandwidth(profile, self.options.me, dial).is_some_and(|b| !b.timetable.is_empty())
        };
        let dials: Vec<Dial> = all(profile).into_iter().filter(by_the_hour).collect();
        for dial in dials {
            let value = self.dial_value(&dial);
            if self.shared.limits.limiter(&dial).is_none_or(|limiter| limiter.limit() == value) {
                continue;
            }
            self.apply(&dial)?;
            let name = self.options.name().to_owned();
            let to = value.map_or(Turned::Lifted, Turned::Set);
            let result = format!("{name}: {}", words(&dial, value));
            let command = Command::Turn { dial, to }.verb(&self.options.run, Some(&name));
            self.record(EventKind::Control { command, by: TIMETABLE.into(), result });
        }
        Ok(())
    }

    pub(super) fn dials_shown(&self) -> Vec<DialSnapshot> {
        shown(&self.options.profile, self.options.me, &self.dials, &self.shared.limits)
    }
}

/// What is limited beside the peer itself, and whatever was turned.
pub(crate) fn shown(profile: &Profile, me: PeerId, turned: &Dials, limits: &Limits) -> Vec<DialSnapshot> {
    let shown = |dial: Dial| {
        let (value, turned) = (value(profile, me, turned, &dial), turned.contains_key(&dial));
        let own = matches!(dial, Dial::Limit | Dial::Slots);
        if !turned && (own || value.is_none()) {
            return None;
        }
        let limiter = limits.limiter(&dial);
        let (taken, waited_ms) = limiter.map(Limiter::used).unwrap_or_default();
        let part = limiter.map_or(WHOLE, Limiter::part);
        Some(DialSnapshot { dial, value, turned, part, taken, waited_ms })
    };
    all(profile).into_iter().filter_map(shown).collect()
}

pub(super) fn words(dial: &Dial, value: Option<u64>) -> String {
    match value {
        Some(rate) if dial.is_limit() => format!("{dial} {}", Rate(rate)),
        Some(count) => format!("{dial} {count}"),
        None if dial.is_limit() => format!("no {dial}"),
        None => format!("{dial} as many as the peer has"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operators_word_holds_before_the_profiles() {
        let text = "version: 1\nname: t\nsources:\n  a: { backend: disk, root: /a }\ntargets:\n  \
                    b: { backend: disk, root: /b, limit: 2 MiB/s, slots_per_peer: 3 }\nlimit: 4 MiB/s\n";
        let profile = twinhaul_profile::parse(text, "t.yaml").unwrap();
        let now = |turned: &Dials| {
            all(&profile).iter().map(|dial| value(&profile, PeerId::First, turned, dial)).collect::<Vec<_>>()
        };
        let as_profiled = [None, Some(4 << 20), Some(8), Some(2 << 20), Some(3)];
        assert_eq!(now(&Dials::new()), as_profiled);
        let b = || "b".to_owned();
        let turned = [
            (Dial::Limit, Turned::Set(9)),
            (Dial::SharedLimit, Turned::Lifted),
            (Dial::Slots, Turned::Set(2)),
            (Dial::TargetLimit(b()), Turned::Set(7)),
            (Dial::TargetSlots(b()), Turned::Lifted),
        ];
        assert_eq!(now(&turned.into()), [Some(9), None, Some(2), Some(7), None]);
        assert_eq!(words(&Dial::TargetSlots(b()), None), "slots of target b as many as the peer has");
        assert_eq!(words(&Dial::SharedLimit, Some(1 << 20)), "limit of both peers 1 MiB/s");
    }
}
