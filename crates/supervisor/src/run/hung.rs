//! A call that never comes back (fault 34): a library of one peer hangs, and hears of no cancel. Its process is killed, the other
//! peer takes over, and the restart goes the way of every death.
//!
//! Only on evidence that it is the library and not the place: since the call has been watched, calls of the other peer to the same
//! place have returned, none of them is as old, and for the last budget no thread of the call has waited in the kernel, where a kill would not reach it. A place that
//! answers nobody is waited for; so is one that nobody else uses. Entry point: [`Run::tick_hung`].

use super::Run;
use crate::{Timing, seat::Seat, socket::seconds};
use rustix::process::Signal;
use std::time::Duration;
use twinhaul_units::Moment;
use twinhaul_wire::{PeerSnapshot, Problem, Wait, WaitReason};

/// A call is watched when it has taken this part of its budget, and hangs when it has taken so many.
const WATCHED_FROM: u32 = 4;
const HANGS: u32 = 3;
/// So many are killed for one transfer, or for the groups of one place, in a whole run: an object that hangs at both peers is no
/// peer's fault.
const KILLS_MAX: u32 = 2;
/// Transfers and places for which somebody was killed; with so many it is none of them.
const VICTIMS_MAX: usize = 16;

/// Of the whole run.
#[derive(Debug, Default)]
pub(super) struct Hung {
    /// For what, and how often.
    victims: Vec<(Victim, u32)>,
    suspects: [Option<Suspect>; 2],
}

impl Hung {
    fn kills_for(&self, victim: &Victim) -> u32 {
        self.victims.iter().find(|(of, _)| of == victim).map_or(0, |(_, kills)| *kills)
    }

    /// Whether nobody is killed for it any more.
    fn is_spared(&self, victim: &Victim) -> bool {
        let kills = self.kills_for(victim);
        kills >= KILLS_MAX || kills == 0 && self.victims.len() >= VICTIMS_MAX
    }

    fn killed_for(&mut self, victim: &Victim) {
        match self.victims.iter_mut().find(|(of, _)| of == victim) {
            Some((_, kills)) => *kills += 1,
            None => self.victims.push((victim.clone(), 1)),
        }
    }
}

/// For whose sake the call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Victim {
    Transfer(u64),
    /// A group that is made durable there.
    GroupAt(String),
}

/// A call that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Suspect {
    life: u64,
    call: Call,
    /// Since when none of its threads waits in the kernel.
    free_since: Moment,
    /// Calls of the other peer to that place that had returned by then; `None`: it was not heard.
    returned: Option<u64>,
    /// It has taken [`HANGS`] budgets.
    hangs: bool,
}

/// A wait in a call to a source or target that has a budget. The same attempt again and again in the same wait is the same call.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    victim: Victim,
    attempts: u32,
    reason: WaitReason,
    place: String,
}

#[derive(Debug)]
struct InCall {
    call: Call,
    /// The threads that may be in it, as the engine names them.
    threads: Vec<String>,
    age: Duration,
    budget: Duration,
}

fn calls(snapshot: &PeerSnapshot) -> impl Iterator<Item = InCall> {
    let flights = snapshot.in_flight.iter().filter_map(|flight| {
        let threads = ["slot", "write"].map(|kind| format!("{kind}-{}", flight.slot)).to_vec();
        Some((Victim::Transfer(flight.id), flight.attempts, threads, flight.wait.as_ref()?))
    });
    let group = snapshot
        .settling_wait
        .iter()
        .map(|wait| (Victim::GroupAt(wait.place.clone()), 0, vec!["committer".to_owned()], wait));
    flights.chain(group).filter_map(|(victim, attempts, threads, wait)| {
        let is_call =
            matches!(wait.reason, WaitReason::SourceRead | WaitReason::TargetWrite | WaitReason::TargetOpen);
        let Wait { reason, place, age_ms, budget_ms, .. } = wait;
        let budget = Duration::from_millis(budget_ms.filter(|_| is_call && !place.is_empty())?);
        let call = Call { victim, attempts, reason: *reason, place: place.clone() };
        Some(InCall { call, threads, age: Duration::from_millis(*age_ms), budget })
    })
}

