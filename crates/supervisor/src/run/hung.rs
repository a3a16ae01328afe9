//! A call that never comes back (fault 34): a library of one peer hangs, and hears of no cancel. Its process is killed, the other
//! peer takes over, and the restart goes the way of every death.
//!
//! A place that answers nobody is waited for, and no process is killed for it: only a peer whose call is far beyond its budget while
//! the other's calls to that place are not, and which is not in the kernel, where a kill would not reach it. Entry point:
//! [`Run::tick_hung`].

use super::Run;
use crate::{Timing, seat::Seat, socket::seconds};
use rustix::process::Signal;
use std::time::Duration;
use twinhaul_units::Moment;
use twinhaul_wire::{PeerSnapshot, Wait, WaitReason};

/// A call that has taken so many budgets is under suspicion; for as many more as make [`HANGS`] it is watched.
const SUSPECT: u64 = 2;
const HANGS: u64 = 3;
/// So many are killed without a transfer ending in between: after that it is the place, whatever it looks like.
const KILLS_MAX: u32 = 2;

/// Of the whole run.
#[derive(Debug, Default)]
pub(super) struct Hung {
    kills: u32,
    /// What had ended at the last of them.
    ended: u64,
    suspects: [Option<Suspect>; 2],
}

/// A call that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Suspect {
    call: Call,
    since: Moment,
}

/// Which call it is. The same attempt again and again in the same wait is the same call.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    life: u64,
    reason: WaitReason,
    /// A source, a target, or the targets of a group that is made durable.
    place: String,
    transfer: Option<(u64, u32)>,
}

/// A wait in a call to a source or target that has a budget.
#[derive(Debug)]
struct InCall<'a> {
    transfer: Option<(u64, u32)>,
    target: Option<&'a str>,
    wait: &'a Wait,
    budget_ms: u64,
}

impl InCall<'_> {
    fn is_beyond(&self, budgets: u64) -> bool {
        self.wait.age_ms >= self.budget_ms.saturating_mul(budgets)
    }
}

fn calls(snapshot: &PeerSnapshot) -> impl Iterator<Item = InCall<'_>> {
    let flights = snapshot.in_flight.iter().filter_map(|flight| {
        Some((Some((flight.id, flight.attempts)), Some(flight.target.as_str()), flight.wait.as_ref()?))
    });
    let group = snapshot.settling_wait.iter().map(|wait| (None, None, wait));
    flights.chain(group).filter_map(|(transfer, target, wait)| {
        let is_call =
            matches!(wait.reason, WaitReason::SourceRead | WaitReason::TargetWrite | WaitReason::TargetOpen);
        let budget_ms = wait.budget_ms.filter(|_| is_call)?;
        Some(InCall { transfer, target, wait, budget_ms })
    })
}

/// The oldest call of a peer that is under suspicion.
fn suspicious(seat: &Seat, now: Moment, timing: &Timing) -> Option<(Call, Duration)> {
    let snapshot = seat.snapshot.as_deref().filter(|_| seat.ready && !seat.silent(now, timing))?;
    let oldest = calls(snapshot).filter(|c| c.is_beyond(SUSPECT)).max_by_key(|c| c.wait.age_ms)?;
    let place = if oldest.wait.detail.is_empty() {
        oldest.target.unwrap_or("the targets")
    } else {
        &oldest.wait.detail
    };
    let call = Call {
        life: seat.life,
        reason: oldest.wait.reason,
        place: place.to_owned(),
        transfer: oldest.transfer,
    };
    Some((call, Duration::from_millis(oldest.budget_ms)))
}

/// Whether a peer's own calls are slow as well: to sources where that is the question, to targets where that is.
fn is_slow_too(snapshot: &PeerSnapshot, reason: WaitReason) -> bool {
    let of_source = |r| r == WaitReason::SourceRead;
    calls(snapshot).any(|c| of_source(c.wait.reason) == of_source(reason) && c.is_beyond(1))
}

/// Whether a thread of the process waits in the kernel for what no signal ends: then it is the storage.
fn is_in_the_kernel(pid: u32) -> bool {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    tasks.flatten().any(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('D'))
    })
}

