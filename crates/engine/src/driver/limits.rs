//! The bandwidth limit of this peer: what an operator said last, else what the profile says for this hour.

use super::Driver;
use super::control::refused;
use crate::error::Result;
use crate::ledger_thread::Job;
use twinhaul_ledger::LiveLimit;
use twinhaul_profile::{PeerConfig, hours_at};
use twinhaul_units::Rate;
use twinhaul_wire::{Command, CommandResult, EventKind};

/// Who the history says it was when an hour brought another limit.
const TIMETABLE: &str = "timetable";

/// What holds now, in bytes a second.
pub(crate) fn limit_now(config: &PeerConfig, live: LiveLimit) -> Option<u64> {
    match live {
        LiveLimit::AsProfiled => as_profiled(config),
        LiveLimit::Lifted => None,
        LiveLimit::Set(rate) => Some(rate),
    }
}

fn as_profiled(config: &PeerConfig) -> Option<u64> {
    // A clock that is not needed is not asked.
    if config.timetable.is_empty() {
        return config.limit.map(|rate| rate.0);
    }
    let now = jiff::Zoned::now();
    let day = now.weekday().to_monday_zero_offset().unsigned_abs();
    let minute = u16::from(now.hour().unsigned_abs()) * 60 + u16::from(now.minute().unsigned_abs());
    hours_at(&config.timetable, day, minute).map_or(config.limit, |hours| hours.limit).map(|rate| rate.0)
}

impl Driver {
    pub(super) fn set_limit(&mut self, rate: Option<u64>) -> Result<CommandResult> {
        if rate == Some(0) {
            return Ok(refused(
                "a limit of nothing is a pause",
                format!("twinhaul pause --peer {}", self.options.name()),
            ));
        }
        self.keep_limit(rate.map_or(LiveLimit::Lifted, LiveLimit::Set))
    }

    pub(super) fn keep_limit(&mut self, live: LiveLimit) -> Result<CommandResult> {
        let rate = limit_now(self.options.profile.peer(self.options.me), live);
        self.live_limit = live;
        self.shared.limiter.set(rate);
        self.ledger(Job::KeepLimit(live))?;
        let by_profile = if live == LiveLimit::AsProfiled { ", as the profile says" } else { "" };
        Ok(CommandResult::Done(format!("{}: {}{by_profile}", self.options.name(), words(rate))))
    }

    /// Another hour may have another limit.
    pub(super) fn look_at_the_timetable(&mut self) {
        let config = self.options.profile.peer(self.options.me);
        if config.timetable.is_empty() || self.live_limit != LiveLimit::AsProfiled {
            return;
        }
        let rate = as_profiled(config);
        if rate == self.shared.limiter.rate() {
            return;
        }
        self.shared.limiter.set(rate);
        let name = self.options.name().to_owned();
        let command = Command::Limit { rate }.verb(&self.options.run, Some(&name));
        let result = format!("{name}: {}", words(rate));
        self.record(EventKind::Control { command, by: TIMETABLE.into(), result });
    }
}

fn words(rate: Option<u64>) -> String {
    rate.map_or_else(|| "no limit".to_owned(), |r| format!("limit {}", Rate(r)))
}