/// What a peer says now, if it is there to say anything.
fn heard<'a>(seat: &'a Seat, now: Moment, timing: &Timing) -> Option<&'a PeerSnapshot> {
    seat.snapshot.as_deref().filter(|_| seat.ready && seat.process.is_some() && !seat.silent(now, timing))
}

/// Calls of slots to this place that have returned, in this incarnation.
fn returned(snapshot: &PeerSnapshot, place: &str) -> u64 {
    let there = snapshot.calls.iter().filter(|of| of.place == place);
    there.map(|of| of.lately.count + of.before.count).sum()
}

/// Whether one of these threads waits in the kernel for what no signal ends: then it is the storage. Others may, they do their work.
fn is_in_the_kernel(pid: u32, threads: &[String]) -> bool {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    tasks.flatten().any(|task| {
        let read = |file: &str| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        threads.iter().any(|name| name == read("comm").trim_end())
            && read("stat").rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('D'))
    })
}

impl Run {
    /// Kills the peer that sits in a call that never comes back.
    pub(super) fn tick_hung(&mut self, now: Moment) {
        for index in 0..2 {
            let before = self.hung.suspects[index].take();
            self.hung.suspects[index] = self.suspect(index, before, now);
        }
    }

    /// The call that is watched from now on.
    fn suspect(&mut self, index: usize, before: Option<Suspect>, now: Moment) -> Option<Suspect> {
        let seat = &self.seats[index];
        let snapshot = heard(seat, now, &self.timing).filter(|_| seat.killed_for.is_none())?;
        let oldest = calls(snapshot).filter(|c| c.age >= c.budget / WATCHED_FROM).max_by_key(|c| c.age)?;
        let other = heard(&self.seats[1 - index], now, &self.timing);
        let mut suspect = match before {
            Some(suspect) if (suspect.life, &suspect.call) == (seat.life, &oldest.call) => suspect,
            _ => {
                let returned = other.map(|s| returned(s, &oldest.call.place));
                return Some(Suspect {
                    life: seat.life,
                    call: oldest.call,
                    free_since: now,
                    returned,
                    hangs: false,
                });
            }
        };
        let pid = seat.process.as_ref().map(|process| process.pid)?;
        if is_in_the_kernel(pid, &oldest.threads) {
            suspect.free_since = now;
        }
        suspect.hangs = oldest.age >= oldest.budget * HANGS;
        let in_the_library = now.since(suspect.free_since) >= oldest.budget;
        if suspect.hangs && in_the_library && other.is_some_and(|s| answers(s, &suspect, oldest.age)) {
            self.kill_hung(index, &suspect.call, oldest.budget);
        }
        Some(suspect)
    }

    fn kill_hung(&mut self, index: usize, call: &Call, budget: Duration) {
        if self.hung.is_spared(&call.victim) {
            return;
        }
        let seat = &mut self.seats[index];
        let Some(process) = &seat.process else { return };
        process.signal(Signal::KILL);
        let target = seat.snapshot.as_ref().and_then(|s| s.targets.iter().find(|t| t.name == call.place));
        let backend = target.map(|target| format!(" (backend {})", target.backend)).unwrap_or_default();
        let whose = match &call.victim {
            Victim::Transfer(id) => format!("transfer {id}"),
            Victim::GroupAt(_) => "a group".to_owned(),
        };
        seat.killed_for = Some(format!(
            "a call to {}{backend} had not come back after {HANGS} times the {} that it may take ({}, {whose}), and the other peer's calls there do",
            twinhaul_units::text::show(&call.place),
            seconds(budget),
            call.reason.words(),
        ));
        self.hung.killed_for(&call.victim);
    }

    /// What hangs at whoever takes it, and costs nobody his process any more.
    pub(super) fn hung_problem(&self) -> Option<Problem> {
        let mut suspects = self.hung.suspects.iter().flatten();
        let Call { victim, place, .. } =
            &suspects.find(|s| s.hangs && self.hung.kills_for(&s.call.victim) >= KILLS_MAX)?.call;
        let (what, transfer) = match victim {
            Victim::Transfer(id) => (format!("transfer {id}"), Some(*id)),
            Victim::GroupAt(_) => ("a group".to_owned(), None),
        };
        let text = format!(
            "calls to {} for {what} never come back: {KILLS_MAX} processes were ended for it, and no more are",
            twinhaul_units::text::show(place)
        );
        let next = format!("twinhaul diagnose {}", self.about.run);
        Some(Problem {
            target: Some(place.clone()),
            transfer,
            ..super::faces::problem("hung", None, text, next)
        })
    }
}