fn ended(seats: &[Seat]) -> u64 {
    let of = |s: &PeerSnapshot| s.done.transfers + s.skipped.transfers + s.failed.transfers;
    seats.iter().filter_map(|seat| seat.snapshot.as_deref().map(of)).sum()
}

impl Run {
    /// Kills the peer that sits in a call that never comes back.
    pub(super) fn tick_hung(&mut self, now: Moment) {
        for index in 0..2 {
            let seat = &self.seats[index];
            let found = suspicious(seat, now, &self.timing).filter(|_| seat.killed_for.is_none());
            let other = self.seats[1 - index].snapshot.as_deref();
            let found = found.filter(|(call, _)| !other.is_some_and(|s| is_slow_too(s, call.reason)));
            let Some((call, budget)) = found else {
                self.hung.suspects[index] = None;
                continue;
            };
            let suspect = match self.hung.suspects[index].take() {
                Some(suspect) if suspect.call == call => suspect,
                _ => Suspect { call, since: now },
            };
            let watched = u32::try_from(HANGS - SUSPECT).unwrap_or(1);
            if now.since(suspect.since) >= budget * watched {
                self.kill_hung(index, &suspect.call, budget);
            }
            self.hung.suspects[index] = Some(suspect);
        }
    }

    fn kill_hung(&mut self, index: usize, call: &Call, budget: Duration) {
        let ended = ended(&self.seats);
        if ended > self.hung.ended {
            self.hung.kills = 0;
        }
        let seat = &mut self.seats[index];
        let Some(process) = seat.process.as_ref().filter(|p| !is_in_the_kernel(p.pid)) else { return };
        if self.hung.kills >= KILLS_MAX {
            return;
        }
        self.hung.kills += 1;
        self.hung.ended = ended;
        process.signal(Signal::KILL);
        let place = twinhaul_units::text::show(&call.place);
        let backend = seat.snapshot.as_ref().and_then(|s| {
            let target = s.targets.iter().find(|t| t.name == call.place)?;
            Some(format!(" (backend {})", target.backend))
        });
        let transfer = call.transfer.map(|(id, _)| format!(", transfer {id}")).unwrap_or_default();
        seat.killed_for = Some(format!(
            "a call to {place}{} had not come back after {HANGS} times the {} that it may take ({}{transfer}), and the other peer's calls do",
            backend.unwrap_or_default(),
            seconds(budget),
            call.reason.words(),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_wire::{InFlight, Phase};

    fn snapshot(reason: WaitReason, age_ms: u64, budget_ms: Option<u64>) -> PeerSnapshot {
        let wait = Wait { budget_ms, ..Wait::new(reason, "there", age_ms) };
        let flight = InFlight {
            id: 7,
            slot: 0,
            key: twinhaul_wire::KeyText::from_bytes(b"k"),
            target: "there".into(),
            phase: Phase::Copy,
            bytes: 1,
            done: 0,
            rate: 0,
            age_ms,
            attempts: 1,
            wait: Some(wait),
            ranges: Vec::new(),
        };
        PeerSnapshot { in_flight: vec![flight], ..PeerSnapshot::default() }
    }

    #[test]
    fn only_calls_that_have_a_budget_are_looked_at() {
        let beyond = |s: &PeerSnapshot| calls(s).any(|c| c.is_beyond(SUSPECT));
        assert!(beyond(&snapshot(WaitReason::TargetWrite, 20_000, Some(10_000))));
        assert!(!beyond(&snapshot(WaitReason::TargetWrite, 19_999, Some(10_000))));
        assert!(!beyond(&snapshot(WaitReason::TargetWrite, 90_000, None)));
        assert!(!beyond(&snapshot(WaitReason::Mount, 900_000, Some(300_000))));
        assert!(!beyond(&snapshot(WaitReason::Paused, 900_000, Some(10_000))));
    }

    #[test]
    fn a_place_that_answers_nobody_is_no_peers_fault() {
        let slow = snapshot(WaitReason::TargetOpen, 11_000, Some(10_000));
        assert!(is_slow_too(&slow, WaitReason::TargetWrite));
        assert!(!is_slow_too(&slow, WaitReason::SourceRead));
        assert!(!is_slow_too(
            &snapshot(WaitReason::TargetWrite, 9_000, Some(10_000)),
            WaitReason::TargetWrite
        ));
    }
}