/// Calls of this peer to the suspect's place have returned since it is watched, and none of them is as old.
fn answers(other: &PeerSnapshot, suspect: &Suspect, age: Duration) -> bool {
    let place = &suspect.call.place;
    let none_as_old = !calls(other).any(|c| c.call.place == *place && c.age >= age / 2);
    none_as_old && suspect.returned.is_some_and(|before| returned(other, place) > before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_wire::{CallTimes, InFlight, Spread};

    fn snapshot(reason: WaitReason, age_ms: u64, budget_ms: Option<u64>) -> PeerSnapshot {
        let wait = Wait { budget_ms, place: "there".into(), ..Wait::new(reason, "", age_ms) };
        let flight = InFlight { id: 7, attempts: 1, wait: Some(wait), ..InFlight::default() };
        PeerSnapshot { in_flight: vec![flight], ..PeerSnapshot::default() }
    }

    fn with_returned(mut snapshot: PeerSnapshot, count: u64) -> PeerSnapshot {
        let lately = Spread { count, ..Spread::default() };
        let (place, reason, before) = ("there".into(), WaitReason::TargetWrite, Spread::default());
        snapshot.calls.push(CallTimes { place, reason, lately, before });
        snapshot
    }

    #[test]
    fn only_calls_that_have_a_budget_are_looked_at() {
        let any = |s: &PeerSnapshot| calls(s).next().is_some();
        assert!(any(&snapshot(WaitReason::TargetWrite, 20_000, Some(10_000))));
        assert!(!any(&snapshot(WaitReason::TargetWrite, 90_000, None)));
        assert!(!any(&snapshot(WaitReason::Mount, 900_000, Some(300_000))));
        assert!(!any(&snapshot(WaitReason::Paused, 900_000, Some(10_000))));
    }

    /// Idle, paused, finished, at another place, or as stuck itself: none of that says that the place answers.
    #[test]
    fn a_peer_is_guilty_only_while_calls_of_the_other_one_there_return() {
        let call = calls(&snapshot(WaitReason::TargetWrite, 30_000, Some(10_000))).next().unwrap().call;
        let suspect = |returned| Suspect {
            life: 1,
            call: call.clone(),
            free_since: Moment::ZERO,
            returned,
            hangs: true,
        };
        let age = Duration::from_secs(30);
        let works = with_returned(snapshot(WaitReason::TargetWrite, 900, Some(10_000)), 5);
        assert!(answers(&works, &suspect(Some(4)), age));
        assert!(!answers(&works, &suspect(Some(5)), age), "none has returned since");
        assert!(!answers(&works, &suspect(None), age), "it was not heard when that began");
        assert!(!answers(&PeerSnapshot::default(), &suspect(Some(0)), age), "it does nothing there");
        // Its budget is larger: a large object is sealed there.
        let sealing = with_returned(snapshot(WaitReason::TargetWrite, 29_000, Some(2_000_000)), 5);
        assert!(!answers(&sealing, &suspect(Some(4)), age), "it waits there as well");
    }

    #[test]
    fn an_object_that_hangs_wherever_it_is_costs_two_processes_and_no_more() {
        let (mut hung, large) = (Hung::default(), Victim::Transfer(7));
        for _ in 0..KILLS_MAX {
            assert!(!hung.is_spared(&large));
            hung.killed_for(&large);
        }
        assert!(hung.is_spared(&large) && !hung.is_spared(&Victim::Transfer(8)));
        for id in 100..200 {
            if !hung.is_spared(&Victim::Transfer(id)) {
                hung.killed_for(&Victim::Transfer(id));
            }
        }
        assert_eq!(hung.victims.len(), VICTIMS_MAX);
        assert!(hung.is_spared(&Victim::GroupAt("there".into())));
    }
}
